"""What doing something about many contacts needs, and how the work is asked for."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID

from leadsrally.jobs.enqueue import enqueue
from leadsrally.jobs.types import Later
from leadsrally.kit.clock import Clock
from leadsrally.kit.crypto import KeyedHash
from leadsrally.kit.db import Database, Tx
from leadsrally.kit.storage import Storage

QUEUE: Final = "bulk_contacts"
BITE: Final = 2_000  # contacts to a commit
UNDO_FOR: Final = timedelta(hours=24)  # and as long a file is kept
MARGIN: Final = timedelta(seconds=30)  # for the bite at work, and to say where to go on
GOES_ON: Final = Later(timedelta(0), "goes_on")

TimeLeft = Callable[[], timedelta]


@dataclass(frozen=True, slots=True)
class BulkDesk:
    """`bite`: contacts to a commit."""

    db: Database
    clock: Clock
    storage: Storage
    hashes: KeyedHash
    bite: int = BITE


def ask(
    tx: Tx,
    organization_id: UUID,
    what: Literal["run", "export", "erase", "undo"],
    action_id: UUID,
    *,
    now: datetime,
) -> None:
    """Promise the work in the transaction that causes it."""
    enqueue(tx, organization_id, QUEUE, what, {"action_id": str(action_id)}, now=now, max_attempts=20)


def promise_to_forget(
    tx: Tx, organization_id: UUID, action_id: UUID, *, now: datetime, delay: timedelta = UNDO_FOR
) -> None:
    """Have the file, the choice and the values deleted when there is no undoing any more."""
    enqueue(
        tx,
        organization_id,
        QUEUE,
        "forget",
        {"action_id": str(action_id)},
        now=now,
        delay=delay,
        unique_key=f"forget {action_id}",
        patience=timedelta(days=60),
        max_attempts=20,
    )
