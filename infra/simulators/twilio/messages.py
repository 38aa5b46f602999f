"""Message records as the provider keeps them, and their JSON form."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

API_VERSION = "2010-04-01"

# https://www.twilio.com/docs/messaging/api/message-resource#message-status-values
FINAL = frozenset(
    {"delivered", "undelivered", "failed", "read", "canceled", "received", "partially_delivered"}
)
_RANK = ("scheduled", "accepted", "queued", "sending", "sent", "delivered", "read")

# A message that no carrier confirmed counts as complete after this time and can be deleted:
# https://www.twilio.com/docs/api/errors/20009
UNCONFIRMED_COMPLETE_AFTER = timedelta(hours=1)


def now() -> datetime:
    return datetime.now(UTC)


def rfc2822(at: datetime | None) -> str | None:
    return None if at is None else format_datetime(at)


@dataclass
class MessageRecord:
    sid: str
    account_sid: str
    to: str
    sender: str | None
    body: str
    direction: str
    status: str
    num_segments: int
    media: list[str] = field(default_factory=list)
    messaging_service_sid: str | None = None
    status_callback: str = ""
    created: datetime = field(default_factory=now)
    updated: datetime = field(default_factory=now)
    sent: datetime | None = None
    error_code: int | None = None
    send_at: datetime | None = None
    fails_with: int | None = None
    sequence: int = 0

    @property
    def final(self) -> bool:
        if self.status in FINAL:
            return True
        return (
            self.status == "sent" and self.sent is not None and now() - self.sent > UNCONFIRMED_COMPLETE_AFTER
        )

    def advance(self, status: str, error_code: int | None = None) -> None:
        """Take a status, never backwards: callbacks may be told in any order, the record knows better."""
        ranked = status in _RANK and self.status in _RANK
        if self.status in FINAL and not (ranked and _RANK.index(status) > _RANK.index(self.status)):
            return
        if ranked and _RANK.index(status) <= _RANK.index(self.status):
            return
        self.status = status
        self.error_code = error_code
        self.updated = now()
        if status in {"sent", "delivered"} and self.sent is None:
            self.sent = self.updated

    def as_json(self) -> dict[str, Any]:
        """The resource as REST shows it.

        https://www.twilio.com/docs/messaging/api/message-resource#message-properties
        """
        uri = f"/{API_VERSION}/Accounts/{self.account_sid}/Messages/{self.sid}"
        return {
            "account_sid": self.account_sid,
            "api_version": API_VERSION,
            "body": self.body,
            "date_created": rfc2822(self.created),
            "date_sent": rfc2822(self.sent),
            "date_updated": rfc2822(self.updated),
            "direction": self.direction,
            "error_code": self.error_code,
            "error_message": None,
            "from": self.sender,
            "messaging_service_sid": self.messaging_service_sid,
            "num_media": str(len(self.media)),
            "num_segments": str(self.num_segments),
            "price": None,
            "price_unit": "USD",
            "sid": self.sid,
            "status": self.status,
            "subresource_uris": {"media": f"{uri}/Media.json"},
            "to": self.to,
            "uri": f"{uri}.json",
        }


class MessageBook:
    """All messages of all accounts, newest last; bounded like everything here."""

    def __init__(self, keep: int = 50_000) -> None:
        self._by_sid: dict[str, MessageRecord] = {}
        self._keep = keep
        self._count = 0

    def add(self, message: MessageRecord) -> None:
        self._count += 1
        message.sequence = self._count
        self._by_sid[message.sid] = message
        while len(self._by_sid) > self._keep:
            del self._by_sid[next(iter(self._by_sid))]

    def get(self, account_sid: str, sid: str) -> MessageRecord | None:
        message = self._by_sid.get(sid)
        return message if message is not None and message.account_sid == account_sid else None

    def remove(self, sid: str) -> None:
        self._by_sid.pop(sid, None)

    def newest_first(self, account_sid: str) -> Iterator[MessageRecord]:
        return (m for m in reversed(tuple(self._by_sid.values())) if m.account_sid == account_sid)

    def clear(self) -> None:
        self._by_sid.clear()
