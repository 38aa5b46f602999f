"""Write down what a provider answered, and what the answer means for the person."""

from datetime import datetime
from uuid import UUID

from leadsrally.consent.types import Evidence
from leadsrally.contacts.opt_out import opt_out
from leadsrally.contacts.store import learn
from leadsrally.kit.crypto import KeyedHash
from leadsrally.kit.db import Tx
from leadsrally.messaging import store as messages
from leadsrally.messaging.types import Status
from leadsrally.sending import store
from leadsrally.sending.gate import Cleared
from leadsrally.sending.types import (
    Accepted,
    Addressee,
    MeansOptOut,
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
    means_opt_out: MeansOptOut,
    now: datetime,
) -> None:
    """Settle the message. A callback that came before this is applied now; one that ranks higher stays."""
    message_id = cleared.message_id
    match outcome:
        case Accepted(provider_message_id, segments, held, recipient):
            accepted(
                tx,
                hashes,
                organization_id,
                message_id,
                cleared.to,
                provider_message_id,
                segments,
                means_opt_out=means_opt_out,
                now=now,
            )
            if held:
                store.note_held(tx, organization_id, message_id)
            if recipient:
                learn(tx, organization_id, cleared.to.contact_id, recipient, now=now)
        case Rejected(code):
            store.settle(tx, organization_id, message_id, Status.FAILED, error_code=code)
            if means_opt_out(cleared.to.channel_kind, code):
                _opted_out_there(tx, hashes, organization_id, message_id, cleared.to, code, now=now)
        case NotProcessed():
            store.release(tx, organization_id, message_id)
        case Unclear():
            unclear(tx, organization_id, message_id)


def accepted(
    tx: Tx,
    hashes: KeyedHash,
    organization_id: UUID,
    message_id: UUID,
    to: Addressee,
    provider_message_id: str,
    segments: int | None,
    *,
    means_opt_out: MeansOptOut,
    now: datetime,
) -> None:
    """The provider has it. Reports that came early and did not know our id are applied at once."""
    store.settle(
        tx,
        organization_id,
        message_id,
        Status.ACCEPTED,
        provider_message_id=provider_message_id,
        segments=segments,
    )
    remembered = hashes.of(organization_id, "message", provider_message_id)
    for report in messages.take_parked(tx, organization_id, remembered):
        messages.advance(
            tx,
            organization_id,
            to.channel_id,
            message_id=message_id,
            provider_message_id=provider_message_id,
            status=Status(report.status),
            error_code=report.error_code,
            at=report.at,
            pricing=report.pricing,
        )
        if report.error_code is not None and means_opt_out(to.channel_kind, report.error_code):
            _opted_out_there(tx, hashes, organization_id, message_id, to, report.error_code, now=now)


def _opted_out_there(
    tx: Tx,
    hashes: KeyedHash,
    organization_id: UUID,
    message_id: UUID,
    to: Addressee,
    code: str,
    *,
    now: datetime,
) -> None:
    evidence = Evidence("provider_error", now, word=code, message_id=message_id)
    opt_out(tx, hashes, organization_id, to.contact_id, to.channel_kind, evidence, now=now)


def unclear(tx: Tx, organization_id: UUID, message_id: UUID) -> None:
    """It may have been sent. It is looked up, never sent again blindly."""
    store.settle(tx, organization_id, message_id, Status.UNKNOWN)
