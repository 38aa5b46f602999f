"""Segments: conditions on contacts under a name. Who belongs to one is asked anew each time."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg.errors import UniqueViolation
from psycopg.types.json import Jsonb

from leadsrally.accounts import audit
from leadsrally.accounts.audit import Actor
from leadsrally.contacts.conditions import Condition, read_condition
from leadsrally.contacts.fields import definitions
from leadsrally.kit.db import Tx
from leadsrally.kit.errors import Conflict, NotFound, Stale
from leadsrally.kit.ids import new_id

MAX_SEGMENTS: Final = 500  # per organisation


@dataclass(frozen=True, slots=True)
class Segment:
    id: UUID
    name: str
    condition: dict[str, Any]
    version: int
    created_at: datetime


def condition_of(tx: Tx, organization_id: UUID, raw: Any) -> Condition:
    """What `raw` says, with the organisation's fields as they are now. Raises `Invalid`."""
    return read_condition(raw, definitions(tx, organization_id))


_COUNT = "SELECT count(*) FROM segments WHERE organization_id = %(organization_id)s"
_CREATE = """
INSERT INTO segments (organization_id, id, name, condition, created_at)
VALUES (%(organization_id)s, %(id)s, %(name)s, %(condition)s, %(now)s)
ON CONFLICT (organization_id, lower(name)) DO NOTHING
RETURNING id, name, condition, version, created_at
"""


def create(
    tx: Tx, organization_id: UUID, name: str, condition: dict[str, Any], *, actor: Actor, now: datetime
) -> Segment:
    """Raises `Invalid` for a condition that is none, and `Conflict` for a name that is taken or too many segments."""
    condition_of(tx, organization_id, condition)
    if tx.value(_COUNT, {"organization_id": organization_id}) >= MAX_SEGMENTS:
        raise Conflict(
            f"There are {MAX_SEGMENTS} segments already. Delete one first.", code="too_many_segments"
        )
    given = {"id": new_id(now), "name": name, "condition": Jsonb(condition), "now": now}
    made = tx.maybe(Segment, _CREATE, {**given, "organization_id": organization_id})
    if made is None:
        raise _taken()
    audit.record(tx, organization_id, actor, "segment.created", now=now, target=("segment", made.id))
    return made


_SEGMENTS = """
SELECT id, name, condition, version, created_at
  FROM segments
 WHERE organization_id = %(organization_id)s
"""


def all_segments(
    tx: Tx, organization_id: UUID, *, before: datetime, before_id: UUID, limit: int
) -> list[Segment]:
    """Newest first, after the given place (keyset)."""
    sql = _SEGMENTS + (
        "AND (created_at, id) < (%(before)s, %(before_id)s) ORDER BY created_at DESC, id DESC LIMIT %(limit)s"
    )
    given = {"organization_id": organization_id, "before": before, "before_id": before_id, "limit": limit}
    return tx.all(Segment, sql, given)


def segment(tx: Tx, organization_id: UUID, segment_id: UUID) -> Segment:
    """Raises `NotFound`."""
    sql = _SEGMENTS + "AND id = %(segment_id)s"
    found = tx.maybe(Segment, sql, {"organization_id": organization_id, "segment_id": segment_id})
    if found is None:
        raise NotFound("There is no such segment.", code="segment_not_found")
    return found


_EDIT = """
UPDATE segments
   SET name = coalesce(%(name)s, name),
       condition = coalesce(%(condition)s::jsonb, condition),
       version = version + 1
 WHERE organization_id = %(organization_id)s
   AND id = %(segment_id)s
   AND version = %(version)s
RETURNING id, name, condition, version, created_at
"""


def edit(
    tx: Tx,
    organization_id: UUID,
    segment_id: UUID,
    changes: dict[str, Any],
    *,
    version: int,
    actor: Actor,
    now: datetime,
) -> Segment:
    """Raises `NotFound`, `Invalid`, `Conflict` and `Stale`."""
    segment(tx, organization_id, segment_id)
    condition = changes.get("condition")
    if condition is not None:
        condition_of(tx, organization_id, condition)
    given = {
        "organization_id": organization_id,
        "segment_id": segment_id,
        "name": changes.get("name"),
        "condition": None if condition is None else Jsonb(condition),
        "version": version,
    }
    try:
        edited = tx.maybe(Segment, _EDIT, given)
    except UniqueViolation:
        raise _taken() from None
    if edited is None:
        raise Stale
    audit.record(tx, organization_id, actor, "segment.edited", now=now, target=("segment", segment_id))
    return edited


_DELETE = "DELETE FROM segments WHERE organization_id = %(organization_id)s AND id = %(segment_id)s"


def delete(tx: Tx, organization_id: UUID, segment_id: UUID, *, actor: Actor, now: datetime) -> None:
    """Raises `NotFound`. Nobody is deleted with it."""
    if not tx.run(_DELETE, {"organization_id": organization_id, "segment_id": segment_id}):
        raise NotFound("There is no such segment.", code="segment_not_found")
    audit.record(tx, organization_id, actor, "segment.deleted", now=now, target=("segment", segment_id))


def _taken() -> Conflict:
    return Conflict("There is a segment with this name. Choose another.", code="segment_exists")
