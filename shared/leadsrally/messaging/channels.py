"""Channels by the key in their webhook's address, kept between invocations with their secrets opened.

What is kept is checked again by the statement that writes, so a disconnected channel or a replaced token
is noticed at once and not after some time-out.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from leadsrally.kit.db import Database
from leadsrally.messaging import store
from leadsrally.messaging.types import Channel

Credentials = TypeVar("Credentials")
_KEPT = 1_000


@dataclass(frozen=True, slots=True)
class OpenChannel(Generic[Credentials]):
    channel: Channel
    credentials: Credentials


class ChannelDirectory(Generic[Credentials]):
    """Finds channels; `open_credentials` turns the sealed blob of one into the provider's credentials."""

    def __init__(self, db: Database, open_credentials: Callable[[Channel], Credentials]) -> None:
        self._db = db
        self._open = open_credentials
        self._kept: dict[str, OpenChannel[Credentials]] = {}

    def find(self, key: str) -> OpenChannel[Credentials] | None:
        """The active channel with this key, or None. Unknown keys are not remembered."""
        return self._kept.get(key) or self.find_again(key)

    def find_again(self, key: str) -> OpenChannel[Credentials] | None:
        """As `find`, from the database: after a kept one turned out to be old."""
        self._kept.pop(key, None)
        with self._db.session() as session:
            channel = store.channel_by_key(session, key)
        if channel is None:
            return None
        if len(self._kept) >= _KEPT:
            self._kept.clear()
        found = OpenChannel(channel, self._open(channel))
        self._kept[key] = found
        return found
