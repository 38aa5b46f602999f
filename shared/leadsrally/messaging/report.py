"""A provider's report about a message we sent: applied when it says more than we knew, parked when early."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from leadsrally.consent import change
from leadsrally.consent.types import Evidence
from leadsrally.contacts import store as contacts
from leadsrally.contacts.opt_out import opt_out
from leadsrally.kit.crypto import KeyedHash
from leadsrally.kit.db import Tx
from leadsrally.messaging import store
from leadsrally.messaging.store import Advanced
from leadsrally.messaging.types import Channel, DeliveryReport, Status

Effect = Literal["opt_out", "no_marketing"]
"""What a provider's error says of the person: has opted out there, or wants no marketing there."""


@dataclass(frozen=True, slots=True)
class Applied:
    outcome: Literal["applied", "parked"]
    message_id: UUID | None


def apply_report(
    tx: Tx,
    hashes: KeyedHash,
    channel: Channel,
    report: DeliveryReport,
    *,
    effect: Effect | None,
    now: datetime,
) -> Applied:
    """Advance the message it speaks of, and take its error for the person's word where it is one.

    A report for a message that we have not recorded yet waits for `sending.record`.
    """
    organization_id = channel.organization_id
    at = min(report.reported_at or now, now)
    advanced = store.advance(
        tx,
        organization_id,
        channel.id,
        message_id=report.message_id,
        provider_message_id=report.provider_message_id,
        status=report.status,
        error_code=report.error_code,
        at=at,
        pricing=report.pricing,
    )
    if advanced is None:
        store.park_report(
            tx,
            organization_id,
            hashes.of(organization_id, "message", report.provider_message_id),
            status=report.status,
            error_code=report.error_code,
            at=at,
            pricing=report.pricing,
            now=now,
        )
        return Applied("parked", None)
    # The first report of a message tells what else its recipient is called; an answer may come under that name.
    if report.recipient is not None and report.status == Status.SENT:
        contacts.learn(tx, organization_id, advanced.contact_id, report.recipient.identities, now=now)
    if effect is not None:
        _take_as_word(tx, hashes, channel, advanced, effect, report.error_code, at=at, now=now)
    return Applied("applied", advanced.message_id)


def _take_as_word(
    tx: Tx,
    hashes: KeyedHash,
    channel: Channel,
    advanced: Advanced,
    effect: Effect,
    code: str | None,
    *,
    at: datetime,
    now: datetime,
) -> None:
    organization_id, contact_id, kind = channel.organization_id, advanced.contact_id, channel.permission
    evidence = Evidence("provider_error", at, word=code, message_id=advanced.message_id)
    if effect == "opt_out":
        opt_out(tx, hashes, organization_id, contact_id, kind, evidence, now=now)
        return
    addresses = contacts.addresses_of(tx, organization_id, contact_id) or ()
    known_as = change.address_hashes(hashes, organization_id, addresses)
    change.prefer(tx, organization_id, contact_id, kind, known_as, evidence, marketing=False, now=now)
