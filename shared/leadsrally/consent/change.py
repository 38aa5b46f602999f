"""The ways in which permission changes: taken back, given again by the person, put on hold, taken off hold.

Every one of them locks the contact first, so that no send can be claimed on the old answer.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from leadsrally.consent import store
from leadsrally.consent.types import Action, ChannelKind, Evidence, State
from leadsrally.kit.crypto import KeyedHash
from leadsrally.kit.db import Tx
from leadsrally.kit.ids import new_id
from leadsrally.kit.phone import one_form

_BECOMES: dict[Action, State] = {"grant": "granted", "revoke": "revoked", "pause": "paused"}


def address_hashes(hashes: KeyedHash, organization_id: UUID, addresses: Iterable[str]) -> list[bytes]:
    """What a suppression keeps of the addresses of one person: enough to know them again, too little to read.

    `addresses` are numbers in E.164, short codes or business-scoped ids. Two forms of one number give one hash.
    """
    return [
        hashes.of(organization_id, "suppression", address)
        for address in sorted(set(map(one_form, addresses)))
    ]


def revoke(
    tx: Tx,
    organization_id: UUID,
    contact_id: UUID,
    kind: ChannelKind,
    addresses: Sequence[bytes],
    evidence: Evidence,
    *,
    now: datetime,
) -> bool:
    """Stop everything of this kind to this person, from every sender of the organisation.

    `addresses` are the hashes of all that the person is reached by. Takes effect on all that is queued, since the gate asks at each claim. Returns False when it stood so
    already, be it only as a suppression that outlived the person's record; the sign is recorded all the same.
    """
    before = _lock(tx, organization_id, contact_id, kind)
    _record(tx, organization_id, contact_id, kind, "revoke", "revoked", evidence, now)
    newly = store.suppress(tx, organization_id, kind, addresses, "all", source=evidence.source, since=now)
    return newly and before != "revoked"


def restore(
    tx: Tx,
    organization_id: UUID,
    contact_id: UUID,
    kind: ChannelKind,
    addresses: Sequence[bytes],
    evidence: Evidence,
    *,
    now: datetime,
) -> bool:
    """Undo a person's own opt-out because that person asked for it.

    Without an opt-out no consent is made of it (a YES to a survey is not consent): then it only takes the
    person off hold. Returns whether something was lifted.
    """
    before = _lock(tx, organization_id, contact_id, kind)
    was_suppressed = store.unsuppress(tx, organization_id, kind, addresses, "all")
    if was_suppressed or before == "revoked":
        _record(tx, organization_id, contact_id, kind, "grant", "granted", evidence, now)
        return True
    return _take_off_hold(tx, organization_id, contact_id, kind, before, evidence, now)


def pause(
    tx: Tx, organization_id: UUID, contact_id: UUID, kind: ChannelKind, evidence: Evidence, *, now: datetime
) -> bool:
    """Hold all sending until a person has looked. Never weakens an opt-out. Returns whether it now holds."""
    if _lock(tx, organization_id, contact_id, kind) == "revoked":
        return False
    _record(tx, organization_id, contact_id, kind, "pause", "paused", evidence, now)
    return True


def resume(
    tx: Tx, organization_id: UUID, contact_id: UUID, kind: ChannelKind, evidence: Evidence, *, now: datetime
) -> bool:
    """A person looked and found no refusal. Lifts a pause only; staff cannot lift anyone's own opt-out."""
    before = _lock(tx, organization_id, contact_id, kind)
    return _take_off_hold(tx, organization_id, contact_id, kind, before, evidence, now)


def _lock(tx: Tx, organization_id: UUID, contact_id: UUID, kind: ChannelKind) -> State | None:
    """Lock the contact against sends, then read what stands about all purposes."""
    store.lock(tx, organization_id, contact_id)
    found = store.standings(tx, organization_id, contact_id, kind)
    return next((standing.state for standing in found if standing.purpose == "all"), None)


def _take_off_hold(
    tx: Tx,
    organization_id: UUID,
    contact_id: UUID,
    kind: ChannelKind,
    before: State | None,
    evidence: Evidence,
    now: datetime,
) -> bool:
    """Bring back what stood before the pause. Where nothing did, nothing does again: a hold makes no consent."""
    if before != "paused":
        return False
    said = store.last_said(tx, organization_id, contact_id, kind)
    state = "granted" if said is None else _BECOMES[said]
    _record(tx, organization_id, contact_id, kind, "resume", state, evidence, now)
    if said is None:
        store.forget_standing(tx, organization_id, contact_id, kind)
    return True


def _record(
    tx: Tx,
    organization_id: UUID,
    contact_id: UUID,
    kind: ChannelKind,
    action: Action,
    state: State,
    evidence: Evidence,
    now: datetime,
) -> None:
    store.record(
        tx,
        organization_id,
        contact_id,
        kind,
        "all",
        action,
        state,
        evidence,
        event_id=new_id(now),
        now=now,
    )
