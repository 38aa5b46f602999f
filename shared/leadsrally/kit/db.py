"""The way to Postgres: transactions that know their tenant, and connections that outlive an invocation.

`Database` is the same object on both hosts with other numbers: one connection in a Lambda environment,
which serves one event at a time, and several in the one-process host.
"""

import queue
import re
import select
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, cached_property
from typing import Any, Literal, LiteralString, TypeVar
from uuid import UUID

import psycopg
import psycopg.conninfo
from psycopg.pq import ExecStatus, TransactionStatus
from psycopg.rows import RowFactory, class_row, dict_row, scalar_row, tuple_row
from psycopg.sql import Composed

from leadsrally.kit.errors import Misconfigured, Unavailable

T = TypeVar("T")
Params = Mapping[str, Any]
Way = Literal[
    "verified",  # encrypted, and the server showed a certificate of the pinned root
    "encrypted",  # to whoever answered
    "clear",
    "socket",  # of this machine; nothing leaves it
]
Announce = Callable[[str, Sequence[UUID]], None]
"""Hears, after the commit, what a transaction announced. Must not raise: the work is already durable."""


def statement(*parts: LiteralString) -> LiteralString:
    """One statement of constant parts, for what several statements say in the same words."""
    return "".join(parts)


class _Kept(psycopg.Connection[Any]):
    """A connection with a cursor that lives as long: it remembers how values of each type are written.

    A cursor a statement would find that out anew each time, which is a third of what a short one costs.
    """

    @cached_property
    def cursor_of_all(self) -> psycopg.RawCursor[Any]:
        return psycopg.RawCursor(self)


_PARAMETER = re.compile(r"%(?:%|\((\w+)\)s)")


@cache
def _numbered(sql: str) -> tuple[bytes, tuple[str, ...]]:
    """`sql` as Postgres takes it, with `$1` for its first named parameter, and the names in that order.

    Kept for each statement: psycopg reads one of more than 4,096 characters anew at every call.
    """
    numbers: dict[str, int] = {}

    def numbered(found: re.Match[str]) -> str:
        name = found[1]
        return "%" if name is None else f"${numbers.setdefault(name, len(numbers) + 1)}"

    return _PARAMETER.sub(numbered, sql).encode(), tuple(numbers)


