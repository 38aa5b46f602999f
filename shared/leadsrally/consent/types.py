"""Permission as values."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

ChannelKind = Literal["sms", "whatsapp", "email"]
CHANNEL_KINDS: tuple[ChannelKind, ...] = ("sms", "whatsapp", "email")
Wanted = Literal["service", "marketing"]
"""What a message may be for: `service` answers, reminds and informs (transactional), `marketing` offers."""
Purpose = Literal["all", "service", "marketing"]
State = Literal["granted", "revoked", "paused"]
Action = Literal["grant", "revoke", "pause", "resume", "lapse"]
Source = Literal[
    "keyword",  # a word of the person's that we read
    "phrase",  # a sentence of the person's
    "link",  # the unsubscribe link
    "provider",  # the provider told us
    "provider_error",  # a send was refused for it
    "ai",
    "staff",  # a colleague wrote it down
    "import",
    "lead_form",
    "api",
]
Method = Literal[
    "web_form",
    "paper",
    "spoken",
    "message",
    "email",
    "lead_form",
    "existing_customer",
    "other",
]
"""How the person gave or took permission."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands for one contact, kind of channel and purpose. No row means that nothing was ever said."""

    purpose: Purpose
    state: State
    source: Source
    since: datetime
    event_id: UUID | None = None  # the evidence


@dataclass(frozen=True, slots=True)
class Suppression:
    """An opt-out that outlives the record of its person, known by the hash of an address."""

    purpose: Purpose
    source: Source
    since: datetime


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why permission changed: what kind of sign, when and how it was given, in which words, who says so.

    `word` is the word or rule of ours that a message matched. `wording` is what the person was shown or told when
    they agreed; `reference` says where the customer keeps the proof. `actor_id` is the colleague who wrote it down.
    """

    source: Source
    occurred_at: datetime
    word: str | None = None
    message_id: UUID | None = None
    actor_id: UUID | None = None
    method: Method | None = None
    wording: str | None = None
    reference: str | None = None
    scope: Literal["organization", "every_channel"] = (
        "organization"  # all senders of the kind, or of every kind
    )
