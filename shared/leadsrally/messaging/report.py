"""A provider's report about a message we sent: applied when it says more than we knew, parked when early."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from leadsrally.contacts import store as contacts
from leadsrally.kit.crypto import KeyedHash
from leadsrally.kit.db import Tx
from leadsrally.messaging import store
from leadsrally.messaging.types import Channel, DeliveryReport, Effect, Status


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
    """Advance the message it speaks of, and heed what its error says beyond it.

    A report for a message that we have not recorded yet waits for `sending.record`.
    """
    organization_id = channel.organization_id
    at = min(report.reported_at or now, now)
    advanced = store.advance(
        tx,
        organization_id,
        channel.id,
        channel.permission,
        message_id=report.message_id,
        provider_message_id=report.provider_message_id,
        status=report.status,
        error_code=report.error_code,
        at=at,
        pricing=report.pricing,
        now=now,
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
    # A delivery that was not answered comes again, hours later too: by then a template may be approved again, or the
    # person may have agreed again.
    if effect is not None and advanced.news:
        from leadsrally.messaging.heed import (
            About,
            heed,
        )  # brings templates and jobs; few errors mean that much

        about = About(channel.permission, channel.id, advanced.contact_id, advanced.message_id)
        heed(tx, hashes, organization_id, about, effect, report.error_code, at=at, now=now)
    return Applied("applied", advanced.message_id)
