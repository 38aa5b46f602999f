"""What becomes of an accepted message, and in which order we hear of it.

https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages/status
"""

import asyncio
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from infra.simulators.faults import BadOrder
from infra.simulators.meta.accounts import MetaApp, Waba, WhatsAppNumber
from infra.simulators.meta.errors import in_status
from infra.simulators.meta.handsets import User
from infra.simulators.meta.webhook import WebhookCaller
from infra.simulators.orders import Orders

_STATUSES = frozenset({"sent", "delivered", "read", "failed", "played", "deleted"})
_KNOWN = frozenset(
    {"order", "delay", "duplicate", "error_code", "together", "times", "match", "shift", "without_recipient"}
)


@dataclass
class SentMessage:
    """One message that a business sent, as the simulator knows it."""

    id: str
    user: User
    number: WhatsAppNumber
    kind: str
    category: str  # marketing, utility, authentication or service
    opaque: str | None
    fails_with: int | None = None
    addressed_by_user_id: bool = False
    status: str = "accepted"


@dataclass
class StatusOrder:
    """How the next messages are told about.

    The statuses in the order in which they are called out, the pause before each, how often each is repeated, the code
    of a failure, whether all come in one delivery, and by how many seconds the provider's times are shifted. `times`
    None: for every message until withdrawn.
    """

    order: list[str] | None = None
    delay: float | None = None
    duplicate: int = 1
    error_code: int | None = None
    together: bool = False
    times: int | None = 1
    shift: float = 0.0
    without_recipient: bool = False
    match: dict[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, order: Any) -> "StatusOrder":
        if not isinstance(order, Mapping):
            raise BadOrder("A status order is a JSON object.")
        if unknown := set(order) - _KNOWN:
            raise BadOrder(f"Unknown in a status order: {', '.join(sorted(unknown))}.")
        if unknown := set(order.get("order") or ()) - _STATUSES:
            raise BadOrder(f"No status of a message: {', '.join(sorted(unknown))}.")
        if unknown := set(order.get("match") or ()) - {"to", "from"}:
            raise BadOrder(f"`match` knows to and from; not {', '.join(sorted(unknown))}.")
        return cls(**order)

    def fits(self, message: SentMessage) -> bool:
        return self.match.get("to", message.user.number) == message.user.number and (
            self.match.get("from", message.number.phone_number_id) == message.number.phone_number_id
        )


class StatusDesk:
    """Takes accepted messages through their life, each in a task of its own."""

    def __init__(self, caller: WebhookCaller, delay: float) -> None:
        self.caller = caller
        self.delay = delay
        self.history: deque[dict[str, Any]] = deque(maxlen=10_000)
        self.orders = Orders(StatusOrder)
        self._tasks: set[asyncio.Task[None]] = set()

    def clear(self) -> None:
        self.orders.clear()
        self.history.clear()

    def start(self, app: MetaApp, waba: Waba, message: SentMessage, order: StatusOrder) -> None:
        task = asyncio.create_task(self._follow(app, waba, message, order))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _follow(self, app: MetaApp, waba: Waba, message: SentMessage, order: StatusOrder) -> None:
        names = statuses(message, order)
        entries = [
            self._entry(message, order, name) for name in names for _ in range(max(order.duplicate, 1))
        ]
        if order.together:
            await asyncio.sleep(self.delay if order.delay is None else order.delay)
            await self._tell(app, waba, message, entries)
            return
        for entry in entries:
            await asyncio.sleep(self.delay if order.delay is None else order.delay)
            await self._tell(app, waba, message, [entry])

    async def read(self, app: MetaApp, waba: Waba, message: SentMessage) -> None:
        """The person has looked at it."""
        await self._tell(app, waba, message, [self._entry(message, StatusOrder(), "read")])

    async def _tell(
        self, app: MetaApp, waba: Waba, message: SentMessage, entries: list[dict[str, Any]]
    ) -> None:
        for entry in entries:
            message.status = entry["status"]
            bubble = message.user.bubble(message.id)
            if bubble is not None:
                bubble.status = entry["status"]
        if not (waba.subscribed and "messages" in app.fields):
            return
        document = whatsapp_document(
            waba, message.number, contacts=[message.user.contact(status=True)], statuses=entries
        )
        answer = await self.caller.tell(app, document)
        self.history.extend(
            {"message_id": message.id, "status": entry["status"], "answer": answer.status}
            for entry in entries
        )

    def _entry(self, message: SentMessage, order: StatusOrder, status: str) -> dict[str, Any]:
        entry: dict[str, Any] = {
            "id": message.id,
            "status": status,
            "timestamp": str(int(time.time() + order.shift)),
            "recipient_user_id": message.user.user_id,
            "recipient_type": "individual",
        }
        if not (order.without_recipient or message.user.hides_number):
            entry["recipient_id"] = message.user.wa_id
        if message.opaque is not None:
            entry["biz_opaque_callback_data"] = message.opaque
        if status in ("sent", "delivered"):
            billable = message.category not in ("service", "utility_in_window")
            entry["pricing"] = {
                "billable": billable,
                "pricing_model": "PMP",
                "type": "regular" if billable else "free_customer_service",
                "category": message.category.removesuffix("_in_window"),
            }
        if status == "failed":
            entry["errors"] = [in_status(order.error_code or message.fails_with or 131026)]
        return entry


def statuses(message: SentMessage, order: StatusOrder) -> list[str]:
    if order.order is not None:
        return order.order
    if order.error_code is not None or message.fails_with is not None:
        return ["failed"]
    # To somebody who has blocked the business it stays at one tick, for ever.
    blocked = message.number.phone_number_id in message.user.blocked
    return ["sent"] if blocked else ["sent", "delivered"]


def arrives(message: SentMessage, order: StatusOrder) -> bool:
    """Whether the phone gets to see the message."""
    return bool({"delivered", "read", "played"} & set(statuses(message, order)))


def whatsapp_document(
    waba: Waba, number: WhatsAppNumber, field: str = "messages", **value: Any
) -> dict[str, Any]:
    """One notification about one number, with one entry and one change."""
    told = {
        "messaging_product": "whatsapp",
        "metadata": {
            "display_phone_number": number.number.removeprefix("+"),
            "phone_number_id": number.phone_number_id,
        },
        **value,
    }
    return waba_document(waba, field, told)


def waba_document(waba: Waba, field: str, value: dict[str, Any]) -> dict[str, Any]:
    return {
        "object": "whatsapp_business_account",
        "entry": [
            {"id": waba.waba_id, "time": int(time.time()), "changes": [{"value": value, "field": field}]}
        ],
    }
