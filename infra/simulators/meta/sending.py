"""POST /{phone_number_id}/messages: refuse as Meta refuses, else accept and let the message live.

https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/send-messages
"""

import asyncio
import re
import time
from collections.abc import Callable, Mapping
from typing import Any

from infra.simulators.meta import errors, templates
from infra.simulators.meta.accounts import MetaApp, Template, Waba, WhatsAppNumber, new_wamid
from infra.simulators.meta.errors import Refused
from infra.simulators.meta.handsets import Bubble, Handsets, User
from infra.simulators.meta.media import LIMITS, Shelf
from infra.simulators.meta.statuses import SentMessage, StatusDesk, StatusOrder, arrives

LONGEST_TEXT = 4096
LONGEST_CAPTION = 1024
LONGEST_INTERACTIVE = 1024
LONGEST_OPAQUE = 512
_PAIR_SECONDS = 6.0

_TO = re.compile(r"\+?[0-9 ()-]{6,24}")
_USER_ID = re.compile(r"[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128}")

Asked = Mapping[str, Any]


class Sender:
    """Takes send requests for every number."""

    def __init__(
        self,
        handsets: Handsets,
        shelf: Shelf,
        desk: StatusDesk,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.handsets = handsets
        self.shelf = shelf
        self.desk = desk
        self.clock = clock
        self.sent: dict[str, SentMessage] = {}
        self._pairs: dict[tuple[str, str], float] = {}

    def accept(
        self, app: MetaApp, waba: Waba, number: WhatsAppNumber, asked: Asked, *, marketing: bool = False
    ) -> dict[str, Any]:
        """The answer to an accepted message, or Refused with the code that the real service would give."""
        if asked.get("messaging_product") != "whatsapp":
            raise Refused(100, "(#100) The parameter messaging_product is required.")
        if asked.get("status") == "read":
            return self._marked_read(asked)
        _ready(number)
        user, by_user_id = self._recipient(asked)
        opaque = asked.get("biz_opaque_callback_data")
        if opaque is not None and (not isinstance(opaque, str) or len(opaque) > LONGEST_OPAQUE):
            raise Refused(100, f"biz_opaque_callback_data must be at most {LONGEST_OPAQUE} characters long.")
        kind = asked.get("type", "text")
        if marketing and kind != "template":
            raise Refused(100, "Only marketing templates can be sent here.")
        bubble, template = self._drawn(waba, number, kind, asked)
        refusal = errors.magic(user.wa_id)
        if refusal is not None and refusal[1]:
            raise Refused(refusal[0])
        if user.wa_id == number.number.removeprefix("+"):
            raise Refused(131021)
        self._pace(number, user)
        message = SentMessage(
            id=bubble.id,
            user=user,
            number=number,
            kind=kind,
            category=self._category(number, user, template),
            opaque=opaque,
            fails_with=refusal[0] if refusal else self._failure(number, user, template),
            addressed_by_user_id=by_user_id,
        )
        if message.fails_with == 131047 and number.window_refusal == "sync":
            raise Refused(131047)
        self.sent[message.id] = message
        order = self.desk.orders.take(message)
        # After the answer is on its way: nobody hears of a message before it was accepted, unless told to.
        asyncio.get_running_loop().call_soon(self._deliver, app, waba, message, bubble, order, asked)
        return self._answer(message, asked, template)

    def _recipient(self, asked: Asked) -> tuple[User, bool]:
        to, recipient = asked.get("to"), asked.get("recipient")
        if recipient is not None:
            template = asked.get("template") or {}
            if not isinstance(recipient, str) or not _USER_ID.fullmatch(recipient):
                raise Refused(131009, "recipient is not a business-scoped user id")
            user = self.handsets.addressed(None, recipient)
            if user is None:
                raise Refused(131026)
            if str(template.get("name", "")).startswith("auth"):
                raise Refused(131062)
            return user, True
        if to is None:
            raise Refused(100, "(#100) The parameter to is required.")
        if not isinstance(to, str) or not _TO.fullmatch(to):
            raise Refused(131009, "Parameter 'to' is not a phone number")
        user = self.handsets.addressed(to, None)
        assert user is not None
        return user, False

    def _drawn(
        self, waba: Waba, number: WhatsAppNumber, kind: str, asked: Asked
    ) -> tuple[Bubble, Template | None]:
        """The message as the phone will show it."""
        bubble = Bubble(new_wamid(), "to_phone", number.phone_number_id, kind)
        bubble.reply_to = (asked.get("context") or {}).get("message_id")
        part = asked.get(kind)
        if not part:
            raise Refused(131008, kind)
        template = None
        if kind == "template":
            template = templates.sendable(waba, part)
            bubble.parts = templates.rendered(template, part.get("components") or [])
            bubble.body = bubble.parts["body"]
        elif kind == "interactive":
            bubble.parts = _interactive(part)
            bubble.body = bubble.parts["body"]
        elif kind in LIMITS:
            self._attach(bubble, kind, part)
        elif kind in _PLAIN:
            bubble.body = _PLAIN[kind](part)
            if kind == "reaction":
                bubble.reply_to = part.get("message_id")
        else:
            raise Refused(131051, kind)
        return bubble, template

    def _attach(self, bubble: Bubble, kind: str, part: Asked) -> None:
        media = self.shelf.get(str(part.get("id", "")))
        if media is None and not part.get("link"):
            raise Refused(
                131053 if part.get("id") else 131008, "Media id not found" if part.get("id") else "id"
            )
        caption = part.get("caption")
        if caption is not None:
            if kind in ("audio", "sticker"):
                raise Refused(100, f"Unexpected key 'caption' on param '{kind}'")
            bubble.body = _within(caption, LONGEST_CAPTION, f"{kind}['caption']")
        bubble.media = {
            "id": media.id if media else None,
            "link": part.get("link"),
            "content_type": media.content_type if media else "",
            "file_name": part.get("filename") or (media.file_name if media else ""),
        }

    def _pace(self, number: WhatsAppNumber, user: User) -> None:
        """One message in six seconds to one user; a burst is borrowed from the future."""
        pair, now = (number.phone_number_id, user.user_id), self.clock()
        free_at = max(self._pairs.get(pair, now), now)
        if free_at - now >= _PAIR_SECONDS * number.pair_burst:
            raise Refused(131056)
        self._pairs[pair] = free_at + _PAIR_SECONDS

    def _in_window(self, number: WhatsAppNumber, user: User) -> bool:
        closes = user.window_closes(number.phone_number_id)
        return closes is not None and self.clock() < closes

    def _category(self, number: WhatsAppNumber, user: User, template: Template | None) -> str:
        if template is None:
            return "service"
        category = template.category.lower()
        return (
            f"{category}_in_window" if category == "utility" and self._in_window(number, user) else category
        )

    def _failure(self, number: WhatsAppNumber, user: User, template: Template | None) -> int | None:
        if template is None:
            return None if self._in_window(number, user) else 131047
        stopped = number.phone_number_id in user.marketing_stopped
        return 131050 if stopped and template.category == "MARKETING" else None

    def _deliver(
        self,
        app: MetaApp,
        waba: Waba,
        message: SentMessage,
        bubble: Bubble,
        order: StatusOrder,
        asked: Asked,
    ) -> None:
        if arrives(message, order):
            if message.kind == "reaction":
                target = message.user.bubble(bubble.reply_to or "")
                if target is not None:
                    target.reaction = (asked.get("reaction") or {}).get("emoji") or None
            else:
                message.user.bubbles.append(bubble)
        self.desk.start(app, waba, message, order)

    def _answer(self, message: SentMessage, asked: Asked, template: Template | None) -> dict[str, Any]:
        contact = {"input": asked.get("to") or asked.get("recipient"), "user_id": message.user.user_id}
        if not message.addressed_by_user_id:
            contact["wa_id"] = message.user.wa_id
        sent = {"id": message.id}
        if template is not None:
            held = template.quality == "PENDING"
            sent["message_status"] = "held_for_quality_assessment" if held else "accepted"
        return {"messaging_product": "whatsapp", "contacts": [contact], "messages": [sent]}

    def _marked_read(self, asked: Asked) -> dict[str, Any]:
        if not asked.get("message_id"):
            raise Refused(131008, "message_id")
        for user in self.handsets.all():
            bubble = user.bubble(asked["message_id"])
            if bubble is not None:
                bubble.status = "read"
        return {"success": True}


def _ready(number: WhatsAppNumber) -> None:
    if number.status in ("DISCONNECTED", "PENDING", "DELETED"):
        raise Refused(133010)
    if number.status == "BANNED":
        raise Refused(131031)


def _within(text: Any, longest: int, name: str) -> str:
    if not isinstance(text, str) or not text.strip():
        raise Refused(100, f"The parameter {name} is required.")
    if len(text) > longest:
        raise Refused(100, f"Param {name} must be at most {longest} characters long.")
    return text


def _interactive(part: Asked) -> dict[str, Any]:
    """https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/interactive-reply-buttons-messages"""
    body = _within((part.get("body") or {}).get("text"), LONGEST_INTERACTIVE, "interactive['body']['text']")
    action = part.get("action") or {}
    shown: dict[str, Any] = {
        "header": part.get("header"),
        "body": body,
        "footer": (part.get("footer") or {}).get("text"),
        "buttons": [],
    }
    match part.get("type"):
        case "button":
            replies = [button.get("reply") or {} for button in action.get("buttons") or []]
            if not 1 <= len(replies) <= 3:
                raise Refused(131009, "interactive['action']['buttons'] takes 1 to 3 buttons")
            for reply in replies:
                _within(reply.get("id"), 256, "button id")
                _within(reply.get("title"), 20, "button title")
            shown["buttons"] = [{"type": "REPLY", "id": one["id"], "text": one["title"]} for one in replies]
        case "list":
            _within(action.get("button"), 20, "interactive['action']['button']")
            rows = [row for section in action.get("sections") or [] for row in section.get("rows") or []]
            if not 1 <= len(rows) <= 10:
                raise Refused(131009, "a list takes 1 to 10 rows")
            for row in rows:
                _within(row.get("id"), 200, "row id")
                _within(row.get("title"), 24, "row title")
                if len(row.get("description") or "") > 72:
                    raise Refused(131009, "row description must be at most 72 characters long")
            shown["list"] = {"button": action["button"], "rows": rows}
        case other:
            raise Refused(131009, f"interactive type {other}")
    return shown


def _location(part: Asked) -> str:
    if not {"latitude", "longitude"} <= part.keys():
        raise Refused(131008, "latitude and longitude")
    return str(part.get("name") or f"{part['latitude']}, {part['longitude']}")


_PLAIN: dict[str, Callable[[Any], str]] = {
    "text": lambda part: _within(part.get("body"), LONGEST_TEXT, "text['body']"),
    "reaction": lambda part: str(part.get("emoji", "")),
    "location": _location,
    "contacts": lambda part: ", ".join(
        str((one.get("name") or {}).get("formatted_name", "")) for one in part
    ),
}
