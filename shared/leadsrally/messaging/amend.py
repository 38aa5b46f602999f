"""What a contact does to a message that was there before: a reaction, an edit, a revocation.

The newest word of each kind stands, by the provider's clock, in whatever order they come; a revocation is
final. One that comes before its message waits for it.
"""

from datetime import datetime
from typing import Literal

from leadsrally.consent import keywords
from leadsrally.jobs.enqueue import enqueue
from leadsrally.kit.crypto import KeyedHash
from leadsrally.kit.db import Tx
from leadsrally.messaging import amend_store
from leadsrally.messaging.amend_store import Target
from leadsrally.messaging.obey import Order, obey
from leadsrally.messaging.receive import StaleChannelError
from leadsrally.messaging.types import Amendment, Channel

Outcome = Literal["duplicate", "applied", "parked"]


def amend(tx: Tx, hashes: KeyedHash, channel: Channel, amendment: Amendment, *, now: datetime) -> Outcome:
    """Apply it once, or keep it until its message comes. Raises `StaleChannelError`."""
    organization_id = channel.organization_id
    if not amend_store.is_current(tx, channel):
        raise StaleChannelError
    receipt = hashes.of(organization_id, "message", amendment.provider_message_id)
    if not amend_store.take_receipt(tx, organization_id, channel.id, receipt):
        return "duplicate"
    said_at = min(amendment.sent_at or now, now)
    target_hash = hashes.of(organization_id, "message", amendment.target)
    target = amend_store.find_target(tx, organization_id, channel.id, amendment.target, target_hash)
    if target is None:
        amend_store.park(
            tx,
            organization_id,
            channel.id,
            target_hash,
            amendment.action,
            amendment.text,
            said_at=said_at,
            now=now,
        )
        return "parked"
    _apply(tx, hashes, channel, target, amendment.action, amendment.text, said_at=said_at, now=now)
    return "applied"


def apply_early(
    tx: Tx, hashes: KeyedHash, channel: Channel, provider_message_id: str, *, now: datetime
) -> None:
    """Apply what came before this message. Harmless when repeated."""
    organization_id = channel.organization_id
    target_hash = hashes.of(organization_id, "message", provider_message_id)
    early = amend_store.take_parked(tx, organization_id, channel.id, target_hash)
    target = amend_store.find_target(tx, organization_id, channel.id, provider_message_id, target_hash)
    if target is None:
        return  # erased in between
    for waiting in sorted(early, key=lambda waiting: waiting.said_at):
        _apply(tx, hashes, channel, target, waiting.action, waiting.body, said_at=waiting.said_at, now=now)


def _apply(
    tx: Tx,
    hashes: KeyedHash,
    channel: Channel,
    target: Target,
    action: str,
    text: str,
    *,
    said_at: datetime,
    now: datetime,
) -> None:
    organization_id = channel.organization_id
    if action == "reaction":
        amend_store.react(tx, organization_id, target.message_id, text or None, said_at=said_at)
    elif target.direction == "outbound":
        pass  # of our own messages nobody but us can take anything back
    elif action == "revoke":
        for media_id in amend_store.revoke(tx, organization_id, target, said_at=said_at, now=now):
            enqueue(tx, organization_id, "fetch_media", "discard", {"media_id": str(media_id)}, now=now)
    elif amend_store.edit(tx, organization_id, target, text, said_at=said_at):
        _obey_new_words(tx, hashes, channel, target, text, said_at=said_at, now=now)


def _obey_new_words(
    tx: Tx,
    hashes: KeyedHash,
    channel: Channel,
    target: Target,
    text: str,
    *,
    said_at: datetime,
    now: datetime,
) -> None:
    """Words that end something count wherever they are written. One that would resume must be a message."""
    reading = keywords.read(text)
    if reading.signal in ("stop", "refusal", "unclear"):
        obey(
            tx,
            hashes,
            channel,
            Order(reading.signal, reading.word, by_provider=False),
            message_id=target.message_id,
            conversation_id=target.conversation_id,
            contact_id=target.contact_id,
            said_at=said_at,
            now=now,
        )
