"""What people do on their phones, and the notification that tells our webhook of it.

https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from infra.simulators.meta.accounts import MetaApp, Waba, WhatsAppNumber, new_wamid
from infra.simulators.meta.acts import act
from infra.simulators.meta.handsets import Bubble, Handsets, User
from infra.simulators.meta.media import Shelf
from infra.simulators.meta.statuses import waba_document, whatsapp_document
from infra.simulators.meta.webhook import Answer, WebhookCaller

Order = Mapping[str, Any]
Owner = tuple[MetaApp, Waba, WhatsAppNumber]
Shape = Literal["messages", "changes", "entries"]


class Inbox:
    """Turns what a person does into a message and has it delivered."""

    def __init__(self, handsets: Handsets, shelf: Shelf, caller: WebhookCaller, base: str = "") -> None:
        self.handsets = handsets
        self.shelf = shelf
        self.caller = caller
        self.base = base

    async def receive(self, user: User, owner: Owner, order: Order) -> dict[str, Any]:
        """One message, delivered `times` times; what our webhook said, or that the business is blocked."""
        app, waba, number = owner
        if number.phone_number_id in user.blocked:
            return {"message_id": None, "answer": Answer(None, error="blocked", attempts=0).as_json()}
        message = self._message(user, number, order)
        document = self._document(waba, number, user, [message], order)
        answer = Answer(None)
        for _ in range(max(int(order.get("times", 1)), 1)):
            answer = await self._tell(app, waba, document, order)
        return {"message_id": message["id"], "answer": answer.as_json()}

    async def receive_many(
        self, acts: Sequence[tuple[User, Order]], owner: Owner, shape: Shape
    ) -> dict[str, Any]:
        """Several people's messages in one delivery: in one value, in changes of their own, or in entries."""
        app, waba, number = owner
        told = [(user, self._message(user, number, order), order) for user, order in acts]
        if shape == "messages":
            document = whatsapp_document(
                waba,
                number,
                contacts=[user.contact() for user, _, _ in told],
                messages=[message for _, message, _ in told],
            )
        else:
            single = [self._document(waba, number, user, [message], order) for user, message, order in told]
            entries = [entry for one in single for entry in one["entry"]]
            if shape == "changes":
                changes = [change for entry in entries for change in entry["changes"]]
                entries = [{**entries[0], "changes": changes}]
            document = {"object": "whatsapp_business_account", "entry": entries}
        answer = await self._tell(app, waba, document, {})
        return {"message_ids": [message["id"] for _, message, _ in told], "answer": answer.as_json()}

    async def prefer(self, user: User, owner: Owner, value: str, *, ago: float = 0.0) -> Answer:
        """Marketing stopped or resumed in WhatsApp's own menu.

        https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/user_preferences
        """
        app, waba, number = owner
        change = user.marketing_stopped.add if value == "stop" else user.marketing_stopped.discard
        change(number.phone_number_id)
        told: dict[str, Any] = {
            "user_id": user.user_id,
            "detail": "User requested to stop marketing messages"
            if value == "stop"
            else "User requested to resume marketing messages",
            "category": "marketing_messages",
            "value": value,
            "timestamp": int(time.time() - ago),
        }
        if not user.hides_number:
            told["wa_id"] = user.wa_id
        document = whatsapp_document(
            waba, number, "user_preferences", contacts=[user.contact()], user_preferences=[told]
        )
        return await self._tell(app, waba, document, {}, "user_preferences")

    async def renumber(self, user: User, owner: Owner, new: str) -> Answer:
        """The person moves to another number; a `system` message tells of it, without `contacts`."""
        app, waba, number = owner
        old_wa_id, old_user_id = user.wa_id, user.user_id
        self.handsets.renumber(user, new)
        system = {
            "body": f"User {user.name} changed from {old_wa_id} to {user.wa_id}",
            "type": "user_changed_number",
            "wa_id": user.wa_id,
            "user_id": user.user_id,
        }
        message = {
            "from": old_wa_id,
            "from_user_id": old_user_id,
            "id": new_wamid(),
            "timestamp": str(int(time.time())),
            "type": "system",
            "system": system,
        }
        return await self._tell(app, waba, whatsapp_document(waba, number, messages=[message]), {})

    async def announce(self, app: MetaApp, waba: Waba, value: dict[str, Any], field: str) -> Answer:
        return await self._tell(app, waba, waba_document(waba, field, value), {}, field)

    async def _tell(
        self, app: MetaApp, waba: Waba, document: Any, order: Order, field: str = "messages"
    ) -> Answer:
        if not waba.subscribed or field not in app.fields:
            return Answer(None, error=f"the app is not subscribed to {field}", attempts=0)
        return await self.caller.tell(
            app, document, secret=order.get("secret"), retry=bool(order.get("retry", True))
        )

    def _document(
        self, waba: Waba, number: WhatsAppNumber, user: User, messages: list[dict[str, Any]], order: Order
    ) -> dict[str, Any]:
        contact = user.contact()
        if order.get("without_from"):
            contact.pop("wa_id", None)
        value: dict[str, Any] = {"contacts": [contact], "messages": messages}
        if order.get("without_contacts"):
            del value["contacts"]
        return whatsapp_document(waba, number, **value)

    def _message(self, user: User, number: WhatsAppNumber, order: Order) -> dict[str, Any]:
        at = time.time() - float(order.get("ago", 0))
        kind = str(order.get("type", "text"))
        message: dict[str, Any] = {
            "from_user_id": user.user_id,
            "id": order.get("message_id") or new_wamid(),
            "timestamp": str(int(at)),
            "type": kind,
        }
        if not (user.hides_number or order.get("without_from")):
            message["from"] = user.wa_id
        bubble = Bubble(message["id"], "from_phone", number.phone_number_id, kind, at=at)
        if order.get("reply_to"):
            message["context"] = {"from": number.number.removeprefix("+"), "id": order["reply_to"]}
            bubble.reply_to = order["reply_to"]
        act(message, bubble, user, order, self.shelf, self.base)
        message |= order.get("extra") or {}
        if kind not in ("reaction", "edit", "revoke"):
            user.bubbles.append(bubble)
        # The newest counts: a message that was sent yesterday and arrives today opens no new window.
        last = user.last_inbound.get(number.phone_number_id, 0.0)
        user.last_inbound[number.phone_number_id] = max(last, at)
        return message
