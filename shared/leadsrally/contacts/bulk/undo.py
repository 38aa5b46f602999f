"""Take a bulk action back: each contact gets what it had, unless it was changed again since."""

from typing import Any, Final, LiteralString
from uuid import UUID

from psycopg.types.json import Jsonb

from leadsrally.contacts.bulk import store
from leadsrally.contacts.bulk.desk import GOES_ON, MARGIN, BulkDesk, TimeLeft, promise_to_forget
from leadsrally.contacts.bulk.types import Action
from leadsrally.jobs.types import Done, Job, Result
from leadsrally.kit.db import Tx, statement
from leadsrally.telemetry import log


def undo_bulk(desk: BulkDesk, job: Job, time_left: TimeLeft) -> Result:
    """Some thousand contacts to a commit. After a death the next worker goes on, since what is undone says so."""
    organization_id, action_id = job.organization_id, UUID(job.payload["action_id"])
    while True:
        with desk.db.tenant(organization_id) as tx:
            action = store.locked(tx, organization_id, action_id)
            if action is None or action.state != "undoing":
                return Done()
            now = desk.clock()
            given: dict[str, Any] = {
                "organization_id": organization_id,
                "action_id": action_id,
                "fields": Jsonb(action.fields),
                "limit": desk.bite,
                "now": now,
            }
            if not _bite(tx, action, given):
                counts = {row["undone"]: row["count"] for row in tx.dicts(_COUNT, given)}
                store.undone(tx, organization_id, action_id, counts)
                store.move(tx, organization_id, action_id, ["undoing"], "undone", now=now)
                promise_to_forget(tx, organization_id, action_id, now=now)
                log.info("bulk_action.undone", action_id=action_id, count=sum(counts.values()))
                return Done()
        if time_left() < MARGIN:
            return GOES_ON


def _bite(tx: Tx, action: Action, given: dict[str, Any]) -> bool:
    ids = tx.values(_NEXT, given)
    if not ids:
        return False
    given["ids"] = ids
    tx.values(_LOCK, given)
    if action.kind == "set_fields":
        tx.run(_RESTORE, given)
    else:
        tx.run(_UNTAG if action.kind == "tag" else _TAG, given)
        tx.run(_MARK, given)
    return True


_NEXT: Final = """
SELECT contact_id
  FROM bulk_changes
 WHERE organization_id = %(organization_id)s
   AND action_id = %(action_id)s
   AND undone IS NULL
 ORDER BY contact_id
 LIMIT %(limit)s
"""
_LOCK: Final = """
SELECT id
  FROM contacts
 WHERE organization_id = %(organization_id)s
   AND id = ANY (%(ids)s::uuid[])
 ORDER BY id
   FOR NO KEY UPDATE
"""
# Those that are being undone, with their contacts, who may be gone or restricted since.
_CHANGED: LiteralString = """
  FROM bulk_changes AS r
  LEFT JOIN contacts AS c ON c.organization_id = r.organization_id AND c.id = r.contact_id
 WHERE r.organization_id = %(organization_id)s
   AND r.action_id = %(action_id)s
   AND r.contact_id = ANY (%(ids)s::uuid[])
"""
_UNTAG = statement(
    "DELETE FROM contact_tags AS t USING (SELECT r.contact_id, r.tag_ids, c.id, c.restricted_at",
    _CHANGED,
    """) AS r
 WHERE t.organization_id = %(organization_id)s
   AND t.contact_id = r.contact_id
   AND t.tag_id = ANY (r.tag_ids)
   AND r.restricted_at IS NULL
""",
)
_TAG = statement(
    """
INSERT INTO contact_tags (organization_id, contact_id, tag_id, tagged_at)
SELECT %(organization_id)s, d.contact_id, t.id, %(now)s
  FROM (SELECT r.contact_id, r.tag_ids, c.id, c.restricted_at""",
    _CHANGED,
    """) AS d
  JOIN tags AS t ON t.organization_id = %(organization_id)s AND t.id = ANY (d.tag_ids)
 WHERE d.id IS NOT NULL
   AND d.restricted_at IS NULL
 ORDER BY d.contact_id, t.id
ON CONFLICT DO NOTHING
""",
)
_MARK = statement(
    """
UPDATE bulk_changes AS u
   SET undone = CASE WHEN d.id IS NULL THEN 'gone'
                     WHEN d.restricted_at IS NOT NULL THEN 'kept_restricted'
                     ELSE 'restored' END,
       recorded_at = %(now)s
  FROM (SELECT r.contact_id, c.id, c.restricted_at""",
    _CHANGED,
    """) AS d
 WHERE u.organization_id = %(organization_id)s
   AND u.action_id = %(action_id)s
   AND u.contact_id = d.contact_id
""",
)
# Of each value that was set: what was there before, if what was set is there still.
_RESTORE = statement(
    """
WITH changed AS (
    SELECT d.contact_id, d.id, d.restricted_at, own.gone, own.back, own.kept
      FROM (SELECT r.contact_id, r.before, c.id, c.restricted_at, c.fields""",
    _CHANGED,
    """) AS d
     CROSS JOIN LATERAL (
           SELECT coalesce(array_agg(f.key) FILTER (WHERE still), '{}') AS gone,
                  coalesce(jsonb_object_agg(f.key, d.before -> f.key)
                           FILTER (WHERE still AND d.before ? f.key), '{}') AS back,
                  count(*) FILTER (WHERE NOT still) AS kept
             FROM (SELECT e.key, d.fields -> e.key IS NOT DISTINCT FROM nullif(e.value, 'null') AS still
                     FROM jsonb_each(%(fields)s::jsonb) AS e
                    WHERE d.before -> e.key IS DISTINCT FROM nullif(e.value, 'null')) AS f) AS own
),
restored AS (
    UPDATE contacts AS c
       SET fields = (c.fields - d.gone) || d.back,
           version = c.version + 1,
           updated_at = %(now)s
      FROM changed AS d
     WHERE c.organization_id = %(organization_id)s
       AND c.id = d.id
       AND d.restricted_at IS NULL
       AND cardinality(d.gone) > 0
)
UPDATE bulk_changes AS u
   SET undone = CASE WHEN d.id IS NULL THEN 'gone'
                     WHEN d.restricted_at IS NOT NULL THEN 'kept_restricted'
                     WHEN d.kept > 0 THEN 'kept_changed'
                     ELSE 'restored' END,
       recorded_at = %(now)s
  FROM changed AS d
 WHERE u.organization_id = %(organization_id)s
   AND u.action_id = %(action_id)s
   AND u.contact_id = d.contact_id
""",
)
_COUNT: Final = """
SELECT undone, count(*) AS count
  FROM bulk_changes
 WHERE organization_id = %(organization_id)s
   AND action_id = %(action_id)s
   AND undone IS NOT NULL
 GROUP BY undone
"""
