"""Permission as values."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

ChannelKind = Literal["sms", "whatsapp", "email"]
Purpose = Literal["all", "service", "marketing"]
State = Literal["granted", "revoked", "paused"]
Action = Literal["grant", "revoke", "pause", "resume"]
Source = Literal["keyword", "phrase", "provider", "provider_error", "ai", "staff"]


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands for one contact, kind of channel and purpose. No row means that nothing was ever said."""

    purpose: Purpose
    state: State
    source: Source
    since: datetime


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why permission changed: what kind of sign, which word of ours it matched, in which message, who."""

    source: Source
    occurred_at: datetime
    word: str | None = None
    message_id: UUID | None = None
    actor_id: UUID | None = None
