"""A database that nobody is let into: what a backup was restored into, until it has forgotten what was erased since.

Two walls. No function's role may connect, and the database itself says that it is closed, which `leadsrally provision`
and every function that starts look at (`kit.db.refuse_closed`). The second is taken down last.
"""

from collections.abc import Sequence

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from infra.local.provision import OWNER, allow_connections, is_closed
from leadsrally.kit.db import CLOSED
from leadsrally.kit.errors import Conflict


def make_closed(admin_url: str, database: str) -> None:
    """Make it, empty and closed. One that a restore left closed, whole or not, is thrown away first.

    Raises `Conflict` when there is a database of that name that is open: nobody's data is ever replaced.
    """
    name = sql.Identifier(database)
    with psycopg.connect(make_conninfo(admin_url, dbname="postgres"), autocommit=True) as connection:
        there = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (database,)).fetchone()
        if there and not is_closed(connection, database):
            raise Conflict(
                f"There is a database {database} already. Name another one with --database.",
                code="database_exists",
            )
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
        connection.execute(
            sql.SQL("CREATE DATABASE {} OWNER {} ENCODING 'UTF8' TEMPLATE template0").format(
                name, sql.Identifier(OWNER)
            )
        )
        # Between the two it is empty, and provisioning has opened it to nobody.
        connection.execute(sql.SQL("ALTER DATABASE {} SET {} = 'restored'").format(name, sql.SQL(CLOSED)))
        connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(name))


def let_in(admin_url: str, database: str, roles: Sequence[str]) -> None:
    """Let these roles alone connect, while it is closed to all others."""
    with psycopg.connect(make_conninfo(admin_url, dbname="postgres"), autocommit=True) as connection:
        for role in roles:
            connection.execute(
                sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(
                    sql.Identifier(database), sql.Identifier(role)
                )
            )


def open_to_all(admin_url: str, database: str, functions: Sequence[str]) -> None:
    """Let the functions in, for good."""
    with psycopg.connect(make_conninfo(admin_url, dbname="postgres"), autocommit=True) as connection:
        connection.execute(
            sql.SQL("ALTER DATABASE {} RESET {}").format(sql.Identifier(database), sql.SQL(CLOSED))
        )
        allow_connections(connection, database, functions)


def drop(admin_url: str, database: str) -> None:
    """Throw away a database that is closed, or gone already. Raises `Conflict` for one that is open."""
    with psycopg.connect(make_conninfo(admin_url, dbname="postgres"), autocommit=True) as connection:
        there = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (database,)).fetchone()
        if there and not is_closed(connection, database):
            raise Conflict(
                f"The database {database} is open, so it is not thrown away.", code="database_open"
            )
        connection.execute(
            sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database))
        )
