"""Templates: are the parameters those that the template wants, and how does the message read with them.

https://developers.facebook.com/documentation/business-messaging/whatsapp/templates/components
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from infra.simulators.meta.accounts import Template, Waba
from infra.simulators.meta.errors import Refused

LONGEST_BODY = 1024
_GAP = re.compile(r"\{\{\s*(\w+)\s*\}\}")
# No parameter may hold these: the message would no longer look like the template that was reviewed.
_UGLY = re.compile(r"[\n\t\r]| {5,}")

Component = Mapping[str, Any]


def gaps(text: str) -> list[str]:
    """The names of the placeholders, each once, in their order."""
    return list(dict.fromkeys(_GAP.findall(text)))


def sendable(waba: Waba, asked: Mapping[str, Any]) -> Template:
    """The template that a send request names. Raises `Refused` when it is not there or may not be used."""
    name, language = asked.get("name"), (asked.get("language") or {}).get("code")
    if not name or not language:
        raise Refused(131008, "template name and language")
    template = waba.template(name, language)
    if template is None:
        raise Refused(132001, f"{name}) in ({language}")
    match template.status:
        case "APPROVED":
            return template
        case "PAUSED":
            raise Refused(132015)
        case "DISABLED":
            raise Refused(132016)
        case _:
            raise Refused(132001, f"{name}) in ({language}")


def rendered(template: Template, given: Sequence[Component]) -> dict[str, Any]:
    """Header, body, footer and buttons as a phone shows them. Raises `Refused` for wrong parameters."""
    shown: dict[str, Any] = {"header": None, "body": "", "footer": None, "buttons": []}
    for part in template.components:
        match part["type"].upper():
            case "HEADER":
                shown["header"] = _header(template, part, _given(given, "header"))
            case "BODY":
                shown["body"] = _filled(template, "body", part["text"], _given(given, "body"))
            case "FOOTER":
                shown["footer"] = part["text"]
            case "BUTTONS":
                shown["buttons"] = [
                    _button(button, index, _given(given, "button", str(index)))
                    for index, button in enumerate(part["buttons"])
                ]
    if len(shown["body"]) > LONGEST_BODY:
        raise Refused(132005, f"body is longer than {LONGEST_BODY} characters")
    return shown


def _given(components: Sequence[Component], kind: str, index: str | None = None) -> list[Any]:
    for component in components:
        if str(component.get("type", "")).lower() != kind:
            continue
        if index is None or str(component.get("index", "0")) == index:
            return list(component.get("parameters") or [])
    return []


def _header(template: Template, part: Component, given: list[Any]) -> dict[str, Any]:
    wanted = str(part.get("format", "TEXT")).upper()
    if wanted == "TEXT":
        return {"format": "TEXT", "text": _filled(template, "header", part["text"], given)}
    if not given:
        raise Refused(132012, f"header: Format mismatch, expected {wanted}, received UNKNOWN")
    kind = str(given[0].get("type", "")).upper()
    if kind != wanted:
        raise Refused(132012, f"header: Format mismatch, expected {wanted}, received {kind}")
    return {"format": wanted, "media": given[0].get(kind.lower())}


def _filled(template: Template, where: str, text: str, given: list[Any]) -> str:
    wanted = gaps(text)
    if len(given) != len(wanted):
        raise Refused(
            132000,
            f"{where}: number of localizable_params ({len(given)}) does not match the expected number of params "
            f"({len(wanted)})",
        )
    values: dict[str, str] = {}
    for name, parameter in zip(wanted, given, strict=True):
        value = _text_of(where, parameter)
        told = parameter.get("parameter_name")
        if template.parameter_format == "NAMED" and told not in wanted:
            raise Refused(100, f"{where}: parameter name is missing or empty")
        values[told if template.parameter_format == "NAMED" else name] = value
    if set(values) != set(wanted):
        raise Refused(132000, f"{where}: the parameters do not name what the template wants")
    return _GAP.sub(lambda gap: values[gap[1]], text)


def _text_of(where: str, parameter: Any) -> str:
    kind = parameter.get("type") if isinstance(parameter, Mapping) else None
    if kind == "text":
        value = parameter.get("text")
    elif kind in ("currency", "date_time"):
        value = (parameter.get(kind) or {}).get("fallback_value")
    else:
        raise Refused(132012, f"{where}: parameter type {kind} is not text")
    if not isinstance(value, str) or not value.strip():
        raise Refused(131008, f"{where}: a parameter's text")
    if _UGLY.search(value):
        raise Refused(132012, f"{where}: no new-line, no tab, at most 4 spaces in a row")
    return value


def _button(button: Component, index: int, given: list[Any]) -> dict[str, Any]:
    kind = str(button["type"]).upper()
    shown = {"type": kind, "text": button.get("text", ""), "index": index}
    if kind == "URL":
        url = str(button.get("url", ""))
        if gaps(url):
            if not given or given[0].get("type") != "text" or not given[0].get("text"):
                raise Refused(131008, f"buttons: Button at index {index} of type Url requires a parameter")
            url = _GAP.sub(lambda _: given[0]["text"], url)
        shown["url"] = url
    elif kind == "QUICK_REPLY":
        shown["payload"] = given[0].get("payload") if given else shown["text"]
    elif kind == "COPY_CODE":
        if not given or given[0].get("type") != "coupon_code":
            raise Refused(131008, f"buttons: Button at index {index} of type CopyCode requires a parameter")
        shown["code"] = given[0].get("coupon_code")
    elif kind == "PHONE_NUMBER":
        shown["phone_number"] = button.get("phone_number")
    return shown
