"""Restore a backup into a database of its own, which nobody is let into before it has forgotten what was erased since.

Interrupted at any point it leaves a closed database, which the next restore of that name throws away.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg.rows import scalar_row

from infra.local.backups import closed
from infra.local.backups.programs import pg_restore
from infra.local.migrate import migrate
from infra.local.provision import MIGRATE, make_roles, open_schema, role_of
from leadsrally.kit.clock import Clock
from leadsrally.kit.crypto import KeyService
from leadsrally.kit.db import Database
from leadsrally.kit.errors import LeadsRallyError
from leadsrally.kit.storage import Storage
from leadsrally.privacy.backups import store
from leadsrally.privacy.backups.forget import (
    Forgotten,
    Replay,
    erased_since,
    forget_erased,
    refuse_difference,
)
from leadsrally.privacy.backups.read import open_backup
from leadsrally.privacy.backups.shelf import BACKUPS
from leadsrally.privacy.backups.types import Backup
from leadsrally.privacy.keep_windows import keep_windows

REPLAYS = "erase"  # whose role the replay of erasures logs in as
SWEEPS = "retention_sweep"

# What these queues were to do when the snapshot was taken has been done since. Done again it would reach people.
_OUTWARD = ("send_message", "notify", "automation", "fetch_lead", "lead_catch_up")


@dataclass(frozen=True, slots=True)
class Target:
    """Where a backup is restored to: a server, the name of the database to be made, and how roles reach it."""

    admin_url: str
    database: str
    address: Callable[[str, str], str]  # of a database, for a role
    functions: Sequence[str]  # whose roles are let in at the end
    passwords: Mapping[str, str] | None = None  # of roles, where the server has any

    @property
    def url(self) -> str:
        return make_conninfo(self.admin_url, dbname=self.database)

    def role_url(self, role: str) -> str:
        return self.address(self.database, role)


@dataclass(frozen=True, slots=True)
class Archive:
    """Where backups and the erasure ledger lie, and who opens them."""

    storage: Storage
    keys: KeyService
    replay: Replay
    purpose: str = BACKUPS


@dataclass(frozen=True, slots=True)
class Restored:
    """What came back: rows as the backup counted them, erasures done again, jobs that wait for a person."""

    rows: int
    forgotten: Forgotten
    held_back: int


class NotWhole(LeadsRallyError):
    """The restored tables do not hold what the backup counted."""


def restore(
    archive: Archive, backup: Backup, target: Target, clock: Clock, *, say: Callable[[str], None] = print
) -> Restored:
    """Bring a backup back to life: load, compare, migrate, forget, sweep, hold back, and only then open.

    The database stays closed when anything fails. Raises `Conflict` when its name is taken by one that is open,
    `SealBroken` for a backup that is not the one that was written, `NotWhole`, `NotForgotten`, and what its steps
    raise.
    """
    rows = load(archive, backup, target)
    say(f"{rows} rows are back, in a database that is closed")
    forgotten = forget(archive, backup, target)
    say(f"{forgotten.entries} erasures since were done again")
    held_back = hold_back(target)
    say(
        f"{held_back} sends, mails and readings of leads that were under way wait for a person (dead jobs, `restored`)"
    )
    _sweep(target, clock)
    say("the retention windows are kept again")
    refuse_difference(forgotten, archive.storage, backup.head.at)
    say(
        f"whoever opted out after {backup.head.at:%Y-%m-%d %H:%M:%S %Z} is not known here to have: see docs/runbook.md"
        " before anything is sent"
    )
    closed.open_to_all(target.admin_url, target.database, target.functions)
    say(f"open: {target.database}")
    return Restored(rows, forgotten, held_back)


def load(archive: Archive, backup: Backup, target: Target) -> int:
    """Fill a new, closed database with the backup and bring its schema up to date; returns how many rows it has."""
    _make_roles(target, backup.head.roles)
    closed.make_closed(target.admin_url, target.database)
    with open_backup(archive.storage, archive.keys, backup, archive.purpose) as dump:
        pg_restore(target.url, dump)
    with psycopg.connect(target.url, autocommit=True) as connection:
        found = store.counts(connection)
    refuse_other_counts(backup.head.rows, found)
    open_schema(target.admin_url, target.database, target.functions)
    migrate(target.role_url(MIGRATE), phase="all")
    return sum(found.values())


def refuse_other_counts(wanted: Mapping[str, int], found: Mapping[str, int]) -> None:
    """Raise `NotWhole` naming the first table whose rows are not as many as the backup counted."""
    for table in sorted(wanted.keys() | found.keys()):
        if wanted.get(table) != found.get(table):
            raise NotWhole(
                f"The table {table} has {found.get(table)} rows and the backup counted {wanted.get(table)}."
                " Choose another backup.",
                code="backup_not_whole",
            )


def forget(archive: Archive, backup: Backup, target: Target) -> Forgotten:
    """Erase again what was erased since the backup."""
    closed.let_in(target.admin_url, target.database, [role_of(REPLAYS)])
    db = Database(target.role_url(role_of(REPLAYS)))
    try:
        return forget_erased(db, erased_since(archive.storage, backup.head.at), archive.replay)
    finally:
        db.close()


_HOLD_BACK = """
UPDATE jobs
   SET state = 'dead', error = 'restored', lease_token = NULL, lease_until = NULL
 WHERE queue = ANY (%(queues)s)
   AND state <> 'dead'
"""


def hold_back(target: Target) -> int:
    """Let nothing go out a second time: what was to be sent when the snapshot was taken waits for a person.

    Returns how many jobs. They are shown as dead ones and can be replayed.
    """
    with psycopg.connect(target.url) as connection:
        return connection.execute(_HOLD_BACK, {"queues": list(_OUTWARD)}).rowcount


def _sweep(target: Target, clock: Clock) -> None:
    closed.let_in(target.admin_url, target.database, [role_of(SWEEPS)])
    db = Database(target.role_url(role_of(SWEEPS)))
    try:
        keep_windows(db, clock, dry_run=False, time_left=lambda: timedelta(hours=1))
    finally:
        db.close()


def _make_roles(target: Target, named: Sequence[str]) -> None:
    """Our roles, on a server that may be new; and those that the backup's grants name and this version has no more."""
    with psycopg.connect(make_conninfo(target.admin_url, dbname="postgres"), autocommit=True) as connection:
        make_roles(connection, target.passwords, target.functions)
        there: set[Any] = set(
            connection.cursor(row_factory=scalar_row).execute("SELECT rolname FROM pg_roles").fetchall()
        )
        for role in sorted(set(named) - there):
            connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(role)))