class Tx:
    """An open transaction. Verbs and stores run statements on it; only the door that opened it commits."""

    __slots__ = ("_cursor", "announcements", "organization_id")

    def __init__(self, connection: psycopg.Connection[Any], organization_id: UUID | None) -> None:
        self._cursor: psycopg.RawCursor[Any] = (
            connection.cursor_of_all if isinstance(connection, _Kept) else psycopg.RawCursor(connection)
        )
        self.announcements: dict[str, list[UUID]] = {}
        self.organization_id = organization_id

    def one(self, row: type[T], sql: LiteralString, params: Params) -> T:
        """The one row of `sql` as a `row`. Raises `LookupError` when there is none."""
        found = self.maybe(row, sql, params)
        if found is None:
            raise LookupError("the statement returned no row")
        return found

    def maybe(self, row: type[T], sql: LiteralString, params: Params) -> T | None:
        """The first row of `sql` as a `row`, or None."""
        return self._execute(class_row(row), sql, params).fetchone()

    def all(self, row: type[T], sql: LiteralString, params: Params) -> list[T]:
        """Every row of `sql` as a `row`. For results whose size the statement itself bounds."""
        return self._execute(class_row(row), sql, params).fetchall()

    def dicts(self, sql: LiteralString, params: Params) -> list[dict[str, Any]]:
        """Every row of `sql` as a dict, for lists that go straight to a response."""
        return self._execute(dict_row, sql, params).fetchall()

    def value(self, sql: LiteralString, params: Params) -> Any:
        """The first column of the first row, or None when there is no row."""
        return self._execute(scalar_row, sql, params).fetchone()

    def values(self, sql: LiteralString, params: Params) -> list[Any]:
        """The first column of every row."""
        return self._execute(scalar_row, sql, params).fetchall()

    def run(self, sql: LiteralString, params: Params) -> int:
        """Run `sql` and return how many rows it touched."""
        return self._execute(tuple_row, sql, params).rowcount

    def value_of(self, statement: Composed) -> Any:
        """As `value`, of a statement composed of names from the catalogue; its values stand in it."""
        self._cursor.row_factory = scalar_row
        return self._cursor.execute(statement).fetchone()

    def copy_out(self, statement: Composed) -> Iterator[bytes]:
        """The rows of a `COPY … TO STDOUT`, in the form that it asks for. Values stand in the statement itself."""
        with self._cursor.copy(statement) as rows:
            for row in rows:
                yield row if isinstance(row, bytes) else bytes(row)

    def copy(self, sql: LiteralString, chunks: Iterable[bytes]) -> None:
        """Load what has Postgres' text format for COPY, by the `COPY … FROM STDIN` that `sql` is.

        Postgres refuses to COPY into a table with row-level security, so it is for temporary ones. Each chunk is handed
        over before the next is asked for.
        """
        with self._cursor.copy(sql) as copy:
            for chunk in chunks:
                copy.write(chunk)

    def _execute(
        self, factory: RowFactory[Any], sql: LiteralString, params: Params
    ) -> psycopg.RawCursor[Any]:
        text, names = _numbered(sql)
        self._cursor.row_factory = factory
        return self._cursor.execute(text, [params[name] for name in names])

    @property
    def way(self) -> Way:
        """How this transaction's connection reaches the server, as libpq made it."""
        connection = self._cursor.connection
        if connection.info.host.startswith(("/", "@")):
            return "socket"
        if not connection.pgconn.ssl_in_use:
            return "clear"
        told = connection.info.get_parameters()
        return "verified" if _pinned(told) else "encrypted"

    def announce(self, topic: str, identifier: UUID) -> None:
        """Tell the listener of the `Database` about `identifier` once it is durable; never after a rollback."""
        self.announcements.setdefault(topic, []).append(identifier)


