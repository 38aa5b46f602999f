"""The door of a queue function: an SQS event in, the jobs run, the unreadable records given back."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from leadsrally.jobs.bell import rung
from leadsrally.jobs.run import Surprise, run_batch
from leadsrally.jobs.types import Job, Perform, Result
from leadsrally.kit.clock import Clock
from leadsrally.kit.db import Database
from leadsrally.kit.errors import Invalid
from leadsrally.telemetry import log


def serve_queue(
    db: Database,
    clock: Clock,
    queue: str,
    event: dict[str, Any],
    performers: Mapping[str, Perform],
    *,
    lease: timedelta,
    surprise: Surprise,
) -> dict[str, Any]:
    """Run what the event rings for; returns SQS's partial batch response.

    Retries are the jobs table's business, so a failed job is no failed message. Only a record that names
    no job goes back, and from there to the dead-letter queue. Raises `Unavailable` when Postgres is away:
    then the whole batch comes again.
    """
    ids, unreadable = rung(event)

    def perform(job: Job) -> Result:
        act = performers.get(job.kind)
        if act is None:
            raise Invalid("This version knows no such work.", code="unknown_kind")
        with log.bound(organization_id=job.organization_id, job_id=job.id):
            return act(job)

    report = run_batch(db, clock, queue, ids, perform, lease=lease, surprise=surprise)
    log.info(
        "jobs.ran",
        done=report.done,
        later=report.later,
        failed=report.failed,
        dead=report.dead,
        skipped=report.skipped,
    )
    return {"batchItemFailures": [{"itemIdentifier": identifier} for identifier in unreadable]}
