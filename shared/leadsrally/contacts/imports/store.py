"""The imports table: what is wanted, how far it is, what it came to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from psycopg.types.json import Jsonb

from leadsrally.contacts.imports.ids import run_of
from leadsrally.contacts.imports.types import Attestation, Counts, Kind, Mapped, Shape, State
from leadsrally.kit.db import Tx, statement


@dataclass(frozen=True, slots=True)
class Import:
    """A row as it stands."""

    id: UUID
    kind: Kind
    state: State
    reason: str | None
    actor_id: UUID | None
    file_name: str
    bytes: int
    encoding: str | None
    delimiter: str | None
    has_header: bool | None
    columns: list[str]
    sample: list[list[str]] | None
    rows: int | None
    mapping: list[dict[str, Any]]
    country: str
    tags: list[str]
    attestation: dict[str, Any] | None
    channels: list[str]
    lines_done: int
    counts: dict[str, Any]
    checked: dict[str, Any] | None
    undo_counts: dict[str, int] | None
    version: int
    created_at: datetime
    started_at: datetime | None
    progressed_at: datetime | None
    finished_at: datetime | None
    forgotten_at: datetime | None

    @property
    def shape(self) -> Shape | None:
        if self.encoding is None or self.delimiter is None or self.has_header is None:
            return None
        return Shape(self.encoding, self.delimiter, self.has_header)

    @property
    def mapped(self) -> list[Mapped]:
        return [Mapped(**one) for one in self.mapping]

    @property
    def attested(self) -> Attestation:
        return Attestation() if self.attestation is None else Attestation.from_json(self.attestation)


_COLUMNS: LiteralString = """
       i.id, i.kind, i.state, i.reason, i.actor_id, i.file_name, i.bytes, i.encoding, i.delimiter, i.has_header, i.columns,
       i.sample, i.rows, i.mapping, coalesce(i.country, o.country) AS country, i.tags, i.attestation, i.channels,
       i.lines_done, i.counts, i.checked, i.undo_counts, i.version, i.created_at, i.started_at, i.progressed_at,
       i.finished_at, i.forgotten_at
  FROM imports AS i
  JOIN organizations AS o ON o.id = i.organization_id
 WHERE i.organization_id = %(organization_id)s
"""
_ONE = statement("SELECT", _COLUMNS, " AND i.id = %(import_id)s")
_LOCKED = statement(_ONE, " FOR NO KEY UPDATE OF i")


def one(tx: Tx, organization_id: UUID, import_id: UUID) -> Import | None:
    return tx.maybe(Import, _ONE, {"organization_id": organization_id, "import_id": import_id})


def locked(tx: Tx, organization_id: UUID, import_id: UUID) -> Import | None:
    """As `one`, and nobody else changes it before this transaction ends."""
    return tx.maybe(Import, _LOCKED, {"organization_id": organization_id, "import_id": import_id})


_NEWEST = statement(
    "SELECT",
    _COLUMNS,
    """
   AND (i.created_at, i.id) < (%(before)s, %(before_id)s)
 ORDER BY i.created_at DESC, i.id DESC
 LIMIT %(limit)s
""",
)


def newest(tx: Tx, organization_id: UUID, *, before: datetime, before_id: UUID, limit: int) -> list[Import]:
    """Newest first, after the given place (keyset)."""
    given = {"organization_id": organization_id, "before": before, "before_id": before_id, "limit": limit}
    return tx.all(Import, _NEWEST, given)


_AT_ONCE = """
SELECT id, file_name
  FROM imports
 WHERE organization_id = %(organization_id)s
   AND id BETWEEN %(first)s AND %(last)s
