"""The ways in which permission changes: taken back, given again by the person, put on hold, taken off hold.

Every one of them locks the contact first, so that no send can be claimed on the old answer.
"""

from datetime import datetime
from uuid import UUID

from leadsrally.consent import store
from leadsrally.consent.types import ChannelKind, Evidence, Standing
from leadsrally.kit.crypto import KeyedHash
from leadsrally.kit.db import Tx
from leadsrally.kit.ids import new_id


def number_hash(hashes: KeyedHash, organization_id: UUID, number: str) -> bytes:
    """What a suppression keeps of a number: enough to recognise it, too little to read it."""
    return hashes.of(organization_id, "suppression", number)


def revoke(
    tx: Tx,
    organization_id: UUID,
    contact_id: UUID,
    channel_kind: ChannelKind,
    number: bytes,
    evidence: Evidence,
    *,
    now: datetime,
) -> bool:
    """Stop everything of this kind to this person, from every sender of the organisation.

    Takes effect on all that is queued, since the gate asks at each claim. Returns False when it stood so
    already; the sign is recorded all the same.
    """
    store.lock(tx, organization_id, contact_id)
    before = _of_all(tx, organization_id, contact_id, channel_kind)
    store.record(
        tx,
        organization_id,
        contact_id,
        channel_kind,
        "all",
        "revoke",
        "revoked",
        evidence,
        event_id=new_id(now),
        now=now,
    )
    store.suppress(tx, organization_id, channel_kind, number, source=evidence.source, now=now)
    return before is None or before.state != "revoked"


def restore(
    tx: Tx,
    organization_id: UUID,
    contact_id: UUID,
    channel_kind: ChannelKind,
    number: bytes,
    evidence: Evidence,
    *,
    now: datetime,
) -> bool:
    """Undo a person's own opt-out because that person asked for it.

    Without an opt-out nothing happens and no consent is made of it (a YES to a survey is not consent).
    Returns whether something was lifted.
    """
    store.lock(tx, organization_id, contact_id)
    was_suppressed = store.unsuppress(tx, organization_id, channel_kind, number)
    before = _of_all(tx, organization_id, contact_id, channel_kind)
    if not was_suppressed and (before is None or before.state == "granted"):
        return False
    store.record(
        tx,
        organization_id,
        contact_id,
        channel_kind,
        "all",
        "grant",
        "granted",
        evidence,
        event_id=new_id(now),
        now=now,
    )
    return True


def pause(
    tx: Tx,
    organization_id: UUID,
    contact_id: UUID,
    channel_kind: ChannelKind,
    evidence: Evidence,
    *,
    now: datetime,
) -> bool:
    """Hold all sending until a person has looked. Never weakens an opt-out. Returns whether it now holds."""
    store.lock(tx, organization_id, contact_id)
    before = _of_all(tx, organization_id, contact_id, channel_kind)
    if before is not None and before.state == "revoked":
        return False
    store.record(
        tx,
        organization_id,
        contact_id,
        channel_kind,
        "all",
        "pause",
        "paused",
        evidence,
        event_id=new_id(now),
        now=now,
    )
    return True


def resume(
    tx: Tx,
    organization_id: UUID,
    contact_id: UUID,
    channel_kind: ChannelKind,
    evidence: Evidence,
    *,
    now: datetime,
) -> bool:
    """A person looked and found no refusal. Lifts a pause only; staff cannot lift anyone's own opt-out."""
    store.lock(tx, organization_id, contact_id)
    before = _of_all(tx, organization_id, contact_id, channel_kind)
    if before is None or before.state != "paused":
        return False
    store.record(
        tx,
        organization_id,
        contact_id,
        channel_kind,
        "all",
        "resume",
        "granted",
        evidence,
        event_id=new_id(now),
        now=now,
    )
    return True


def _of_all(tx: Tx, organization_id: UUID, contact_id: UUID, channel_kind: ChannelKind) -> Standing | None:
    found = store.standings(tx, organization_id, contact_id, channel_kind)
    return next((standing for standing in found if standing.purpose == "all"), None)
