"""Who was erased lately, by the hashes of their addresses: so that what they left before brings nobody back (P7.2)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from leadsrally.kit.db import Tx
from leadsrally.kit.expiring import Expiring

_REMEMBER = """
INSERT INTO erased_addresses AS e (organization_id, address_hash, erased_at)
SELECT %(organization_id)s, hash, %(erased_at)s
  FROM unnest(%(hashes)s::bytea[]) AS hash
 ORDER BY hash
ON CONFLICT (organization_id, address_hash)
DO UPDATE SET erased_at = greatest(e.erased_at, excluded.erased_at)
"""


def remember(tx: Tx, organization_id: UUID, hashes: Sequence[bytes], *, erased_at: datetime) -> None:
    """Of an address that was erased before, the later time counts."""
    given = {"organization_id": organization_id, "hashes": list(hashes), "erased_at": erased_at}
    tx.run(_REMEMBER, given)


_ERASED_SINCE = """
SELECT EXISTS (
    SELECT 1
      FROM erased_addresses
     WHERE organization_id = %(organization_id)s
       AND address_hash = ANY (%(hashes)s::bytea[])
       AND erased_at > %(instant)s
)
"""


def erased_since(tx: Tx, organization_id: UUID, hashes: Sequence[bytes], instant: datetime) -> bool:
    """Whether somebody with one of these addresses was erased after that instant."""
    given = {"organization_id": organization_id, "hashes": list(hashes), "instant": instant}
    return tx.value(_ERASED_SINCE, given)


ADDRESSES: Final = Expiring(
    "erased_addresses",
    "SELECT count(*) FROM erased_addresses WHERE erased_at <= %(cutoff)s",
    """
WITH due AS (
    SELECT organization_id, address_hash
      FROM erased_addresses
     WHERE erased_at <= %(cutoff)s
     ORDER BY organization_id, address_hash
     LIMIT %(limit)s
), deleted AS (
    DELETE FROM erased_addresses AS e
     USING due
     WHERE e.organization_id = due.organization_id
       AND e.address_hash = due.address_hash
    RETURNING 1
)
SELECT count(*) FROM deleted
""",
    "SELECT min(erased_at) FROM erased_addresses",
)