"""


def maker_of(tx: Tx, organization_id: UUID, contact_id: UUID) -> tuple[UUID, str] | None:
    """The import that made this contact, which its id says, with the name of its file as long as that is kept."""
    first = contact_id.int >> 80 << 80  # imports that were begun in this millisecond
    given = {
        "organization_id": organization_id,
        "first": UUID(int=first),
        "last": UUID(int=first + (1 << 80) - 1),
    }
    for row in tx.dicts(_AT_ONCE, given):
        if contact_id.hex.startswith(run_of(row["id"], "contact").prefix):
            return row["id"], row["file_name"]
    return None


_BEGIN = """
INSERT INTO imports (organization_id, id, kind, actor_kind, actor_id, file_name, bytes, channels, created_at)
VALUES (
    %(organization_id)s, %(import_id)s, %(kind)s, %(actor_kind)s, %(actor_id)s, %(file_name)s, %(bytes)s, %(channels)s,
    %(now)s
)
"""


def begin(
    tx: Tx,
    organization_id: UUID,
    import_id: UUID,
    kind: Kind,
    *,
    actor: tuple[str, UUID | None],
    file_name: str,
    size: int,
    channels: Sequence[str],
    now: datetime,
) -> None:
    tx.run(
        _BEGIN,
        {
            "organization_id": organization_id,
            "import_id": import_id,
            "kind": kind,
            "actor_kind": actor[0],
            "actor_id": actor[1],
            "file_name": file_name,
            "bytes": size,
            "channels": list(channels),
            "now": now,
        },
    )


_LOOKED = """
UPDATE imports
   SET state = 'ready', reason = NULL, encoding = %(encoding)s, delimiter = %(delimiter)s, has_header = %(has_header)s,
       columns = %(columns)s, sample = %(sample)s, rows = %(rows)s, mapping = %(mapping)s, checked = NULL,
       version = version + 1
 WHERE organization_id = %(organization_id)s
   AND id = %(import_id)s
   AND state = 'looking'
"""


def looked(
    tx: Tx,
    organization_id: UUID,
    import_id: UUID,
    shape: Shape,
    *,
    columns: Sequence[str],
    sample: Sequence[Sequence[str]],
    rows: int,
    mapping: Sequence[Mapping[str, Any]],
) -> None:
    tx.run(
        _LOOKED,
        {
            "organization_id": organization_id,
            "import_id": import_id,
            "encoding": shape.encoding,
            "delimiter": shape.delimiter,
            "has_header": shape.has_header,
            "columns": Jsonb(list(columns)),
            "sample": Jsonb([list(row) for row in sample]),
            "rows": rows,
            "mapping": Jsonb(list(mapping)),
        },
    )


_LOOK = """
UPDATE imports
   SET state = 'looking', encoding = %(encoding)s, delimiter = %(delimiter)s, has_header = %(has_header)s,
       version = version + 1
 WHERE organization_id = %(organization_id)s
   AND id = %(import_id)s
"""


def look(
    tx: Tx,
    organization_id: UUID,
    import_id: UUID,
    *,
    encoding: str | None,
    delimiter: str | None,
    has_header: bool | None,
) -> None:
    """Have it looked at; what is None is to be found out."""
    given = {"encoding": encoding, "delimiter": delimiter, "has_header": has_header}
    tx.run(_LOOK, {"organization_id": organization_id, "import_id": import_id, **given})


_DESCRIBE = """
UPDATE imports
   SET mapping = coalesce(%(mapping)s, mapping),
       country = coalesce(%(country)s, country),
       tags = coalesce(%(tags)s, tags),
       attestation = coalesce(%(attestation)s, attestation),
       channels = coalesce(%(channels)s, channels),
       checked = NULL,
       version = version + 1
 WHERE organization_id = %(organization_id)s
   AND id = %(import_id)s
