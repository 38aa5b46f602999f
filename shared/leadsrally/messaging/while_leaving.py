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

_LEAVING = """
SELECT state IN ('leaving', 'erasing', 'erased')
  FROM organizations
 WHERE id = %(organization_id)s
"""


def is_leaving(tx: Tx, channel: Channel) -> bool:
    return tx.value(_LEAVING, {"organization_id": channel.organization_id})


def turn_away(
    db: Database,
    hashes: KeyedHash,
    channel: Channel,
    news: Iterable[InboundMessage | Preference],
    call: Call,
) -> bool:
    """Heed what is a no, and log the call. False, and nothing is done, when the organisation is not leaving."""
    with db.tenant(channel.organization_id) as tx:
        if not is_leaving(tx, channel):
            return False
        for one in news:
            _heed(tx, hashes, channel, one, call)
        store.log_call(tx, call, channel, outcome="ignored", reason="organization_leaving", http_status=200)
    return True


def _heed(tx: Tx, hashes: KeyedHash, channel: Channel, news: InboundMessage | Preference, call: Call) -> None:
    from leadsrally.consent import store as consent_store  # as in obey: few calls need it
    from leadsrally.consent.change import address_hashes

    if isinstance(news, Preference):
        source, purpose, refused = "provider", "marketing", not news.wants_marketing
    else:
        order = order_in(news)
        source, purpose = "keyword", "all"
        refused = order is not None and order.meaning in ("stop", "refusal")
    if refused:
        known_as = address_hashes(hashes, channel.organization_id, news.sender.addresses)
        consent_store.suppress(
            tx, channel.organization_id, channel.permission, known_as, purpose, source=source, since=call.at
        )
