"""A queue drained: events of a hundred jobs through `serve_queue`, beside the same claims and deletes without us.

Nine of ten jobs belong to one of twenty organisations. The jobs do nothing, so what is measured is the way to
them and back: choosing fairly, claiming under a lease, settling. The limit claims the oldest hundred with SKIP
LOCKED and deletes them, with no order, fairness, lease or retry.
"""

import os
import time
from contextlib import redirect_stdout
from datetime import timedelta
from uuid import UUID, uuid4

import psycopg

from bench.cluster import Cluster, cluster
from bench.figures import Figure, alone, beside
from infra.local.bells import event_for
from leadsrally.jobs.run import due_now
from leadsrally.jobs.serve import serve_queue
from leadsrally.jobs.types import Done, Job, Result
from leadsrally.kit.clock import system_clock
from leadsrally.kit.db import Database

_ORGANIZATIONS = 20
_BATCH = 100
_QUEUE = "ai_score"

_FILL = """
INSERT INTO jobs (id, organization_id, queue, kind, payload, run_at, created_at)
SELECT gen_random_uuid(),
       (%(organizations)s::uuid[])[CASE WHEN n %% 10 = 0 THEN 2 + (n / 10) %% %(small)s ELSE 1 END],
       'ai_score', 'nothing', '{}', now() - interval '1 minute' + n * interval '1 microsecond', now()
  FROM generate_series(1, %(count)s) AS n
"""

_CLAIM = """
UPDATE jobs SET state = 'leased'
 WHERE id IN (SELECT id FROM jobs WHERE queue = 'ai_score' AND state = 'queued'
               ORDER BY organization_id, run_at LIMIT 100 FOR UPDATE SKIP LOCKED)
RETURNING id
"""


def measure(*, quick: bool) -> list[Figure]:
    """Fill and drain in rounds: once bare, once through the house."""
    rounds, count = (2, 5_000) if quick else (3, 50_000)
    bare: list[float] = []
    ours: list[float] = []
    last_small = 0.0
    with cluster() as pg:
        organizations = [uuid4() for _ in range(_ORGANIZATIONS)]
        for organization_id in organizations:
            pg.execute(
                "INSERT INTO organizations (id, name, created_at) VALUES (%(id)s, 'Bench', now())",
                id=organization_id,
            )
        for _ in range(rounds):
            _fill(pg, organizations, count)
            bare.append(_drain_bare(pg, count))
            _fill(pg, organizations, count)
            rate, last_small = _drain(pg, organizations[0], count)
            ours.append(rate)
    return [
        beside("queue_drain jobs a second", ours, "jobs/s", bare, "claim 100 and delete 100, nothing else"),
        alone("queue_drain rate", sorted(ours)[len(ours) // 2], "jobs/s", at_least=10_000),
        alone(
            "queue_drain small organisations done after",
            last_small * 100,
            "%",
            note=f"of all jobs; they own a tenth, behind one that owns nine tenths ({count:,} jobs)",
        ),
    ]


def _fill(pg: Cluster, organizations: list[UUID], count: int) -> None:
    pg.execute(_FILL, organizations=organizations, small=_ORGANIZATIONS - 1, count=count)
    pg.execute("VACUUM ANALYZE jobs")


def _drain_bare(pg: Cluster, count: int) -> float:
    started = time.perf_counter()
    with psycopg.connect(pg.url(), autocommit=True) as connection:
        while True:
            ids = [row[0] for row in connection.execute(_CLAIM, prepare=True)]
            if not ids:
                return count / (time.perf_counter() - started)
            connection.execute("DELETE FROM jobs WHERE id = ANY (%s)", (ids,), prepare=True)


def _drain(pg: Cluster, flood: UUID, count: int) -> tuple[float, float]:
    """Jobs a second, and the share of all jobs that were done when the last small organisation's was."""
    done = 0
    last_small = 0

    def nothing(job: Job) -> Result:
        nonlocal done, last_small
        done += 1
        if job.organization_id != flood:
            last_small = done
        return Done()

    bell, worker = Database(pg.url("tick")), Database(pg.url(_QUEUE))
    started = time.perf_counter()
    with open(os.devnull, "w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):  # noqa: PTH123
        while ids := due_now(bell, _QUEUE, limit=_BATCH, now=system_clock(), besides=()):
            serve_queue(
                worker,
                system_clock,
                _QUEUE,
                event_for(_QUEUE, ids),
                {"nothing": nothing},
                lease=timedelta(minutes=2),
                surprise=lambda _error: None,
            )
    seconds = time.perf_counter() - started
    bell.close()
    worker.close()
    if done != count:
        raise RuntimeError(f"{done} jobs done of {count}")
    return count / seconds, last_small / count
