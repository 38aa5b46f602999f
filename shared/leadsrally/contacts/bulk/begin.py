"""Begin to do something about many contacts: who they are, what is to be done, and a job that does it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from leadsrally.accounts import audit
from leadsrally.accounts.audit import Actor
from leadsrally.contacts import find, people, segments, tags
from leadsrally.contacts.bulk import store
from leadsrally.contacts.bulk.desk import ask
from leadsrally.contacts.bulk.types import MAX_NAMED, MAX_RUNNING, Kind
from leadsrally.contacts.conditions import All, Condition, read_condition, written
from leadsrally.contacts.fields import Value, definitions, fitting_values
from leadsrally.kit.db import Tx
from leadsrally.kit.errors import Conflict, Invalid
from leadsrally.kit.ids import new_id


@dataclass(frozen=True, slots=True)
class Choice:
    """Whom it is about: those who are named, or those of whom all that is given is true."""

    contact_ids: Sequence[UUID] | None = None
    segment_id: UUID | None = None
    condition: Mapping[str, Any] | None = None
    search: str | None = None  # as it is typed into a search box


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be done; each kind of action wants one of these, an export none."""

    tag: Sequence[str] = ()  # names
    untag: Sequence[UUID] = ()
    fields: Mapping[str, Any] | None = None  # by key; None takes a value away
    people: int | None = None  # who erases them says how many they are


def begin(
    tx: Tx,
    organization_id: UUID,
    kind: Kind,
    choice: Choice,
    wanted: Wanted,
    *,
    actor: Actor,
    now: datetime,
) -> UUID:
    """Write down what is wanted and have it done; returns the action's id.

    A segment and a search are taken as they are now; who fits is asked when each contact's turn comes. Raises
    `NotFound` for a segment or tag, `Invalid` for what does not fit, and `Conflict` for too many at a time, and for an
    erasure of another number of people than was said.
    """
    tag_ids, values = _to_do(tx, organization_id, kind, wanted, now)
    named, condition, asked = _chosen(tx, organization_id, choice)
    if asked is None:
        expected = find.Count(len(named or ()), exact=True)
    else:
        expected = find.count(tx, organization_id, asked, now=now, exact=kind == "erase")
    if kind == "erase" and wanted.people != expected.contacts:
        raise Conflict(
            "They are not as many as you said. Count them again, and say how many they are now.",
            code="count_differs",
        )
    # Last, since it locks the organisation's row: nobody waits for the count.
    if store.running(tx, organization_id) >= MAX_RUNNING:
        raise Conflict(
            f"{MAX_RUNNING} bulk actions are under way. Wait for one of them, or cancel it.",
            code="too_many_bulk_actions",
        )
    action_id = new_id(now)
    store.begin(
        tx,
        organization_id,
        action_id,
        kind,
        actor=(actor.kind, actor.id),
        contact_ids=named,
        condition=condition,
        segment_id=choice.segment_id,
        tag_ids=tag_ids,
        fields=values,
        expected=expected.contacts,
        margin=expected.margin,
        # Who comes after they were counted is none of those who are erased. Those who are named have been counted.
        place=action_id if kind == "erase" and named is None else None,
        now=now,
    )
    ask(tx, organization_id, kind if kind in ("export", "erase") else "run", action_id, now=now)
    audit.record(
        tx,
        organization_id,
        actor,
        "contacts.exported" if kind == "export" else "bulk_action.started",
        now=now,
        target=("bulk_action", action_id),
        details={"kind": kind, "contacts": str(expected.contacts)},
    )
    return action_id


def how_many(tx: Tx, organization_id: UUID, choice: Choice, *, now: datetime) -> int:
    """How many it would be about now, counted one by one. Raises as `begin`."""
    named, _, asked = _chosen(tx, organization_id, choice)
    if asked is None:
        return len(named or ())
    return find.count(tx, organization_id, asked, now=now, exact=True).contacts


def _chosen(
    tx: Tx, organization_id: UUID, choice: Choice
) -> tuple[list[UUID] | None, dict[str, Any] | None, Condition | None]:
    """Those who are named, the newest first; or the condition, as it can be read again and as it was read."""
    parts: list[Condition] = []
    if choice.segment_id is not None:
        held = segments.segment(tx, organization_id, choice.segment_id)
        parts.append(segments.condition_of(tx, organization_id, held.condition))
    if choice.condition is not None:
        parts.append(segments.condition_of(tx, organization_id, choice.condition))
    if choice.search is not None:
        parts.append(find.typed(choice.search, people.country_of(tx, organization_id)))
    if (choice.contact_ids is None) == (not parts):
        raise Invalid(
            "Name contacts one by one, or say by a segment, a condition or a search who they are.",
            code="choice_unclear",
        )
    if choice.contact_ids is not None:
        if not 0 < len(choice.contact_ids) <= MAX_NAMED:
            raise Invalid(f"Name 1 to {MAX_NAMED} contacts, or give a condition.", code="too_many_named")
        return sorted(set(choice.contact_ids), reverse=True), None, None
    known = definitions(tx, organization_id)
    condition = written(parts[0] if len(parts) == 1 else All(tuple(parts)), known)
    # Read again: together they may be more than one may hold.
    return None, condition, read_condition(condition, known)


def _to_do(
    tx: Tx, organization_id: UUID, kind: Kind, wanted: Wanted, now: datetime
) -> tuple[list[UUID], dict[str, Value | None]]:
    given = {
        name
        for name, told in (
            ("tag", wanted.tag),
            ("untag", wanted.untag),
            ("set_fields", wanted.fields),
            ("erase", wanted.people),
        )
        if told
    }
    if given != ({kind} - {"export"}):
        raise Invalid("Give what this kind of action needs, and nothing else.", code="action_unclear")
    if wanted.tag:
        return [one.id for one in tags.tags_named(tx, organization_id, wanted.tag, now=now)], {}
    for tag_id in wanted.untag:
        tags.tag(tx, organization_id, tag_id)
    return list(wanted.untag), fitting_values(tx, organization_id, wanted.fields or {})
