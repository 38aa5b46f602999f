"""An inbound text, from verified request to stored row, with opt-out words before anything else."""

from datetime import timedelta
from typing import Final

from psycopg.errors import DeadlockDetected, ForeignKeyViolation

from leadsrally.kit.crypto import KeyedHash
from leadsrally.kit.db import Database, Tx
from leadsrally.kit.errors import Unavailable
from leadsrally.kit.ids import new_id
from leadsrally.messaging import intake_store
from leadsrally.messaging.intake_store import New, Pause
from leadsrally.messaging.obey import Order, obey, order_in
from leadsrally.messaging.store import Call
from leadsrally.messaging.types import Channel, InboundMessage, Received

# A person who types three texts in a row is read once: the score waits for a pause of two seconds, but
# never longer than ten after the first text.
READ_AFTER: Final = Pause(burst=timedelta(seconds=2), patience=timedelta(seconds=10))
_MERGES: Final = 2  # that may take the sender away before a third try


class StaleChannelError(Exception):
    """The channel was disconnected, or its credentials replaced, since they were read. Nothing was written."""


def receive(
    db: Database, hashes: KeyedHash, channel: Channel, inbound: InboundMessage, call: Call
) -> Received:
    """Store the message exactly once and obey what it says about permission, in one transaction.

    A repeat of a message id that was ever seen on this channel changes nothing, even after its contact was
    erased; so the call may be repeated when its outcome is not known. Raises `StaleChannelError` when
    `channel` is out of date.
    """
    order = order_in(inbound)
    # Most texts are text alone and say nothing about permission; storing one is a single statement, its own
    # transaction.
    opened = db.single if order is None and not inbound.media else db.tenant
    for _ in range(_MERGES):
        try:
            with opened(channel.organization_id) as tx:
                return _receive(tx, hashes, channel, inbound, call, order)
        except ForeignKeyViolation:
            continue  # the sender was merged into somebody in this moment; their number leads there now
        except Unavailable as lost:
            if not isinstance(lost.__cause__, DeadlockDetected):
                raise
    with db.tenant(channel.organization_id) as tx:
        return _receive(tx, hashes, channel, inbound, call, order)


def _receive(
    tx: Tx,
    hashes: KeyedHash,
    channel: Channel,
    inbound: InboundMessage,
    call: Call,
    order: Order | None,
) -> Received:
    organization_id, now = channel.organization_id, call.at
    new = New(new_id(now), new_id(now), new_id(now), new_id(now))
    stored = intake_store.store_text(
        tx,
        channel,
        inbound,
        call,
        new,
        provider_hash=hashes.of(organization_id, "message", inbound.provider_message_id),
        score=order is None or order.meaning == "unclear",
        pause=READ_AFTER,
    )
    if stored is None:
        raise StaleChannelError
    if stored.conversation_id is None or stored.contact_id is None:
        return Received(duplicate=True, message_id=None, conversation_id=None, contact_id=None)
    if stored.scoring_job_id is not None:
        # Heard too early to be due; the queue's own delay on AWS is as long as the pause.
        tx.announce("ai_score", stored.scoring_job_id)
    if inbound.media:
        from leadsrally.messaging.media.expect import expect_media  # brings files and jobs; few texts do

        expect_media(tx, organization_id, new.message_id, inbound.media, now=now)
    if order is not None:
        obey(
            tx,
            hashes,
            channel,
            order,
            message_id=new.message_id,
            conversation_id=stored.conversation_id,
            contact_id=stored.contact_id,
            said_at=now,
            now=now,
        )
    return Received(
        duplicate=False,
        message_id=new.message_id,
        conversation_id=stored.conversation_id,
        contact_id=stored.contact_id,
    )
