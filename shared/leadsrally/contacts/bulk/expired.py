"""What bulk actions leave for a day: what contacts were before (P1.2)."""

from typing import Final

from leadsrally.kit.expiring import Expiring

_COUNT = """
SELECT count(*)
  FROM bulk_changes
 WHERE recorded_at <= %(cutoff)s
"""
_DELETE = """
WITH due AS (
    SELECT organization_id, action_id, contact_id
      FROM bulk_changes
     WHERE recorded_at <= %(cutoff)s
     ORDER BY recorded_at
     LIMIT %(limit)s
),
gone AS (
    DELETE FROM bulk_changes AS r
     USING due
     WHERE r.organization_id = due.organization_id
       AND r.action_id = due.action_id
       AND r.contact_id = due.contact_id
       AND r.recorded_at <= %(cutoff)s
    RETURNING 1
)
SELECT count(*) FROM gone
"""
CHANGES: Final = Expiring("bulk_changes", _COUNT, _DELETE, "SELECT min(recorded_at) FROM bulk_changes")
