"""Tags: words by which a customer sorts contacts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from leadsrally.kit.db import Tx
from leadsrally.kit.ids import new_id

MAX_NAME: Final = 64


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
