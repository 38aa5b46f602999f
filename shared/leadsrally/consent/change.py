"""The ways in which permission changes: taken back, given again by the person, put on hold, taken off hold.

Every one of them locks the contact first, so that no send can be claimed on the old answer.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from leadsrally.consent import store, suppressions
from leadsrally.consent.types import Action, ChannelKind, Evidence, Purpose, Source, Standing, State
from leadsrally.kit.crypto import KeyedHash
from leadsrally.kit.db import Tx
from leadsrally.kit.ids import new_id
from leadsrally.kit.phone import one_form

_OF_THE_PROVIDER: Final[frozenset[Source]] = frozenset({"provider", "provider_error"})
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
    purpose: Purpose = "all",
) -> bool:
    """Stop everything of this kind and purpose to this person, from every sender of the organisation.

    `addresses` are the hashes of all that the person is reached by. Takes effect on all that is queued, since the
    gate asks at each claim. Returns False when it stood so already, be it only as a suppression that outlived the
    person's record; the sign is recorded all the same.
    """
    standing = _lock(tx, organization_id, contact_id, kind, purpose)
    revoked = standing if standing is not None and standing.state == "revoked" else None
    blocked = (
        revoked is not None and revoked.source in _OF_THE_PROVIDER and evidence.source not in _OF_THE_PROVIDER
    )
    if revoked is not None and (blocked or revoked.since > evidence.occurred_at):
        # Told late, the newer word stands, and with it the time after which a yes must come. Who blocks, goes on.
        given = (tx, organization_id, contact_id, kind, purpose)
        store.note(*given, "revoke", evidence, new_id(now), now=now)
        since = max(revoked.since, evidence.occurred_at)
        store.let_stand(*given, replace(revoked, since=since))
    else:
        _record(tx, organization_id, contact_id, kind, "revoke", "revoked", evidence, now, purpose)
    newly = suppressions.suppress(
        tx, organization_id, kind, addresses, purpose, source=evidence.source, since=evidence.occurred_at
    )
    return newly and revoked is None


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
    """Undo a person's own opt-out because that person asked for it after it.

    An older word that comes late does not, nor does it take a newer hold away.
    It ends what was said about one purpose too, but for WhatsApp's own switch for marketing, which has a way back of
    its own (`prefer`). Without an opt-out no consent is made of it (a YES to a survey is not consent): then it only
    takes the person off hold. Returns whether something was lifted.
    """
    standing = _lock(tx, organization_id, contact_id, kind)
    before = _state(standing)
    until = _answered_until(kind, evidence)
    if standing is not None and before in ("revoked", "paused") and standing.since >= until:
        return False
    lifted = _restore_parts(tx, organization_id, contact_id, kind, addresses, evidence, now)
    was_suppressed = suppressions.lift(tx, organization_id, kind, addresses, "all", before=until)
    if was_suppressed or before == "revoked":
        _record(tx, organization_id, contact_id, kind, "grant", "granted", evidence, now)
        return True
    return _take_off_hold(tx, organization_id, contact_id, kind, before, evidence, now) or lifted


def _restore_parts(
    tx: Tx,
    organization_id: UUID,
    contact_id: UUID,
    kind: ChannelKind,
    addresses: Sequence[bytes],
    evidence: Evidence,
    now: datetime,
) -> bool:
    """End older opt-outs that are about one purpose. Returns whether there was one."""
    until = _answered_until(kind, evidence)
    parts = [
        standing
        for standing in store.standings(tx, organization_id, contact_id, kind)
        if standing.purpose != "all"
        and standing.state == "revoked"
        and standing.since < until
        and not (kind == "whatsapp" and standing.source in _OF_THE_PROVIDER)
    ]
    for part in parts:
        _record(tx, organization_id, contact_id, kind, "grant", "granted", evidence, now, part.purpose)
        suppressions.lift(tx, organization_id, kind, addresses, part.purpose, before=until)
    return bool(parts)


def _answered_until(kind: ChannelKind, evidence: Evidence) -> datetime:
    """Before which instant a no must have been said for this yes to answer it.

    Meta tells whole seconds, and of the same second the no stands. Texts have our own clock, by which they came in
    the order in which they are read.
    """
    return evidence.occurred_at if kind == "whatsapp" else evidence.occurred_at + timedelta(microseconds=1)


def pause(
    tx: Tx, organization_id: UUID, contact_id: UUID, kind: ChannelKind, evidence: Evidence, *, now: datetime
) -> bool:
    """Hold all sending until a person has looked. Never weakens an opt-out. Returns whether it now holds."""
    if _state(_lock(tx, organization_id, contact_id, kind)) == "revoked":
        return False
    _record(tx, organization_id, contact_id, kind, "pause", "paused", evidence, now)
    return True


def resume(
    tx: Tx, organization_id: UUID, contact_id: UUID, kind: ChannelKind, evidence: Evidence, *, now: datetime
) -> bool:
    """A person looked and found no refusal. Lifts a pause only; staff cannot lift anyone's own opt-out."""
    before = _state(_lock(tx, organization_id, contact_id, kind))
    return _take_off_hold(tx, organization_id, contact_id, kind, before, evidence, now)


