"""What may be sent to one person, on every kind of channel and for every purpose, and on what that rests."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from leadsrally.consent import change
from leadsrally.consent import store as consent_store
from leadsrally.consent.permission import permission
from leadsrally.consent.types import CHANNEL_KINDS, ChannelKind, State, Wanted
from leadsrally.contacts import store
from leadsrally.kit.crypto import KeyedHash
from leadsrally.kit.db import Tx

_WANTED: tuple[Wanted, ...] = ("service", "marketing")


@dataclass(frozen=True, slots=True)
class Permission:
    """`rule` says why, in a closed word; `state`, `source`, `since` and `event_id` what it rests on, if on anything."""

    channel: ChannelKind
    purpose: Wanted
    permitted: bool
    rule: str
    state: State | None
    source: str | None
    since: datetime | None
    event_id: UUID | None


def permissions_of(
    tx: Tx, hashes: KeyedHash, organization_id: UUID, contact_id: UUID
) -> list[Permission] | None:
    """As the send gate would answer now, quiet hours and limits aside. None: there is no such contact."""
    addresses = store.addresses_of(tx, organization_id, contact_id)
    if addresses is None:
        return None
    known_as = change.address_hashes(hashes, organization_id, addresses)
    return [
        _permission(tx, organization_id, contact_id, kind, known_as, purpose)
        for kind in CHANNEL_KINDS
        for purpose in _WANTED
    ]


def _permission(
    tx: Tx,
    organization_id: UUID,
    contact_id: UUID,
    kind: ChannelKind,
    known_as: list[bytes],
    purpose: Wanted,
) -> Permission:
    standings = consent_store.standings(tx, organization_id, contact_id, kind)
    held = [
        kept
        for kept in consent_store.suppressions(tx, organization_id, kind, known_as)
        if kept.purpose in ("all", purpose)
    ]
    answer = permission(standings, suppressed=bool(held), purpose=purpose)
    standing = answer.standing
    if standing is not None:
        rests_on = (standing.state, standing.source, standing.since, standing.event_id)
    elif answer.rule == "suppressed":
        rests_on = (None, held[0].source, held[0].since, None)
    else:
        rests_on = (None, None, None, None)
    return Permission(kind, purpose, answer.permitted, answer.rule, *rests_on)
