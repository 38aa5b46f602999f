"""A durable Postgres with our schema, made for one bench and removed after it."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import psycopg

from infra.local.migrate import migrate
from infra.local.postgres import EmbeddedPostgres, erase
from infra.local.provision import MIGRATE, provision, role_of
from infra.local.roles import logins

_DATABASE = "leadsrally"
# Durable as in production; only memory and the distance of checkpoints are set, alike for us and for the limit.
SETTINGS = {"shared_buffers": "512MB", "max_wal_size": "4GB", "fsync": "on", "synchronous_commit": "on"}

_OWNER = """
SELECT datdba::regrole::text
  FROM pg_database
 WHERE datname = %s
"""


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running server. An administrator fills it and looks into it; what is measured uses the own roles."""

    server: EmbeddedPostgres
    database: str = _DATABASE

    def url(self, function: str | None = None) -> str:
        """The address for `function`'s role, or an administrator's."""
        return self.server.url(self.database, role_of(function) if function else "postgres")

    @contextmanager
    def copied(self) -> Iterator[Self]:
        """The same database once more, its files copied as they are; removed in the end. Nobody may be connected."""
        copy = replace(self, database=f"{self.database}_copy")
        with psycopg.connect(self.server.url(), autocommit=True) as connection:
            connection.execute("CHECKPOINT")
            owner = connection.execute(_OWNER, [self.database]).fetchall()[0][0]
            made = (
                f"CREATE DATABASE {copy.database} OWNER {owner} TEMPLATE {self.database} STRATEGY file_copy"
            )
            connection.execute(made)  # pyright: ignore[reportArgumentType]
            try:
                yield copy
            finally:
                connection.execute(f"DROP DATABASE {copy.database} WITH (FORCE)")  # pyright: ignore[reportArgumentType]

    def execute(self, sql: str, **params: Any) -> list[tuple[Any, ...]]:
        """One statement as an administrator, committed at once."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            cursor = connection.execute(sql, params or None)  # pyright: ignore[reportArgumentType]
            return cursor.fetchall() if cursor.description else []

    def value(self, sql: str, **params: Any) -> Any:
        return self.execute(sql, **params)[0][0]


@contextmanager
def cluster(**settings: str) -> Iterator[Cluster]:
    """Start, provision, migrate; stop and remove in the end."""
    # Beside other files that survive a restart: a temporary directory may be memory, where fsync costs nothing.
    place = Path(tempfile.gettempdir() if not Path("/var/tmp").is_dir() else "/var/tmp")
    home = place / f"leadsrally-bench-{os.urandom(4).hex()}"
    try:
        with EmbeddedPostgres.start(home, settings={**SETTINGS, **settings}, say=lambda _: None) as server:
            names = logins()
            provision(server.url(), _DATABASE, functions=names)
            migrate(server.url(_DATABASE, MIGRATE), phase="all")
            yield Cluster(server)
    finally:
        erase(home)
        shutil.rmtree(home, ignore_errors=True)
