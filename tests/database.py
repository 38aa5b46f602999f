"""A throw-away Postgres for one run of the tests, and a database of its own for each test that asks."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import psutil
import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from infra.local.migrate import migrate
from infra.local.postgres import EmbeddedPostgres, erase
from infra.local.provision import MIGRATE, OWNER, allow_connections, provision
from infra.local.roles import logins
from leadsrally.kit.errors import Misconfigured

ADDRESS = "LEADSRALLY_TEST_SOCKETS"  # tells the workers where the server of their controller listens
_TEMPLATE = "leadsrally_template"
_LOCK = 7_308_326_125_743  # of building the template
_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_connections": "200",
    "autovacuum": "off",  # its worker in the template would hold up the next copy
    "shared_buffers": "64MB",
    "min_wal_size": "32MB",
    "max_wal_size": "64MB",
}
_PREFIX = "leadsrally-test-"
_ROOM = 1_000_000_000  # bytes
_numbers = count(1)


def _base() -> Path:
    # A copy of the template took 15 ms in memory and 100 to 500 ms on a disk.
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > _ROOM
    return memory if roomy else Path(tempfile.gettempdir())


def _remove_leftovers() -> None:
    """Free what a killed run left behind; its server has died with it."""
    for left in _base().glob(f"{_PREFIX}*"):
        process = left.name.removeprefix(_PREFIX).split("-")[0]
        if not psutil.pid_exists(int(process)):
            with suppress(Misconfigured):  # another user's
                erase(left)
                shutil.rmtree(left, ignore_errors=True)


def throwaway_directory() -> Path:
    """A new directory that every user may enter, for a cluster that a test makes. The test removes it."""
    made = _base() / f"{_PREFIX}{os.getpid()}-{os.urandom(4).hex()}"
    made.mkdir(mode=0o755)
    return made


class Cluster:
    """The server of one run. Starts when first asked, in the process whose end shall end it."""

    def __init__(self) -> None:
        self._server: EmbeddedPostgres | None = None
        self._home: Path | None = None

    def start(self) -> None:
        """Start it, and tell this process and its children where it is. Raises `Misconfigured`."""
        _remove_leftovers()
        # A directory that the launcher itself makes: one of mkdtemp's would be closed to the server's user.
        self._home = _base() / f"{_PREFIX}{os.getpid()}-{os.urandom(4).hex()}"
        self._server = EmbeddedPostgres.start(self._home, settings=_SETTINGS, say=lambda _: None)
        os.environ[ADDRESS] = str(conninfo_to_dict(self._server.url())["host"])

    def stop(self) -> None:
        """End it and remove every trace. Harmless when it never started."""
        if self._server is not None and self._home is not None:
            os.environ.pop(ADDRESS, None)
            self._server.stop()
            erase(self._home)
            shutil.rmtree(self._home, ignore_errors=True)
            self._server = None

    def sockets(self) -> str:
        """Where it listens; in a worker, where the controller's listens."""
        if ADDRESS not in os.environ:
            self.start()
        return os.environ[ADDRESS]


@dataclass(frozen=True, slots=True)
class TestDatabase:
    """One migrated, empty database."""

    __test__ = False

    name: str
    sockets: str

    def url(self, role: str = "postgres") -> str:
        """The libpq URL for `role`: "leadsrally_<function>", "leadsrally_migrate", or "postgres", who may all."""
        return url_of(self.sockets, self.name, role)


def url_of(sockets: str, database: str, role: str) -> str:
    host = sockets.replace("%", "%25").replace("/", "%2F")
    return f"postgresql://{role}@/{database}?host={host}&port=5432&sslmode=disable"


@contextmanager
def administrator(sockets: str) -> Iterator[psycopg.Connection[Any]]:
    """A superuser's session for making and dropping databases, with the template ready to be copied."""
    with psycopg.connect(url_of(sockets, "postgres", "postgres"), autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
        try:
            _ensure_template(connection, sockets)
        finally:
            connection.execute("SELECT pg_advisory_unlock(%s)", (_LOCK,))
        yield connection


def _ensure_template(connection: psycopg.Connection[Any], sockets: str) -> None:
    # Closed to connections means finished: a build that failed on the way is begun again.
    finished = connection.execute(
        "SELECT NOT datallowconn FROM pg_database WHERE datname = %s", (_TEMPLATE,)
    ).fetchone()
    if finished == (True,):
        return
    name = sql.Identifier(_TEMPLATE)
    connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(name))
    provision(url_of(sockets, "postgres", "postgres"), _TEMPLATE, functions=logins())
    migrate(url_of(sockets, _TEMPLATE, MIGRATE), phase="all")
    connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(name))


@contextmanager
def clone(connection: psycopg.Connection[Any], sockets: str) -> Iterator[TestDatabase]:
    """A copy of the template, dropped at the end with whatever is still connected."""
    database = TestDatabase(f"test_{os.getpid()}_{next(_numbers)}", sockets)
    name = sql.Identifier(database.name)
    connection.execute(
        sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {} STRATEGY FILE_COPY").format(
            name, sql.Identifier(OWNER), sql.Identifier(_TEMPLATE)
        )
    )
    try:
        allow_connections(connection, database.name, logins())
        yield database
    finally:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))
