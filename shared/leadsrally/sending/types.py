"""What leaves the house, and the four things that can become of it at a provider."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class OutboundText:
    """One text that the gate has let through."""

    message_id: UUID
    recipient: str
    sender: str
    body: str
    status_callback: str  # carries our message id, so that a report can never miss its message
    validity_seconds: int | None = None  # give up after this; 1 to 36,000 for Twilio


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider has it. Accepted is not delivered."""

    provider_message_id: str
    segments: int | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """The provider said no and did nothing. `code` is the provider's own."""

    code: str


@dataclass(frozen=True, slots=True)
class NotProcessed:
    """The provider never took it (rate limit, no connection). Safe to try again."""

    reason: str
    retry_after: float | None = None  # seconds


@dataclass(frozen=True, slots=True)
class Unclear:
    """The call went out and no usable answer came back. It may have been sent; never repeat it blindly."""

    reason: str


Outcome = Accepted | Rejected | NotProcessed | Unclear


@dataclass(frozen=True, slots=True)
class Addressee:
    """Whom a claimed message goes to, and through which channel."""

    contact_id: UUID
    phone: str
    channel_id: UUID
    channel_key: str
    channel_kind: Literal["sms"]
    our_number: str
    account_sid: str
    credentials: bytes
    credentials_version: int


class MeansOptOut(Protocol):
    """Whether a provider's error code says that the person has opted out there."""

    def __call__(self, code: str | None) -> bool: ...


class Sender(Protocol):
    """A provider that can send texts for one channel."""

    def send(self, text: OutboundText) -> Outcome:
        """Call the provider once. Never raises for what the provider or the network did."""
        ...

    def find(self, text: OutboundText, not_before: datetime) -> tuple[str, ...]:
        """Ids of messages at the provider that look like `text` and are not older than `not_before`.

        Raises `leadsrally.kit.errors.Unavailable` when the provider cannot be asked.
        """
        ...