class Database:
    """Connections of one function's role. Thread-safe: a thread waits when all are in use."""

    def __init__(
        self,
        url: str,
        *,
        connections: int = 1,
        wait_seconds: float = 10.0,
        announce: Announce | None = None,
    ) -> None:
        self._url = url
        self._announce = announce
        self._wait_seconds = wait_seconds
        self._gathered: ContextVar[dict[str, dict[UUID, None]] | None] = ContextVar("gathered", default=None)
        self._closed = False
        self._idle: queue.LifoQueue[psycopg.Connection[Any] | None] = queue.LifoQueue(connections)
        for _ in range(connections):
            self._idle.put(None)

    @contextmanager
    def tenant(self, organization_id: UUID) -> Generator[Tx]:
        """A transaction that sees one organisation, committed when the block ends without an error.

        The tenant is set inside the transaction, so that a pooled connection can never carry it over to
        the next one. Raises `Unavailable` when Postgres cannot be reached or is lost on the way.
        """
        with self._transaction(organization_id) as tx:
            yield tx

    @contextmanager
    def single(self, organization_id: UUID) -> Generator[Tx]:
        """For exactly one statement, which names its tenant itself: one round trip instead of three.

        Postgres wraps a lone statement in a transaction of its own. A second one would be another
        transaction, and would see nobody's rows. Raises as `tenant` does; here `Unavailable` may come for a
        kept connection that had died unheard, so what can be repeated should be tried once more.
        """
        connection = self._take()
        try:
            connection = self._open(connection)
            tx = Tx(connection, organization_id)
            yield tx
        except psycopg.OperationalError as lost:
            raise _unavailable() from lost
        finally:
            self._give_back(connection)
        self._tell(tx)

    @contextmanager
    def across(self) -> Generator[Tx]:
        """A transaction with no tenant: it sees only what a named policy lets this role see."""
        with self._transaction(None) as tx:
            yield tx

    @contextmanager
    def session(self) -> Generator[psycopg.Connection[Any]]:
        """A bare autocommit connection with no tenant, for the narrow look-up functions."""
        connection: psycopg.Connection[Any] | None = self._take()
        try:
            connection = self._open(connection)
            yield connection
        except psycopg.OperationalError as lost:
            raise _unavailable() from lost
        finally:
            self._give_back(connection)

    @contextmanager
    def _transaction(self, organization_id: UUID | None) -> Generator[Tx]:
        connection = self._take()
        try:
            connection = self._begin(connection, organization_id)
            tx = Tx(connection, organization_id)
            try:
                yield tx
            except BaseException:
                _roll_back(connection)
                raise
            _commit(connection)
        except psycopg.OperationalError as lost:
            raise _unavailable() from lost
        finally:
            self._give_back(connection)
        self._tell(tx)

    @contextmanager
    def telling_together(self) -> Generator[None]:
        """Tell of what is committed inside all at once, at the end, however it ends; each identifier once.

        For many small transactions of one piece of work: a call to the listener for each would take longer
        than the transactions. Counts for the calling thread only.
        """
        gathered: dict[str, dict[UUID, None]] = {}
        token = self._gathered.set(gathered)
        try:
            yield
        finally:
            self._gathered.reset(token)
            for topic, identifiers in gathered.items():
                if self._announce is not None:
                    self._announce(topic, list(identifiers))

    def _tell(self, tx: Tx) -> None:
        if not tx.announcements or self._announce is None:
            return
        gathered = self._gathered.get()
        for topic, identifiers in tx.announcements.items():
            if gathered is None:
                self._announce(topic, identifiers)
            else:
                gathered.setdefault(topic, {}).update(dict.fromkeys(identifiers))

    def _begin(
        self, connection: psycopg.Connection[Any] | None, organization_id: UUID | None
    ) -> psycopg.Connection[Any]:
        """Open the transaction and name its tenant in one round trip.

        A Lambda environment may sleep for hours between two events, so a kept connection may be dead.
        Nothing has been sent on it yet: a new one takes its place and nobody notices.
        """
        if organization_id is None:
            command, wanted = b"BEGIN", ExecStatus.COMMAND_OK
        else:
            # The simple protocol takes no parameters; rebuilding the UUID leaves only hex and dashes.
            tenant = str(UUID(int=organization_id.int))
            command = f"BEGIN; SELECT set_config('leadsrally.organization_id', '{tenant}', true)".encode()
            wanted = ExecStatus.TUPLES_OK
        kept = connection is not None and not connection.closed
        connection = self._open(connection)
        if connection.pgconn.exec_(command).status == wanted:
            return connection
        connection.close()
        if kept:
            return self._begin(None, organization_id)
        raise psycopg.OperationalError("could not begin a transaction")

    def _open(self, connection: psycopg.Connection[Any] | None) -> psycopg.Connection[Any]:
        if connection is not None and not connection.closed:
            if not _hung_up(connection):
                return connection
            connection.close()
        connection = _Kept.connect(
            self._url, autocommit=True, connect_timeout=5, tcp_user_timeout=8_000, keepalives_idle=30
        )
        connection.prepare_threshold = 1
        return connection

    def _take(self) -> psycopg.Connection[Any] | None:
        try:
            return self._idle.get(timeout=self._wait_seconds)
        except queue.Empty:
            raise Unavailable("The database is busy. Try again in a moment.", code="pool_exhausted") from None

    def _give_back(self, connection: psycopg.Connection[Any] | None) -> None:
        clean = (
            connection is not None
            and not connection.closed
            and connection.info.transaction_status == TransactionStatus.IDLE
        )
        kept = clean and not self._closed
        if connection is not None and not kept:
            connection.close()  # a half-finished transaction must not meet the next tenant
        self._idle.put(connection if kept else None)

    def close(self) -> None:
        """Close what is idle, and from now on what comes back. For the end of a process and of a test."""
        self._closed = True
        idle = [self._idle.get_nowait() for _ in range(self._idle.qsize())]
        for connection in idle:
            if connection is not None:
                connection.close()
            self._idle.put(None)


def _hung_up(connection: psycopg.Connection[Any]) -> bool:
    """Whether an idle connection has something to read: then the server closed it while we slept."""
    idle = select.poll()
    idle.register(connection.fileno(), select.POLLIN)
    return bool(idle.poll(0))