"""


def describe(
    tx: Tx,
    organization_id: UUID,
    import_id: UUID,
    *,
    mapping: Sequence[Mapping[str, Any]] | None,
    country: str | None,
    tags: Sequence[str] | None,
    attestation: Attestation | None,
    channels: Sequence[str] | None,
) -> None:
    """Take down what the customer says; None leaves as it was. What a trial counted before is of another plan."""
    tx.run(
        _DESCRIBE,
        {
            "organization_id": organization_id,
            "import_id": import_id,
            "mapping": None if mapping is None else Jsonb(list(mapping)),
            "country": country,
            "tags": None if tags is None else list(tags),
            "attestation": None if attestation is None else Jsonb(attestation.to_json()),
            "channels": None if channels is None else list(channels),
        },
    )


_MOVE = """
UPDATE imports
   SET state = %(state)s,
       reason = %(reason)s,
       version = version + 1,
       started_at = CASE WHEN %(state)s = 'running' THEN %(now)s ELSE started_at END,
       progressed_at = CASE WHEN %(state)s IN ('running', 'undoing') THEN %(now)s ELSE progressed_at END,
       finished_at = CASE WHEN %(state)s IN ('done', 'cancelled', 'failed') THEN %(now)s ELSE finished_at END
 WHERE organization_id = %(organization_id)s
   AND id = %(import_id)s
   AND state = ANY (%(from_states)s)
"""


def move(
    tx: Tx,
    organization_id: UUID,
    import_id: UUID,
    from_states: Sequence[State],
    state: State,
    *,
    reason: str | None = None,
    now: datetime,
) -> bool:
    """Bring it from one of these states to another. Returns False when it is in none of them."""
    given = {"from_states": list(from_states), "state": state, "reason": reason, "now": now}
    return tx.run(_MOVE, {"organization_id": organization_id, "import_id": import_id, **given}) == 1


_TAKE = """
SELECT counts
  FROM imports
 WHERE organization_id = %(organization_id)s
   AND id = %(import_id)s
   AND state = 'running'
   AND lines_done = %(after)s
   FOR NO KEY UPDATE
"""


def take(tx: Tx, organization_id: UUID, import_id: UUID, *, after: int) -> Counts | None:
    """The counts so far, with the right to go on after this row until the end of the transaction.

    None when it was cancelled, or when another worker is further: what this one has read must not be written.
    """
    given = {"organization_id": organization_id, "import_id": import_id, "after": after}
    counts = tx.value(_TAKE, given)
    return None if counts is None else Counts(**counts)


_ADVANCE = """
UPDATE imports
   SET lines_done = %(last)s, counts = %(counts)s, progressed_at = %(now)s
 WHERE organization_id = %(organization_id)s
   AND id = %(import_id)s
"""


def advance(
    tx: Tx, organization_id: UUID, import_id: UUID, *, last: int, counts: Counts, now: datetime
) -> None:
    given = {"last": last, "counts": Jsonb(counts.to_json()), "now": now}
    tx.run(_ADVANCE, {"organization_id": organization_id, "import_id": import_id, **given})


_CHECKED = """
UPDATE imports
   SET state = 'ready', checked = %(counts)s, version = version + 1
 WHERE organization_id = %(organization_id)s
   AND id = %(import_id)s
   AND state = 'checking'
"""


def checked(tx: Tx, organization_id: UUID, import_id: UUID, counts: Counts) -> None:
    given = {"organization_id": organization_id, "import_id": import_id, "counts": Jsonb(counts.to_json())}
    tx.run(_CHECKED, given)


_ANY_SUPPRESSIONS = """
SELECT EXISTS (SELECT 1 FROM suppressions WHERE organization_id = %(organization_id)s)
"""


def any_suppressions(tx: Tx, organization_id: UUID) -> bool:
    return tx.value(_ANY_SUPPRESSIONS, {"organization_id": organization_id})


_FORGET = """
UPDATE imports
   SET columns = '[]', sample = NULL, file_name = '', forgotten_at = %(now)s
 WHERE organization_id = %(organization_id)s
   AND id = %(import_id)s
"""


def forget(tx: Tx, organization_id: UUID, import_id: UUID, *, now: datetime) -> None:
    tx.run(_FORGET, {"organization_id": organization_id, "import_id": import_id, "now": now})


_UNDONE = """
UPDATE imports
   SET undo_counts = %(counts)s
 WHERE organization_id = %(organization_id)s
   AND id = %(import_id)s
"""


def undone(tx: Tx, organization_id: UUID, import_id: UUID, counts: Mapping[str, int]) -> None:
    given = {"organization_id": organization_id, "import_id": import_id, "counts": Jsonb(dict(counts))}
    tx.run(_UNDONE, given)
