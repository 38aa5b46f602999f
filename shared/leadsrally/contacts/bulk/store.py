"""The table of bulk actions: what is wanted, how far it is, what it came to."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from psycopg.types.json import Jsonb

from leadsrally.contacts.bulk.types import Action, Counts, Kind, State
from leadsrally.contacts.fields import Value
from leadsrally.kit.db import Tx, statement

_COLUMNS: LiteralString = """
SELECT id, kind, state, reason, actor_kind, actor_id, contact_ids, condition, segment_id, tag_ids, fields, expected, margin,
       place, counts, undo_counts, created_at, progressed_at, finished_at, forgotten_at
  FROM bulk_actions
 WHERE organization_id = %(organization_id)s
"""
_ONE = statement(_COLUMNS, " AND id = %(action_id)s")
_LOCKED = statement(_ONE, " FOR NO KEY UPDATE")


def one(tx: Tx, organization_id: UUID, action_id: UUID) -> Action | None:
    return tx.maybe(Action, _ONE, {"organization_id": organization_id, "action_id": action_id})


def locked(tx: Tx, organization_id: UUID, action_id: UUID) -> Action | None:
    """As `one`, and nobody else changes it before this transaction ends."""
    return tx.maybe(Action, _LOCKED, {"organization_id": organization_id, "action_id": action_id})


_NEWEST = statement(
    _COLUMNS,
    """
   AND (created_at, id) < (%(before)s, %(before_id)s)
 ORDER BY created_at DESC, id DESC
 LIMIT %(limit)s
""",
)


def newest(tx: Tx, organization_id: UUID, *, before: datetime, before_id: UUID, limit: int) -> list[Action]:
    """Newest first, after the given place (keyset)."""
    given = {"organization_id": organization_id, "before": before, "before_id": before_id, "limit": limit}
    return tx.all(Action, _NEWEST, given)


# Locked, so that two at once do not pass the limit together.
_RUNNING = """
WITH locked AS (SELECT 1 FROM organizations WHERE id = %(organization_id)s FOR NO KEY UPDATE)
SELECT count(*)
  FROM bulk_actions
 WHERE organization_id = %(organization_id)s
   AND state IN ('running', 'undoing')
   AND EXISTS (SELECT 1 FROM locked)
"""


def running(tx: Tx, organization_id: UUID) -> int:
    """How many are under way; nobody else begins one before this transaction ends."""
    return tx.value(_RUNNING, {"organization_id": organization_id})


_BEGIN = """
INSERT INTO bulk_actions (
    organization_id, id, kind, actor_kind, actor_id, contact_ids, condition, segment_id, tag_ids, fields, expected, margin,
    place, created_at, progressed_at
)
VALUES (
    %(organization_id)s, %(action_id)s, %(kind)s, %(actor_kind)s, %(actor_id)s, %(contact_ids)s, %(condition)s,
    %(segment_id)s, %(tag_ids)s, %(fields)s, %(expected)s, %(margin)s, %(place)s, %(now)s, %(now)s
)
"""


def begin(
    tx: Tx,
    organization_id: UUID,
    action_id: UUID,
    kind: Kind,
    *,
    actor: tuple[str, UUID | None],
    contact_ids: Sequence[UUID] | None,
    condition: Mapping[str, Any] | None,
    segment_id: UUID | None,
    tag_ids: Sequence[UUID],
    fields: Mapping[str, Value | None],
    expected: int,
    margin: int,
    place: UUID | None,
    now: datetime,
) -> None:
    tx.run(
        _BEGIN,
        {
            "organization_id": organization_id,
            "action_id": action_id,
            "kind": kind,
            "actor_kind": actor[0],
            "actor_id": actor[1],
            "contact_ids": None if contact_ids is None else list(contact_ids),
            "condition": None if condition is None else Jsonb(dict(condition)),
            "segment_id": segment_id,
            "tag_ids": list(tag_ids),
            "fields": Jsonb(dict(fields)),
            "expected": expected,
            "margin": margin,
            "place": place,
            "now": now,
        },
    )


_MOVE = """
UPDATE bulk_actions
   SET state = %(state)s,
       progressed_at = %(now)s,
       finished_at = CASE WHEN %(state)s IN ('done', 'cancelled', 'failed') THEN %(now)s ELSE finished_at END
 WHERE organization_id = %(organization_id)s
   AND id = %(action_id)s
   AND state = ANY (%(from_states)s)
"""


def move(
    tx: Tx,
    organization_id: UUID,
    action_id: UUID,
    from_states: Sequence[State],
    state: State,
    *,
    now: datetime,
) -> bool:
    """Bring it from one of these states to another. Returns False when it is in none of them."""
    given = {"from_states": list(from_states), "state": state, "now": now}
    return tx.run(_MOVE, {"organization_id": organization_id, "action_id": action_id, **given}) == 1


_FAIL = """
UPDATE bulk_actions
   SET state = 'failed', reason = %(reason)s, finished_at = %(now)s
 WHERE organization_id = %(organization_id)s
   AND id = %(action_id)s
   AND state = 'running'
"""


def fail(tx: Tx, organization_id: UUID, action_id: UUID, reason: str, *, now: datetime) -> None:
    tx.run(_FAIL, {"organization_id": organization_id, "action_id": action_id, "reason": reason, "now": now})


_ADVANCE = """
UPDATE bulk_actions
   SET place = %(place)s, counts = %(counts)s, progressed_at = %(now)s
 WHERE organization_id = %(organization_id)s
   AND id = %(action_id)s
   AND state = 'running'
"""


def advance(
    tx: Tx, organization_id: UUID, action_id: UUID, *, place: UUID | None, counts: Counts, now: datetime
) -> bool:
    """Write down how far it is. Returns False when it runs no more."""
    given = {"place": place, "counts": Jsonb(counts.to_json()), "now": now}
    return tx.run(_ADVANCE, {"organization_id": organization_id, "action_id": action_id, **given}) == 1


_UNDONE = """
UPDATE bulk_actions
   SET undo_counts = %(counts)s
 WHERE organization_id = %(organization_id)s
   AND id = %(action_id)s
"""


def undone(tx: Tx, organization_id: UUID, action_id: UUID, counts: Mapping[str, int]) -> None:
    given = {"organization_id": organization_id, "action_id": action_id, "counts": Jsonb(dict(counts))}
    tx.run(_UNDONE, given)


_FORGET = """
UPDATE bulk_actions
   SET contact_ids = NULL, condition = NULL, fields = '{}', forgotten_at = %(now)s
 WHERE organization_id = %(organization_id)s
   AND id = %(action_id)s
"""


def forget(tx: Tx, organization_id: UUID, action_id: UUID, *, now: datetime) -> None:
    tx.run(_FORGET, {"organization_id": organization_id, "action_id": action_id, "now": now})
