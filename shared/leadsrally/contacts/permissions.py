"""What may be sent to one person, on every kind of channel and for every purpose, and on what that rests."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from leadsrally.consent import store as consent_store
from leadsrally.consent import suppressions
from leadsrally.consent.permission import permission
from leadsrally.consent.types import CHANNEL_KINDS, ChannelKind, Standing, State, Suppression, Wanted
from leadsrally.contacts.known_as import known_as
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
    found: list[Permission] = []
    for kind in CHANNEL_KINDS:
        addresses = known_as(tx, hashes, organization_id, contact_id, kind)
        if addresses is None:
            return None
        standings = consent_store.standings(tx, organization_id, contact_id, kind)
        suppressed = suppressions.standing(tx, organization_id, kind, addresses)
        found += [_permission(kind, purpose, standings, suppressed) for purpose in _WANTED]
    return found


def _permission(
    kind: ChannelKind, purpose: Wanted, standings: Sequence[Standing], suppressions: Sequence[Suppression]
) -> Permission:
    held = [kept for kept in suppressions if kept.purpose in ("all", purpose)]
    answer = permission(standings, suppressed=bool(held), purpose=purpose)
    standing = answer.standing
    if standing is not None:
        rests_on = (standing.state, standing.source, standing.since, standing.event_id)
    elif answer.rule == "suppressed":
        rests_on = (None, held[0].source, held[0].since, None)
    else:
        rests_on = (None, None, None, None)
    return Permission(kind, purpose, answer.permitted, answer.rule, *rests_on)