def _unavailable() -> Unavailable:
    return Unavailable("The database is not reachable. Try again in a moment.", code="database")


def _commit(connection: psycopg.Connection[Any]) -> None:
    result = connection.pgconn.exec_(b"COMMIT")
    if result.status != ExecStatus.COMMAND_OK:
        connection.close()
        raise psycopg.OperationalError("the connection was lost at commit; the outcome is not known")
    if result.command_status != b"COMMIT":
        raise psycopg.InternalError("the transaction had failed and was rolled back")


def _roll_back(connection: psycopg.Connection[Any]) -> None:
    if not connection.closed and connection.info.transaction_status != TransactionStatus.IDLE:
        connection.pgconn.exec_(b"ROLLBACK")


_ROLE = """
SELECT r.rolname AS name,
       r.rolsuper OR r.rolbypassrls AS bypasses,
       EXISTS (
           SELECT 1
             FROM pg_catalog.pg_roles AS strong
            WHERE (strong.rolsuper OR strong.rolbypassrls OR strong.rolname = 'leadsrally_owner')
              AND pg_catalog.pg_has_role(r.oid, strong.oid, 'MEMBER')
       ) AS may_become_stronger,
       EXISTS (
           SELECT 1 FROM pg_catalog.pg_class AS c
            WHERE c.relowner = r.oid AND c.relkind IN ('r', 'p', 'v', 'm')
              AND c.relpersistence <> 't'  -- a worker's, for the length of its transaction
       ) AS owns
  FROM pg_catalog.pg_roles AS r
 WHERE r.rolname = current_user
"""


def refuse_strong_role(database: Database) -> None:
    """Stop start-up when the role could see past row-level security.

    Row security does not bind superusers, BYPASSRLS roles or (unless forced) owners: PostgreSQL manual,
    "Row Security Policies". Raises `Misconfigured` naming the role.
    """
    with database.session() as connection, connection.cursor(row_factory=dict_row) as cursor:
        role = cursor.execute(_ROLE).fetchone()
    if role is None or role["bypasses"] or role["may_become_stronger"] or role["owns"]:
        name = "unknown" if role is None else role["name"]
        raise Misconfigured(
            f"The database role {name} could see past row-level security (superuser, BYPASSRLS, owner of a "
            "table, or a member of such a role). Give the function its own role from `leadsrally provision`.",
            code="strong_role",
        )


CLOSED: LiteralString = "leadsrally.closed"
"""The setting of a database that nobody may be let into; unset, it is open."""

_IS_CLOSED = """
SELECT coalesce(current_setting('leadsrally.closed', true), '') <> ''
"""


def refuse_closed(database: Database) -> None:
    """Stop start-up on a database that was restored from a backup and has not forgotten yet what was erased since.

    Raises `Misconfigured`.
    """
    with database.session() as connection:
        closed = connection.execute(_IS_CLOSED).fetchone()
    if closed == (True,):
        raise Misconfigured(
            "This database is a restored backup that still holds what was erased since. Run `leadsrally restore` to its"
            " end; it opens the database itself.",
            code="closed_database",
        )


def refuse_unpinned(url: str) -> None:
    """Stop start-up in production when the connection is not encrypted and pinned (P8.3).

    Accepts `sslmode=verify-full`, or `verify-ca` with a `sslrootcert`. libpq's default `prefer` falls back
    to plain text in silence, and `require` checks nobody's identity. Raises `Misconfigured`.
    """
    options = psycopg.conninfo.conninfo_to_dict(url)
    mode = str(options.get("sslmode", "prefer"))
    if not _pinned(options):
        raise Misconfigured(
            "DATABASE_URL must verify the server: add sslmode=verify-ca and sslrootcert=<the server's root "
            f"certificate> (found sslmode={mode}).",
            code="unpinned_database",
        )


def _pinned(options: Mapping[str, Any]) -> bool:
    mode = options.get("sslmode")
    return mode == "verify-full" or (mode == "verify-ca" and bool(options.get("sslrootcert")))
