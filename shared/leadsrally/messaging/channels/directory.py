"""Channels by the key in their webhook's address, kept between invocations with their secrets opened.

What is kept is checked again by the statement that writes, so a disconnected channel or a replaced token
is noticed at once and not after some time-out. A master key that is taken away is noticed after `KEPT_FOR`.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Generic, TypeVar
from uuid import UUID

from leadsrally.kit.clock import Clock
from leadsrally.kit.crypto import SealContext
from leadsrally.kit.db import Database
from leadsrally.messaging import store
from leadsrally.messaging.types import (
    META_CREDENTIALS,
    META_TASK,
    TWILIO_CREDENTIALS,
    TWILIO_TASK,
    Channel,
    ChannelKind,
)

Credentials = TypeVar("Credentials")
KEPT_FOR: Final = timedelta(minutes=15)
"""How long opened credentials may be used without asking the key service again."""
MOST_KEPT: Final = 1_000
"""How many channels' opened credentials a process keeps at most."""


@dataclass(frozen=True, slots=True)
class OpenChannel(Generic[Credentials]):
    channel: Channel
    credentials: Credentials
    opened_at: datetime


def twilio_context(organization_id: UUID, channel_id: UUID) -> SealContext:
    """Where a channel's Twilio credentials belong; they open nowhere else."""
    return SealContext(organization_id, TWILIO_CREDENTIALS, channel_id)


def task_context(organization_id: UUID, task_id: UUID) -> SealContext:
    """Where Twilio credentials belong that a task brings along."""
    return SealContext(organization_id, TWILIO_TASK, task_id)


def meta_task_context(organization_id: UUID, task_id: UUID) -> SealContext:
    """Where Meta credentials belong that a task brings along."""
    return SealContext(organization_id, META_TASK, task_id)


def meta_context(organization_id: UUID, channel_id: UUID) -> SealContext:
    """Where the Meta credentials of a WhatsApp or Lead Ads channel belong; they open nowhere else."""
    return SealContext(organization_id, META_CREDENTIALS, channel_id)


class ChannelDirectory(Generic[Credentials]):
    """Finds channels of one provider, which are of `kinds`.

    `open_credentials` turns the sealed blob of one into the provider's credentials.
    """

    def __init__(
        self,
        db: Database,
        clock: Clock,
        open_credentials: Callable[[Channel], Credentials],
        kinds: Collection[ChannelKind],
    ) -> None:
        self._db = db
        self._clock = clock
        self._open = open_credentials
        self._kinds = kinds
        self._kept: dict[str, OpenChannel[Credentials]] = {}

    def find(self, key: str) -> OpenChannel[Credentials] | None:
        """The active channel with this key, or None. Unknown keys are not remembered.

        Raises `SealBroken` when its credentials do not open and `Unavailable` when they cannot be opened now.
        """
        kept = self._kept.get(key)
        if kept is not None and self._clock() - kept.opened_at < KEPT_FOR:
            return kept
        return self.find_again(key)

    def find_again(self, key: str) -> OpenChannel[Credentials] | None:
        """As `find`, from the database: after a kept one turned out to be old.

        Whoever knows an address can make us look, with a forged call. So the key service is asked only when the
        credentials are others than those that are open already, or are open for too long.
        """
        kept = self._kept.pop(key, None)
        with self._db.session() as session:
            channel = store.channel_by_key(session, key)
        if channel is None or channel.kind not in self._kinds:
            return None
        if len(self._kept) >= MOST_KEPT:
            self._kept.clear()
        now = self._clock()
        if kept is not None and _same_credentials(kept.channel, channel) and now - kept.opened_at < KEPT_FOR:
            found = OpenChannel(channel, kept.credentials, kept.opened_at)
        else:
            found = OpenChannel(channel, self._open(channel), now)
        self._kept[key] = found
        return found


def _same_credentials(one: Channel, other: Channel) -> bool:
    of_one = (one.id, one.credentials_version, one.credentials)
    return of_one == (other.id, other.credentials_version, other.credentials)
