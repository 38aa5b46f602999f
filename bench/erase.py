"""Erasing an organisation with 1,000,000 of 5,000,000 messages, while another one goes on writing.

The limit is one cascading delete of the same rows in one transaction, by an administrator, in a copy of the same
files in which every foreign key cascades. Ours is `erase_organization` as its function runs it, under its own role.
In both another tenant writes 100 messages a second, open loop; its times during either are laid beside those of the
seconds before.
"""

import time
from contextlib import redirect_stdout
from dataclasses import dataclass
from datetime import timedelta
from io import StringIO
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID, uuid4

import psycopg

from bench.archive import SETTINGS, load_archive
from bench.cluster import Cluster, cluster
from bench.figures import Figure, alone, beside, percentile
from bench.prober import Prober, written
from leadsrally.jobs.types import Done, Job
from leadsrally.kit.clock import system_clock
from leadsrally.kit.crypto import KeyedHash
from leadsrally.kit.db import Database
from leadsrally.privacy.erasure.erase_messages import ErasureDesk
from leadsrally.privacy.erasure.erase_organization import erase_organization
from leadsrally.providers.storage.folder import FolderStorage

_RATE = 100  # messages a second
_BEFORE = 10.0  # seconds

_PROBE = """
INSERT INTO messages (organization_id, id, conversation_id, direction, body, status, status_rank, segments, created_at)
VALUES (%(organization_id)s, gen_random_uuid(), %(id)s, 'inbound', 'Hello, is it still there?', 'received', 1, 1, now())
"""
_THREADS = """
SELECT organization_id, id
  FROM conversations
 WHERE organization_id = (SELECT max(organization_id::text)::uuid FROM conversations)
 ORDER BY hashtext(id::text)
 LIMIT 5000
"""


def measure(*, quick: bool) -> list[Figure]:
    """Load once; then erase in two copies of it, one way each."""
    messages = 500_000 if quick else 5_000_000
    with cluster(**SETTINGS) as pg:
        organization_id = load_archive(pg, messages=messages).organization_id
        with pg.copied() as copy:
            _let_cascade(copy)
            limit = _timed(copy, organization_id, _cascading)
        with pg.copied() as copy:
            ours = _timed(copy, organization_id, _in_bites)
    rows = f"{messages // 5:,} messages of {messages:,}"
    return [
        beside(
            "erase an organisation",
            [ours.seconds],
            "s",
            [limit.seconds],
            "one cascading delete",
            at_most=1.5,
            note=rows,
        ),
        beside("erase, WAL", [ours.wal / 1e6], "MB", [limit.wal / 1e6], "one cascading delete"),
        beside(
            "erase, others' write p50",
            [percentile(ours.busy, 0.5)],
            "ms",
            [percentile(ours.quiet, 0.5)],
            "the seconds before",
        ),
        beside(
            "erase, others' write p99",
            [percentile(ours.busy, 0.99)],
            "ms",
            [percentile(ours.quiet, 0.99)],
            "the seconds before",
            at_most=2,
            note=f"slowest {max(ours.busy):.1f} ms, before {max(ours.quiet):.1f} ms; {len(ours.busy):,} writes",
        ),
        alone(
            "one cascading delete, others' write p99",
            percentile(limit.busy, 0.99),
            "ms",
            note=f"{percentile(limit.quiet, 0.99):.1f} ms before it",
        ),
    ]


# A copy in which whatever refers to a row goes with it. The delivery log stays, as it does in ours.
_REFERRING = """
SELECT conrelid::regclass::text AS of, conname AS name, pg_get_constraintdef(oid) AS definition
  FROM pg_constraint
 WHERE contype = 'f'
   AND confdeltype <> 'c'
   AND conparentid = 0
   AND conrelid <> 'delivery_log'::regclass
"""


def _let_cascade(pg: Cluster) -> None:
    for table, name, definition in pg.execute(_REFERRING):
        refers, deferred, _ = definition.partition(" DEFERRABLE")
        cascades = f"{refers.split(' ON DELETE ')[0]} ON DELETE CASCADE"
        pg.execute(
            f"ALTER TABLE {table} DROP CONSTRAINT {name},"
            f" ADD CONSTRAINT {name} {cascades}{deferred and ' DEFERRABLE INITIALLY DEFERRED'} NOT VALID"
        )


def _cascading(pg: Cluster, organization_id: UUID) -> None:
    pg.execute("DELETE FROM organizations WHERE id = %(id)s", id=organization_id)


def _in_bites(pg: Cluster, organization_id: UUID) -> None:
    deletion_id = uuid4()
    pg.execute(
        "INSERT INTO account_deletions (organization_id, id, state_before, requested_at, erases_at)"
        " VALUES (%(of)s, %(id)s, 'active', now() - interval '31 days', now() - interval '1 day')",
        of=organization_id,
        id=deletion_id,
    )
    pg.execute("UPDATE organizations SET state = 'leaving' WHERE id = %(id)s", id=organization_id)
    db, ids = Database(pg.url("erase")), {"deletion_id": str(deletion_id)}
    job = Job(deletion_id, organization_id, "erase", "organization", ids, 1, 60, None)
    with TemporaryDirectory(prefix="leadsrally-bench-") as folder, redirect_stdout(StringIO()):
        desk = ErasureDesk(db, system_clock, FolderStorage(Path(folder)), KeyedHash(b"h" * 32))
        result = erase_organization(desk, job, time_left=lambda: timedelta(hours=1))
    db.close()
    if not isinstance(result, Done):
        raise RuntimeError("the erasure did not end")  # noqa: TRY004


@dataclass(frozen=True, slots=True)
class Timed:
    """`quiet` and `busy`: milliseconds of the writes of another tenant before it and during it."""

    seconds: float
    wal: int
    quiet: list[float]
    busy: list[float]


def _timed(pg: Cluster, organization_id: UUID, erase: Any) -> Timed:
    threads = cycle(pg.execute(_THREADS))

    def write(connection: psycopg.Connection[Any]) -> None:
        of, thread = next(threads)
        connection.execute(_PROBE, {"organization_id": of, "id": thread}, prepare=True)

    with Prober(pg, _RATE, write) as prober:
        time.sleep(_BEFORE + 2)  # the first two seconds read what is not in memory yet
        wal, began = written(pg), time.perf_counter()
        erase(pg, organization_id)
        ended = time.perf_counter()
        wal = written(pg) - wal
    left = pg.value("SELECT count(*) FROM messages WHERE organization_id = %(id)s", id=organization_id)
    if left:
        raise RuntimeError(f"{left} messages are left")
    return Timed(ended - began, wal, prober.between(began - _BEFORE, began), prober.between(began, ended))
