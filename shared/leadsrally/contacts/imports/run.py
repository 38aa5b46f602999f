"""Bring a file into the base: read in one thread, written in another, some thousand rows to a commit.

What is read depends on the file alone. So a worker that takes over after a death reads from the beginning, writes
nothing of what is committed, and knows the same duplicates and the same problems. Memory does not grow with the file,
but for some bytes for each number (numbers.Seen).
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Final
from uuid import UUID

from leadsrally.contacts.imports import listed_numbers, store
from leadsrally.contacts.imports.behind import Behind
from leadsrally.contacts.imports.desk import GOES_ON, ImportDesk, promise_to_forget
from leadsrally.contacts.imports.merge import Batch, merge, preview, stage
from leadsrally.contacts.imports.problems import Problems
from leadsrally.contacts.imports.records import Unreadable
from leadsrally.contacts.imports.store import Import
from leadsrally.contacts.imports.types import Counts, problems_of
from leadsrally.contacts.imports.work import Work, batches, opened
from leadsrally.jobs.types import Done, Job, Result
from leadsrally.kit.db import Tx
from leadsrally.kit.errors import NotFound
from leadsrally.telemetry import log

_MARGIN: Final = timedelta(seconds=30)  # for the batch at work, and to say where to go on

TimeLeft = Callable[[], timedelta]


class _TakenOver(Exception):
    """Cancelled, or another worker is further."""


def check_import(desk: ImportDesk, job: Job) -> Result:
    """Read it all and look at the base: what it would come to, and with which problems. Changes no contact."""
    organization_id, found = job.organization_id, _of(desk, job)
    if found is None or found.state != "checking":
        return Done()
    counts = Counts()
    try:
        with opened(desk, organization_id, found) as work, Problems(work.names) as problems:
            for batch in batches(work, problems, desk.batch):
                with desk.db.tenant(organization_id) as tx:
                    counts += batch.counts + _foreseen(tx, desk, work, batch)
            _keep(desk, organization_id, found, problems)
    except (Unreadable, NotFound) as unusable:
        return _fail(desk, job, found, unusable.code)
    with desk.db.tenant(organization_id) as tx:
        store.checked(tx, organization_id, found.id, counts)
    log.info("import.checked", import_id=found.id, count=counts.rows)
    return Done()


def run_import(desk: ImportDesk, job: Job, time_left: TimeLeft) -> Result:
    """Go as far as the time allows; where that is not the end, the job comes again within a minute.

    Raises `Unavailable` when the storage or the base is away: the job comes again, and goes on from what is committed.
    """
    organization_id, found = job.organization_id, _of(desk, job)
    if found is None or found.state != "running":
        return Done()
    try:
        if not _written(desk, organization_id, found, time_left):
            return GOES_ON
    except _TakenOver:
        log.info("import.taken_over", import_id=found.id)
        return Done()
    except (Unreadable, NotFound) as unusable:
        return _fail(desk, job, found, unusable.code)
    with desk.db.tenant(organization_id) as tx:
        now = desk.clock()
        if store.move(tx, organization_id, found.id, ["running"], "done", now=now):
            promise_to_forget(tx, organization_id, found.id, now=now)
    log.info("import.done", import_id=found.id)
    return Done()


def _written(desk: ImportDesk, organization_id: UUID, found: Import, time_left: TimeLeft) -> bool:
    """Returns False when there was no time for all of it."""
    with opened(desk, organization_id, found) as work, Problems(work.names) as problems, Behind() as behind:
        for batch in batches(work, problems, desk.batch, after=found.lines_done):
            behind.do(lambda batch=batch: _write(desk, work, batch))
            if time_left() < _MARGIN:
                behind.wait()
                return False
        behind.wait()
        _keep(desk, organization_id, found, problems)
    return True


def _write(desk: ImportDesk, work: Work, batch: Batch) -> None:
    """One batch and how far it brings the import, in one transaction."""
    plan, now = work.plan, desk.clock()
    with desk.db.tenant(plan.organization_id) as tx:
        so_far = store.take(tx, plan.organization_id, plan.import_id, after=batch.after)
        if so_far is None:
            raise _TakenOver
        counts = so_far + batch.counts
        if batch.rows:
            stage(tx, batch)
            if work.kind == "suppressions":
                counts += listed_numbers.suppress(tx, plan.organization_id, work.channels, batch, now=now)
            else:
                counts += merge(tx, plan, batch, now=now)
        store.advance(tx, plan.organization_id, plan.import_id, last=batch.last, counts=counts, now=now)


def _foreseen(tx: Tx, desk: ImportDesk, work: Work, batch: Batch) -> Counts:
    stage(tx, batch)
    if work.kind == "suppressions":
        return listed_numbers.foresee(tx, work.plan.organization_id, work.channels, batch)
    return preview(tx, work.plan, batch, now=desk.clock())


def _of(desk: ImportDesk, job: Job) -> Import | None:
    with desk.db.tenant(job.organization_id) as tx:
        return store.one(tx, job.organization_id, UUID(job.payload["import_id"]))


def _keep(desk: ImportDesk, organization_id: UUID, found: Import, problems: Problems) -> None:
    key = problems_of(organization_id, found.id)
    if problems:
        desk.storage.put(key, problems.chunks(), content_type="text/csv")
    else:
        desk.storage.delete(key)


def _fail(desk: ImportDesk, job: Job, found: Import, reason: str) -> Result:
    with desk.db.tenant(job.organization_id) as tx:
        now = desk.clock()
        if store.move(tx, job.organization_id, found.id, [found.state], "failed", reason=reason, now=now):
            promise_to_forget(tx, job.organization_id, found.id, now=now)
    log.warning("import.failed", import_id=found.id, reason=reason)
    return Done()
