"""Delete a field or a tag: put away for a day, in which it can be had back as it was; then what it held goes."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from psycopg.errors import UniqueViolation

from leadsrally.accounts import audit
from leadsrally.accounts.audit import Actor
from leadsrally.contacts.bulk.desk import QUEUE
from leadsrally.contacts.define_fields import field, refuse_too_many
from leadsrally.contacts.fields import Field
from leadsrally.contacts.tags import Tag, refuse_too_many_tags, tag
from leadsrally.contacts.uses import Uses, uses_of_field, uses_of_tag
from leadsrally.jobs.enqueue import enqueue
from leadsrally.kit.db import Tx
from leadsrally.kit.errors import Conflict, NotFound

RESTORE_FOR: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class PutAway:
    """A field by its label, or a tag by its name."""

    id: UUID
    name: str
    deleted_at: datetime


# Its name is free at once for another one: nobody takes the one that it has now.
_PUT_FIELD_AWAY: Final = """
UPDATE contact_fields
   SET deleted_at = %(now)s,
       old_key = key,
       key = 'deleted_' || replace(id::text, '-', ''),
       version = version + 1
 WHERE organization_id = %(organization_id)s
   AND id = %(id)s
   AND deleted_at IS NULL
"""
_PUT_TAG_AWAY: Final = """
UPDATE tags
   SET deleted_at = %(now)s,
       old_name = name,
       name = id::text,
       version = version + 1
 WHERE organization_id = %(organization_id)s
   AND id = %(id)s
   AND deleted_at IS NULL
"""


def delete_field(tx: Tx, organization_id: UUID, field_id: UUID, *, actor: Actor, now: datetime) -> datetime:
    """Returns until when it can be had back with all its values. Raises `NotFound`, and `Conflict` while it is used."""
    _refuse_used(uses_of_field(tx, organization_id, field(tx, organization_id, field_id)), "field")
    if not tx.run(_PUT_FIELD_AWAY, {"organization_id": organization_id, "id": field_id, "now": now}):
        raise NotFound("There is no such field.", code="field_not_found")  # somebody else was quicker
    _promise(tx, organization_id, "clear_field", field_id, now)
    audit.record(tx, organization_id, actor, "field.deleted", now=now, target=("field", field_id))
    return now + RESTORE_FOR


def delete_tag(tx: Tx, organization_id: UUID, tag_id: UUID, *, actor: Actor, now: datetime) -> datetime:
    """Returns until when it can be had back, on whom it was. Raises `NotFound`, and `Conflict` while it is used."""
    tag(tx, organization_id, tag_id)
    _refuse_used(uses_of_tag(tx, organization_id, tag_id), "tag")
    if not tx.run(_PUT_TAG_AWAY, {"organization_id": organization_id, "id": tag_id, "now": now}):
        raise NotFound("There is no such tag.", code="tag_not_found")  # somebody else was quicker
    _promise(tx, organization_id, "clear_tag", tag_id, now)
    audit.record(tx, organization_id, actor, "tag.deleted", now=now, target=("tag", tag_id))
    return now + RESTORE_FOR


def _refuse_used(uses: Uses, what: str) -> None:
    told = uses.told()
    if told:
        raise Conflict(
            f"{told[0].upper()}{told[1:]} use this {what}. Ask for its uses, and change or delete them first.",
            code=f"{what}_in_use",
        )


def _promise(tx: Tx, organization_id: UUID, kind: str, of: UUID, now: datetime) -> None:
    """A second deletion after it was had back puts the first one's work off."""
    enqueue(
        tx,
        organization_id,
        QUEUE,
        kind,
        {"id": str(of)},
        now=now,
        delay=RESTORE_FOR,
        unique_key=f"{kind} {of}",
        patience=timedelta(days=60),
        max_attempts=20,
    )


_RESTORE_FIELD: Final = """
UPDATE contact_fields
   SET deleted_at = NULL, key = old_key, old_key = NULL, version = version + 1
 WHERE organization_id = %(organization_id)s
   AND id = %(id)s
   AND deleted_at > %(since)s
"""
_RESTORE_TAG: Final = """
UPDATE tags
   SET deleted_at = NULL, name = old_name, old_name = NULL, version = version + 1
 WHERE organization_id = %(organization_id)s
   AND id = %(id)s
   AND deleted_at > %(since)s
"""


def restore_field(tx: Tx, organization_id: UUID, field_id: UUID, *, actor: Actor, now: datetime) -> Field:
    """With all its values.

    Raises `NotFound` when it is none or gone, `Conflict` when its key is another one's now or no more field fits.
    """
    refuse_too_many(tx, organization_id)
    given = {"organization_id": organization_id, "id": field_id, "since": now - RESTORE_FOR}
    try:
        if not tx.run(_RESTORE_FIELD, given):
            raise NotFound("There is no such deleted field, or no longer.", code="field_not_found")
    except UniqueViolation:
        raise Conflict("Another field has its key now. Delete that one first.", code="field_exists") from None
    audit.record(tx, organization_id, actor, "field.restored", now=now, target=("field", field_id))
    return field(tx, organization_id, field_id)


def restore_tag(tx: Tx, organization_id: UUID, tag_id: UUID, *, actor: Actor, now: datetime) -> Tag:
    """On whom it was.

    Raises `NotFound` when it is none or gone, `Conflict` when its name is another one's now or no more tag fits.
    """
    refuse_too_many_tags(tx, organization_id)
    given = {"organization_id": organization_id, "id": tag_id, "since": now - RESTORE_FOR}
    try:
        if not tx.run(_RESTORE_TAG, given):
            raise NotFound("There is no such deleted tag, or no longer.", code="tag_not_found")
    except UniqueViolation:
        raise Conflict(
            "Another tag has its name now. Rename or delete that one first.", code="tag_exists"
        ) from None
    audit.record(tx, organization_id, actor, "tag.restored", now=now, target=("tag", tag_id))
    return tag(tx, organization_id, tag_id)


_FIELDS_AWAY: Final = """
SELECT id, label AS name, deleted_at
  FROM contact_fields
 WHERE organization_id = %(organization_id)s
   AND deleted_at > %(since)s
 ORDER BY deleted_at DESC, id DESC
"""
_TAGS_AWAY: Final = """
SELECT id, old_name AS name, deleted_at
  FROM tags
 WHERE organization_id = %(organization_id)s
   AND deleted_at > %(since)s
 ORDER BY deleted_at DESC, id DESC
"""


def fields_away(tx: Tx, organization_id: UUID, *, now: datetime) -> list[PutAway]:
    """Those that can be had back, the last deleted first."""
    return tx.all(PutAway, _FIELDS_AWAY, {"organization_id": organization_id, "since": now - RESTORE_FOR})


def tags_away(tx: Tx, organization_id: UUID, *, now: datetime) -> list[PutAway]:
    """Those that can be had back, the last deleted first."""
    return tx.all(PutAway, _TAGS_AWAY, {"organization_id": organization_id, "since": now - RESTORE_FOR})
