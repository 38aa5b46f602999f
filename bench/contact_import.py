"""A CSV of 1,000,000 contacts through the import, beside a plain COPY of the same rows, clean, into the same table.

The file holds numbers as people write them: a third repeated, in E.164, national, dialled from abroad, with extensions,
broken. The import runs in a process of its own, whose memory is looked at. The limit is Postgres alone: the rows that the
import made, copied back in by an administrator, every index and foreign key of the table in place. Then the same file is
imported again, and once more with a declaration of consent, beside a COPY of those rows too.
"""

import csv
import json
import random
import subprocess
import sys
import time
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

import psycopg

from bench.cluster import Cluster, cluster
from bench.figures import Figure, alone, beside, within
from infra.local.functions import PROJECT
from leadsrally.contacts.imports import store
from leadsrally.contacts.imports.desk import ImportDesk
from leadsrally.contacts.imports.look import look
from leadsrally.contacts.imports.run import check_import, run_import
from leadsrally.contacts.imports.types import Attestation, file_of
from leadsrally.jobs.types import Job
from leadsrally.kit.clock import system_clock
from leadsrally.kit.crypto import KeyedHash
from leadsrally.kit.db import Database
from leadsrally.kit.ids import new_id
from leadsrally.providers.storage.folder import FolderStorage

_ORGANIZATION = UUID("00000000-0000-7000-8000-000000000001")
_CITIES = (
    "Boston",
    "Houston",
    "München",
    "São Paulo",
    "Sevilla",
    "Lyon",
    "Torino",
    "Porto",
    "Denver",
    "Omaha",
)
_ABROAD = ("44 7{:09d}", "49 151 {:08d}", "33 6 {:08d}", "34 6{:08d}", "55 11 9{:08d}", "39 34{:08d}")
_AREAS = (212, 305, 415, 512, 617, 702, 713, 718, 773, 801, 808, 818, 919, 949, 954)
_TABLES = ("contacts", "consent_events", "consent_states")


def measure(*, quick: bool) -> list[Figure]:
    rows = 50_000 if quick else 1_000_000
    with TemporaryDirectory(prefix="leadsrally-bench-", dir="/var/tmp") as folder, cluster() as pg:
        place = Path(folder)
        _write_file(place / "contacts.csv", rows)
        _furnish(pg)
        first = _imported(pg, place, consent=False)
        limit = _copied(pg, place, ("contacts",))  # and there they are again
        again = _imported(pg, place, consent=False, tried=False)
        changed = again["counts"]["created"] + again["counts"]["updated"]
        _empty(pg)
        proven = _imported(pg, place, consent=True, tried=False)
        proven_limit = _copied(pg, place, _TABLES)
        rate = rows / first["run"]
        told = ", ".join(
            f"{count:,} {word}" for word, count in first["counts"].items() if count and word != "reasons"
        )
        return [
            beside(
                "import, rows/s",
                [rate],
                "/s",
                [rows / limit],
                "COPY of the clean rows",
                at_least=0.5,
                note=f"{rows:,} rows, {(place / 'contacts.csv').stat().st_size / 1e6:.0f} MB: {told}",
            ),
            alone("import, largest memory", first["rss_mb"], "MB", at_most=100),
            within("look at the file", first["look"], "s", limit, "COPY"),
            within("try it", first["check"], "s", limit, "COPY"),
            within("import of the same file again", again["run"], "s", first["run"], "the first time"),
            alone("contacts that it changed", changed, "", at_most=0),
            beside(
                "import with consent, rows/s",
                [rows / proven["run"]],
                "/s",
                [rows / proven_limit],
                "COPY of contacts, consent events and states",
                at_least=0.5,
            ),
        ]


def _write_file(path: Path, rows: int) -> None:
    """Some 160 bytes a row."""
    chance = random.Random(7)
    known: list[str] = []
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["Phone", "Name", "Email", "Company", "City", "Score", "Note"])
        for number in range(rows):
            kind = chance.random()
            area, local = chance.choice(_AREAS), chance.randrange(2_000_000, 9_999_999)
            national = f"{area}{local}"
            if kind < 0.08 and known:
                phone = chance.choice(known)
            elif kind < 0.38:
                phone = f"+1{national}"
                if len(known) < 200_000:
                    known.append(phone)
            elif kind < 0.78:
                phone = f"({area}) {national[3:6]}-{national[6:]}"
            elif kind < 0.94:
                abroad = chance.choice(_ABROAD).format(chance.randrange(10**7, 10**8))
                phone = f"+{abroad}" if kind < 0.9 else f"011 {abroad}"
            elif kind < 0.96:
                phone = f"{area}-{national[3:6]}-{national[6:]} x{chance.randrange(10, 999)}"
            else:
                phone = chance.choice(("1.2E+10", "n/a", "", f"{local}", "call the office"))
            name = f"Contact {number:07d} of {chance.choice(_CITIES)}"
            company = f"Company {number % 50_000:05d} GmbH & Co. KG"
            note = f"met at the fair of {2010 + number % 17}, hall {number % 40}"
            writer.writerow(
                [
                    phone,
                    name,
                    f"contact{number}@company{number % 50_000}.example",
                    company,
                    _CITIES[number % 10],
                    number % 100,
                    note,
                ]
            )


