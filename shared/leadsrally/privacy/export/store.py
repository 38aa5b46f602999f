"""Exports, their parts, and the files of messages that belong into them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from psycopg.types.json import Jsonb

from leadsrally.kit.db import Tx
from leadsrally.kit.storage import Key

PURPOSE = "export"
State = Literal["waiting", "building", "ready", "failed", "cancelled", "expired"]


def key_of(organization_id: UUID, export_id: UUID, number: int) -> Key:
    """Where a part is, or would be."""
    return Key(organization_id, PURPOSE, f"{export_id}/{number}.zip")


def is_of(key: Key, export_id: UUID) -> bool:
    """Whether a file is a part of this export, written down or not."""
    return key.name.startswith(f"{export_id}/")


@dataclass(frozen=True, slots=True)
class Position:
    """Where the next part begins: a sheet by its table's name, and the key of the last row before.

    `table` None is the first sheet; a table that is no sheet is the files. `run` numbers the pieces of one sheet.
    """

    table: str | None = None
    after: tuple[str, ...] | None = None
    run: int = 1

    def to_json(self) -> dict[str, Any]:
        return {"table": self.table, "after": self.after, "run": self.run}

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "Position":
        after = kept.get("after")
        return cls(kept.get("table"), None if after is None else tuple(after), kept.get("run", 1))


@dataclass(frozen=True, slots=True)
class Export:
    organization_id: UUID
    id: UUID
    contact_id: UUID | None
    requested_by: UUID
    requested_at: datetime
    state: State
    position: dict[str, Any]
    counts: dict[str, int]
    rows_done: int
    rows_total: int | None
    parts: int


_REQUEST = """
INSERT INTO exports (organization_id, id, contact_id, requested_by, requested_at)
VALUES (%(organization_id)s, %(id)s, %(contact_id)s, %(requested_by)s, %(now)s)
ON CONFLICT (organization_id, contact_id) WHERE state IN ('waiting', 'building') DO NOTHING
"""


def insert(
    tx: Tx,
    organization_id: UUID,
    export_id: UUID,
    *,
    contact_id: UUID | None,
    requested_by: UUID,
    now: datetime,
) -> bool:
    """False when one of the same is under way."""
    return bool(
        tx.run(
            _REQUEST,
            {
                "organization_id": organization_id,
                "id": export_id,
                "contact_id": contact_id,
                "requested_by": requested_by,
                "now": now,
            },
        )
    )


_BEGIN = """
UPDATE exports AS e
   SET state = 'building'
 WHERE organization_id = %(organization_id)s
   AND id = %(export_id)s
   AND state IN ('waiting', 'building')
RETURNING organization_id, id, contact_id, requested_by, requested_at, state, position, counts, rows_done, rows_total,
          (SELECT count(*) FROM export_parts AS p
            WHERE p.organization_id = e.organization_id AND p.export_id = e.id) AS parts
"""


def begin(tx: Tx, organization_id: UUID, export_id: UUID) -> Export | None:
    """The export, if it is still to be built."""
    return tx.maybe(Export, _BEGIN, {"organization_id": organization_id, "export_id": export_id})


_EXPECT = """
UPDATE exports
   SET rows_total = %(rows_total)s
 WHERE organization_id = %(organization_id)s
   AND id = %(export_id)s
"""


def expect(tx: Tx, export: Export, rows_total: int) -> None:
    tx.run(
        _EXPECT,
        {
            "organization_id": export.organization_id,
            "export_id": export.id,
            "rows_total": rows_total,
        },
    )


_PROGRESS = """
UPDATE exports
   SET rows_done = %(rows_done)s
 WHERE organization_id = %(organization_id)s
   AND id = %(export_id)s
   AND state = 'building'
"""


def progress(tx: Tx, export: Export, rows_done: int) -> bool:
    """False when it was cancelled meanwhile."""
    return bool(
        tx.run(
            _PROGRESS,
            {
                "organization_id": export.organization_id,
                "export_id": export.id,
                "rows_done": rows_done,
            },
        )
    )


@dataclass(frozen=True, slots=True)
class Part:
    """A part that lies in the storage, and where the next one begins."""

    number: int
    bytes: int
    position: Position
    counts: dict[str, int] = field(default_factory=dict[str, int])

    @property
    def rows(self) -> int:
        return sum(self.counts.values())


_KEEP_PART = """
WITH kept AS (
    UPDATE exports
       SET position = %(position)s, counts = %(counts)s, rows_done = %(rows_done)s
     WHERE organization_id = %(organization_id)s
       AND id = %(export_id)s
       AND state = 'building'
    RETURNING organization_id, id
)
INSERT INTO export_parts (organization_id, export_id, number, bytes, made_at)
SELECT organization_id, id, %(number)s, %(bytes)s, %(now)s
  FROM kept
ON CONFLICT (organization_id, export_id, number) DO NOTHING
"""


def keep_part(tx: Tx, export: Export, part: Part, *, now: datetime) -> bool:
    """False when the export was cancelled meanwhile, or another worker kept this part."""
    return bool(
        tx.run(
            _KEEP_PART,
            {
                "organization_id": export.organization_id,
                "export_id": export.id,
                "position": Jsonb(part.position.to_json()),
                "counts": Jsonb(part.counts),
                "rows_done": part.rows,
                "number": part.number,
                "bytes": part.bytes,
                "now": now,
            },
        )
    )


_READY = """
UPDATE exports
   SET state = 'ready', position = '{}', ready_at = %(now)s, expires_at = %(expires_at)s
 WHERE organization_id = %(organization_id)s
   AND id = %(export_id)s
   AND state = 'building'
