"""Status callbacks: what happens to a message after it was accepted, and in which order we hear of it.

https://www.twilio.com/docs/messaging/guides/track-outbound-message-status
"""

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from infra.simulators.faults import BadOrder
from infra.simulators.orders import Orders
from infra.simulators.twilio import errors
from infra.simulators.twilio.accounts import TwilioAccount
from infra.simulators.twilio.messages import API_VERSION, MessageRecord, now
from infra.simulators.twilio.webhook import Answer, Params, WebhookCaller

_STATUSES = frozenset({"queued", "sending", "sent", "delivered", "undelivered", "failed", "read", "canceled"})
_KNOWN = frozenset({"order", "delay", "duplicate", "error_code", "algorithm", "times", "match"})
_UNDONE = frozenset({"failed", "undelivered"})


@dataclass
class CallbackOrder:
    """How the next messages are told about.

    The statuses in the order they are called out, the pause before each, how often each is repeated, and the
    error code of the unhappy ones. `times` None: for every message until withdrawn.
    """

    order: list[str] | None = None
    delay: float | None = None
    duplicate: int = 1
    error_code: int | None = None
    algorithm: str | None = None
    times: int | None = 1
    match: dict[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, order: Any) -> "CallbackOrder":
        if not isinstance(order, Mapping):
            raise BadOrder("A callback order is a JSON object.")
        if unknown := set(order) - _KNOWN:
            raise BadOrder(f"Unknown in a callback order: {', '.join(sorted(unknown))}.")
        if unknown := set(order.get("order") or ()) - _STATUSES:
            raise BadOrder(f"No status of a message: {', '.join(sorted(unknown))}.")
        if unknown := set(order.get("match") or ()) - {"to", "from"}:
            raise BadOrder(f"`match` knows to and from; not {', '.join(sorted(unknown))}.")
        return cls(**order)

    def fits(self, message: MessageRecord) -> bool:
        return self.match.get("to", message.to) == message.to and (
            "from" not in self.match or self.match["from"] == message.sender
        )


class CallbackDesk:
    """Takes accepted messages through their life, each in a task of its own."""

    def __init__(self, caller: WebhookCaller, delay: float, keep: int = 10_000) -> None:
        self.caller = caller
        self.delay = delay
        self.history: deque[dict[str, Any]] = deque(maxlen=keep)
        self.orders = Orders(CallbackOrder)
        self._tasks: set[asyncio.Task[None]] = set()

    def clear(self) -> None:
        self.orders.clear()
        self.history.clear()

    def start(self, message: MessageRecord, account: TwilioAccount, order: CallbackOrder) -> None:
        task = asyncio.create_task(self._follow(message, account, order))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _follow(self, message: MessageRecord, account: TwilioAccount, order: CallbackOrder) -> None:
        for status in statuses(message, order):
            await asyncio.sleep(self.delay if order.delay is None else order.delay)
            code = (order.error_code or message_failure(message) or 30008) if status in _UNDONE else None
            message.advance(status, code)
            if not message.status_callback:
                continue
            for _ in range(max(order.duplicate, 1)):
                answer = await self.caller.call(
                    message.status_callback,
                    callback_params(message, status, code),
                    account,
                    algorithm=order.algorithm,
                )
                self._remember(message, status, answer)

    def _remember(self, message: MessageRecord, status: str, answer: Answer) -> None:
        self.history.append(
            {
                "at": now().isoformat(),
                "message_sid": message.sid,
                "message_status": status,
                **answer.as_json(),
            }
        )


def statuses(message: MessageRecord, order: CallbackOrder) -> list[str]:
    """The statuses to call out; the initial one is never among them, only the create response tells it."""
    if order.order is not None:
        return order.order
    code = order.error_code or message_failure(message)
    if code is None:
        return ["sent", "delivered"]
    return ["failed"] if code in errors.FAILED_CODES else ["sent", "undelivered"]


def arrives(message: MessageRecord, order: CallbackOrder) -> bool:
    """Whether the phone gets to see the message."""
    return not _UNDONE & set(statuses(message, order))


def message_failure(message: MessageRecord) -> int | None:
    return message.fails_with or errors.async_failure(message.to)


def callback_params(message: MessageRecord, status: str, code: int | None) -> Params:
    """The form of one status callback.

    https://www.twilio.com/docs/messaging/guides/outbound-message-status-in-status-callbacks
    """
    params = [
        ("SmsSid", message.sid),
        ("SmsStatus", status),
        ("MessageStatus", status),
        ("To", message.to),
        ("MessageSid", message.sid),
        ("AccountSid", message.account_sid),
        ("From", message.sender or ""),
        ("ApiVersion", API_VERSION),
    ]
    if message.messaging_service_sid:
        params.insert(4, ("MessagingServiceSid", message.messaging_service_sid))
    if code is not None:
        params.append(("ErrorCode", str(code)))
    if status in {"delivered", "undelivered"}:
        params.append(("RawDlrDoneDate", now().strftime("%y%m%d%H%M")))
    return params