def _furnish(pg: Cluster) -> None:
    pg.execute(
        "INSERT INTO organizations (id, name, created_at) VALUES (%(id)s, 'Bench', now())", id=_ORGANIZATION
    )
    for place, (key, kind) in enumerate(
        {"company": "text", "city": "text", "score": "number", "note": "text"}.items(), 1
    ):
        pg.execute(
            "INSERT INTO contact_fields (organization_id, id, key, label, type, created_at)"
            " VALUES (%(org)s, %(id)s, %(key)s, %(key)s, %(kind)s, now())",
            org=_ORGANIZATION,
            id=UUID(int=place),
            key=key,
            kind=kind,
        )


def _imported(pg: Cluster, place: Path, *, consent: bool, tried: bool = True) -> dict[str, Any]:
    """Run a whole import in a process of its own; seconds of each part, counts and the process's largest memory."""
    pg.execute("CHECKPOINT")
    order = {"url": pg.url("import_contacts"), "admin": pg.url(), "place": str(place)}
    order |= {"consent": consent, "tried": tried}
    done = subprocess.run(
        [sys.executable, "-m", "bench.contact_import", json.dumps(order)],
        cwd=PROJECT,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    pg.execute("VACUUM ANALYZE contacts")
    return json.loads(done.stdout.splitlines()[-1])


def _copied(pg: Cluster, place: Path, tables: tuple[str, ...]) -> float:
    """Copy out what is there, empty the tables, and copy it in again, where it stays: seconds of the last part."""
    names = {
        table: ", ".join(
            row[0]
            for row in pg.execute(
                "SELECT attname FROM pg_attribute WHERE attrelid = %(table)s::regclass AND attnum > 0"
                " AND NOT attisdropped AND attgenerated = '' ORDER BY attnum",
                table=table,
            )
        )
        for table in tables
    }
    place.chmod(0o777)
    for table in tables:
        pg.execute(f"COPY (SELECT {names[table]} FROM {table} ORDER BY 1, 2) TO '{place}/{table}.copy'")
    _empty(pg)
    pg.execute("CHECKPOINT")
    started = time.monotonic()
    for table in tables:
        pg.execute(f"COPY {table} ({names[table]}) FROM '{place}/{table}.copy'")
    took = time.monotonic() - started
    pg.execute("VACUUM ANALYZE contacts")
    return took


def _empty(pg: Cluster) -> None:
    pg.execute("TRUNCATE contacts, import_changes CASCADE")


def _play(order: dict[str, Any]) -> dict[str, Any]:
    """One import from its file to its end, as the queue's function does it."""
    clock, place = system_clock, Path(order["place"])
    desk = ImportDesk(
        Database(order["url"], connections=2), clock, FolderStorage(place / "files"), KeyedHash(b"b" * 32)
    )
    import_id = new_id(clock())
    with psycopg.connect(order["admin"], autocommit=True) as admin:
        admin.execute(
            "INSERT INTO imports (organization_id, id, kind, state, actor_kind, bytes, created_at)"
            " VALUES (%s, %s, 'contacts', 'looking', 'system', 1, now())",
            (_ORGANIZATION, import_id),
        )
    target = desk.storage.path(file_of(_ORGANIZATION, import_id))  # pyright: ignore[reportAttributeAccessIssue]
    target.parent.mkdir(parents=True, exist_ok=True)
    target.symlink_to(place / "contacts.csv")
    job = Job(import_id, _ORGANIZATION, "import_contacts", "", {"import_id": str(import_id)}, 1, 1, None)
    took: dict[str, Any] = {}

    def timed(name: str, act: Any) -> None:
        started = time.monotonic()
        act()
        took[name] = time.monotonic() - started

    timed("look", lambda: look(desk, job))
    proof = Attestation((("sms", "marketing"),), "Text me.", "web_form", "form 7")
    with desk.db.tenant(_ORGANIZATION) as tx:
        told = {"mapping": None, "country": "US", "tags": None, "channels": None}
        store.describe(
            tx, _ORGANIZATION, import_id, attestation=proof if order["consent"] else Attestation(), **told
        )
    if order["tried"]:
        with desk.db.tenant(_ORGANIZATION) as tx:
            store.move(tx, _ORGANIZATION, import_id, ["ready"], "checking", now=clock())
        timed("check", lambda: check_import(desk, job))
    with desk.db.tenant(_ORGANIZATION) as tx:
        store.move(tx, _ORGANIZATION, import_id, ["ready"], "running", now=clock())
    timed("run", lambda: run_import(desk, job, lambda: timedelta(hours=1)))
    with desk.db.tenant(_ORGANIZATION) as tx:
        found = store.one(tx, _ORGANIZATION, import_id)
    assert found is not None
    assert found.state == "done", found.state
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    return {
        **took,
        "counts": found.counts,
        "rss_mb": peak / 1000,
        "mapped": [asdict(one) for one in found.mapped],
    }


if __name__ == "__main__":
    print(json.dumps(_play(json.loads(sys.argv[1]))))
