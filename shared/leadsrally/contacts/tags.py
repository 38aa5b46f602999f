"""Tags: words by which a customer sorts contacts."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from psycopg.errors import UniqueViolation

from leadsrally.accounts import audit
from leadsrally.accounts.audit import Actor
from leadsrally.kit.db import Tx
from leadsrally.kit.errors import Conflict, NotFound, Stale
from leadsrally.kit.ids import new_id

MAX_NAME: Final = 64
MAX_AT_ONCE: Final = 1_000  # contacts, by one request
MAX_TAGS: Final = 1_000  # per organisation

_BETWEEN: Final = re.compile(r"[,;|\n]")
_NEXT: Final = re.compile(r'\s*(?:"((?:[^"]|"")*)"\s*(?:[,;|\n]|$)|([^,;|\n]*)(?:[,;|\n]|$))')


def names_in(cell: str) -> list[str]:
    """The tags that one cell of a file names, with , ; | or a new line between, and quotation marks where one holds these."""
    if '"' not in cell:
        return [name for name in (" ".join(one.split()) for one in _BETWEEN.split(cell)) if name]
    found, place = list[str](), 0
    while place < len(cell):
        one = _NEXT.match(cell, place)
        if one is None:  # cannot be: the second way fits anything
            break
        place = one.end()
        quoted, bare = one.groups()
        found.append(" ".join(bare.split()) if quoted is None else quoted.replace('""', '"'))
    return [name for name in found if name]


def cell_of_names(names: Iterable[str]) -> str:
    """As `names_in` reads them again."""
    return ", ".join(
        '"' + name.replace('"', '""') + '"'
        if '"' in name or _BETWEEN.search(name) or name != " ".join(name.split())
        else name
        for name in names
    )


@dataclass(frozen=True, slots=True)
class Tag:
    id: UUID
    name: str
    version: int
    created_at: datetime


# A name that is there already, in whatever case, is left as it was written first. The second part reads what
# the statement's snapshot has, the first one what it has just made.
_ENSURE = """
WITH wanted AS (
    SELECT DISTINCT ON (lower(w.name)) w.id, w.name
      FROM unnest(%(ids)s::uuid[], %(names)s::text[]) WITH ORDINALITY AS w (id, name, place)
     ORDER BY lower(w.name), w.place
),
made AS (
    INSERT INTO tags (organization_id, id, name, created_at)
    SELECT %(organization_id)s, id, name, %(now)s
      FROM wanted
     ORDER BY lower(name)
    ON CONFLICT (organization_id, lower(name)) DO UPDATE SET name = tags.name
    RETURNING id, name, version, created_at
)
SELECT id, name, version, created_at
  FROM made
"""


def ensure_tags(tx: Tx, organization_id: UUID, names: Sequence[str], *, now: datetime) -> list[Tag]:
    """The tags of these names, made where there were none; each once. Names have 1 to 64 characters."""
    return tx.all(
        Tag,
        _ENSURE,
        {
            "organization_id": organization_id,
            "ids": [new_id(now) for _ in names],
            "names": list(names),
            "now": now,
        },
    )


_PUT_ON = """
INSERT INTO contact_tags (organization_id, contact_id, tag_id, tagged_at)
SELECT %(organization_id)s, c.id, t.id, %(now)s
  FROM contacts AS c
 CROSS JOIN tags AS t
 WHERE c.organization_id = %(organization_id)s
   AND c.id = ANY (%(contact_ids)s)
   AND t.organization_id = %(organization_id)s
   AND t.id = ANY (%(tag_ids)s)
 ORDER BY c.id, t.id
ON CONFLICT DO NOTHING
"""


def put_on(
    tx: Tx, organization_id: UUID, contact_ids: Sequence[UUID], tag_ids: Sequence[UUID], *, now: datetime
) -> int:
    """Tag each of these contacts with each of these tags; returns how many were not so before."""
    return tx.run(
        _PUT_ON,
        {
            "organization_id": organization_id,
            "contact_ids": list(contact_ids),
            "tag_ids": list(tag_ids),
            "now": now,
        },
    )


_TAKE_OFF = """
DELETE FROM contact_tags
 WHERE organization_id = %(organization_id)s
   AND contact_id = ANY (%(contact_ids)s)
   AND tag_id = ANY (%(tag_ids)s)
