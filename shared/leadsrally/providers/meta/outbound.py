"""Our messages in Meta's words: the body of POST /{phone_number_id}/messages.

https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/send-messages and, for each type, its
own page beside it.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from leadsrally.sending.types import OutboundMessage

Part = Mapping[str, Any]

_WORDLESS: Final = frozenset({"audio", "sticker"})
_USER_ID: Final = re.compile(r"[A-Z]{2}\.[A-Za-z0-9.]{1,200}", re.ASCII)


def body_of(message: OutboundMessage) -> dict[str, Any]:
    """The whole JSON body. `biz_opaque_callback_data` comes back in every status, so no report can miss its message.

    A recipient who is known by a business-scoped id alone goes under `recipient`, a number under `to`:
    …/whatsapp/business-scoped-user-ids.
    """
    body: dict[str, Any] = {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        **_addressed(message.recipient),
        "type": message.kind,
        message.kind: _PARTS[message.kind](message),
        "biz_opaque_callback_data": str(message.message_id),
    }
    if message.reply_to is not None:
        body["context"] = {"message_id": message.reply_to}
    return body


def _addressed(recipient: str) -> dict[str, str]:
    return {"recipient": recipient} if _USER_ID.fullmatch(recipient) else {"to": recipient.removeprefix("+")}


def _text(message: OutboundMessage) -> Part:
    return {"body": message.body, "preview_url": False}


def _template(message: OutboundMessage) -> Part:
    """…/whatsapp/templates/components: values by position or by name; a button's `index` is a string."""
    told = _content(message)
    components: list[Part] = []
    if told.get("header"):
        components.append({"type": "header", "parameters": _header(message, told)})
    if told.get("body"):
        components.append({"type": "body", "parameters": _values(told["body"], named=told["named"])})
    components += [_button(button) for button in told.get("buttons", ())]
    return {
        "name": told["name"],
        "language": {"code": told["language"], "policy": "deterministic"},
        "components": components,
    }


def _header(message: OutboundMessage, told: Part) -> Sequence[Part]:
    header = told["header"]
    if "values" in header:
        return _values(header["values"], named=told["named"])
    kind = header["kind"]
    return [{"type": kind, kind: _left(message, kind)}]


def _left(message: OutboundMessage, kind: str) -> Part:
    """The file that was left with Meta. Only a document shows its name."""
    file = message.files[0]
    return {
        "id": file.place,
        **({"filename": file.file_name} if kind == "document" and file.file_name else {}),
    }


def _values(values: Sequence[Sequence[str]], *, named: bool) -> list[Part]:
    return [
        {"type": "text", "text": value, **({"parameter_name": name} if named else {})}
        for name, value in values
    ]


def _button(button: Part) -> Part:
    kind, value = button["kind"], button["value"]
    parameter = {
        "url": {"type": "text", "text": value},
        "quick_reply": {"type": "payload", "payload": value},
        "copy_code": {"type": "coupon_code", "coupon_code": value},
    }[kind]
    return {"type": "button", "sub_type": kind, "index": str(button["index"]), "parameters": [parameter]}


def _interactive(message: OutboundMessage) -> Part:
    """…/whatsapp/messages/interactive-reply-buttons-messages and …/interactive-list-messages"""
    told = _content(message)
    part: dict[str, Any] = {"body": {"text": message.body}}
    if told.get("file"):
        part["header"] = {"type": told["file"], told["file"]: _left(message, told["file"])}
    elif told.get("header"):
        part["header"] = {"type": "text", "text": told["header"]}
    if told.get("footer"):
        part["footer"] = {"text": told["footer"]}
    if "buttons" in told:
        buttons = [
            {"type": "reply", "reply": {"id": button["id"], "title": button["title"]}}
            for button in told["buttons"]
        ]
        return {**part, "type": "button", "action": {"buttons": buttons}}
    sections = [
        {
            **({"title": section["title"]} if section.get("title") else {}),
            "rows": [
                {name: row[name] for name in ("id", "title", "description") if row.get(name)}
                for row in section["rows"]
            ],
        }
        for section in told["sections"]
    ]
    return {**part, "type": "list", "action": {"button": told["button"], "sections": sections}}


def _file(message: OutboundMessage) -> Part:
    """…/whatsapp/messages/image-messages and its siblings. Sound and stickers take no caption."""
    part = _left(message, message.kind)
    return {**part, "caption": message.body} if message.body and message.kind not in _WORDLESS else part


def _content(message: OutboundMessage) -> Part:
    return (message.content or {})[message.kind]


_PARTS: Final[Mapping[str, Callable[[OutboundMessage], Part]]] = {
    "text": _text,
    "template": _template,
    "interactive": _interactive,
    "image": _file,
    "video": _file,
    "audio": _file,
    "document": _file,
    "sticker": _file,
}
