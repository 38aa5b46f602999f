"""One expired day of the delivery log dropped by the sweep, while calls go on being logged.

Ten million rows over 91 days; the oldest is due. A prober inserts 200 rows a second, open loop, before and
during. WAL is what the server wrote for the sweep beyond what the prober's rows cost.
"""

import threading
import time
from datetime import UTC, datetime, timedelta

import psycopg

from bench.cluster import Cluster, cluster
from bench.figures import Figure, alone, percentile
from leadsrally.kit.clock import system_clock
from leadsrally.kit.db import Database
from leadsrally.privacy.sweep import sweep_delivery_log

_DAYS = 91
_RATE = 200  # inserts a second

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
    """Fill the days, probe for a while, then probe while the sweep runs."""
    total, before_seconds = (500_000, 3.0) if quick else (10_000_000, 15.0)
    with cluster() as pg:
        rows = total // _DAYS
        today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        for back in range(_DAYS - 1, -1, -1):
            day = today - timedelta(days=back)
            pg.execute("SELECT delivery_log_make_day(%(day)s::date)", day=day.date())
            pg.execute(_FILL, day=day, rows=rows)
        pg.execute("VACUUM ANALYZE delivery_log")
        pg.execute("CHECKPOINT")
        quiet = _Prober(pg).run_for(before_seconds)
        prober = _Prober(pg)
        prober.start()
        time.sleep(2.0)
        wal = pg.value("SELECT pg_current_wal_insert_lsn()")
        probed = len(prober.took)
        db = Database(pg.url("retention_sweep"))
        started = time.perf_counter()
        run = sweep_delivery_log(db, system_clock, dry_run=False, time_left=lambda: timedelta(hours=1))
        seconds = time.perf_counter() - started
        written = int(pg.value("SELECT pg_current_wal_insert_lsn() - %(wal)s::pg_lsn", wal=wal))
        probed = len(prober.took) - probed
        db.close()
        time.sleep(2.0)
        busy = prober.stop()
        if run.deleted != rows or run.due_after:
            raise RuntimeError(f"{run.deleted} rows gone of {rows}, {run.due_after} still due")
    calm = percentile(quiet, 0.99)
    p99 = percentile(busy, 0.99)
    return [
        alone(
            "retention one day of 91 dropped", seconds, "s", at_most=1.0, note=f"{rows:,} of {total:,} rows"
        ),
        alone("retention WAL", written / 1e6, "MB", at_most=2.0, note=f"with {probed} probes in it"),
        Figure(
            "retention concurrent insert p99",
            p99,
            "ms",
            calm,
            "before the sweep",
            p99 / calm,
            "≤ 2 ×",
            p99 <= 2 * calm,
            f"slowest {max(busy):.1f} ms, before {max(quiet):.1f} ms",
        ),
    ]


class _Prober:
    """Inserts on schedule, whatever the last insert took; its times count from when each was due."""

    def __init__(self, pg: Cluster) -> None:
        self._connection = psycopg.connect(pg.url(), autocommit=True)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._probe, daemon=True)
        self.took: list[float] = []

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> list[float]:
        self._stopping.set()
        self._thread.join()
        self._connection.close()
        return self.took

    def run_for(self, seconds: float) -> list[float]:
        self.start()
        time.sleep(seconds)
        return self.stop()

    def _probe(self) -> None:
        due = time.perf_counter()
        while not self._stopping.is_set():
            due += 1 / _RATE
            time.sleep(max(0.0, due - time.perf_counter()))
            self._connection.execute(_PROBE, prepare=True)
            self.took.append((time.perf_counter() - due) * 1000)