def prefer(
    tx: Tx,
    organization_id: UUID,
    contact_id: UUID,
    kind: ChannelKind,
    addresses: Sequence[bytes],
    evidence: Evidence,
    *,
    marketing: bool,
    now: datetime,
) -> bool:
    """Obey what the person told their provider about marketing. The newest word by its clock stands.

    It is about marketing alone: wanting it again lifts no STOP, which stands about all purposes. Returns
    whether this word stands; an older one that came late is on record all the same.
    """
    standing = _lock(tx, organization_id, contact_id, kind, "marketing")
    # A no that comes late yields to a later word from there, and to no form or file in between.
    # Of the same instant the no stands: their clock counts whole seconds.
    newest = (
        standing is None
        or standing.since < evidence.occurred_at
        or (
            not marketing
            and (standing.since == evidence.occurred_at or standing.source not in _OF_THE_PROVIDER)
        )
    )
    action, state = ("grant", "granted") if marketing else ("revoke", "revoked")
    event_id = new_id(now)
    if not newest:
        store.note(tx, organization_id, contact_id, kind, "marketing", action, evidence, event_id, now=now)
        return False
    store.record(
        tx,
        organization_id,
        contact_id,
        kind,
        "marketing",
        action,
        state,
        evidence,
        event_id=event_id,
        now=now,
    )
    if marketing:
        before = evidence.occurred_at
        suppressions.lift(tx, organization_id, kind, addresses, "marketing", before=before)
    else:
        since = evidence.occurred_at
        suppressions.suppress(
            tx, organization_id, kind, addresses, "marketing", source=evidence.source, since=since
        )
    return True


def prefer_unknown(
    tx: Tx,
    organization_id: UUID,
    kind: ChannelKind,
    addresses: Sequence[bytes],
    evidence: Evidence,
    *,
    marketing: bool,
) -> None:
    """As `prefer`, for somebody of whom there is no record, so that the opt-out holds once there is one."""
    since = evidence.occurred_at
    if marketing:
        suppressions.lift(tx, organization_id, kind, addresses, "marketing", before=since)
    else:
        suppressions.suppress(
            tx, organization_id, kind, addresses, "marketing", source=evidence.source, since=since
        )


def carry_over(
    tx: Tx,
    hashes: KeyedHash,
    organization_id: UUID,
    kind: ChannelKind,
    before: Iterable[str],
    after: Iterable[str],
) -> None:
    """Let opt-outs hold for what a person is called from now on. What was granted does not travel."""
    suppressions.copy(
        tx,
        organization_id,
        kind,
        address_hashes(hashes, organization_id, before),
        address_hashes(hashes, organization_id, after),
    )


def lapse(
    tx: Tx, organization_id: UUID, contact_id: UUID, kind: ChannelKind, evidence: Evidence, *, now: datetime
) -> None:
    """Let no grant stand any more, since the person is reached by another address now. Opt-outs and holds stay.

    A hold that is lifted later brings back no grant from before.
    """
    store.lock(tx, organization_id, contact_id)
    store.lapse(tx, organization_id, contact_id, kind, evidence, [new_id(now) for _ in range(3)], now=now)


def _lock(
    tx: Tx, organization_id: UUID, contact_id: UUID, kind: ChannelKind, purpose: Purpose = "all"
) -> Standing | None:
    """Lock the contact against sends, then read what stands about the purpose itself."""
    store.lock(tx, organization_id, contact_id)
    found = store.standings(tx, organization_id, contact_id, kind)
    return next((standing for standing in found if standing.purpose == purpose), None)


def _state(standing: Standing | None) -> State | None:
    return None if standing is None else standing.state


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
    purpose: Purpose = "all",
) -> None:
    store.record(
        tx,
        organization_id,
        contact_id,
        kind,
        purpose,
        action,
        state,
        evidence,
        event_id=new_id(now),
        now=now,
    )
