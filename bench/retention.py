"""One expired day of the delivery log dropped by the sweep, while calls go on being logged.

Ten million rows over 91 days; the oldest is due. The first sweep is alone and tells the WAL. Then the day is
filled and swept again while a prober inserts 200 rows a second, open loop: its times in the second from the
start of each sweep are laid beside those of the second before it.
"""

import time
from contextlib import redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import StringIO

from bench.cluster import Cluster, cluster
from bench.figures import Figure, alone, beside, percentile
from bench.prober import Prober, written
from leadsrally.kit.clock import system_clock
from leadsrally.kit.db import Database
from leadsrally.privacy.sweep import sweep_delivery_log

_DAYS = 91
_RATE = 200  # inserts a second
_WINDOW = 1.0  # seconds

_FILL = """
INSERT INTO delivery_log (received_at, id, provider, kind, outcome, http_status, bytes, request_id)
SELECT %(day)s + n * (interval '1 day' / %(rows)s), gen_random_uuid(), 'twilio', 'inbound', 'stored', 200, 512,
       '0f8e3c0e-8f53-4b1c-9d0e-5a2f6f1f2f3a'
  FROM generate_series(0, %(rows)s - 1) AS n
"""

_PROBE = """
INSERT INTO delivery_log (received_at, id, provider, kind, outcome, http_status, bytes, request_id)
VALUES (now(), gen_random_uuid(), 'twilio', 'inbound', 'stored', 200, 512, 'probe')
"""


def measure(*, quick: bool) -> list[Figure]:
    """Fill the days, then sweep one expired day again and again while calls go on being logged."""
    total, rounds = (500_000, 2) if quick else (10_000_000, 7)
    rows = total // _DAYS
    with cluster() as pg:
        today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        expired = today - timedelta(days=_DAYS - 1)
        for ahead in range(_DAYS):
            _fill(pg, expired + timedelta(days=ahead), rows)
        pg.execute("VACUUM ANALYZE delivery_log")
        pg.execute("CHECKPOINT")
        first, logged = _sweep(pg, rows), written(pg)  # nobody else writes: its WAL and nothing besides
        with Prober(pg, _RATE, lambda connection: connection.execute(_PROBE, prepare=True)) as prober:
            sweeps: list[Sweep] = []
            for _ in range(rounds):
                _fill(pg, expired, rows)
                time.sleep(2 * _WINDOW)
                sweeps.append(_sweep(pg, rows))
                time.sleep(_WINDOW)
        quiet = [t for sweep in sweeps for t in prober.between(sweep.began - _WINDOW, sweep.began)]
        busy = [t for sweep in sweeps for t in prober.between(sweep.began, sweep.began + _WINDOW)]
    seconds = [sweep.seconds for sweep in (first, *sweeps)]
    return [
        alone(
            "retention one day of 91 dropped",
            max(seconds),
            "s",
            at_most=1.0,
            note=f"the slowest of {len(seconds)}; {rows:,} of {total:,} rows",
        ),
        alone("retention WAL", (logged - first.wal) / 1e6, "MB", at_most=2.0),
        beside(
            "retention insert p50",
            [percentile(busy, 0.5)],
            "ms",
            [percentile(quiet, 0.5)],
            "the second before",
        ),
        beside(
            "retention insert p99",
            [percentile(busy, 0.99)],
            "ms",
            [percentile(quiet, 0.99)],
            "the second before",
            at_most=2,
            note=f"slowest {max(busy):.1f} ms, before {max(quiet):.1f} ms; {len(busy):,} inserts",
        ),
    ]


def _fill(pg: Cluster, day: datetime, rows: int) -> None:
    pg.execute("SELECT delivery_log_make_day(%(day)s::date)", day=day.date())
    pg.execute(_FILL, day=day, rows=rows)


@dataclass(frozen=True, slots=True)
class Sweep:
    began: float
    seconds: float
    wal: int  # where the log stood before


def _sweep(pg: Cluster, rows: int) -> Sweep:
    wal = written(pg)
    db = Database(pg.url("retention_sweep"))
    began = time.perf_counter()
    with redirect_stdout(StringIO()):
        run = sweep_delivery_log(db, system_clock, dry_run=False, time_left=lambda: timedelta(hours=1))
    seconds = time.perf_counter() - began
    db.close()
    if run.deleted != rows or run.due_after:
        raise RuntimeError(f"{run.deleted} rows gone of {rows}, {run.due_after} still due")
    return Sweep(began, seconds, wal)
