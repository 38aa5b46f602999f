"""What becomes of a provider's calls while an organisation leaves: answered, and not taken but for a no."""

from collections.abc import Callable, Iterable

from leadsrally.kit.crypto import KeyedHash
from leadsrally.kit.db import Database
from leadsrally.messaging import store
from leadsrally.messaging.heed_no import MayRefuse, heed_no
from leadsrally.messaging.store import Call
from leadsrally.messaging.types import Channel, Effect

# A statement of its own that names its tenant itself, as that of the intake does: one round trip, since it comes before
# every delivery of Meta.
_LEAVING = """
WITH tenant AS MATERIALIZED (
    SELECT set_config('leadsrally.organization_id', %(organization_id)s::uuid::text, true)::uuid AS id
)
SELECT o.leaving
  FROM tenant
 CROSS JOIN LATERAL (
    SELECT state IN ('leaving', 'erasing', 'erased') AS leaving
      FROM organizations
     WHERE id = tenant.id
    OFFSET 0
 ) AS o
"""


def turn_away(
    db: Database,
    hashes: KeyedHash,
    channel: Channel,
    news: Iterable[MayRefuse],
    call: Call,
    effect_of: Callable[[str | None], Effect | None],
) -> bool:
    """Heed what is a no, and log the call. False, and nothing is done, when the organisation is not leaving."""
    with db.single(channel.organization_id) as tx:
        if not tx.value(_LEAVING, {"organization_id": channel.organization_id}):
            return False
    with db.tenant(channel.organization_id) as tx:  # should it stay after all: a no is heeded either way
        for one in news:
            heed_no(tx, hashes, channel, one, call, effect_of)
        store.log_call(tx, call, channel, outcome="ignored", reason="organization_leaving", http_status=200)
    return True
