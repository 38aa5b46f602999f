"""What is done about some contacts in one transaction, with a note of what they were."""

from collections.abc import Sequence
from datetime import datetime
from typing import LiteralString
from uuid import UUID

from psycopg.types.json import Jsonb

from leadsrally.contacts.bulk.types import Action, Counts
from leadsrally.kit.db import Tx, statement


def change(tx: Tx, organization_id: UUID, action: Action, ids: Sequence[UUID], *, now: datetime) -> Counts:
    """Do what the action wants about these contacts; returns what became of each of them."""
    given = {
        "organization_id": organization_id,
        "action_id": action.id,
        "ids": ids,
        "tag_ids": action.tag_ids,
        "fields": Jsonb(action.fields),
        "now": now,
    }
    found = tx.dicts(_LOCK if action.kind == "set_fields" else _HOLD, given)
    given["ids"] = [one["id"] for one in found if not one["restricted"]]
    changed: int = tx.value(_DO[action.kind], given)
    return Counts(
        changed=changed,
        unchanged=len(given["ids"]) - changed,
        restricted=len(found) - len(given["ids"]),
        missing=len(ids) - len(found),
    )


_FOUND: LiteralString = """
SELECT id, restricted_at IS NOT NULL AS restricted
  FROM contacts
 WHERE organization_id = %(organization_id)s
   AND id = ANY (%(ids)s::uuid[])
 ORDER BY id
   FOR """
_LOCK = statement(_FOUND, "NO KEY UPDATE")
_HOLD = statement(_FOUND, "KEY SHARE")  # they stay; a STOP of theirs does not wait

_REMEMBER: LiteralString = """
remembered AS (
    INSERT INTO bulk_changes (organization_id, action_id, contact_id, tag_ids, recorded_at)
    SELECT %(organization_id)s, %(action_id)s, contact_id, array_agg(tag_id), %(now)s
      FROM moved
     GROUP BY contact_id
    RETURNING 1
)
SELECT count(*) FROM remembered
"""
_TAG = statement(
    """
WITH moved AS (
    INSERT INTO contact_tags (organization_id, contact_id, tag_id, tagged_at)
    SELECT %(organization_id)s, c.id, t.id, %(now)s
      FROM unnest(%(ids)s::uuid[]) AS c (id)
      JOIN tags AS t ON t.organization_id = %(organization_id)s AND t.id = ANY (%(tag_ids)s::uuid[])
     ORDER BY c.id, t.id
    ON CONFLICT DO NOTHING
    RETURNING contact_id, tag_id
),
""",
    _REMEMBER,
)
_UNTAG = statement(
    """
WITH moved AS (
    DELETE FROM contact_tags
     WHERE organization_id = %(organization_id)s
       AND contact_id = ANY (%(ids)s::uuid[])
       AND tag_id = ANY (%(tag_ids)s::uuid[])
    RETURNING contact_id, tag_id
),
""",
    _REMEMBER,
)
# Values are laid over those that are there; NULL takes one away.
_SET_FIELDS = """
WITH changing AS (
    SELECT id, fields
      FROM contacts
     WHERE organization_id = %(organization_id)s
       AND id = ANY (%(ids)s::uuid[])
       AND fields IS DISTINCT FROM jsonb_strip_nulls(fields || %(fields)s::jsonb)
),
remembered AS (
    INSERT INTO bulk_changes (organization_id, action_id, contact_id, before, recorded_at)
    SELECT %(organization_id)s, %(action_id)s, d.id,
           (SELECT coalesce(jsonb_object_agg(k, d.fields -> k), '{}')
              FROM jsonb_object_keys(%(fields)s::jsonb) AS k
             WHERE d.fields ? k),
           %(now)s
      FROM changing AS d
),
changed AS (
    UPDATE contacts AS c
       SET fields = jsonb_strip_nulls(c.fields || %(fields)s::jsonb),
           version = c.version + 1,
           updated_at = %(now)s
      FROM changing AS d
     WHERE c.organization_id = %(organization_id)s
       AND c.id = d.id
    RETURNING 1
)
SELECT count(*) FROM changed
"""
_DO: dict[str, LiteralString] = {"tag": _TAG, "untag": _UNTAG, "set_fields": _SET_FIELDS}
