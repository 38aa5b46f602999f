"""Each thing that a person can do in WhatsApp: how the webhook tells it, and what the phone shows of it.

https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages
"""

import base64
from collections.abc import Callable, Mapping
from typing import Any

from infra.simulators.meta.handsets import Bubble, User
from infra.simulators.meta.media import LIMITS, Media, Shelf

Message = dict[str, Any]
Order = Mapping[str, Any]


def act(message: Message, bubble: Bubble, user: User, order: Order, shelf: Shelf, base: str) -> None:
    """Fill in what is particular to the message's type. An unknown type is told as it was ordered."""
    kind = message["type"]
    if kind in LIMITS:
        _media(message, bubble, order, shelf, base)
    elif kind in _ON_EARLIER:
        _ON_EARLIER[kind](message, user.bubble(order["message"]), order)
    else:
        bubble.body = _PLAIN.get(kind, _unknown)(message, order)


def _text(message: Message, order: Order) -> str:
    message["text"] = {"body": str(order.get("body", ""))}
    return message["text"]["body"]


def _button(message: Message, order: Order) -> str:
    """A tap on a template's quick reply."""
    message["button"] = {"payload": order.get("payload") or order["text"], "text": order["text"]}
    return str(order["text"])


def _interactive(message: Message, order: Order) -> str:
    """A tap on a reply button or a row of a list."""
    kind = order.get("reply_type", "button_reply")
    message["interactive"] = {"type": kind, kind: dict(order["reply"])}
    return str(order["reply"].get("title", ""))


def _location(message: Message, order: Order) -> str:
    told = ("latitude", "longitude", "name", "address", "url")
    message["location"] = {name: order[name] for name in told if name in order}
    return str(order.get("name") or f"{order['latitude']}, {order['longitude']}")


def _contacts(message: Message, order: Order) -> str:
    message["contacts"] = order["contacts"]
    return ", ".join(one["name"]["formatted_name"] for one in order["contacts"])


def _unsupported(message: Message, order: Order) -> str:
    message["errors"] = [
        {
            "code": 131051,
            "title": "Message type unknown",
            "message": "Message type unknown",
            "error_data": {"details": "Message type is currently not supported."},
        }
    ]
    message["unsupported"] = {"type": order.get("what", "poll")}
    return f"({order.get('what', 'poll')})"


def _unknown(message: Message, order: Order) -> str:
    message[message["type"]] = order.get(message["type"], {})
    return f"({message['type']})"


def _reaction(message: Message, target: Bubble | None, order: Order) -> None:
    message["reaction"] = {"message_id": order["message"]}
    if order.get("emoji"):  # taken away again: it is missing, or empty
        message["reaction"]["emoji"] = order["emoji"]
    if target is not None:
        target.reaction = order.get("emoji") or None


def _edit(message: Message, target: Bubble | None, order: Order) -> None:
    edited = {"type": "text", "text": {"body": order["body"]}}
    message["edit"] = {"original_message_id": order["message"], "message": edited}
    if target is not None:
        target.body, target.edited = order["body"], True


def _revoke(message: Message, target: Bubble | None, order: Order) -> None:
    message["revoke"] = {"original_message_id": order["message"]}
    if target is not None:
        target.deleted = True


def _media(message: Message, bubble: Bubble, order: Order, shelf: Shelf, base: str) -> None:
    kind, given = message["type"], order["media"]
    held = shelf.put(
        Media(
            base64.b64decode(given["content"]),
            given.get("content_type", "image/jpeg"),
            given.get("file_name", ""),
        )
    )
    part: dict[str, Any] = {
        "id": held.id,
        "mime_type": held.content_type,
        "sha256": base64.b64encode(bytes.fromhex(held.sha256)).decode(),
        "url": held.as_json(base)["url"],
    }
    if order.get("caption"):
        part["caption"] = bubble.body = str(order["caption"])
    if kind == "document":
        part["filename"] = held.file_name or "file"
    if kind == "audio":
        part["voice"] = bool(order.get("voice", True))
    if kind == "sticker":
        part["animated"] = False
    message[kind] = part
    bubble.media = {"id": held.id, "content_type": held.content_type, "file_name": held.file_name}


_PLAIN: dict[str, Callable[[Message, Order], str]] = {
    "text": _text,
    "button": _button,
    "interactive": _interactive,
    "location": _location,
    "contacts": _contacts,
    "unsupported": _unsupported,
}
_ON_EARLIER: dict[str, Callable[[Message, Bubble | None, Order], None]] = {
    "reaction": _reaction,
    "edit": _edit,
    "revoke": _revoke,
}
