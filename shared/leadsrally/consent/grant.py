"""Permission given, with proof: who, when, how, in which words. It never outweighs a later no.

Which proof may end an opt-out is decided in docs/decisions/0022: one that a colleague writes down about something
the person did after opting out, with how, the words and where the proof is kept. An import, a lead form and a program
never end one, and neither does anybody where the provider itself blocks: there only the person can, by START.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from leadsrally.consent import store, suppressions
from leadsrally.consent.types import (
    ChannelKind,
    Evidence,
    Method,
    Source,
    Standing,
    Suppression,
    Wanted,
)
from leadsrally.kit.db import Tx
from leadsrally.kit.ids import new_id

Outcome = Literal["granted", "lifted", "opted_out", "blocked_at_provider"]
"""`lifted`: given, and an opt-out ended by it. The last two: the opt-out stands; the proof is kept as evidence."""

_OF_THE_PROVIDER: Final = frozenset({"provider", "provider_error"})
_LIFTING: Final[frozenset[Source]] = frozenset({"staff"})
# What a person does themselves. That somebody buys says nothing about wanting texts again.
_ACTS: Final[frozenset[Method]] = frozenset({"web_form", "paper", "spoken", "message", "email"})
_OTHER: Final[dict[Wanted, Wanted]] = {"service": "marketing", "marketing": "service"}


def grant(
    tx: Tx,
    organization_id: UUID,
    contact_id: UUID,
    kind: ChannelKind,
    purpose: Wanted,
    addresses: Sequence[bytes],
    evidence: Evidence,
    *,
    now: datetime,
) -> Outcome:
    """Record that the person agreed, at `evidence.occurred_at`, and let it stand unless they said no.

    `addresses` are the hashes of all that the person is reached by. Of two grants the newer one stands. A hold
    goes on until somebody has looked. Safe for imports and forms: the worst that comes of it is a row of evidence.
    """
    store.lock(tx, organization_id, contact_id)
    standings = {
        standing.purpose: standing for standing in store.standings(tx, organization_id, contact_id, kind)
    }
    outcome: Outcome = "granted"
    against = _against(
        standings.values(), suppressions.standing(tx, organization_id, kind, addresses), purpose
    )
    if against:
        refused = _refusal(against, evidence)
        if refused is not None:
            _note(tx, organization_id, contact_id, kind, purpose, evidence, now)
            return refused
        _lift(tx, organization_id, contact_id, kind, purpose, addresses, standings.get("all"), evidence, now)
        outcome = "lifted"
    stands = standings.get(purpose)
    if stands is not None and stands.state == "granted" and stands.since > evidence.occurred_at:
        _note(tx, organization_id, contact_id, kind, purpose, evidence, now)
        return outcome
    store.record(
        tx,
        organization_id,
        contact_id,
        kind,
        purpose,
        "grant",
        "granted",
        evidence,
        event_id=new_id(now),
        now=now,
    )
    return outcome


def _against(
    standings: Iterable[Standing], suppressions: Iterable[Suppression], purpose: Wanted
) -> list[Standing | Suppression]:
    """All that says no to this purpose."""
    said = [standing for standing in standings if standing.state == "revoked"]
    return [no for no in (*said, *suppressions) if no.purpose in ("all", purpose)]


def _refusal(against: Sequence[Standing | Suppression], evidence: Evidence) -> Outcome | None:
    """Why this evidence does not end the opt-out; None: it does."""
    if any(no.source in _OF_THE_PROVIDER for no in against):
        return "blocked_at_provider"
    proven = evidence.source in _LIFTING and evidence.method in _ACTS
    told = evidence.wording is not None and evidence.reference is not None and evidence.actor_id is not None
    newer = all(evidence.occurred_at > no.since for no in against)
    return None if proven and told and newer else "opted_out"


def _lift(
    tx: Tx,
    organization_id: UUID,
    contact_id: UUID,
    kind: ChannelKind,
    purpose: Wanted,
    addresses: Sequence[bytes],
    about_all: Standing | None,
    evidence: Evidence,
    now: datetime,
) -> None:
    """End the opt-out as far as this purpose goes. For the other one it stands on."""
    other = _OTHER[purpose]
    if about_all is not None and about_all.state == "revoked":
        # The ledger says that it is not about everything any more; the proof itself follows.
        given = (tx, organization_id, contact_id, kind)
        store.note(*given, "all", "lapse", evidence, new_id(now), now=now)
        store.let_stand(*given, other, about_all)
        store.forget_standing(*given)
    suppressions.narrow(tx, organization_id, kind, addresses, other)
    suppressions.lift(tx, organization_id, kind, addresses, purpose)


def _note(
    tx: Tx,
    organization_id: UUID,
    contact_id: UUID,
    kind: ChannelKind,
    purpose: Wanted,
    evidence: Evidence,
    now: datetime,
) -> None:
    store.note(tx, organization_id, contact_id, kind, purpose, "grant", evidence, new_id(now), now=now)
