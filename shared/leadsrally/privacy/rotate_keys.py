"""Move every sealed secret to the current master key, while the house is open.

Nothing but the wrapped data key of a blob changes, so old and new open alike for as long as both master keys are
given; nobody waits and nothing is locked for longer than one small batch is written. What was moved is seen from the
blob itself: a rotation that was interrupted is simply started again.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from uuid import UUID

from leadsrally.kit.crypto import SealBroken, Vault
from leadsrally.kit.db import Database
from leadsrally.privacy.sealed import SEALED, SealedColumn, SealedValue, page, swap
from leadsrally.telemetry import log

BATCH = 100
_PASSES = 5  # at most so many more, while somebody writes in between who may still seal with the old key


@dataclass(frozen=True, slots=True)
class Rotation:
    """What became of one column, in blobs. `broken` are ids of rows that do not open with the keys given."""

    column: SealedColumn
    current: int
    moved: int
    overtaken: int  # somebody wrote another blob in between, which stands and was not looked at again
    broken: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class Census:
    """How many blobs of one column each master key guards. `unknown` name no key that is given here."""

    column: SealedColumn
    by_key: dict[str, int]
    unknown: int


def rotate_keys(db: Database, vault: Vault, *, dry_run: bool = False, batch: int = BATCH) -> list[Rotation]:
    """Move what the current master key does not guard yet, column by column.

    A blob that does not open stays as it is and stops nothing. With `dry_run` each one is opened and wrapped anew but
    nothing is written. Raises `Unavailable` when the key service or Postgres is away: run it again, it goes on from
    there.
    """
    return [_rotate(db, vault, column, dry_run=dry_run, batch=batch) for column in SEALED]


def _rotate(db: Database, vault: Vault, column: SealedColumn, *, dry_run: bool, batch: int) -> Rotation:
    done = _pass(db, vault, column, dry_run=dry_run, batch=batch)
    for _ in range(_PASSES):
        if not done.overtaken:
            break
        again = _pass(db, vault, column, dry_run=dry_run, batch=batch)
        done = replace(done, moved=done.moved + again.moved, overtaken=again.overtaken, broken=again.broken)
    log.info("keys.rotated", kind=column.purpose, moved=done.moved, broken=len(done.broken), dry_run=dry_run)
    return done


def _pass(db: Database, vault: Vault, column: SealedColumn, *, dry_run: bool, batch: int) -> Rotation:
    current, moved, overtaken = 0, 0, 0
    broken: list[UUID] = []
    for values in _pages(db, column, batch):
        read: list[SealedValue] = []
        blobs: list[bytes] = []
        for value in values:
            try:
                if vault.is_current(value.blob):
                    current += 1
                    continue
                blobs.append(vault.rewrap(value.blob, value.context(column)))
                read.append(value)
            except SealBroken:
                broken.append(value.row_id)
        swapped = len(read)
        if read and not dry_run:
            with db.across() as tx:
                swapped = swap(tx, column, read, blobs)
        moved += swapped
        overtaken += len(read) - swapped
    return Rotation(column, current, moved, overtaken, tuple(broken))


def take_census(db: Database, vault: Vault) -> list[Census]:
    """Which master keys are in use, and by how many blobs. Opens none."""
    found: list[Census] = []
    for column in SEALED:
        by_key = Counter[str]()
        unknown = 0
        for values in _pages(db, column, BATCH):
            for value in values:
                try:
                    by_key[vault.key_id(value.blob)] += 1
                except SealBroken:
                    unknown += 1
        found.append(Census(column, dict(by_key), unknown))
    return found


def _pages(db: Database, column: SealedColumn, batch: int) -> Iterator[list[SealedValue]]:
    last: SealedValue | None = None
    while True:
        with db.across() as tx:
            values = page(tx, column, after=last, limit=batch)
        if values:
            yield values
        if len(values) < batch:
            return
        last = values[-1]
