"""Run a batch of jobs: claim under a lease, do each, settle all. The same function on both hosts."""

import random
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from leadsrally.jobs import store
from leadsrally.jobs.types import Done, Job, Later, Perform, Report
from leadsrally.kit.clock import Clock
from leadsrally.kit.db import Database, Tx
from leadsrally.kit.errors import OUR_FAULT, RETRYABLE, LeadsRallyError
from leadsrally.kit.ids import new_id
from leadsrally.telemetry import log

_FIRST_RETRY = timedelta(seconds=5)
_LONGEST_RETRY = timedelta(hours=1)
_SETTLE_EVERY = timedelta(seconds=1)

Surprise = Callable[[BaseException], None]
"""Hears of an error that nobody expected; it is on its way to Sentry."""


def run_batch(
    db: Database,
    clock: Clock,
    queue: str,
    ids: Sequence[UUID],
    perform: Perform,
    *,
    lease: timedelta,
    surprise: Surprise,
) -> Report:
    """Claim those of `ids` that may run and `perform` each.

    A job that raises is tried again after a growing, jittered pause, and is dead after its last attempt or
    at once when trying again cannot help. One bad job never stops the others. Settling is fenced by the
    lease: a worker that took too long changes nothing.
    """
    started = clock()
    token = new_id(started)
    with db.across() as tx:
        claimed = store.claim(tx, queue, ids, token=token, lease_until=started + lease, now=started)
    tally = {"done": 0, "later": 0, "failed": 0, "dead": 0}
    finished: list[UUID] = []
    settled_at = started
    for job in claimed:
        try:
            result = perform(job)
        except Exception as error:  # noqa: BLE001  whatever a job does, the batch goes on
            tally[_failed(db, clock, job, token, error, surprise)] += 1
            continue
        match result:
            case Done():
                finished.append(job.id)
                tally["done"] += 1
            case Later(delay, reason):
                with db.across() as tx:
                    store.put_off(
                        tx,
                        job.id,
                        token=token,
                        run_at=clock() + delay,
                        error=reason,
                        counts_as_failure=False,
                    )
                tally["later"] += 1
        if clock() - settled_at > _SETTLE_EVERY:
            _settle(db, queue, finished, token)
            finished, settled_at = [], clock()
    _settle(db, queue, finished, token)
    return Report(**tally, skipped=len(ids) - len(claimed))


def _settle(db: Database, queue: str, finished: Sequence[UUID], token: UUID) -> None:
    if finished:
        with db.across() as tx:
            _ring_next(tx, queue, store.complete(tx, finished, token=token))


def _ring_next(tx: Tx, queue: str, keys: Sequence[str]) -> None:
    if keys:
        for job_id in store.next_in_order(tx, keys):
            tx.announce(queue, job_id)


def _failed(db: Database, clock: Clock, job: Job, token: UUID, error: Exception, surprise: Surprise) -> str:
    expected = isinstance(error, LeadsRallyError)
    word = word_of(error)
    if not expected or error.kind in OUR_FAULT:
        surprise(error)
    if not is_last(job, error):
        pause = retry_pause(job.attempts, error.retry_after if expected else None)
        log.warning("job.failed", job_id=job.id, kind=job.kind, attempts=job.attempts, error=error)
        with db.across() as tx:
            store.put_off(tx, job.id, token=token, run_at=clock() + pause, error=word, counts_as_failure=True)
        return "failed"
    log.error("job.dead", job_id=job.id, kind=job.kind, attempts=job.attempts, error=error)
    with db.across() as tx:
        key = store.bury(tx, job.id, token=token, error=word)
        _ring_next(tx, job.queue, [key] if key else [])
    return "dead"


def is_last(job: Job, error: Exception) -> bool:
    """Whether this failure is the job's last: trying again cannot help, or no try is left."""
    retry = not isinstance(error, LeadsRallyError) or error.kind in RETRYABLE
    return not retry or job.attempts >= job.max_attempts


def word_of(error: Exception) -> str:
    """The closed word by which a failure is written down."""
    return error.code if isinstance(error, LeadsRallyError) else type(error).__name__


def retry_pause(attempts: int, asked: float | None = None) -> timedelta:
    """How long to wait after the `attempts`-th failure: 5 s doubling to an hour, half of it at random.

    The random half keeps jobs that failed together from coming back together. What the other side asked
    for (`Retry-After`, in seconds) is never undercut.
    """
    # Twenty doublings are past the hour already; a thousand would be no time span at all.
    pause = min(_FIRST_RETRY * 2 ** min(attempts - 1, 20), _LONGEST_RETRY)
    pause = pause / 2 + pause / 2 * random.random()  # noqa: S311  # nosec B311: spreads load, guards nothing
    return max(pause, timedelta(seconds=asked or 0))


def due_now(db: Database, queue: str, *, limit: int, now: datetime, besides: Sequence[UUID]) -> list[UUID]:
    """Ids that could be claimed now, fair between organisations. The one-process bell asks this."""
    with db.across() as tx:
        return store.due(tx, queue, limit=limit, now=now, rung_before=now, besides=besides)
