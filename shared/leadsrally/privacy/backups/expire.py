"""Delete backups before they are 30 days old, and whatever else lies on their shelf (P6.6).

A deletion in the database reaches its backups by their rolling off, so the age of the oldest one is the promise. It is
told from the storage, not from what the database remembers of it: a restored one remembers less.
"""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from leadsrally.kit.errors import LeadsRallyError
from leadsrally.kit.ids import new_id
from leadsrally.privacy import store as sweeps
from leadsrally.privacy.backups import store
from leadsrally.privacy.backups.make import BackupDesk
from leadsrally.privacy.backups.shelf import BACKUPS, REHEARSALS, Shelved, shelved
from leadsrally.privacy.erasure.ledger import WRITTEN_AHEAD, forget_before
from leadsrally.privacy.retention import BACKUPS as RULE
from leadsrally.privacy.sweep import Run, SweepIncomplete
from leadsrally.telemetry import log

_BROKEN_OFF: Final = timedelta(days=1)
"""Writing one takes less: what is still without a manifest then will never get one. A rehearsal takes less, too."""

_LEDGER_KEPT: Final = RULE.after + WRITTEN_AHEAD + timedelta(days=9)
"""An entry of the erasure ledger is needed as long as a backup may be restored that is older than it."""


def expire_backups(desk: BackupDesk, *, dry_run: bool = False) -> Run:
    """Delete every backup past the window, what was broken off, and what others have put there when it is as old.

    Of our clock and the database's the slower one decides. Harmless when repeated or run twice at once; with `dry_run`
    it counts and deletes nothing. Raises the storage's own error when one cannot be deleted (a lock, a missing right),
    after trying all others, and `SweepIncomplete` when something due is still there.
    """
    started_at = desk.clock()
    with desk.db.across() as tx:
        now = min(started_at, sweeps.database_time(tx))
    cutoff, run_id, due = RULE.cutoff(now), new_id(started_at), _due(desk, now)
    with desk.db.across() as tx:
        sweeps.begin_run(
            tx, run_id, RULE.name, dry_run=dry_run, cutoff=cutoff, due_before=len(due), now=started_at
        )
    refused: LeadsRallyError | None = None
    deleted = 0
    for purpose, each in [] if dry_run else due:
        try:
            # The manifest goes last, so that one that was begun is seen and finished next time.
            for key in sorted(each.keys, key=lambda key: key.name.endswith(".json")):
                desk.storage.delete(key)
            deleted += 1
        except LeadsRallyError as error:
            log.error("backup.kept", kind=purpose, error=error)
            refused = error
    left = len(_due(desk, now))
    if not dry_run:
        forget_before(desk.storage, now - _LEDGER_KEPT)
    listed_at, on_shelf = desk.clock(), list(shelved(desk.storage))
    there = [found for each in on_shelf if (found := _id(each))]
    oldest = min((each.at for each in on_shelf), default=None)
    with desk.db.across() as tx:
        sweeps.end_run(tx, run_id, deleted=deleted, due_after=left, now=desk.clock(), oldest_at=oldest)
        store.mark_gone(tx, there, listed_at=listed_at, now=now)
    log.info(
        "sweep.done",
        rule=RULE.name,
        dry_run=dry_run,
        due_before=len(due),
        deleted=deleted,
        due_after=left,
    )
    if refused is not None:
        raise refused
    if left and not dry_run:
        raise SweepIncomplete(f"{left} backups are still due.", code="sweep_incomplete")
    return Run(run_id, RULE.name, cutoff, dry_run, len(due), deleted, left)


def _due(desk: BackupDesk, now: datetime) -> list[tuple[str, Shelved]]:
    return [
        (purpose, each)
        for purpose in (BACKUPS, REHEARSALS)
        for each in shelved(desk.storage, purpose)
        if _is_due(purpose, each, now)
    ]


def _is_due(purpose: str, each: Shelved, now: datetime) -> bool:
    for_good = each.whole and purpose == BACKUPS
    return each.at <= (RULE.cutoff(now) if for_good else now - _BROKEN_OFF)


def _id(each: Shelved) -> UUID | None:
    """The id of a whole backup of ours."""
    try:
        return UUID(each.name.partition("-")[2]) if each.whole else None
    except ValueError:
        return None
