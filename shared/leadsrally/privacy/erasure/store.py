"""Erasures: what was asked for, and how far it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from psycopg.types.json import Jsonb

from leadsrally.kit.db import Tx

Kind = Literal["contact", "conversation", "message"]
State = Literal["waiting", "erasing", "done"]

_INSERT = """
INSERT INTO erasures (organization_id, id, kind, subject_id, requested_by, requested_at)
VALUES (%(organization_id)s, %(id)s, %(kind)s, %(subject_id)s, %(requested_by)s, %(now)s)
ON CONFLICT (organization_id, subject_id) WHERE state <> 'done' DO NOTHING
"""


def insert(
    tx: Tx,
    organization_id: UUID,
    erasure_id: UUID,
    kind: Kind,
    subject_id: UUID,
    *,
    requested_by: UUID,
    now: datetime,
) -> bool:
    """False when this is being erased already."""
    given = {"kind": kind, "subject_id": subject_id, "requested_by": requested_by, "now": now}
    return tx.run(_INSERT, {"organization_id": organization_id, "id": erasure_id, **given}) > 0


@dataclass(frozen=True, slots=True)
class Erasure:
    """One erasure while it is at work. `known_as` and `import_ids` are of a contact alone."""

    organization_id: UUID
    id: UUID
    kind: Kind
    subject_id: UUID
    state: State
    conversation_ids: list[UUID]
    import_ids: list[UUID]
    known_as: list[bytes]
    counts: dict[str, int]
    requested_at: datetime
    requested_by: UUID


_ONE = """
SELECT organization_id, id, kind, subject_id, state, conversation_ids, import_ids, known_as, counts, requested_at,
       requested_by
  FROM erasures
 WHERE organization_id = %(organization_id)s
   AND id = %(id)s
"""


def one(tx: Tx, organization_id: UUID, erasure_id: UUID) -> Erasure | None:
    return tx.maybe(Erasure, _ONE, {"organization_id": organization_id, "id": erasure_id})


_BEGUN = """
UPDATE erasures AS e
   SET state = 'erasing',
       conversation_ids = %(conversation_ids)s,
       import_ids = %(import_ids)s,
       known_as = %(known_as)s,
       counts = %(counts)s,
       messages_total = (SELECT count(*)
                           FROM messages AS m
                          WHERE m.organization_id = e.organization_id
                            AND (m.conversation_id = ANY (%(conversation_ids)s) OR m.id = e.subject_id))
 WHERE organization_id = %(organization_id)s
   AND id = %(id)s
   AND state = 'waiting'
"""


def begun(
    tx: Tx,
    organization_id: UUID,
    erasure_id: UUID,
    *,
    conversation_ids: Sequence[UUID] = (),
    import_ids: Sequence[UUID] = (),
    known_as: Sequence[bytes] = (),
    counts: Mapping[str, int],
) -> bool:
    """Write down what is left to do. False: somebody else has begun it."""
    given = {
        "conversation_ids": list(conversation_ids),
        "import_ids": list(import_ids),
        "known_as": list(known_as),
        "counts": Jsonb(dict(counts)),
    }
    return tx.run(_BEGUN, {"organization_id": organization_id, "id": erasure_id, **given}) > 0


_ADD = """
UPDATE erasures AS e
   SET counts = e.counts || (SELECT coalesce(jsonb_object_agg(given.key,
                                                              coalesce((e.counts ->> given.key)::bigint, 0)
                                                              + given.value::bigint), '{}')
                               FROM jsonb_each_text(%(counts)s::jsonb) AS given)
 WHERE organization_id = %(organization_id)s
   AND id = %(id)s
"""


def add(tx: Tx, organization_id: UUID, erasure_id: UUID, counts: Mapping[str, int]) -> None:
    """Add to what was deleted, in the transaction that deletes it."""
    given = {"organization_id": organization_id, "id": erasure_id}
    tx.run(_ADD, {**given, "counts": Jsonb({key: count for key, count in counts.items() if count})})


_WITH_THREADS = """
UPDATE erasures
   SET conversation_ids = conversation_ids || %(conversation_ids)s::uuid[]
 WHERE organization_id = %(organization_id)s
   AND id = %(id)s
"""


def with_threads(tx: Tx, organization_id: UUID, erasure_id: UUID, conversation_ids: Sequence[UUID]) -> None:
    """More threads of the same person are to go."""
    given = {"organization_id": organization_id, "id": erasure_id, "conversation_ids": list(conversation_ids)}
    tx.run(_WITH_THREADS, given)


_DONE = """
UPDATE erasures
   SET state = 'done', finished_at = %(now)s, known_as = '{}', import_ids = '{}'
 WHERE organization_id = %(organization_id)s
   AND id = %(id)s
   AND state = 'erasing'
"""


def done(tx: Tx, organization_id: UUID, erasure_id: UUID, *, now: datetime) -> bool:
    """Nothing is left, not even by what the person could be known again."""
    return tx.run(_DONE, {"organization_id": organization_id, "id": erasure_id, "now": now}) > 0


_NEWEST = """
SELECT id, kind, subject_id, requested_by, state, counts, messages_total, requested_at, finished_at
  FROM erasures
 WHERE organization_id = %(organization_id)s
   AND (requested_at, id) < (%(before)s, %(before_id)s)
   AND (%(only)s::uuid IS NULL OR id = %(only)s)
 ORDER BY requested_at DESC, id DESC
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
    given = {"before": before, "before_id": before_id, "only": only, "limit": limit}
    return tx.dicts(_NEWEST, {"organization_id": organization_id, **given})
