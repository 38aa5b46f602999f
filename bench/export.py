"""Export of an organisation with 1,000,000 of 5,000,000 messages, in a process of its own.

The limit is its messages as `COPY … row_to_json`, asked by an administrator and thrown away. Beside it the same
messages as the export's pages of JSON lines, compressed and hashed, under row security; and the whole of
`build_export`: every table, each as JSON lines and once more as CSV, written to a folder.
"""

import json
import resource
import subprocess
import sys
import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID, uuid4

import psycopg

from bench.archive import SETTINGS, load_archive
from bench.cluster import Cluster, cluster
from bench.figures import Figure, alone, beside
from leadsrally.jobs.types import Done, Job
from leadsrally.kit.clock import system_clock
from leadsrally.kit.db import Database
from leadsrally.privacy.export.archive import Archive
from leadsrally.privacy.export.build import ExportDesk, build_export
from leadsrally.privacy.export.pages import Reach
from leadsrally.privacy.export.rows import Rows
from leadsrally.privacy.export.sheets import sheets
from leadsrally.providers.storage.folder import FolderStorage

_MB = 1024 * 1024


def measure(*, quick: bool) -> list[Figure]:
    """Load, then export some times, each beside the limit."""
    messages, rounds = (500_000, 2) if quick else (5_000_000, 3)
    with cluster(**SETTINGS) as pg:
        organization_id = load_archive(pg, messages=messages).organization_id
        limits: list[float] = []
        whole: list[float] = []
        plain: list[float] = []
        memory: list[float] = []
        _limit(pg, organization_id)  # warms the pages for everybody
        for _ in range(rounds):
            limits.append(_limit(pg, organization_id))
            told = _apart(pg, organization_id)
            whole.append(told["whole"])
            plain.append(told["plain"])
            memory.append(told["rss_mb"])
    limit_is = "COPY row_to_json of the messages, thrown away"
    rows = f"{messages // 5:,} messages"
    return [
        beside("export, messages as JSON", plain, "s", limits, limit_is, at_most=1.5, note=rows),
        beside("export, every table as JSON and as CSV", whole, "s", limits, limit_is, note=rows),
        alone("export, peak memory", max(memory), "MB", at_most=80),
    ]


def _limit(pg: Cluster, organization_id: UUID) -> float:
    columns = next(", ".join(sheet.columns) for sheet in sheets() if sheet.table == "messages")
    statement = f"COPY (SELECT row_to_json(r) FROM (SELECT {columns} FROM messages WHERE organization_id = '{organization_id}') AS r) TO STDOUT"
    with psycopg.connect(pg.url(), autocommit=True) as connection:
        started = time.perf_counter()
        with connection.cursor().copy(statement) as rows:  # pyright: ignore[reportArgumentType]
            for _ in rows:
                pass
        return time.perf_counter() - started


def _apart(pg: Cluster, organization_id: UUID) -> dict[str, float]:
    """Export in a process of its own, whose memory is the export's alone."""
    pg.execute("DELETE FROM export_parts")
    pg.execute("DELETE FROM exports")
    export_id = uuid4()
    pg.execute(
        "INSERT INTO exports (organization_id, id, requested_by, requested_at)"
        " VALUES (%(org)s, %(id)s, %(id)s, now())",
        org=organization_id,
        id=export_id,
    )
    child = [sys.executable, "-m", "bench.export", pg.url("export"), str(organization_id), str(export_id)]
    done = subprocess.run(child, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def _export(url: str, organization_id: UUID, export_id: UUID) -> dict[str, float]:
    db = Database(url)
    with TemporaryDirectory(prefix="leadsrally-bench-") as folder:
        desk = ExportDesk(
            db, system_clock, FolderStorage(Path(folder)), Reach("p@example.test", "s@example.test")
        )
        job = Job(export_id, organization_id, "export", "build", {"export_id": str(export_id)}, 1, 8, None)
        started = time.perf_counter()
        result = build_export(desk, job, time_left=lambda: timedelta(hours=1))
        whole = time.perf_counter() - started
        if not isinstance(result, Done):
            raise RuntimeError("the export did not end")  # noqa: TRY004
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    started = time.perf_counter()
    _messages(db, organization_id)
    plain = time.perf_counter() - started
    db.close()
    return {"whole": whole, "plain": plain, "rss_mb": rss}


def _messages(db: Database, organization_id: UUID) -> None:
    sheet = next(sheet for sheet in sheets() if sheet.table == "messages")
    with closing(Archive(system_clock())) as archive, archive.open("messages.jsonl") as file:
        after, more = None, True
        while more:
            with db.tenant(organization_id) as tx:
                rows = Rows.of(tx, sheet, organization_id, None)
                after, start = rows.end_of_page(tx, after), after
                file.write_lines(rows.as_json(tx, start, after))
            for _ in archive.taken():
                pass
            more = after is not None


if __name__ == "__main__":
    print(json.dumps(_export(sys.argv[1], UUID(sys.argv[2]), UUID(sys.argv[3]))))
