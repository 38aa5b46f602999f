"""What leaves the house, and the four things that can become of it at a provider."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol
from uuid import UUID

from leadsrally.contacts.types import Identity
from leadsrally.messaging.types import Effect, Kind, PermissionKind


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of a message, in our storage; `left_as` is what the provider calls its copy, while it keeps one."""

    id: UUID
    file_name: str
    content_type: str
    bytes: int
    left_as: str | None = None


@dataclass(frozen=True, slots=True)
class OutboundFile:
    """A file of a message. `place` is an address, or what the provider calls the copy that was left with it."""

    place: str
    file_name: str = ""

    def __repr__(self) -> str:
        return "OutboundFile()"


@dataclass(frozen=True, slots=True)
class OutboundMessage:
    """One message that the gate has let through.

    `content` is what is more than words, under the name of its kind, as `messages` keeps it.
    """

    message_id: UUID
    recipient: str  # a number in E.164, or what the provider calls the person
    sender: str  # our number in E.164; at Meta the id of it
    body: str
    status_callback: str = ""  # carries our message id, so that a report can never miss its message
    validity_seconds: int | None = None  # give up after this; 1 to 36,000 for Twilio
    kind: Kind = "text"
    content: Mapping[str, Any] | None = None
    reply_to: str | None = None  # the provider's id of the message that this one answers
    files: tuple[OutboundFile, ...] = ()


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider has it. Accepted is not delivered. `held`: it looks at the message before it sends it."""

    provider_message_id: str
    segments: int | None = None
    held: bool = False
    recipient: tuple[Identity, ...] = ()  # what the provider calls the person


@dataclass(frozen=True, slots=True)
class Rejected:
    """The provider said no and did nothing. `code` is the provider's own."""

    code: str


@dataclass(frozen=True, slots=True)
class NotProcessed:
    """The provider never took it (rate limit, no connection). Safe to try again.

    `holds` says what has to wait: our sender, all senders of the same account, or only what goes to this one
    person. `trouble` is the provider's code when nothing will pass until somebody sets it right.
    """

    reason: str
    retry_after: float | None = None  # seconds
    holds: Literal["sender", "account", "pair"] = "sender"
    trouble: str | None = None


@dataclass(frozen=True, slots=True)
class Unclear:
    """The call went out and no usable answer came back. It may have been sent; never repeat it blindly."""

    reason: str


@dataclass(frozen=True, slots=True)
class Left:
    """The provider keeps a copy of a file under this id."""

    provider_id: str


Outcome = Accepted | Rejected | NotProcessed | Unclear


@dataclass(frozen=True, slots=True)
class Addressee:
    """Whom a claimed message goes to, and through which channel."""

    contact_id: UUID
    address: str  # a number in E.164, or what the provider calls the person
    channel_id: UUID
    channel_key: str
    channel_kind: PermissionKind
    our_number: str
    account_sid: str  # of an SMS channel
    phone_number_id: str  # of a WhatsApp channel
    credentials: bytes | None  # None: the channel is disconnected
    credentials_version: int
    in_trouble: bool = False  # nothing passed the last time


class EffectOf(Protocol):
    """What a provider's error code asks of us beyond its message; None: nothing."""

    def __call__(self, kind: PermissionKind, code: str | None) -> Effect | None: ...


class Depot(Protocol):
    """A provider with whom a file is left before the message that it belongs to is sent."""

    def leave(
        self, sender: str, chunks: Iterable[bytes], *, file_name: str, content_type: str, size: int
    ) -> Left | NotProcessed | Rejected:
        """Hand a file over for messages of `sender`, streamed. May be repeated: a copy too many is seen by nobody.

        Never raises for what the provider or the network did.
        """
        ...


class Sender(Protocol):
    """A provider that can send messages for one channel."""

    def send(self, message: OutboundMessage, /) -> Outcome:
        """Call the provider once. Never raises for what the provider or the network did."""
        ...

    def find(self, message: OutboundMessage, not_before: datetime, /) -> tuple[str, ...]:
        """Ids of messages at the provider that look like this one and are not older than `not_before`.

        None at a provider that keeps no list; then only its report can say what became of the message. Raises
        `leadsrally.kit.errors.Unavailable` when the provider cannot be asked.
        """
        ...
