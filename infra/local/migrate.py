"""Bring a database's schema to what the code expects, with the plain SQL files of infra/migrations.

A file is `NNNN_before_<domain>_<what>.sql` when the running code can live with its change, and
`NNNN_after_….sql` when only the new code can. A file is applied and recorded in one transaction. The files in `always/`
run behind them, each time: they bring about what has to hold for every table, whenever it came.
"""

import glob
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from yoyo.backends.core.postgresql import PostgresqlPsycopgBackend
from yoyo.connections import DatabaseURI
from yoyo.migrations import Migration, MigrationList, read_migrations, read_sql_migration

from infra.local.provision import OWNER
from leadsrally.kit.errors import Misconfigured, Unavailable

DIRECTORY = Path(__file__).resolve().parents[1] / "migrations"
_NAME = re.compile(r"\d{4}_(before|after)_[a-z0-9_]+\.sql")
_LOCK = 7_308_326_125_742  # of migrating; any constant that nothing else here uses

Phase = Literal["before", "after", "all"]


def migrate(
    url: str, *, phase: Phase = "before", directory: Path = DIRECTORY, wait_seconds: float = 300.0
) -> list[str]:
    """Apply what is missing, in the order of the numbers, and return the names of what was applied.

    `before` runs ahead of a deploy and `after` behind it; `all` is for when no older code is running. A
    database that has no schema yet has no older code either, so `before` then applies everything.

    `url` logs in as the role `leadsrally_migrate`, which becomes the owner of what it makes. Two runners at
    once are safe: the second waits up to `wait_seconds`, then raises `Unavailable`. One that was killed
    leaves nothing that blocks the next. Raises `Misconfigured` for a misnamed file, for two with one number,
    and when `after` comes before `before`; `psycopg.Error` when a file fails, which leaves no trace of it.
    """
    _check_names(directory)
    migrations = read_migrations(glob.escape(str(directory)))
    options = conninfo_to_dict(url)
    # The check ends the statement of a runner that was killed, which otherwise runs on and holds its locks.
    options["options"] = (
        f"{options.get('options') or ''} -c role={OWNER} -c client_connection_check_interval=1s".strip()
    )
    with psycopg.connect(make_conninfo(**options), autocommit=True) as guard:
        _hold(guard, wait_seconds)
        with _backend(options) as backend:
            # Every runner holds the lock above, so a row in yoyo's own lock table is a dead runner's.
            backend.break_lock()
            with backend.lock():
                applied = _apply(backend, migrations, phase)
        for file in sorted((directory / "always").glob("*.sql")):
            guard.execute(file.read_bytes())
        return applied


def _apply(backend: "_Backend", migrations: MigrationList, phase: Phase) -> list[str]:
    fresh = not backend.get_applied_migration_hashes()
    pending = sorted(backend.to_apply(migrations), key=lambda migration: migration.id)
    if phase == "after" and not fresh:
        skipped = [migration.id for migration in pending if _phase(migration) == "before"]
        if skipped:
            raise Misconfigured(f"The migration {skipped[0]} is missing: run the phase `before` first.")
    chosen = [m for m in pending if fresh or phase == "all" or _phase(m) == phase]
    for migration in chosen:
        backend.apply_one(migration)
    return [migration.id for migration in chosen]


def _phase(migration: Migration) -> str:
    return migration.id.split("_", 2)[1]


def _check_names(directory: Path) -> None:
    files = sorted(path.name for path in directory.iterdir() if path.suffix in (".sql", ".py"))
    wrong = [name for name in files if not _NAME.fullmatch(name)]
    if wrong:
        raise Misconfigured(
            f"The migration {wrong[0]} must be named NNNN_before_<domain>_<what>.sql, or _after_."
        )
    if twice := _repeated(name[:4] for name in files):
        raise Misconfigured(
            f"Two migrations have the number {twice}: give the newer one the next free number."
        )


def _repeated(numbers: Iterable[str]) -> str | None:
    seen: set[str] = set()
    for number in numbers:
        if number in seen:
            return number
        seen.add(number)
    return None


def _hold(guard: psycopg.Connection[Any], wait_seconds: float) -> None:
    # A lock of the session: Postgres lets go of it however the runner ends.
    guard.execute("SELECT set_config('lock_timeout', %s, false)", (f"{int(wait_seconds * 1000)}ms",))
    try:
        guard.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
    except psycopg.errors.LockNotAvailable:
        raise Unavailable(
            f"Another migration has been running on this database for {wait_seconds:g} seconds. Try again "
            "when it has ended."
        ) from None


def _backend(options: dict[str, Any]) -> "_Backend":
    arguments = {key: value for key, value in options.items() if value is not None}
    uri = DatabaseURI(
        scheme="postgresql+psycopg",
        username=arguments.pop("user", None),
        password=arguments.pop("password", None),
        hostname=None,  # host and port stay among the arguments: a socket's path is no host of a URL
        port=None,
        database=arguments.pop("dbname", None),
        args=arguments,
    )
    backend = _Backend(uri, "_yoyo_migration")
    try:
        backend.init_database()
    except BaseException:
        backend.connection.close()
        raise
    return backend


class _Backend(PostgresqlPsycopgBackend):
    """yoyo's backend, less two of its habits."""

    def apply_one(self, migration: Migration, force: bool = False, mark: bool = True) -> None:  # noqa: ARG002
        """Apply and record in one transaction.

        yoyo's own way takes two, and a kill between them would have the file applied a second time.
        """
        self.ensure_internal_schema_updated()
        with self.copy() as other:
            migration.load()
            _, _, statements = read_sql_migration(migration.path)
            try:
                with other.transaction() if migration.use_transactions else other.disable_transactions():
                    for statement in statements:
                        other.connection.execute(statement)
                    other.connection.execute("RESET ROLE")  # to the owner: the file may have become another
                    other.mark_one(migration)
            except psycopg.Error as failed:
                failed.add_note(f"while applying the migration {migration.id}")
                raise

    def get_log_data(self, migration: Migration | None = None, operation: str = "apply") -> dict[str, Any]:
        """Record neither who nor where: the system may know no user name, and a host's is asked of the network."""
        return {
            "id": str(uuid4()),
            "migration_id": migration.id if migration else None,
            "migration_hash": migration.hash if migration else None,
            "username": None,
            "hostname": None,
            "created_at_utc": datetime.now(UTC).replace(tzinfo=None),
            "operation": operation,
        }
