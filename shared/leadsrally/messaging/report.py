"""A provider's report about a message we sent: applied when it says more than we knew, parked when early."""

from leadsrally.consent.types import Evidence
from leadsrally.contacts.opt_out import opt_out
from leadsrally.kit.crypto import KeyedHash
from leadsrally.kit.db import Tx
from leadsrally.messaging import store
from leadsrally.messaging.store import Call
from leadsrally.messaging.types import Channel, DeliveryReport


def apply_report(
    tx: Tx,
    hashes: KeyedHash,
    channel: Channel,
    report: DeliveryReport,
    call: Call,
    *,
    means_opt_out: bool,
) -> None:
    """Advance the message, in one transaction with the log row.

    A report for a message that we have not recorded yet waits for `sending.record`. `means_opt_out`: the
    provider's error says that the person has opted out there, which counts as an opt-out here.
    """
    organization_id, now = channel.organization_id, call.at
    advanced = store.advance(
        tx,
        organization_id,
        channel.id,
        message_id=report.message_id,
        provider_message_id=report.provider_message_id,
        status=report.status,
        error_code=report.error_code,
        now=now,
    )
    if advanced is None:
        store.park_report(
            tx,
            organization_id,
            hashes.of(organization_id, "message", report.provider_message_id),
            status=report.status,
            error_code=report.error_code,
            now=now,
        )
    elif means_opt_out:
        opt_out(
            tx,
            hashes,
            organization_id,
            advanced.contact_id,
            "sms",
            Evidence("provider_error", now, word=report.error_code, message_id=advanced.message_id),
            now=now,
        )
    store.log_call(
        tx,
        call,
        channel,
        outcome="parked" if advanced is None else "applied",
        http_status=200,
        message_id=advanced.message_id if advanced else None,
    )
