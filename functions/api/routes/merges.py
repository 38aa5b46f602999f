"""Two records of one person: found, merged, and taken apart again."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from functions.api.asking import Asked, permit
from functions.api.once import Once
from functions.api.paging import Cursor, Limit, Page
from functions.api.problems import problems
from functions.api.routes.contacts import Contact
from functions.api.whom import Whom
from leadsrally.contacts import duplicates, fields, lists, merge_store, people, timeline
from leadsrally.contacts.duplicates import Reason, Suspects
from leadsrally.contacts.merge import merge as merge_contacts
from leadsrally.contacts.merge import split as split_contacts
from leadsrally.kit.cursor import Place, pack, place_of

router = APIRouter(prefix="/v1/contacts", tags=["merges"])


class Pair(BaseModel):
    """Two records that may be one person's."""

    newer: Contact
    older: Contact
    reason: Reason


class Merge(BaseModel):
    id: UUID
    winner_id: UUID
    loser_id: UUID
    merged_at: datetime
    split_at: datetime | None


class Merges(BaseModel):
    items: list[Merge]


class Happening(BaseModel):
    kind: Literal[
        "message", "score", "consent", "note", "merge", "lead", "disclosure", "import", "edited", "created"
    ]
    at: datetime
    id: UUID = Field(description="Of what it tells of.")
    told: dict[str, Any] = Field(examples=[{"body": "How much is it?", "direction": "inbound"}])


@router.get("/duplicates", dependencies=[permit("contacts.read")])
def all_duplicates(
    asked: Asked,
    limit: Annotated[
        int, Query(ge=1, le=300, description="For how many contacts, newest first, others are looked for.")
    ] = 300,
    cursor: Cursor = None,
) -> Page[Pair]:
    """Pairs that may be one person: the same address, number, or name.

    A page may hold none: go on while there is a `next`.
    """
    before = lists.place_of_id(cursor)
    found = duplicates.suspects(asked.tx, asked.person.organization_id, before=before, limit=limit)
    return Page(items=_pairs(asked, found), next=None if found.next is None else pack(str(found.next)))


@router.get("/{contact_id}/duplicates", dependencies=[permit("contacts.read")])
def duplicates_of(asked: Asked, contact_id: Whom) -> Page[Pair]:
    """Older records that may be this person's."""
    people.contact(asked.tx, asked.person.organization_id, contact_id)
    found = duplicates.suspects_of(asked.tx, asked.person.organization_id, contact_id)
    return Page(items=_pairs(asked, found), next=None)


@router.get("/{contact_id}/timeline", dependencies=[permit("contacts.read")])
def happened(asked: Asked, contact_id: Whom, limit: Limit = 50, cursor: Cursor = None) -> Page[Happening]:
    """What happened with this person, newest first."""
    organization_id, place = asked.person.organization_id, place_of(cursor)
    people.contact(asked.tx, organization_id, contact_id)
    rows = timeline.timeline(
        asked.tx, organization_id, contact_id, before=place.at, before_id=place.id, limit=limit
    )
    after = str(Place(rows[-1]["at"], rows[-1]["id"])) if len(rows) == limit else None
    return Page(items=[Happening.model_validate(row) for row in rows], next=after)


@router.get("/{contact_id}/merges", dependencies=[permit("contacts.read")])
def merges(asked: Asked, contact_id: Whom) -> Merges:
    """What was merged into this contact and not taken apart, newest first."""
    people.contact(asked.tx, asked.person.organization_id, contact_id)
    found = merge_store.merges_of(asked.tx, asked.person.organization_id, contact_id)
    return Merges(items=[Merge.model_validate(one, from_attributes=True) for one in found])


@router.post(
    "/{contact_id}/merges/{loser_id}",
    status_code=201,
    dependencies=[permit("contacts.write")],
    responses=problems(409),
)
def merge(asked: Asked, once: Once, contact_id: UUID, loser_id: UUID) -> Merge:
    """Make one person of two: what the second has becomes the first one's, and its record goes.

    The strictest of what stood about permission stands. It can be undone.
    """

    def act() -> Merge:
        organization_id, now = asked.person.organization_id, asked.door.clock()
        merge_id = merge_contacts(asked.tx, organization_id, contact_id, loser_id, actor=asked.actor, now=now)
        made = merge_store.merge_by_id(asked.tx, organization_id, merge_id)
        return Merge.model_validate(made, from_attributes=True)

    return once(Merge, act)


@router.post(
    "/{contact_id}/merges/{merge_id}/split", dependencies=[permit("contacts.write")], responses=problems(409)
)
def split(asked: Asked, contact_id: UUID, merge_id: UUID) -> Contact:
    """Undo a merge: the contact whose record was gone, as it was. What came since stays with the other one."""
    organization_id, now = asked.person.organization_id, asked.door.clock()
    people.contact(asked.tx, organization_id, contact_id)
    undone = split_contacts(asked.tx, organization_id, merge_id, actor=asked.actor, now=now)
    known = fields.definitions(asked.tx, organization_id)
    return Contact.model_validate(people.contact(asked.tx, organization_id, undone.loser_id).shown(known))


def _pairs(asked: Asked, found: Suspects) -> list[Pair]:
    known = fields.definitions(asked.tx, asked.person.organization_id)
    shown = {one: Contact.model_validate(contact.shown(known)) for one, contact in found.contacts.items()}
    return [
        Pair(newer=shown[pair.newer], older=shown[pair.older], reason=pair.reason) for pair in found.pairs
    ]
