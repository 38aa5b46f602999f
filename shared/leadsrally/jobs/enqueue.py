"""Promise work in the transaction that causes it, so that neither can exist without the other."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from leadsrally.jobs import store
from leadsrally.kit.db import Tx
from leadsrally.kit.ids import new_id


def enqueue(
    tx: Tx,
    organization_id: UUID,
    queue: str,
    kind: str,
    payload: Mapping[str, str],
    *,
    now: datetime,
    delay: timedelta = timedelta(0),
    ordering_key: str | None = None,
    unique_key: str | None = None,
    patience: timedelta = timedelta(0),
    max_attempts: int = 8,
) -> UUID:
    """Write the job and have its bell rung after the commit; returns the job's id.

    `delay` may be of any length: a bell that cannot wait so long is left to the tick. Jobs with the same
    `ordering_key` run one after another. A waiting job with the same `unique_key` is renewed instead of
    doubled, and put off by `patience` at most.
    """
    job_id = store.insert(
        tx,
        organization_id,
        job_id=new_id(now),
        queue=queue,
        kind=kind,
        payload=payload,
        run_at=now + delay,
        max_attempts=max_attempts,
        ordering_key=ordering_key,
        unique_key=unique_key,
        patience=patience,
        now=now,
    )
    if not delay:
        tx.announce(queue, job_id)
    return job_id


def pretend(tx: Tx, queue: str, *, now: datetime) -> None:
    """Take the way of `enqueue` and promise nothing: one statement, and a bell that finds no job.

    For an answer whose time must not tell whether there was something to do.
    """
    job_id = new_id(now)
    store.exists(tx, job_id)
    tx.announce(queue, job_id)
