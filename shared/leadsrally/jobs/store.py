"""The jobs table.

Statements that take no organisation serve every tenant, through policies named in the migration: a worker
sees its own queue, the tick sees all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from leadsrally.jobs.types import Job
from leadsrally.kit.db import Tx

# A queued job with the same unique key is not doubled: it takes the newer payload and is put off to the
# newer time, but never by more than `patience` after it was first asked for.
_INSERT = """
INSERT INTO jobs AS waiting (
    id, organization_id, queue, kind, payload, run_at, max_attempts, ordering_key, unique_key, created_at
)
VALUES (
    %(id)s, %(organization_id)s, %(queue)s, %(kind)s, %(payload)s, %(run_at)s, %(max_attempts)s,
    %(ordering_key)s, %(unique_key)s, %(now)s
)
ON CONFLICT (queue, unique_key) WHERE unique_key IS NOT NULL AND state = 'queued'
DO UPDATE SET payload = excluded.payload,
              run_at = least(excluded.run_at, waiting.created_at + %(patience)s),
              rung_at = NULL
RETURNING id
"""


def insert(
    tx: Tx,
    organization_id: UUID,
    *,
    job_id: UUID,
    queue: str,
    kind: str,
    payload: Mapping[str, Any],
    run_at: datetime,
    max_attempts: int,
    ordering_key: str | None,
    unique_key: str | None,
    patience: timedelta,
    now: datetime,
) -> UUID:
    return tx.value(
        _INSERT,
        {
            "organization_id": organization_id,
            "id": job_id,
            "queue": queue,
            "kind": kind,
            "payload": Jsonb(payload),
            "run_at": run_at,
            "max_attempts": max_attempts,
            "ordering_key": ordering_key,
            "unique_key": unique_key,
            "patience": patience,
            "now": now,
        },
    )


_EXISTS = """
SELECT count(*) > 0 FROM jobs WHERE id = %(id)s
"""


def exists(tx: Tx, job_id: UUID) -> bool:
    return tx.value(_EXISTS, {"id": job_id})


# Its unique key goes with the claim: what is asked for from now on is a new job, and this one may come back
# beside it.
_CLAIM = """
WITH picked AS (
    SELECT j.id
      FROM jobs AS j
     WHERE j.id = ANY (%(ids)s)
       AND j.queue = %(queue)s
       AND j.state = 'queued'
       AND j.run_at <= %(now)s
       AND (j.ordering_key IS NULL OR NOT EXISTS (
               SELECT 1
                 FROM jobs AS earlier
                WHERE earlier.ordering_key = j.ordering_key
                  AND earlier.state <> 'dead'
                  AND earlier.number < j.number))
       FOR UPDATE OF j SKIP LOCKED
)
UPDATE jobs
   SET state = 'leased',
       attempts = attempts + 1,
       lease_token = %(token)s,
       lease_until = %(lease_until)s,
       unique_key = NULL
  FROM picked
 WHERE jobs.id = picked.id
RETURNING jobs.id, jobs.organization_id, jobs.queue, jobs.kind, jobs.payload,
          jobs.attempts, jobs.max_attempts, jobs.ordering_key
"""


def claim(
    tx: Tx, queue: str, ids: Sequence[UUID], *, token: UUID, lease_until: datetime, now: datetime
) -> list[Job]:
    """Lease those of `ids` that are due and whose turn it is. Two workers never get the same job."""
    return tx.all(
        Job,
        _CLAIM,
        {"queue": queue, "ids": list(ids), "token": token, "lease_until": lease_until, "now": now},
    )


_COMPLETE = """
DELETE FROM jobs
 WHERE id = ANY (%(ids)s)
   AND lease_token = %(token)s
RETURNING ordering_key
"""


def complete(tx: Tx, ids: Sequence[UUID], *, token: UUID) -> list[str]:
    """Take finished jobs off the table; returns the ordering keys whose next job may now run.

    A worker whose lease was taken over deletes nothing: the token no longer fits.
    """
    keys = tx.values(_COMPLETE, {"ids": list(ids), "token": token})
    return [key for key in keys if key is not None]


_NEXT_IN_ORDER = """
SELECT DISTINCT ON (ordering_key) id
  FROM jobs
 WHERE ordering_key = ANY (%(keys)s)
   AND state <> 'dead'
 ORDER BY ordering_key, number
"""


def next_in_order(tx: Tx, keys: Sequence[str]) -> list[UUID]:
    return tx.values(_NEXT_IN_ORDER, {"keys": list(keys)})


_PUT_OFF = """
UPDATE jobs
   SET state = 'queued',
       run_at = %(run_at)s,
       rung_at = NULL,
       attempts = attempts - %(forgiven)s,
       lease_token = NULL,
       lease_until = NULL,
       error = %(error)s
 WHERE id = %(id)s
   AND lease_token = %(token)s
