"""What importing needs, and how its work is asked for."""

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

QUEUE: Final = "import_contacts"
BATCH: Final = 25_000  # rows to a commit
UNDO_FOR: Final = timedelta(hours=24)  # and as long the file and the lists about it are kept
GOES_ON: Final = Later(timedelta(0), "goes_on")
_ABANDONED_AFTER: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class ImportDesk:
    """`batch`: rows to a commit."""

    db: Database
    clock: Clock
    storage: Storage
    hashes: KeyedHash
    batch: int = BATCH


def ask(
    tx: Tx,
    organization_id: UUID,
    what: Literal["look", "check", "run", "undo"],
    import_id: UUID,
    *,
    now: datetime,
) -> None:
    """Promise the work in the transaction that causes it."""
    enqueue(tx, organization_id, QUEUE, what, {"import_id": str(import_id)}, now=now, max_attempts=20)


def promise_to_forget(
    tx: Tx, organization_id: UUID, import_id: UUID, *, now: datetime, ended: bool = True
) -> None:
    """Have the file, the lists and the sample deleted when an import can be undone no more, or was given up."""
    delay = UNDO_FOR if ended else _ABANDONED_AFTER
    enqueue(
        tx,
        organization_id,
        QUEUE,
        "forget",
        {"import_id": str(import_id)},
        now=now,
        delay=delay,
        unique_key=f"forget {import_id}",
        patience=timedelta(days=60),
        max_attempts=20,
    )