"""


def ready(tx: Tx, export: Export, *, now: datetime, expires_at: datetime) -> bool:
    return bool(
        tx.run(
            _READY,
            {
                "organization_id": export.organization_id,
                "export_id": export.id,
                "now": now,
                "expires_at": expires_at,
            },
        )
    )


_FAILED = """
UPDATE exports
   SET state = 'failed', position = '{}'
 WHERE organization_id = %(organization_id)s
   AND id = %(export_id)s
   AND state IN ('waiting', 'building')
"""


def failed(tx: Tx, organization_id: UUID, export_id: UUID) -> bool:
    """False when it was over already."""
    return bool(tx.run(_FAILED, {"organization_id": organization_id, "export_id": export_id}))


_CANCEL = """
UPDATE exports
   SET state = CASE WHEN state = 'ready' THEN 'expired' ELSE 'cancelled' END
 WHERE organization_id = %(organization_id)s
   AND id = %(export_id)s
   AND state IN ('waiting', 'building', 'ready')
"""


def cancel(tx: Tx, organization_id: UUID, export_id: UUID) -> bool:
    """Take it back, or away. False when there is nothing to take."""
    return bool(tx.run(_CANCEL, {"organization_id": organization_id, "export_id": export_id}))


_EXPIRE = """
UPDATE exports
   SET state = 'expired'
 WHERE organization_id = %(organization_id)s
   AND id = %(export_id)s
   AND state = 'ready'
"""


_OVER = """
SELECT state IN ('failed', 'cancelled', 'expired')
  FROM exports
 WHERE organization_id = %(organization_id)s
   AND id = %(export_id)s
"""


def over(tx: Tx, organization_id: UUID, export_id: UUID) -> bool:
    """Whether nothing of it is to be kept: it was taken back, could not be made, or its time is over."""
    return tx.value(_OVER, {"organization_id": organization_id, "export_id": export_id}) is True


def expire(tx: Tx, organization_id: UUID, export_id: UUID) -> None:
    tx.run(_EXPIRE, {"organization_id": organization_id, "export_id": export_id})


_FORGET_PARTS = """
DELETE FROM export_parts
 WHERE organization_id = %(organization_id)s
   AND export_id = %(export_id)s
"""


def forget_parts(tx: Tx, organization_id: UUID, export_id: UUID) -> int:
    return tx.run(_FORGET_PARTS, {"organization_id": organization_id, "export_id": export_id})


@dataclass(frozen=True, slots=True)
class Shared:
    """What must be known before a part is given to somebody."""

    contact_id: UUID | None
    requested_by: UUID
    state: State
    expires_at: datetime | None
    requested_at: datetime
    bytes: int | None  # of the part; None where there is no such part
    parts: int


_SHARED = """
SELECT e.contact_id, e.requested_by, e.state, e.expires_at, e.requested_at,
       (SELECT bytes FROM export_parts AS p
         WHERE p.organization_id = e.organization_id AND p.export_id = e.id AND p.number = %(number)s) AS bytes,
       (SELECT count(*) FROM export_parts AS p
         WHERE p.organization_id = e.organization_id AND p.export_id = e.id) AS parts
  FROM exports AS e
 WHERE e.organization_id = %(organization_id)s
   AND e.id = %(export_id)s
"""


def shared(tx: Tx, organization_id: UUID, export_id: UUID, number: int) -> Shared | None:
    return tx.maybe(
        Shared, _SHARED, {"organization_id": organization_id, "export_id": export_id, "number": number}
    )


_NEWEST = """
SELECT e.id, e.contact_id, e.requested_by, e.state, e.counts, e.rows_done, e.rows_total, e.requested_at, e.ready_at,
       e.expires_at,
       coalesce((SELECT jsonb_agg(jsonb_build_object('number', p.number, 'bytes', p.bytes) ORDER BY p.number)
                   FROM export_parts AS p
                  WHERE p.organization_id = e.organization_id AND p.export_id = e.id), '[]') AS parts
  FROM exports AS e
 WHERE e.organization_id = %(organization_id)s
   AND (e.requested_at, e.id) < (%(before)s, %(before_id)s)
   AND (%(only)s::uuid IS NULL OR e.id = %(only)s)
 ORDER BY e.requested_at DESC, e.id DESC
 LIMIT %(limit)s
"""


def newest(
    tx: Tx,
    organization_id: UUID,
    *,
    before: datetime,
    before_id: UUID,
    limit: int,
    only: UUID | None = None,
) -> list[dict[str, Any]]:
    """Newest first, after the given place (keyset)."""
    return tx.dicts(
        _NEWEST,
        {
            "organization_id": organization_id,
            "before": before,
            "before_id": before_id,
            "only": only,
            "limit": limit,
        },
    )


@dataclass(frozen=True, slots=True)
class File:
    id: UUID
    content_type: str


_FILES = """
SELECT f.id, f.content_type
  FROM media AS f
 WHERE f.organization_id = %(organization_id)s
   AND f.id > %(after)s
   AND f.state = 'stored'
   AND (%(contact_id)s::uuid IS NULL
        OR f.message_id IN (SELECT m.id
                              FROM messages AS m
                              JOIN conversations AS c
                                ON c.organization_id = m.organization_id AND c.id = m.conversation_id
                             WHERE m.organization_id = %(organization_id)s
                               AND c.contact_id = %(contact_id)s))
 ORDER BY f.id
 LIMIT %(limit)s
"""


def files(tx: Tx, organization_id: UUID, contact_id: UUID | None, *, after: UUID, limit: int) -> list[File]:
    """Files of messages, in the order of their ids."""
    return tx.all(
        File,
        _FILES,
        {"organization_id": organization_id, "contact_id": contact_id, "after": after, "limit": limit},
    )
