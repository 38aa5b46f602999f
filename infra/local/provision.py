"""The roles and the database that migrations and functions find when they arrive.

Nobody who serves a request owns a table: `leadsrally_owner` does, and only migrations become it.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, LiteralString

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from leadsrally.kit.db import CLOSED
from leadsrally.kit.errors import Misconfigured

OWNER = "leadsrally_owner"
LOOKUP = "leadsrally_lookup"
MIGRATE = "leadsrally_migrate"
_LOCK = 7_308_326_125_741  # of provisioning; any constant that nothing else here uses
_CONNECTIONS = 40  # of one function's role at a time, so that a flood on one leaves room for the others
_LONGEST = 63  # bytes of a Postgres name; a longer one would be cut in silence

# Stated in full each time, so that a right added by hand does not outlive the next deploy.
_WEAK: LiteralString = "NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION"

# These load rows through a temporary table (docs/decisions/0020). Nobody else may make a table of any kind.
_LOADING = frozenset({"import_contacts"})

Connection = psycopg.Connection[Any]


def role_of(function: str) -> str:
    """The name of the role with which `function` logs in."""
    return f"leadsrally_{function}"


def provision(
    admin_url: str,
    database: str,
    passwords: Mapping[str, str] | None = None,
    *,
    functions: Sequence[str],
) -> None:
    """Bring the roles and `database` to the state they should have. Harmless when repeated or run twice at once.

    `admin_url` is a superuser's, for any other database of the same server. `functions` are the names of the
    functions; each gets the role `role_of` names. `passwords` maps role names to passwords for the roles that
    log in; None leaves passwords alone, for the embedded server, which has none.

    Raises `Misconfigured` for a name that cannot be a role, for a password that is missing or superfluous, and for a
    database that a restore has not opened yet.
    """
    with psycopg.connect(admin_url, autocommit=True) as connection:
        make_roles(connection, passwords, functions)
        _make_database(connection, database)
        if is_closed(connection, database):
            raise Misconfigured(
                f"The database {database} was restored and has not forgotten yet what was erased since its backup. Run"
                " `leadsrally restore` to its end.",
                code="closed_database",
            )
        allow_connections(connection, database, functions)
        open_schema(admin_url, database, functions)


def make_roles(connection: Connection, passwords: Mapping[str, str] | None, functions: Sequence[str]) -> None:
    """Bring the roles alone to the state they should have, one provisioning after another. Raises `Misconfigured`."""
    roles = [_checked(function) for function in functions]
    _check_passwords(passwords, [MIGRATE, *roles])
    connection.execute("SET client_min_messages = warning")
    connection.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
    _make_roles(connection, roles)
    for role, password in (passwords or {}).items():
        _set_password(connection, role, password)


def allow_connections(connection: Connection, database: str, functions: Sequence[str]) -> None:
    """Let our roles, and nobody else, connect to `database`. A copy made from a template needs it again."""
    name = sql.Identifier(database)
    connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(name))
    connection.execute(
        sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(
            name, _names([MIGRATE, *(role_of(function) for function in functions)])
        )
    )
    for function in _LOADING.intersection(functions):
        role = sql.Identifier(role_of(function))
        connection.execute(sql.SQL("GRANT TEMPORARY ON DATABASE {} TO {}").format(name, role))


_CLOSED: LiteralString = """
SELECT EXISTS (
    SELECT 1
      FROM pg_catalog.pg_db_role_setting AS s
      JOIN pg_catalog.pg_database AS d ON d.oid = s.setdatabase
     CROSS JOIN unnest(s.setconfig) AS told
     WHERE d.datname = %s
       AND s.setrole = 0
       AND starts_with(told, %s)
)
"""


def is_closed(connection: Connection, database: str) -> bool:
    """Whether `database` says of itself that nobody may be let in (infra/local/backups/closed.py)."""
    found = connection.execute(_CLOSED, (database, f"{CLOSED}=")).fetchone()
    return found == (True,)


def _checked(function: str) -> str:
    role = role_of(function)
    if not re.fullmatch(r"[a-z][a-z0-9_]*", function) or len(role) > _LONGEST:
        raise Misconfigured(
            f"The function name {function!r} cannot be part of a role's name: use a-z, 0-9 and _, at most "
            f"{_LONGEST - len(role_of(''))} characters."
        )
    if role in (OWNER, LOOKUP, MIGRATE):
        raise Misconfigured(f"A function cannot be called {function!r}: the role {role} has another purpose.")
    return role


def _check_passwords(passwords: Mapping[str, str] | None, login: Sequence[str]) -> None:
    if passwords is None:
        return
    missing = [role for role in login if not passwords.get(role)]
    superfluous = [role for role in passwords if role not in login]
    if missing:
        raise Misconfigured(f"No password is given for the database role {missing[0]}.")
    if superfluous:
        raise Misconfigured(f"A password is given for {superfluous[0]}, which is no role that logs in.")


def _make_roles(connection: Connection, functions: Sequence[str]) -> None:
    for role, login in [
        (OWNER, False),
        (LOOKUP, False),
        (MIGRATE, True),
        *((name, True) for name in functions),
    ]:
        name = sql.Identifier(role)
        if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone():
            connection.execute(sql.SQL("CREATE ROLE {}").format(name))
        may = sql.SQL("LOGIN" if login else "NOLOGIN")
        connection.execute(sql.SQL("ALTER ROLE {} {} " + _WEAK).format(name, may))
    connection.execute(sql.SQL("GRANT {} TO {}").format(_names([OWNER, LOOKUP]), sql.Identifier(MIGRATE)))
    for role in functions:
        name = sql.Identifier(role)
        connection.execute(
            sql.SQL("ALTER ROLE {} CONNECTION LIMIT {}").format(name, sql.Literal(_CONNECTIONS))
        )
        # A statement must fail before its caller is gone. Twilio waits 15 s and the webhook tries twice.
        seconds = "5s" if role.startswith("leadsrally_webhook_") else "25s"
        connection.execute(
            sql.SQL("ALTER ROLE {} SET statement_timeout = {}").format(name, sql.Literal(seconds))
        )
        connection.execute(
            sql.SQL("ALTER ROLE {} SET idle_in_transaction_session_timeout = '30s'").format(name)
        )
        connection.execute(sql.SQL("ALTER ROLE {} SET search_path = public").format(name))


def _set_password(connection: Connection, role: str, password: str) -> None:
    # The verifier is computed here, so that no server log of statements ever holds the password.
    verifier = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
    connection.execute(
        sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), sql.Literal(verifier))
    )


def _make_database(connection: Connection, database: str) -> None:
    owner = connection.execute(
        "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = %s", (database,)
    ).fetchone()
    if owner is None:
        statement = sql.SQL("CREATE DATABASE {} OWNER {} ENCODING 'UTF8' TEMPLATE template0")
    elif owner[0] != OWNER:
        statement = sql.SQL("ALTER DATABASE {} OWNER TO {}")
    else:
        return
    connection.execute(statement.format(sql.Identifier(database), sql.Identifier(OWNER)))


def open_schema(admin_url: str, database: str, functions: Sequence[str]) -> None:
    """Let our roles see what is in the schema of `database`; what they may do with it, migrations say."""
    roles = [role_of(function) for function in functions]
    with psycopg.connect(make_conninfo(admin_url, dbname=database)) as connection:
        # Databases that began before Postgres 15 have a `public` that belongs to a superuser.
        connection.execute("ALTER SCHEMA public OWNER TO pg_database_owner")
        connection.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
        connection.execute(sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(_names([LOOKUP, *roles])))


def _names(roles: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(role) for role in roles)
