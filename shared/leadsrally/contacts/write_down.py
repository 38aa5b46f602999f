"""A colleague, or a customer's program, writes down what a person said about being messaged."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from leadsrally.accounts import audit
from leadsrally.accounts.audit import Actor, AuditAction
from leadsrally.consent.grant import Outcome
from leadsrally.consent.types import ChannelKind, Evidence, Purpose, Wanted
from leadsrally.contacts import store
from leadsrally.contacts.opt_in import opt_in
from leadsrally.contacts.opt_out import opt_out
from leadsrally.kit.crypto import KeyedHash
from leadsrally.kit.db import Tx
from leadsrally.kit.errors import Conflict, Invalid, NotFound

_AUDITED: Final[dict[str, AuditAction]] = {"granted": "consent.granted", "lifted": "consent.lifted"}


def write_down_yes(
    tx: Tx,
    hashes: KeyedHash,
    organization_id: UUID,
    contact_id: UUID,
    kind: ChannelKind,
    purpose: Wanted,
    evidence: Evidence,
    *,
    actor: Actor,
    now: datetime,
) -> Outcome:
    """Record that the person agreed at `evidence.occurred_at`.

    Raises `NotFound`, `Invalid` for a time that is yet to come, and `Conflict` where the person has opted out and
    this proof does not end it (`leadsrally.consent.grant`).
    """
    if evidence.occurred_at > now:
        raise Invalid("The time at which they agreed lies in the future. Correct it.", code="not_yet")
    outcome = opt_in(tx, hashes, organization_id, contact_id, kind, purpose, evidence, now=now)
    if outcome is None:
        raise no_contact()
    if outcome == "opted_out":
        raise Conflict(
            "This person has opted out, and only they can end that: by START, or by agreeing anew after it, with how, "
            "in which words and where the proof is kept.",
            code="opted_out",
        )
    if outcome == "blocked_at_provider":
        raise Conflict(
            "The provider blocks messages to this person since they opted out there. Only they can end that, by "
            "texting START or in WhatsApp's own settings.",
            code="blocked_at_provider",
        )
    _audit(tx, organization_id, contact_id, actor, _AUDITED[outcome], kind, purpose, now)
    return outcome


def write_down_no(
    tx: Tx,
    hashes: KeyedHash,
    organization_id: UUID,
    contact_id: UUID,
    kinds: Sequence[ChannelKind],
    purpose: Purpose,
    evidence: Evidence,
    *,
    actor: Actor,
    now: datetime,
) -> None:
    """Opt the person out on these kinds of channel, whatever was said before. Raises `NotFound`."""
    if store.addresses_of(tx, organization_id, contact_id) is None:
        raise no_contact()
    for kind in kinds:
        opt_out(tx, hashes, organization_id, contact_id, kind, evidence, now=now, purpose=purpose)
        _audit(tx, organization_id, contact_id, actor, "consent.revoked", kind, purpose, now)


def _audit(
    tx: Tx,
    organization_id: UUID,
    contact_id: UUID,
    actor: Actor,
    action: AuditAction,
    kind: ChannelKind,
    purpose: Purpose,
    now: datetime,
) -> None:
    audit.record(
        tx,
        organization_id,
        actor,
        action,
        now=now,
        target=("contact", contact_id),
        details={"channel": kind, "purpose": purpose},
    )


def no_contact() -> NotFound:
    return NotFound("There is no such contact.", code="contact_not_found")
