"""What becomes of a provider's calls while an organisation leaves: answered, and not taken.

Nothing of a message is kept; only a no counts, as a keyed hash, since the organisation may stay after all and must not
write to whoever has refused meanwhile.
"""

from collections.abc import Iterable

from leadsrally.kit.crypto import KeyedHash
from leadsrally.kit.db import Database, Tx
from leadsrally.messaging import store
from leadsrally.messaging.obey import order_in
from leadsrally.messaging.store import Call
from leadsrally.messaging.types import Channel, InboundMessage, Preference

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
    news: Iterable[InboundMessage | Preference],
    call: Call,
) -> bool:
    """Heed what is a no, and log the call. False, and nothing is done, when the organisation is not leaving."""
    with db.single(channel.organization_id) as tx:
        if not tx.value(_LEAVING, {"organization_id": channel.organization_id}):
            return False
    with db.tenant(channel.organization_id) as tx:  # should it stay after all: a no is heeded either way
        for one in news:
            _heed(tx, hashes, channel, one, call)
        store.log_call(tx, call, channel, outcome="ignored", reason="organization_leaving", http_status=200)
    return True


def _heed(tx: Tx, hashes: KeyedHash, channel: Channel, news: InboundMessage | Preference, call: Call) -> None:
    from leadsrally.consent import suppressions  # as in obey: few calls need it
    from leadsrally.consent.change import address_hashes

    if isinstance(news, Preference):
        source, purpose, refused = "provider", "marketing", not news.wants_marketing
    else:
        order = order_in(news)
        source, purpose = "keyword", "all"
        refused = order is not None and order.meaning in ("stop", "refusal")
    if refused:
        known_as = address_hashes(hashes, channel.organization_id, news.sender.addresses)
        suppressions.suppress(
            tx, channel.organization_id, channel.permission, known_as, purpose, source=source, since=call.at
        )
