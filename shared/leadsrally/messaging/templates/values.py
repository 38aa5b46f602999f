"""A template and the values for it: do they fit, how does it read, and in which language is it sent.

Pure. The limits are WhatsApp's:
https://developers.facebook.com/documentation/business-messaging/whatsapp/templates/components
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final, TypeVar

from leadsrally.kit.errors import Invalid
from leadsrally.messaging.types import GAP, Button, Header, TemplateForm, Wording

LONGEST_BODY: Final = 1024
LONGEST_HEADER: Final = 60
LONGEST_URL: Final = 2000
LONGEST_PAYLOAD: Final = 128
LONGEST_CODE: Final = 15
FILES: Final = ("image", "video", "document")

# With these a message would no longer look like the template that was reviewed.
_REFUSED: Final = re.compile(r"[\n\t\r]| {5,}")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Values:
    """What somebody fills in. Buttons go by their place, counted from 0."""

    body: Mapping[str, str] = field(default_factory=dict[str, str])
    header: Mapping[str, str] = field(default_factory=dict[str, str])
    buttons: Mapping[int, str] = field(default_factory=dict[int, str])
    file: str | None = None  # the kind of the file that comes with it: image, video or document


@dataclass(frozen=True, slots=True)
class Reading:
    """A template as its reader sees it."""

    header: str
    body: str
    footer: str
    buttons: tuple[Button, ...]


def check(form: TemplateForm, values: Values) -> None:
    """Raise `Invalid` with one sentence when WhatsApp would refuse these values; nothing of them is repeated."""
    header = form.header
    if header is not None and header.kind == "location":
        raise Invalid("Templates with a location cannot be sent from here.", code="template_location")
    if header is not None and header.kind in FILES and values.file != header.kind:
        raise _misfit(f"The template wants a file of the kind {header.kind} in its header.")
    if values.file is not None and (header is None or header.kind not in FILES):
        raise _misfit("The template takes no file.")
    _fits("header", header.wording.values if header else (), values.header)
    _fits("body", form.body.values, values.body)
    _fits(
        "buttons",
        [index for index, button in enumerate(form.buttons) if button.wants_value],
        values.buttons,
        besides=[index for index, button in enumerate(form.buttons) if button.kind == "quick_reply"],
    )
    read = _filled(form, values)
    if len(read.body) > LONGEST_BODY:
        raise _misfit(f"With its values the text is longer than {LONGEST_BODY} characters. Shorten them.")
    if len(read.header) > LONGEST_HEADER:
        raise _misfit(f"With its values the header is longer than {LONGEST_HEADER} characters. Shorten them.")
    for index, value in values.buttons.items():
        longest = {"url": LONGEST_URL, "copy_code": LONGEST_CODE}.get(
            form.buttons[index].kind, LONGEST_PAYLOAD
        )
        if len(value) > longest:
            raise _misfit(f"The value of button {index} is longer than {longest} characters. Shorten it.")


def _fits(where: str, wanted: Sequence[T], given: Mapping[T, str], besides: Sequence[T] = ()) -> None:
    missing = [str(name) for name in wanted if name not in given]
    if missing:
        raise _misfit(f"The {where} of the template wants a value for {', '.join(missing)}.")
    if given.keys() - set(wanted) - set(besides):
        told = ", ".join(map(str, wanted)) or "none"
        raise _misfit(f"There are values that the {where} of the template does not have; it wants {told}.")
    for name, value in given.items():
        if not value.strip():
            raise _misfit(f"The value for {name} of the {where} is empty. Fill it in.")
        if _REFUSED.search(value):
            raise _misfit(
                f"The value for {name} of the {where} holds a line break, a tab or more than four spaces in a "
                "row, which WhatsApp does not take. Put it in one line."
            )


def _misfit(sentence: str) -> Invalid:
    return Invalid(sentence, code="template_values")


def read(form: TemplateForm, values: Values) -> Reading:
    """How it reads with these values. Raises `Invalid` when they do not fit."""
    check(form, values)
    return _filled(form, values)


def _filled(form: TemplateForm, values: Values) -> Reading:
    return Reading(
        header=form.header.wording.filled(values.header) if form.header else "",
        body=form.body.filled(values.body),
        footer=form.footer,
        buttons=tuple(
            _button(button, values.buttons.get(index)) for index, button in enumerate(form.buttons)
        ),
    )


def _button(button: Button, value: str | None) -> Button:
    if button.url is None or value is None:
        return button
    return Button(button.kind, button.text, GAP.sub(lambda _: value, button.url), button.wants_value)


def content_of(name: str, language: str, form: TemplateForm, values: Values) -> dict[str, Any]:
    """What a message keeps of its template: enough to send and to show it, whatever becomes of the template."""
    shown = _filled(form, values)
    told: dict[str, Any] = {
        "name": name,
        "language": language,
        "named": form.named,
        "body": [[value, values.body[value]] for value in form.body.values],
        "buttons": [
            {"index": index, "kind": form.buttons[index].kind, "value": value}
            for index, value in sorted(values.buttons.items())
        ],
        "shown": {
            "header": shown.header,
            "footer": shown.footer,
            "buttons": [
                {"kind": button.kind, "text": button.text, "url": button.url} for button in shown.buttons
            ],
        },
    }
    if form.header and form.header.wording.values:
        told["header"] = {"values": [[value, values.header[value]] for value in form.header.wording.values]}
    elif values.file is not None:
        told["header"] = {"kind": values.file}
    return {"template": told}


def values_of(content: Mapping[str, Any]) -> Values:
    """The values in what `content_of` wrote."""
    told: Mapping[str, Any] = content["template"]
    header: Mapping[str, Any] = told.get("header") or {}
    return Values(
        body=dict(told["body"]),
        header=dict(header.get("values", ())),
        buttons={button["index"]: button["value"] for button in told["buttons"]},
        file=header.get("kind"),
    )


def in_language(offered: Mapping[str, T], wanted: str | None, house: str) -> T | None:
    """What is offered in the wanted language, else in a sister of it (`es_MX` for `es`), else in the house's own.

    `offered` goes by language; `wanted` None means that nobody asked for one.
    """
    for language in (wanted, house) if wanted else (house,):
        sisters = [found for found in offered if _base(found) == _base(language)]
        if sisters:
            same, plain = language.lower(), _base(language)
            return offered[
                min(sisters, key=lambda found: (found.lower() != same, found.lower() != plain, found))
            ]
    return None


def _base(language: str) -> str:
    return language.lower().partition("_")[0]


# -- as it is stored ----------------------------------------------------------------------------------------


def to_json(form: TemplateForm) -> dict[str, Any]:
    return asdict(form)


def from_json(stored: Mapping[str, Any]) -> TemplateForm:
    """Read back what `to_json` wrote."""
    header = stored["header"]
    return TemplateForm(
        body=_wording(stored["body"]),
        header=Header(header["kind"], _wording(header["wording"])) if header else None,
        footer=stored["footer"],
        buttons=tuple(Button(**button) for button in stored["buttons"]),
        named=stored["named"],
    )


def _wording(stored: Mapping[str, Any]) -> Wording:
    return Wording(stored["text"], tuple(stored["values"]))
