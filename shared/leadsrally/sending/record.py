"""Write down what a provider answered, and heed what the answer says beyond the message."""

from datetime import datetime
from uuid import UUID

from leadsrally.billing.meter import Counted
from leadsrally.contacts.store import learn
from leadsrally.kit.crypto import KeyedHash
from leadsrally.kit.db import Tx
from leadsrally.messaging import store as messages
from leadsrally.messaging.channels.in_trouble import channel_out_of_trouble
from leadsrally.messaging.copies import store as copies
from leadsrally.messaging.copies.delete import promise
from leadsrally.messaging.heed import About, heed
from leadsrally.messaging.types import Status
from leadsrally.sending import store
from leadsrally.sending.gate import Cleared
from leadsrally.sending.types import (
    Accepted,
    Addressee,
    EffectOf,
    NotProcessed,
    Outcome,
    Rejected,
    Unclear,
)


def record(
    tx: Tx,
    hashes: KeyedHash,
    organization_id: UUID,
    cleared: Cleared,
    outcome: Outcome,
    *,
    effect_of: EffectOf,
    now: datetime,
) -> None:
    """Settle the message. A callback that came before this is applied now; one that ranks higher stays."""
    message_id = cleared.message_id
    match outcome:
        case Accepted(provider_message_id, segments, held, recipient):
            there = accepted(
                tx,
                hashes,
                organization_id,
                cleared,
                provider_message_id,
                None if cleared.parts is None else segments,  # one with files has none, whatever is told
                effect_of=effect_of,
                now=now,
            )
            if not there and cleared.to.channel_kind == "sms":
                _have_deleted(tx, organization_id, cleared, provider_message_id, now=now)
            if held and there:
                store.note_held(tx, organization_id, message_id)
            if cleared.to.in_trouble:
                channel_out_of_trouble(tx, organization_id, cleared.to.channel_id)
            if recipient and there:
                learn(tx, organization_id, cleared.to.contact_id, recipient, now=now)
        case Rejected(code):
            if store.settle(tx, organization_id, message_id, Status.FAILED, error_code=code, now=now):
                _heed(tx, hashes, organization_id, message_id, cleared.to, code, effect_of, at=now, now=now)
        case NotProcessed():
            store.release(tx, organization_id, message_id)
        case Unclear():
            unclear(tx, organization_id, message_id, now=now)


def _have_deleted(
    tx: Tx, organization_id: UUID, cleared: Cleared, provider_message_id: str, *, now: datetime
) -> None:
    """The message was erased while the provider took it: it is to forget it too (E3)."""
    channel_id = cleared.to.channel_id
    copies.ask_one(
        tx,
        organization_id,
        channel_id,
        cleared.message_id,
        cleared.conversation_id,
        provider_message_id,
        now=now,
    )
    promise(tx, organization_id, [channel_id], now=now)


def accepted(
    tx: Tx,
    hashes: KeyedHash,
    organization_id: UUID,
    cleared: Cleared,
    provider_message_id: str,
    segments: int | None,
    *,
    effect_of: EffectOf,
    now: datetime,
) -> bool:
    """The provider has it, so it is counted. Reports that came early and did not know our id are applied at once.

    Returns False when the message was erased while the provider was called.
    """
    message_id, to = cleared.message_id, cleared.to
    if not store.settle(
        tx,
        organization_id,
        message_id,
        Status.ACCEPTED,
        provider_message_id=provider_message_id,
        segments=segments,
        sent=_counted(cleared),
        now=now,
    ):
        return False
    remembered = hashes.of(organization_id, "message", provider_message_id)
    for report in messages.take_parked(tx, organization_id, remembered):
        advanced = messages.advance(
            tx,
            organization_id,
            to.channel_id,
            to.channel_kind,
            message_id=message_id,
            provider_message_id=provider_message_id,
            status=Status(report.status),
            error_code=report.error_code,
            at=report.at,
            pricing=report.pricing,
            now=now,
        )
        if advanced is not None and advanced.news:
            code, at = report.error_code, report.at
            _heed(tx, hashes, organization_id, message_id, to, code, effect_of, at=at, now=now)
    return True


def _heed(
    tx: Tx,
    hashes: KeyedHash,
    organization_id: UUID,
    message_id: UUID,
    to: Addressee,
    code: str | None,
    effect_of: EffectOf,
    *,
    at: datetime,
    now: datetime,
) -> None:
    effect = None if code is None else effect_of(to.channel_kind, code)
    if effect is not None:
        about = About(to.channel_kind, to.channel_id, to.contact_id, message_id)
        heed(tx, hashes, organization_id, about, effect, code, at=at, now=now)


def _counted(cleared: Cleared) -> Counted | None:
    """What the message counts as soon as it is taken. A WhatsApp message waits for the report that says its category."""
    if cleared.to.channel_kind == "whatsapp":
        return None
    return Counted("mms_out", 1) if cleared.parts is None else Counted("sms_out", cleared.parts)


def unclear(tx: Tx, organization_id: UUID, message_id: UUID, *, now: datetime) -> None:
    """It may have been sent. It is looked up, never sent again blindly."""
    store.settle(tx, organization_id, message_id, Status.UNKNOWN, now=now)
