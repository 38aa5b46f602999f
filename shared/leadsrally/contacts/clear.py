"""What a deleted field or tag held on contacts goes a day later, some thousand contacts to a commit; then it itself."""

from datetime import datetime
from typing import Final
from uuid import UUID

from leadsrally.contacts.bulk.desk import GOES_ON, MARGIN, BulkDesk, TimeLeft
from leadsrally.contacts.fields import slot_of
from leadsrally.contacts.put_away import RESTORE_FOR
from leadsrally.jobs.types import Done, Job, Later, Result
from leadsrally.telemetry import log


def clear_field(desk: BulkDesk, job: Job, time_left: TimeLeft) -> Result:
    """Does nothing for one that was had back. After a death the next worker finds what is left."""
    organization_id, field_id = job.organization_id, UUID(job.payload["id"])
    place = UUID(int=0)
    while True:
        with desk.db.tenant(organization_id) as tx:
            given = {"organization_id": organization_id, "id": field_id, "limit": desk.bite, "place": place}
            waits = _waits(tx.value(_FIELD, given), desk.clock())
            if waits is not None:
                return waits
            end: UUID | None = tx.value(_END, given)
            slot = slot_of(field_id)
            tx.run(_CLEAR_FIELD, {**given, "end": end, "slot": slot})
            left = end is None and tx.run(_CLEAR_MERGED, {**given, "slot": slot}) == desk.bite
            if end is None and not left:
                tx.run(_DELETE_FIELD, given)
        if end is None and not left:
            log.info("field.cleared", field_id=field_id)
            return Done()
        place = end or place
        if time_left() < MARGIN:
            return GOES_ON  # begins anew, and looks again at those who are done


def clear_tag(desk: BulkDesk, job: Job, time_left: TimeLeft) -> Result:
    """Does nothing for one that was had back. After a death the next worker finds what is left."""
    organization_id, tag_id = job.organization_id, UUID(job.payload["id"])
    while True:
        with desk.db.tenant(organization_id) as tx:
            given = {"organization_id": organization_id, "id": tag_id, "limit": desk.bite}
            waits = _waits(tx.value(_TAG, given), desk.clock())
            if waits is not None:
                return waits
            left = tx.run(_CLEAR_TAG, given) == desk.bite
            if not left:
                tx.run(_DELETE_TAG, given)
        if not left:
            log.info("tag.cleared", tag_id=tag_id)
            return Done()
        if time_left() < MARGIN:
            return GOES_ON


def _waits(deleted_at: datetime | None, now: datetime) -> Result | None:
    if deleted_at is None:
        return Done()
    left = deleted_at + RESTORE_FOR - now
    return Later(left, "restorable") if left.total_seconds() > 0 else None


_FIELD: Final = """
SELECT deleted_at
  FROM contact_fields
 WHERE organization_id = %(organization_id)s
   AND id = %(id)s
   FOR NO KEY UPDATE
"""
_TAG: Final = """
SELECT deleted_at
  FROM tags
 WHERE organization_id = %(organization_id)s
   AND id = %(id)s
   FOR UPDATE
"""
_END: Final = """
SELECT id
  FROM contacts
 WHERE organization_id = %(organization_id)s
   AND id > %(place)s
 ORDER BY id
OFFSET %(limit)s - 1
 LIMIT 1
"""
# Nobody sees these values any more, so whoever edits the contact meanwhile has lost nothing: the version stays.
_CLEAR_FIELD: Final = """
WITH holding AS (
    SELECT id
      FROM contacts
     WHERE organization_id = %(organization_id)s
       AND id > %(place)s
       AND (%(end)s::uuid IS NULL OR id <= %(end)s::uuid)
       AND fields ? %(slot)s::text
     ORDER BY id
       FOR NO KEY UPDATE
)
UPDATE contacts AS c
   SET fields = c.fields - %(slot)s::text
  FROM holding AS h
 WHERE c.organization_id = %(organization_id)s
   AND c.id = h.id
"""
# What is kept to take a merge apart. A split in between brings back no value of this field (merge_store.py).
_CLEAR_MERGED: Final = """
WITH holding AS (
    SELECT id
      FROM contact_merges
     WHERE organization_id = %(organization_id)s
       AND (loser -> 'fields' ? %(slot)s::text OR filled -> 'fields' ? %(slot)s::text)
     ORDER BY id
     LIMIT %(limit)s
       FOR NO KEY UPDATE
)
UPDATE contact_merges AS m
   SET loser = m.loser #- ARRAY['fields', %(slot)s::text],
       filled = m.filled #- ARRAY['fields', %(slot)s::text]
  FROM holding AS h
 WHERE m.organization_id = %(organization_id)s
   AND m.id = h.id
"""
_DELETE_FIELD: Final = """
DELETE FROM contact_fields
 WHERE organization_id = %(organization_id)s
   AND id = %(id)s
"""
_CLEAR_TAG: Final = """
WITH tagged AS (
    SELECT contact_id
      FROM contact_tags
     WHERE organization_id = %(organization_id)s
       AND tag_id = %(id)s
     ORDER BY contact_id
     LIMIT %(limit)s
)
DELETE FROM contact_tags AS ct
 USING tagged AS t
 WHERE ct.organization_id = %(organization_id)s
   AND ct.tag_id = %(id)s
   AND ct.contact_id = t.contact_id
"""
_DELETE_TAG: Final = """
DELETE FROM tags
 WHERE organization_id = %(organization_id)s
   AND id = %(id)s
"""
