"""A list of numbers that must not be written to, as a customer brings it: suppressed whether or not they are known."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from leadsrally.contacts.imports.merge import Batch
from leadsrally.contacts.imports.types import Counts
from leadsrally.kit.db import Tx


def suppress(
    tx: Tx, organization_id: UUID, channels: Sequence[str], batch: Batch, *, now: datetime
) -> Counts:
    """Suppress the numbers that `merge.stage` has staged, on these kinds of channel, for all purposes.

    A number counts as created when it was free on one of them.
    """
    given = {"organization_id": organization_id, "channels": list(channels), "now": now}
    created = tx.value(_COUNT_FREE, given)
    tx.run(_LIST, given)
    tx.run(_SUPPRESS, given)
    return Counts(created=created, unchanged=batch.rows - created)


def foresee(tx: Tx, organization_id: UUID, channels: Sequence[str], batch: Batch) -> Counts:
    """What `suppress` would come to."""
    created = tx.value(_COUNT_FREE, {"organization_id": organization_id, "channels": list(channels)})
    return Counts(created=created, unchanged=batch.rows - created)


_COUNT_FREE = """
SELECT count(*)
  FROM staged AS s
 WHERE EXISTS (SELECT 1
                 FROM unnest(%(channels)s::text[]) AS k (kind)
                WHERE NOT EXISTS (SELECT 1
                                    FROM suppressions AS x
                                   WHERE x.organization_id = %(organization_id)s
                                     AND x.channel_kind = k.kind
                                     AND x.number_hash = s.hash
                                     AND x.purpose = 'all'
                                  OFFSET 0)
               OFFSET 0)
"""
_LIST = """
INSERT INTO listed_numbers (organization_id, number_hash, phone, listed_at)
SELECT %(organization_id)s, s.hash, min(s.phone), %(now)s
  FROM staged AS s
 GROUP BY s.hash
 ORDER BY s.hash
ON CONFLICT DO NOTHING
"""
_SUPPRESS = """
INSERT INTO suppressions (organization_id, channel_kind, number_hash, purpose, source, since)
SELECT DISTINCT %(organization_id)s, k.kind, s.hash, 'all', 'list', %(now)s::timestamptz
  FROM staged AS s
 CROSS JOIN unnest(%(channels)s::text[]) AS k (kind)
 ORDER BY k.kind, s.hash
ON CONFLICT DO NOTHING
"""
