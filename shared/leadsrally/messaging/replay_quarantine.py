"""Take what was set aside, by a version that has learnt to read it.

A piece is kept as a delivery of its own (providers/meta/inbound.py), so it is read and taken on the very way of a new
one: receipts make a repeat harmless, ranks and times by the provider's clock put it where it belongs, and a STOP in it
counts. What was taken is gone from the quarantine; what is still not understood stays, and with it its 30 days.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from leadsrally.kit.clock import Clock
from leadsrally.kit.db import Database
from leadsrally.messaging import quarantine_store, store
from leadsrally.messaging.quarantine_store import Kept
from leadsrally.messaging.store import Call
from leadsrally.messaging.take_delivery import Aside, Intake, Numbers, Tally, take_item
from leadsrally.messaging.types import Channel, Ignored, Item, Unreadable

_AT_ONCE: Final = 200
Read = Callable[[bytes], Iterable[Item]]
"""A kept piece, as items; none for one that cannot be read at all."""


@dataclass(frozen=True, slots=True)
class Replay:
    """What a replay needs: where the pieces are, how they are read, and how they are taken."""

    quarantine: Database
    read: Read
    intake: Intake
    clock: Clock


def replay_quarantine(replay: Replay, *, reason: str | None, dry_run: bool) -> Counter[str]:
    """Try every kept piece again, oldest first; returns how many came to what.

    `stored`, `applied`, `duplicate` and `ignored` are gone from the quarantine; `still:<reason>` stay, as do those of
    a channel that is `disconnected`. With `reason` only those that were set aside for it. `dry_run` reads and changes
    nothing: what could be read counts as `readable`. Raises `Unavailable` when the database is away; the same call
    goes on where it was.
    """
    counts: Counter[str] = Counter()
    for kept in _every(replay.quarantine, reason):
        outcome = _foresee(replay, kept) if dry_run else _try(replay, kept)
        counts[outcome] += 1
    return counts


def _every(db: Database, reason: str | None) -> Iterator[Kept]:
    after: Kept | None = None
    while True:
        with db.across() as tx:
            page = quarantine_store.kept(tx, after=after, reason=reason, limit=_AT_ONCE)
        yield from page
        if len(page) < _AT_ONCE:
            return
        after = page[-1]


def _foresee(replay: Replay, kept: Kept) -> str:
    items = list(replay.read(kept.piece))
    if len(items) != 1:
        return "still:unreadable"
    news = items[0].news
    return f"still:{news.reason}" if isinstance(news, Unreadable) else "readable"


def _try(replay: Replay, kept: Kept) -> str:
    items = list(replay.read(kept.piece))
    if len(items) != 1:
        return "still:unreadable"
    channel = _channel(replay.intake.db, kept.organization_id, kept.channel_id)
    if channel is None:
        return "disconnected"
    call = Call(
        kept.delivery_id, replay.clock(), "meta", "replay", None, len(kept.piece), ""
    )  # is not logged
    numbers = Numbers(replay.intake.db, channel)
    outcome = take_item(replay.intake, numbers, items[0], call, Tally())
    if isinstance(outcome, Aside):
        return f"still:{outcome.reason}"
    with replay.quarantine.across() as tx:
        quarantine_store.let_go(tx, kept)
    return "ignored" if isinstance(items[0].news, Ignored) else outcome


def _channel(db: Database, organization_id: UUID, channel_id: UUID) -> Channel | None:
    with db.tenant(organization_id) as tx:
        numbers = store.whatsapp_numbers(tx, organization_id)
    return next((channel for channel in numbers if channel.id == channel_id), None)
