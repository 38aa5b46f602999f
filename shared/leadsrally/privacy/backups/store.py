"""What making a backup reads of the database, and what is written down about backups.

A snapshot is a transaction of its own on a bare connection, held open until the dump has taken it over.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.rows import class_row, scalar_row

from leadsrally.kit.db import Tx
from leadsrally.privacy.backups.types import Backup

# Counting may take longer than a function's statement may.
_BEGIN = """
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SET LOCAL statement_timeout = 0;
SET LOCAL idle_in_transaction_session_timeout = 0
"""


def begin_snapshot(connection: psycopg.Connection[Any]) -> None:
    connection.execute(_BEGIN)


def end_snapshot(connection: psycopg.Connection[Any]) -> None:
    """Harmless when repeated."""
    connection.rollback()


# A table, a day of the delivery log or a sequence that the role may not read, or of which row security would hide rows
# from it without a word.
_UNSEEN = """
SELECT c.relname
  FROM pg_catalog.pg_class AS c
 CROSS JOIN (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = current_user) AS me
  LEFT JOIN LATERAL (
    SELECT bool_or(p.polpermissive
                   AND me.oid = ANY (p.polroles)
                   AND pg_catalog.pg_get_expr(p.polqual, p.polrelid) = 'true') AS shown,
           bool_or(NOT p.polpermissive AND p.polroles && ARRAY[0::oid, me.oid]) AS narrowed
      FROM pg_catalog.pg_policy AS p
     WHERE p.polrelid = c.oid
       AND p.polcmd IN ('r', '*')
 ) AS policies ON true
 WHERE c.relnamespace = 'public'::regnamespace
   AND c.relkind IN ('r', 'p', 'S', 'm', 'f')
   AND (CASE c.relkind WHEN 'S' THEN NOT has_sequence_privilege(c.oid, 'SELECT')
                       ELSE NOT has_table_privilege(c.oid, 'SELECT') END
        OR c.relrowsecurity AND (policies.shown IS NOT TRUE OR policies.narrowed))
 ORDER BY c.relname
"""


def unseen(connection: psycopg.Connection[Any]) -> list[str]:
    """What a backup by this role would leave out."""
    return connection.cursor(row_factory=scalar_row).execute(_UNSEEN).fetchall()


@dataclass(frozen=True, slots=True)
class Snapshot:
    name: str  # as pg_export_snapshot names it
    at: datetime
    server: int
    migration: str
    roles: list[str]


_SNAPSHOT = """
SELECT pg_export_snapshot() AS name,
       now() AS at,
       current_setting('server_version_num')::int AS server,
       (SELECT coalesce(max(migration_id), '') FROM _yoyo_migration) AS migration,
       ARRAY(SELECT rolname::text FROM pg_catalog.pg_roles WHERE rolname LIKE 'leadsrally\\_%' ORDER BY 1) AS roles
"""


def snapshot(connection: psycopg.Connection[Any]) -> Snapshot:
    """Hold the present state for others to read. `at` is the beginning of the transaction."""
    return connection.cursor(row_factory=class_row(Snapshot)).execute(_SNAPSHOT).fetchall()[0]


_TABLES = """
SELECT c.relname
  FROM pg_catalog.pg_class AS c
 WHERE c.relnamespace = 'public'::regnamespace
   AND c.relkind IN ('r', 'p')
   AND NOT c.relispartition
 ORDER BY c.relname
"""


def counts(connection: psycopg.Connection[Any]) -> dict[str, int]:
    """How many rows each table holds, by its name; the days of the delivery log together."""
    cursor = connection.cursor(row_factory=scalar_row)
    tables: Sequence[str] = cursor.execute(_TABLES).fetchall()
    count = sql.SQL("SELECT count(*) FROM {}")
    return {
        table: cursor.execute(count.format(sql.Identifier("public", table))).fetchone() or 0
        for table in tables
    }


_RECORD = """
INSERT INTO backups (id, at, made_at, bytes, row_count)
VALUES (%(id)s, %(at)s, %(now)s, %(bytes)s, %(rows)s)
ON CONFLICT (id) DO NOTHING
"""


def record(tx: Tx, backup: Backup, *, now: datetime) -> None:
    """Write down that there is this backup. Harmless when repeated."""
    head = backup.head
    tx.run(
        _RECORD,
        {"id": head.id, "at": head.at, "now": now, "bytes": backup.size, "rows": sum(head.rows.values())},
    )


_GONE = """
UPDATE backups
   SET deleted_at = %(now)s
 WHERE deleted_at IS NULL
   AND made_at < %(listed_at)s
   AND id <> ALL (%(there)s::uuid[])
"""


def mark_gone(tx: Tx, there: Sequence[UUID], *, listed_at: datetime, now: datetime) -> int:
    """Write down that of the backups on record only these are there; returns how many were marked.

    One that was made since the instant before the listing is not told of by it, and stays on record.
    """
    return tx.run(_GONE, {"there": list(there), "listed_at": listed_at, "now": now})
