"""Make a restored database forget what was erased since its backup, and count that it did."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from leadsrally.kit.db import Database
from leadsrally.kit.errors import LeadsRallyError
from leadsrally.kit.storage import Storage
from leadsrally.privacy.erasure.ledger import WRITTEN_AHEAD, Entry, entries_since
from leadsrally.telemetry import log

Replay = Callable[[Database, Entry], object]
"""Erases again what the entry names. Harmless when there is nothing left of it."""


class NotForgotten(LeadsRallyError):
    """Not everything that was erased since the backup has been erased again. The database may not be opened."""


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How many entries of the erasure ledger were replayed, by kind."""

    entries: int
    by_kind: Mapping[str, int]


def forget_erased(db: Database, entries: Iterable[Entry], replay: Replay) -> Forgotten:
    """Replay each entry, oldest first. What one raises is raised: half a replay opens no database."""
    done = Counter[str]()
    for entry in entries:
        replay(db, entry)
        done[entry.kind] += 1
    log.info("erasures.replayed", count=done.total())
    return Forgotten(done.total(), dict(done))


def erased_since(storage: Storage, at: datetime) -> list[Entry]:
    """Every erasure that a backup of this instant may not know of, or only half."""
    return list(entries_since(storage, at - WRITTEN_AHEAD))


def refuse_difference(forgotten: Forgotten, storage: Storage, at: datetime) -> None:
    """Raise `NotForgotten` when the ledger holds more than was replayed: somebody was erased meanwhile."""
    now_there = len(erased_since(storage, at))
    if forgotten.entries != now_there:
        raise NotForgotten(
            f"{forgotten.entries} erasures were replayed and the ledger holds {now_there}. Restore once more.",
            code="erasures_not_replayed",
        )
