"""An inbound message that came as one piece of many, from somebody whom their provider calls by names."""

from datetime import datetime
from uuid import UUID

from leadsrally.kit.crypto import KeyedHash
from leadsrally.kit.db import Database
from leadsrally.kit.ids import new_id
from leadsrally.messaging import amend, intake_store
from leadsrally.messaging.intake_store import New
from leadsrally.messaging.media.expect import expect_media
from leadsrally.messaging.obey import Order, obey, order_in
from leadsrally.messaging.receive import READ_AFTER, StaleChannelError
from leadsrally.messaging.types import Channel, InboundMessage


def receive_piece(
    db: Database, hashes: KeyedHash, channel: Channel, inbound: InboundMessage, now: datetime
) -> UUID | None:
    """As `receive`: store once, and obey what it says about permission in the same transaction.

    Returns the id of the message, None for a repeat.
    What came before it and speaks of it (an edit, a revocation) is applied behind it. Raises
    `StaleChannelError`, and `Unavailable` when somebody met the same person in the same moment.
    """
    organization_id = channel.organization_id
    order = order_in(inbound)
    new = New(new_id(now), new_id(now), new_id(now), new_id(now))
    provider_hash = hashes.of(organization_id, "message", inbound.provider_message_id)
    opened = db.single if order is None and not inbound.media else db.tenant
    with opened(organization_id) as tx:
        stored = intake_store.store_piece(
            tx,
            channel,
            inbound,
            new,
            provider_hash=provider_hash,
            reply_to_hash=None
            if inbound.reply_to is None
            else hashes.of(organization_id, "message", inbound.reply_to),
            score=_worth_scoring(inbound, order),
            pause=READ_AFTER,
            now=now,
        )
        if stored is None:
            raise StaleChannelError
        fresh = stored.conversation_id is not None
        if stored.scoring_job_id is not None:
            tx.announce("ai_score", stored.scoring_job_id)
        if fresh and inbound.media:
            expect_media(tx, organization_id, new.message_id, inbound.media, now=now)
        if fresh and order is not None and stored.conversation_id and stored.contact_id:
            obey(
                tx,
                hashes,
                channel,
                order,
                message_id=new.message_id,
                conversation_id=stored.conversation_id,
                contact_id=stored.contact_id,
                said_at=min(inbound.sent_at or now, now),
                now=now,
            )
    if stored.amended_early:
        with db.tenant(organization_id) as tx:
            amend.apply_early(tx, hashes, channel, inbound.provider_message_id, now=now)
    return new.message_id if fresh else None


def _worth_scoring(inbound: InboundMessage, order: Order | None) -> bool:
    """There must be words to read, and nobody who has just opted out is read."""
    readable = bool(inbound.body.strip()) and inbound.kind not in ("system", "unsupported")
    return readable and (order is None or order.meaning == "unclear")
