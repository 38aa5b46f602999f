"""Notes about a contact, by whoever writes them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from psycopg.errors import ForeignKeyViolation

from leadsrally.accounts import audit
from leadsrally.accounts.audit import Actor
from leadsrally.kit.db import Tx
from leadsrally.kit.errors import NotFound, Stale
from leadsrally.kit.ids import new_id

MAX_NOTE: Final = 5_000  # characters


@dataclass(frozen=True, slots=True)
class Note:
    id: UUID
    contact_id: UUID
    author_id: UUID | None
    body: str
    version: int
    created_at: datetime
    edited_at: datetime | None


_ADD = """
INSERT INTO contact_notes (organization_id, id, contact_id, author_id, body, created_at)
VALUES (%(organization_id)s, %(id)s, %(contact_id)s, %(author_id)s, %(body)s, %(now)s)
RETURNING id, contact_id, author_id, body, version, created_at, edited_at
"""


def add_note(
    tx: Tx,
    organization_id: UUID,
    contact_id: UUID,
    body: str,
    *,
    author_id: UUID,
    actor: Actor,
    now: datetime,
) -> Note:
    """Raises `NotFound` for a contact that is not there."""
    given = {"id": new_id(now), "author_id": author_id, "body": body, "now": now}
    try:
        made = tx.one(Note, _ADD, {**given, "organization_id": organization_id, "contact_id": contact_id})
    except ForeignKeyViolation:
        raise NotFound("There is no such contact.", code="contact_not_found") from None
    audit.record(
        tx, organization_id, actor, "contact.note_added", now=now, target=("contact", made.contact_id)
    )
    return made


_ONE = """
SELECT id, contact_id, author_id, body, version, created_at, edited_at
  FROM contact_notes
 WHERE organization_id = %(organization_id)s
   AND contact_id = %(contact_id)s
   AND id = %(note_id)s
"""


def note(tx: Tx, organization_id: UUID, contact_id: UUID, note_id: UUID) -> Note:
    """Raises `NotFound`."""
    given = {"organization_id": organization_id, "contact_id": contact_id, "note_id": note_id}
    found = tx.maybe(Note, _ONE, given)
    if found is None:
        raise NotFound("There is no such note.", code="note_not_found")
    return found


_NEWEST = """
SELECT id, contact_id, author_id, body, version, created_at, edited_at
  FROM contact_notes
 WHERE organization_id = %(organization_id)s
   AND contact_id = %(contact_id)s
   AND (created_at, id) < (%(before)s, %(before_id)s)
 ORDER BY created_at DESC, id DESC
 LIMIT %(limit)s
"""


def newest_notes(
    tx: Tx, organization_id: UUID, contact_id: UUID, *, before: datetime, before_id: UUID, limit: int
) -> list[Note]:
    """Newest first, after the given place (keyset)."""
    given = {"organization_id": organization_id, "contact_id": contact_id, "limit": limit}
    return tx.all(Note, _NEWEST, {**given, "before": before, "before_id": before_id})


_EDIT = """
UPDATE contact_notes
   SET body = %(body)s,
       edited_at = %(now)s,
       version = version + 1
 WHERE organization_id = %(organization_id)s
   AND contact_id = %(contact_id)s
   AND id = %(note_id)s
   AND version = %(version)s
RETURNING id, contact_id, author_id, body, version, created_at, edited_at
"""


def edit_note(
    tx: Tx,
    organization_id: UUID,
    contact_id: UUID,
    note_id: UUID,
    body: str,
    *,
    version: int,
    actor: Actor,
    now: datetime,
) -> Note:
    """Raises `NotFound` and `Stale`."""
    note(tx, organization_id, contact_id, note_id)
    given = {"organization_id": organization_id, "contact_id": contact_id, "note_id": note_id}
    edited = tx.maybe(Note, _EDIT, {**given, "body": body, "version": version, "now": now})
    if edited is None:
        raise Stale
    audit.record(tx, organization_id, actor, "contact.note_edited", now=now, target=("contact", contact_id))
    return edited


_DELETE = """
DELETE FROM contact_notes
 WHERE organization_id = %(organization_id)s
   AND contact_id = %(contact_id)s
   AND id = %(note_id)s
"""


def delete_note(
    tx: Tx, organization_id: UUID, contact_id: UUID, note_id: UUID, *, actor: Actor, now: datetime
) -> None:
    """Raises `NotFound`."""
    given = {"organization_id": organization_id, "contact_id": contact_id, "note_id": note_id}
    if not tx.run(_DELETE, given):
        raise NotFound("There is no such note.", code="note_not_found")
    audit.record(tx, organization_id, actor, "contact.note_deleted", now=now, target=("contact", contact_id))