"""


def take_off(tx: Tx, organization_id: UUID, contact_ids: Sequence[UUID], tag_ids: Sequence[UUID]) -> int:
    """Returns how many tags were taken off."""
    return tx.run(
        _TAKE_OFF,
        {"organization_id": organization_id, "contact_ids": list(contact_ids), "tag_ids": list(tag_ids)},
    )


_COUNT = "SELECT count(*) FROM tags WHERE organization_id = %(organization_id)s AND deleted_at IS NULL"


def tag_contact(
    tx: Tx, organization_id: UUID, contact_id: UUID, names: Sequence[str], *, actor: Actor, now: datetime
) -> None:
    """Put tags of these names on one contact, made where there are none. Raises `Conflict` for too many tags."""
    tags = tags_named(tx, organization_id, names, now=now)
    if put_on(tx, organization_id, [contact_id], [tag.id for tag in tags], now=now):
        audit.record(tx, organization_id, actor, "contact.tagged", now=now, target=("contact", contact_id))


def tags_named(tx: Tx, organization_id: UUID, names: Sequence[str], *, now: datetime) -> list[Tag]:
    """As `ensure_tags`. Raises `Conflict` where there would be too many."""
    if tx.value(_COUNT, {"organization_id": organization_id}) + len(names) > MAX_TAGS:
        known = {tag.name.lower() for tag in all_tags(tx, organization_id)}
        if len(known | {name.lower() for name in names}) > MAX_TAGS:
            raise Conflict(f"There are {MAX_TAGS} tags already. Use one of them.", code="too_many_tags")
    return ensure_tags(tx, organization_id, names, now=now)


def refuse_too_many_tags(tx: Tx, organization_id: UUID) -> None:
    """Raise `Conflict` when no more tag fits."""
    if tx.value(_COUNT, {"organization_id": organization_id}) >= MAX_TAGS:
        raise Conflict(f"There are {MAX_TAGS} tags already. Delete one first.", code="too_many_tags")


def tag_many(
    tx: Tx,
    organization_id: UUID,
    contact_ids: Sequence[UUID],
    *,
    add: Sequence[str],
    remove: Sequence[UUID],
    actor: Actor,
    now: datetime,
) -> tuple[int, int]:
    """Put tags of these names on, and take those tags off, up to `MAX_AT_ONCE` contacts; how many were and were not.

    One row in the audit log. Raises `Conflict` for too many tags.
    """
    tags = tags_named(tx, organization_id, add, now=now) if add else []
    added = put_on(tx, organization_id, contact_ids, [tag.id for tag in tags], now=now)
    removed = take_off(tx, organization_id, contact_ids, remove)
    details = {"contacts": str(len(contact_ids)), "added": str(added), "removed": str(removed)}
    audit.record(tx, organization_id, actor, "contacts.tagged", now=now, details=details)
    return added, removed


def untag_contact(
    tx: Tx, organization_id: UUID, contact_id: UUID, tag_id: UUID, *, actor: Actor, now: datetime
) -> None:
    """Taking off what is not on is no error."""
    if take_off(tx, organization_id, [contact_id], [tag_id]):
        audit.record(tx, organization_id, actor, "contact.untagged", now=now, target=("contact", contact_id))


_ALL = """
SELECT id, name, version, created_at
  FROM tags
 WHERE organization_id = %(organization_id)s
   AND deleted_at IS NULL
 ORDER BY lower(name)
"""


def all_tags(tx: Tx, organization_id: UUID) -> list[Tag]:
    """By name; there are a thousand at most."""
    return tx.all(Tag, _ALL, {"organization_id": organization_id})


_ONE = """
SELECT id, name, version, created_at
  FROM tags
 WHERE organization_id = %(organization_id)s
   AND id = %(tag_id)s
   AND deleted_at IS NULL
"""


def tag(tx: Tx, organization_id: UUID, tag_id: UUID) -> Tag:
    """Raises `NotFound`."""
    found = tx.maybe(Tag, _ONE, {"organization_id": organization_id, "tag_id": tag_id})
    if found is None:
        raise NotFound("There is no such tag.", code="tag_not_found")
    return found


_RENAME = """
UPDATE tags
   SET name = %(name)s,
       version = version + 1
 WHERE organization_id = %(organization_id)s
   AND id = %(tag_id)s
   AND version = %(version)s
   AND deleted_at IS NULL
RETURNING id, name, version, created_at
"""


def rename_tag(
    tx: Tx, organization_id: UUID, tag_id: UUID, name: str, *, version: int, actor: Actor, now: datetime
) -> Tag:
    """Raises `NotFound`, `Stale`, and `Conflict` for a name that another tag has."""
    tag(tx, organization_id, tag_id)
    given = {"organization_id": organization_id, "tag_id": tag_id, "name": name, "version": version}
    try:
        renamed = tx.maybe(Tag, _RENAME, given)
    except UniqueViolation:
        raise Conflict("There is a tag with this name. Choose another.", code="tag_exists") from None
    if renamed is None:
        raise Stale
    audit.record(tx, organization_id, actor, "tag.edited", now=now, target=("tag", tag_id))
    return renamed
