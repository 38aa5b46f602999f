"""I9: memory does not grow with the file. The whole import runs in a process that may not have more."""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from infra.local.functions import PROJECT
from leadsrally.contacts.imports import store
from leadsrally.contacts.imports.desk import ImportDesk
from leadsrally.contacts.imports.look import look
from leadsrally.contacts.imports.run import run_import
from leadsrally.contacts.imports.types import file_of
from leadsrally.jobs.types import Job
from leadsrally.kit.clock import system_clock
from leadsrally.kit.crypto import KeyedHash
from leadsrally.kit.db import Database
from leadsrally.kit.ids import new_id
from leadsrally.providers.storage.folder import FolderStorage
from tests.world import World, days

ROWS = 60_000
MOST = 45  # megabytes that the larger file may take more than the small one: batches, and the numbers seen


def import_in_a_process(world: World, folder: Path, org: UUID, rows: int) -> tuple[float, dict[str, Any]]:
    """The largest memory of a process that imports so many rows, in megabytes, and the counts."""
    order = {"url": world.database.url("leadsrally_import_contacts"), "admin": world.database.url()}
    order |= {"folder": str(folder), "org": str(org), "rows": str(rows)}
    done = subprocess.run(
        [sys.executable, "-m", "tests.imports.test_import_memory", json.dumps(order)],
        cwd=PROJECT,
        env={**os.environ, "LEADSRALLY_LOG_LEVEL": "CRITICAL"},
        check=True,
        stdout=subprocess.PIPE,
    )
    peak, counts = json.loads(done.stdout.splitlines()[-1])
    return peak, counts


def test_I9_a_large_file_takes_no_more_memory_than_a_batch_of_it(world: World, tmp_path: Path):
    small, _ = import_in_a_process(world, tmp_path, world.organization("Small").id, 100)
    large, counts = import_in_a_process(world, tmp_path, world.organization("Large").id, ROWS)
    assert counts["created"] == ROWS
    assert large - small < MOST, (small, large)


def main(order: dict[str, str]) -> None:
    resource.setrlimit(resource.RLIMIT_DATA, (512 * 1024**2, 512 * 1024**2))
    org, import_id = UUID(order["org"]), new_id(system_clock())
    desk = ImportDesk(
        Database(order["url"], connections=2),
        system_clock,
        FolderStorage(Path(order["folder"])),
        KeyedHash(b"k" * 32),
    )
    desk.storage.put(file_of(org, import_id), _file(int(order["rows"])), content_type="text/csv")
    with psycopg.connect(order["admin"], autocommit=True) as admin:
        admin.execute(
            "INSERT INTO imports (organization_id, id, kind, state, actor_kind, bytes, created_at)"
            " VALUES (%s, %s, 'contacts', 'looking', 'system', 1, now())",
            (org, import_id),
        )
    job = Job(import_id, org, "import_contacts", "", {"import_id": str(import_id)}, 1, 1, None)
    look(desk, job)
    with desk.db.tenant(org) as tx:
        store.move(tx, org, import_id, ["ready"], "running", now=system_clock())
    run_import(desk, job, lambda: days(1))
    with desk.db.tenant(org) as tx:
        found = store.one(tx, org, import_id)
    assert found is not None
    assert found.state == "done"
    sys.stdout.write(json.dumps([resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, found.counts]))


def _file(rows: int) -> Iterator[bytes]:
    yield b"Phone,Name,Email\n"
    for number in range(rows):
        yield f"+1415{2_000_000 + number},Contact number {number} of the list,c{number}@example.test\n".encode()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