"""


def put_off(
    tx: Tx, job_id: UUID, *, token: UUID, run_at: datetime, error: str, counts_as_failure: bool
) -> None:
    tx.run(
        _PUT_OFF,
        {
            "id": job_id,
            "token": token,
            "run_at": run_at,
            "error": error,
            "forgiven": 0 if counts_as_failure else 1,
        },
    )


_BURY = """
UPDATE jobs
   SET state = 'dead', lease_token = NULL, lease_until = NULL, error = %(error)s
 WHERE id = %(id)s
   AND lease_token = %(token)s
RETURNING ordering_key
"""


def bury(tx: Tx, job_id: UUID, *, token: UUID, error: str) -> str | None:
    """Give a job up. It stays on the table, visible and replayable; those behind it may go on."""
    return tx.value(_BURY, {"id": job_id, "token": token, "error": error})


# Fair between organisations: each gets a turn before any gets a second one, however long its queue. The
# recursive part hops from tenant to tenant along the index instead of reading a flood of rows.
_DUE = """
WITH RECURSIVE tenant AS (
    (SELECT organization_id
       FROM jobs
      WHERE queue = %(queue)s AND state = 'queued'
      ORDER BY organization_id
      LIMIT 1)
    UNION ALL
    SELECT (SELECT j.organization_id
              FROM jobs AS j
             WHERE j.queue = %(queue)s AND j.state = 'queued' AND j.organization_id > tenant.organization_id
             ORDER BY j.organization_id
             LIMIT 1)
      FROM tenant
     WHERE tenant.organization_id IS NOT NULL
)
SELECT due.id
  FROM tenant
 CROSS JOIN LATERAL (
    SELECT j.id, j.run_at, row_number() OVER (ORDER BY j.run_at) AS turn
      FROM jobs AS j
     WHERE j.queue = %(queue)s
       AND j.state = 'queued'
       AND j.organization_id = tenant.organization_id
       AND j.run_at <= %(now)s
       AND (j.rung_at IS NULL OR j.rung_at <= %(rung_before)s)
       AND j.id <> ALL (%(besides)s)
       AND (j.ordering_key IS NULL OR NOT EXISTS (
               SELECT 1
                 FROM jobs AS earlier
                WHERE earlier.ordering_key = j.ordering_key
                  AND earlier.state <> 'dead'
                  AND earlier.number < j.number))
     ORDER BY j.run_at
     LIMIT %(limit)s
 ) AS due
 ORDER BY due.turn, due.run_at
 LIMIT %(limit)s
"""


def due(
    tx: Tx, queue: str, *, limit: int, now: datetime, rung_before: datetime, besides: Sequence[UUID] = ()
) -> list[UUID]:
    """Ids of jobs that can run now, one of each organisation first, then the second of each, and so on."""
    return tx.values(
        _DUE,
        {
            "queue": queue,
            "limit": limit,
            "now": now,
            "rung_before": rung_before,
            "besides": list(besides),
        },
    )


_MARK_RUNG = """
UPDATE jobs SET rung_at = %(now)s WHERE id = ANY (%(ids)s) AND state = 'queued'
"""


def mark_rung(tx: Tx, ids: Sequence[UUID], *, now: datetime) -> None:
    tx.run(_MARK_RUNG, {"ids": list(ids), "now": now})


_RESCUE = """
UPDATE jobs
   SET state = CASE WHEN attempts >= max_attempts THEN 'dead' ELSE 'queued' END,
       run_at = %(now)s,
       rung_at = NULL,
       lease_token = NULL,
       lease_until = NULL,
       error = 'worker_lost'
 WHERE id IN (SELECT id
                FROM jobs
               WHERE state = 'leased' AND lease_until <= %(now)s
               ORDER BY lease_until
               LIMIT %(limit)s
                 FOR UPDATE SKIP LOCKED)
"""


def rescue(tx: Tx, *, now: datetime, limit: int) -> int:
    """Free the jobs of workers that died: their lease has run out. A rescue is a second run."""
    return tx.run(_RESCUE, {"now": now, "limit": limit})


@dataclass(frozen=True, slots=True)
class DeadJob:
    id: UUID
    queue: str
    kind: str
    attempts: int
    error: str | None
    created_at: datetime


_DEAD = """
SELECT id, queue, kind, attempts, error, created_at
  FROM jobs
 WHERE organization_id = %(organization_id)s
   AND state = 'dead'
 ORDER BY created_at DESC, id DESC
 LIMIT %(limit)s
"""


def dead(tx: Tx, organization_id: UUID, *, limit: int) -> list[DeadJob]:
    return tx.all(DeadJob, _DEAD, {"organization_id": organization_id, "limit": limit})


_REPLAY = """
UPDATE jobs
   SET state = 'queued', attempts = 0, run_at = %(now)s, rung_at = NULL, error = NULL
 WHERE organization_id = %(organization_id)s
   AND id = %(id)s
   AND state = 'dead'
RETURNING queue
"""


def replay(tx: Tx, organization_id: UUID, job_id: UUID, *, now: datetime) -> str | None:
    """Give a dead job all its attempts back; returns its queue, or None when there is no such dead job."""
    return tx.value(_REPLAY, {"organization_id": organization_id, "id": job_id, "now": now})
