"""What moves through a conversation, as values that know no provider and no database."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Literal
from uuid import UUID

Direction = Literal["inbound", "outbound"]
ChannelKind = Literal["sms", "whatsapp", "lead_ads"]
KeywordSignal = Literal["stop", "start", "help"]

TWILIO_CREDENTIALS: Final = "twilio.credentials"
META_CREDENTIALS: Final = "meta.credentials"
"""What a channel's sealed credentials are for, bound into the seal."""


class Status(StrEnum):
    """Where an outbound message stands. `RANK` says which report may replace which."""

    QUEUED = "queued"  # ours: waiting for its turn
    CLAIMED = "claimed"  # ours: the gate said yes, the provider is being called
    UNKNOWN = "unknown"  # ours: called, and no answer came back; being looked up
    ACCEPTED = "accepted"  # the provider has it
    SENT = "sent"
    FAILED = "failed"
    UNDELIVERED = "undelivered"
    DELIVERED = "delivered"
    READ = "read"
    PLAYED = "played"  # a voice message was listened to
    CANCELED = "canceled"
    REFUSED = "refused"  # ours: the gate said no
    RECEIVED = "received"  # inbound


# A report is applied only when its rank is higher than the stored one, so callbacks may come late, twice
# or in any order. Delivery beats failure because it is proof; failure never beats delivery.
RANK: dict[Status, int] = {
    Status.QUEUED: 10,
    Status.CLAIMED: 20,
    Status.UNKNOWN: 25,
    Status.ACCEPTED: 30,
    Status.SENT: 40,
    Status.FAILED: 50,
    Status.UNDELIVERED: 50,
    Status.DELIVERED: 60,
    Status.READ: 70,
    Status.PLAYED: 80,
    Status.CANCELED: 90,
    Status.REFUSED: 90,
    Status.RECEIVED: 100,
}


@dataclass(frozen=True, slots=True)
class MediaReference:
    """Where the provider keeps a file. The bytes are fetched by a job, never by the webhook."""

    source: str  # an address at Twilio, an id at Meta
    content_type: str  # as the provider says; believed by nobody
    file_name: str = ""  # as the sender called it


@dataclass(frozen=True, slots=True)
class InboundMessage:
    """One message from a contact, as a provider reported it, safe to store in Postgres."""

    provider_message_id: str
    sender: str  # E.164, or what the provider gave when it is a short code or a name
    recipient: str
    body: str
    media: tuple[MediaReference, ...] = ()
    keyword: KeywordSignal | None = None  # the provider acted on an opt-out word and already answered it
    altered: bool = False  # characters that Postgres cannot hold were replaced
    segments: int | None = None


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """One status callback. `message_id` is ours, carried in the callback's address when we sent it."""

    provider_message_id: str
    status: Status
    error_code: str | None = None
    message_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Channel:
    """A customer's connection to a provider. Secrets are inside `credentials`, sealed."""

    organization_id: UUID
    id: UUID
    key: str
    kind: ChannelKind
    address: str | None  # our number in E.164; a page has none
    account_sid: str | None  # Twilio's account, of an SMS channel
    waba_id: str | None  # WhatsApp Business account
    phone_number_id: str | None  # what Meta calls a WhatsApp number
    page_id: str | None  # of a Lead Ads channel
    credentials: bytes
    credentials_version: int
    provider_answers_keywords: bool  # the carrier or Twilio confirms STOP and HELP itself


@dataclass(frozen=True, slots=True)
class Received:
    """What became of an inbound message. `duplicate` means that nothing changed."""

    duplicate: bool
    message_id: UUID | None
    conversation_id: UUID | None
    contact_id: UUID | None


@dataclass(frozen=True, slots=True)
class Message:
    id: UUID
    conversation_id: UUID
    contact_id: UUID
    direction: Direction
    body: str
    status: Status
    created_at: datetime
    error_code: str | None = None
