"""Make one person of two records, and two of one again."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg.errors import UniqueViolation
from psycopg.types.json import Jsonb

from leadsrally.accounts import audit
from leadsrally.accounts.audit import Actor
from leadsrally.consent import store as consent_store
from leadsrally.consent.types import ChannelKind, Evidence, Purpose
from leadsrally.contacts import merge_store
from leadsrally.contacts.merge_store import Merge, Record, Stands
from leadsrally.kit.db import Tx
from leadsrally.kit.errors import Conflict, Invalid, NotFound
from leadsrally.kit.ids import new_id

Subject = tuple[ChannelKind, Purpose]
Standings = Mapping[Subject, Stands]

# What was never said is stricter than a yes: a yes was given by one of two, for their number (E17).
_STRICTNESS: Final[Mapping[str | None, int]] = {"granted": 0, None: 1, "paused": 2, "revoked": 3}
_BY_PHONE: Final = ("sms", "whatsapp")


def merge(
    tx: Tx, organization_id: UUID, winner_id: UUID, loser_id: UUID, *, actor: Actor, now: datetime
) -> UUID:
    """Give the winner all that is the loser's, and let the loser's id and number lead to the winner.

    The strictest of what stood about the two stands, on each kind of channel and about each purpose (S8). Safe
    beside a STOP, a send and another merge of the same people: whatever is written about one of the two is either
    there before the merge and moves along, or comes after it and finds the winner. Returns the id by which it can
    be undone. Raises `NotFound` when one of them is gone, and `Invalid` for one and the same.
    """
    if winner_id == loser_id:
        raise Invalid("Choose two different contacts.", code="same_contact")
    if len(merge_store.lock(tx, organization_id, [winner_id, loser_id])) < 2:
        raise NotFound("One of these contacts is not there any more.", code="contact_not_found")
    winner = merge_store.record(tx, organization_id, winner_id)
    loser = merge_store.record(tx, organization_id, loser_id)
    before = {one.id: merge_store.stands(tx, organization_id, one.id) for one in (winner, loser)}
    strictest = _strictest(winner, before[winner_id], loser, before[loser_id])
    consents = {
        "winner": [asdict(one) for one in before[winner_id]],
        "loser": [asdict(one) for one in before[loser_id]],
        "merged": [asdict(one) for one in strictest],
    }
    filled = _filled(winner, loser)
    merge_id = new_id(now)
    merge_store.write_down(
        tx,
        organization_id,
        {
            "id": merge_id,
            "winner_id": winner_id,
            "loser_id": loser_id,
            "loser": _as_json(asdict(loser)),
            "filled": _as_json(filled),
            "consents": _as_json(consents),
            "actor_id": actor.id,
            "now": now,
        },
    )
    merge_store.move(tx, organization_id, merge_id, winner_id, loser_id, loser.phone)
    merge_store.set_stands(tx, organization_id, {winner_id: consents["merged"], loser_id: []})
    merge_store.delete_and_fill(tx, organization_id, winner_id, loser, filled, now=now)
    _end_grants(tx, organization_id, winner_id, before, strictest, actor, now=now)
    target = ("contact", winner_id)
    details = {"loser_id": str(loser_id), "merge_id": str(merge_id)}
    audit.record(tx, organization_id, actor, "contacts.merged", now=now, target=target, details=details)
    return merge_id


def split(tx: Tx, organization_id: UUID, merge_id: UUID, *, actor: Actor, now: datetime) -> Merge:
    """Undo a merge: both are as they were, with what each of them had.

    What came since stays with the winner. An opt-out that came since holds for both, as it was said by whoever
    they are. Raises `NotFound`, and `Conflict` when it is undone already, when the winner was merged into somebody
    else, or when the number has gone to somebody else meanwhile.
    """
    found = merge_store.merge_by_id(tx, organization_id, merge_id)
    if found is None:
        raise NotFound("There is no such merge.", code="merge_not_found")
    there = merge_store.lock(tx, organization_id, [found.winner_id])
    merge = merge_store.merge_by_id(tx, organization_id, merge_id)  # as it is now that nobody can change it
    if not there or merge is None or merge.split_at is not None or merge.winner_id != found.winner_id:
        raise Conflict("This merge is undone already, or was changed a moment ago.", code="merge_undone")
    newest = merge_store.merges_of(tx, organization_id, merge.winner_id)[0]
    if newest.id != merge_id:
        raise Conflict("Undo the later merges of this contact first.", code="merged_since")
    now_stands = merge_store.stands(tx, organization_id, merge.winner_id)
    merge_store.set_stands(tx, organization_id, {merge.winner_id: []})
    try:
        merge_store.give_back(tx, organization_id, merge, now=now)
    except UniqueViolation:
        raise Conflict(
            "Somebody else has the number by now. Merge with them instead.", code="contact_exists"
        ) from None
    of_winner, of_loser = _apart(merge, [asdict(one) for one in now_stands])
    merge_store.set_stands(tx, organization_id, {merge.winner_id: of_winner, merge.loser_id: of_loser})
    target = ("contact", merge.winner_id)
    details = {"loser_id": str(merge.loser_id), "merge_id": str(merge_id)}
    audit.record(tx, organization_id, actor, "contacts.split", now=now, target=target, details=details)
    return merge


def _strictest(
    winner: Record, of_winner: list[Stands], loser: Record, of_loser: list[Stands]
) -> list[Stands]:
    first, second = _by_subject(of_winner), _by_subject(of_loser)
    merged: list[Stands] = []
    for subject in sorted(first.keys() | second.keys()):
        kind = subject[0]
        said = [
            (_standing(standings, subject), standings)
            for record, standings in ((winner, first), (loser, second))
            if _reachable(record, kind) or any(of == kind for of, _ in standings)
        ]
        state, standings = max(said, key=lambda one: _STRICTNESS[one[0] and one[0].state])
        if state is not None and subject in standings:
            merged.append(standings[subject])
        elif state is not None and state.state == "granted":  # by a yes to everything and a yes to this
            merged.append(first.get(subject) or second[subject])
    return merged


def _end_grants(
    tx: Tx,
    organization_id: UUID,
    winner_id: UUID,
    before: Mapping[UUID, list[Stands]],
    strictest: list[Stands],
    actor: Actor,
    *,
    now: datetime,
) -> None:
    """Write down of what there is no yes any more, so that a hold which is lifted later brings none back."""
    asked = {subject for standings in before.values() for subject in _by_subject(standings)}
    left = {subject for subject, one in _by_subject(strictest).items() if one.state in ("granted", "revoked")}
    evidence = Evidence("staff", now, actor_id=actor.id)
    for kind, purpose in sorted(asked - left):
        consent_store.note(
            tx, organization_id, winner_id, kind, purpose, "lapse", evidence, new_id(now), now=now
        )


def _by_subject(standings: list[Stands]) -> Standings:
    return {(one.channel_kind, one.purpose): one for one in standings}


def _standing(standings: Standings, subject: Subject) -> Stands | None:
    """What stands about a purpose; what was said about all purposes is said about each."""
    kind, purpose = subject
    found, general = standings.get(subject), standings.get((kind, "all"))
    if found is None or (general is not None and _STRICTNESS[general.state] > _STRICTNESS[found.state]):
        return general if purpose != "all" else found
    return found


def _reachable(record: Record, kind: str) -> bool:
    return record.phone is not None if kind in _BY_PHONE else bool(record.email)


def _filled(winner: Record, loser: Record) -> dict[str, Any]:
    """What the winner's record takes over: nothing that it has itself. A restriction holds for both."""
    filled: dict[str, Any] = {
        name: getattr(loser, name)
        for name in ("phone", "name", "email", "time_zone", "restricted_at")
        if not getattr(winner, name) and getattr(loser, name)
    }
    fields = {slot: value for slot, value in loser.fields.items() if slot not in winner.fields}
    return {**filled, **({"fields": fields} if fields else {})}


def _apart(
    merge: Merge, now_stands: list[dict[str, str]]
) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """What stands about each of the two again."""

    def subject(one: Mapping[str, str]) -> tuple[str, str]:
        return one["channel_kind"], one["purpose"]

    left = {subject(one): one for one in merge.consents["merged"]}
    current = {subject(one): one for one in now_stands}
    changed = {
        of
        for of in left.keys() | current.keys()
        if (left.get(of) or {}).get("event_id") != (current.get(of) or {}).get("event_id")
    }
    halves: list[list[dict[str, str]]] = []
    for half in ("winner", "loser"):
        own = {subject(one): one for one in merge.consents[half]}
        for of in changed:
            said = current.get(of)
            stricter = said is not None and _STRICTNESS[said["state"]] >= 2
            if said is not None and (half == "winner" or stricter):
                own[of] = said
            elif said is None and half == "winner":
                own.pop(of, None)
        halves.append(list(own.values()))
    return halves[0], halves[1]


def _as_json(value: Any) -> Jsonb:
    return Jsonb(value, dumps=lambda given: json.dumps(given, default=str))
