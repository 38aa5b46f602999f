"""Rows without a file and files without a row: neither should exist, and both are looked for (R11)."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import TypeVar
from uuid import UUID

from leadsrally.kit.db import Database
from leadsrally.kit.storage import Held, Key, Storage
from leadsrally.messaging.media import store as media_store
from leadsrally.messaging.media.store import PURPOSE, key_of

T = TypeVar("T")
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Orphans:
    """What does not fit. A lost file cannot be brought back; a stray one is to be deleted."""

    lost: tuple[UUID, ...]  # rows that say `stored`, and there is no file
    stray: tuple[Key, ...]  # files that no row speaks of


def media_orphans(db: Database, storage: Storage, organization_id: UUID, *, before: datetime) -> Orphans:
    """Compare one organisation's rows and files, those from before the instant `before`, in constant memory.

    What is newer may be on its way. What looks wrong is looked at again at the end, since messages are erased
    while this runs.
    """
    lost = [
        media_id
        for media_id in _stored(db, organization_id, before)
        if storage.find(key_of(organization_id, media_id)) is None
    ]
    stray = [
        held.key
        for several in _several(_held(storage, organization_id, before))
        for held in _unknown(db, organization_id, several)
    ]
    with db.tenant(organization_id) as tx:
        still = media_store.known(tx, organization_id, lost)
    return Orphans(
        tuple(media_id for media_id in lost if media_id in still),
        tuple(key for key in stray if storage.find(key) is not None),
    )


def _stored(db: Database, organization_id: UUID, before: datetime) -> Iterator[UUID]:
    after = UUID(int=0)
    while True:
        # No transaction is open while the storage is asked.
        with db.tenant(organization_id) as tx:
            page = media_store.stored(tx, organization_id, after=after, before=before, limit=_AT_ONCE)
        yield from page
        if len(page) < _AT_ONCE:
            return
        after = page[-1]


def _held(storage: Storage, organization_id: UUID, before: datetime) -> Iterator[Held]:
    return (held for held in storage.list(organization_id, PURPOSE) if held.stored_at < before)


def _unknown(db: Database, organization_id: UUID, several: Sequence[Held]) -> list[Held]:
    ids = {held.key: _media_id(held.key) for held in several}
    with db.tenant(organization_id) as tx:
        known = media_store.known(tx, organization_id, [found for found in ids.values() if found is not None])
    return [held for held in several if ids[held.key] not in known]


def _media_id(key: Key) -> UUID | None:
    try:
        return UUID(key.name)
    except ValueError:
        return None


def _several(items: Iterable[T]) -> Iterator[list[T]]:
    iterator = iter(items)
    while page := list(islice(iterator, _AT_ONCE)):
        yield page
