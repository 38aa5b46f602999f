"""Segments: contacts by conditions, under a name."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from functions.api import etags
from functions.api.asking import Asked, permit
from functions.api.etags import IfMatch
from functions.api.limits import Body, Line, Patch
from functions.api.once import Once
from functions.api.paging import Cursor, Limit, Page
from functions.api.problems import problems
from functions.api.routes.contacts import Contact
from leadsrally.contacts import fields, find, lists, segments
from leadsrally.contacts.conditions import MAX_DEPTH, MAX_PARTS, Condition
from leadsrally.kit.cursor import Place, pack, place_of

router = APIRouter(prefix="/v1/segments", tags=["segments"])

_EXAMPLE = {
    "all": [
        {"on": "fields.city", "is": "equal", "value": "Berlin"},
        {"not": {"on": "consent", "channel": "sms", "purpose": "all", "is": "equal", "value": "revoked"}},
    ]
}
Given = Annotated[
    dict[Annotated[str, Field(max_length=64)], Any],
    Field(
        max_length=5,
        description="`all`, `any` or `not` of others, or a question: what it is `on`, how it `is`, and the `value`. On "
        "`name` (words, equal, empty), `email` (equal, starts, empty), `phone` (equal, starts, ends, empty), `tag` (set), "
        "`created_at`, `last_message_at` and `last_inbound_at` (before, after, within_days; the latter two empty), "
        "`interest` (at_least, at_most), `intent` (equal), `unread`, `restricted` (equal), `consent` (equal, with "
        "`channel` and `purpose`; the value may be `none`), and `fields.` with a key (equal, empty; a text contains; a "
        "number at_least, at_most; a date before, after; a choice one_of). "
        f"At most {MAX_PARTS} parts, {MAX_DEPTH} deep.",
        examples=[_EXAMPLE],
    ),
]


class Segment(BaseModel):
    id: UUID
    name: str = Field(examples=["Berlin"])
    condition: dict[str, Any] = Field(examples=[_EXAMPLE])
    created_at: datetime


class NewSegment(Body):
    name: Line = Field(min_length=1, max_length=100, examples=["Berlin"])
    condition: Given


class SegmentEdit(Patch):
    name: Line = Field("", min_length=1, max_length=100, examples=["Berlin"])
    condition: Given = Field(default={})


class Question(Body):
    condition: Given


class Count(BaseModel):
    """An estimate is from one contact in 256; nineteen in twenty are off by `margin` at most."""

    contacts: int
    exact: bool
    margin: int = Field(description="0 when it is exact.")


class Preview(BaseModel):
    count: Count
    contacts: list[Contact] = Field(description="Some of them, newest first.")


@router.get("", dependencies=[permit("contacts.read")])
def all_segments(asked: Asked, limit: Limit = 50, cursor: Cursor = None) -> Page[Segment]:
    """All segments, newest first."""
    place = place_of(cursor)
    found = segments.all_segments(
        asked.tx, asked.person.organization_id, before=place.at, before_id=place.id, limit=limit
    )
    after = str(Place(found[-1].created_at, found[-1].id)) if len(found) == limit else None
    return Page(items=[_model(one) for one in found], next=after)


@router.post(
    "", status_code=201, dependencies=[permit("contacts.write")], responses=problems(409) | etags.headers(201)
)
def create(asked: Asked, response: Response, once: Once, new: NewSegment) -> Segment:
    """Give conditions a name."""

    def act() -> Segment:
        organization_id, now = asked.person.organization_id, asked.door.clock()
        made = segments.create(asked.tx, organization_id, new.name, new.condition, actor=asked.actor, now=now)
        return _shown(made, response)

    return once(Segment, act)


@router.post("/preview", dependencies=[permit("contacts.read")])
def preview(asked: Asked, question: Question) -> Preview:
    """How many contacts a condition is true of, and some of them, before it has a name."""
    organization_id, now = asked.person.organization_id, asked.door.clock()
    condition = segments.condition_of(asked.tx, organization_id, question.condition)
    counted = find.count(asked.tx, organization_id, condition, now=now)
    found = find.page(asked.tx, organization_id, condition, limit=10, now=now)
    return Preview(count=_counted(counted), contacts=_contacts(asked, found.contacts))


@router.get("/{segment_id}", dependencies=[permit("contacts.read")], responses=etags.headers(200))
def one(asked: Asked, response: Response, segment_id: UUID) -> Segment:
    """One segment."""
    return _shown(segments.segment(asked.tx, asked.person.organization_id, segment_id), response)


@router.patch(
    "/{segment_id}", dependencies=[permit("contacts.write")], responses=problems(409) | etags.headers(200)
)
def edit(asked: Asked, response: Response, segment_id: UUID, version: IfMatch, edit: SegmentEdit) -> Segment:
    """Change its name or its conditions."""
    edited = segments.edit(
        asked.tx,
        asked.person.organization_id,
        segment_id,
        edit.given(),
        version=version,
        actor=asked.actor,
        now=asked.door.clock(),
    )
    return _shown(edited, response)


@router.delete("/{segment_id}", status_code=204, dependencies=[permit("contacts.write")])
def delete(asked: Asked, segment_id: UUID) -> None:
    """Delete the segment; its contacts stay."""
    now = asked.door.clock()
    segments.delete(asked.tx, asked.person.organization_id, segment_id, actor=asked.actor, now=now)


@router.get("/{segment_id}/count", dependencies=[permit("contacts.read")])
def count(
    asked: Asked,
    segment_id: UUID,
    exact: Annotated[
        bool, Query(description="However long it takes: seconds, for a million contacts.")
    ] = False,
) -> Count:
    """How many contacts belong to it now. Large ones are estimated, and said to be."""
    organization_id, now = asked.person.organization_id, asked.door.clock()
    return _counted(
        find.count(asked.tx, organization_id, _condition(asked, segment_id), now=now, exact=exact)
    )


@router.get("/{segment_id}/contacts", dependencies=[permit("contacts.read")])
def members(asked: Asked, segment_id: UUID, limit: Limit = 50, cursor: Cursor = None) -> Page[Contact]:
    """Who belongs to it now, newest first. A page may hold fewer than `limit`: go on while there is a `next`."""
    organization_id, now = asked.person.organization_id, asked.door.clock()
    condition, before = _condition(asked, segment_id), lists.place_of_id(cursor)
    found = find.page(asked.tx, organization_id, condition, before=before, limit=limit, now=now)
    after = None if found.next is None else pack(str(found.next))
    return Page(items=_contacts(asked, found.contacts), next=after)


def _condition(asked: Asked, segment_id: UUID) -> Condition:
    found = segments.segment(asked.tx, asked.person.organization_id, segment_id)
    return segments.condition_of(asked.tx, asked.person.organization_id, found.condition)


def _contacts(asked: Asked, found: list[Any]) -> list[Contact]:
    known = fields.definitions(asked.tx, asked.person.organization_id)
    return [Contact.model_validate(one.shown(known)) for one in found]


def _counted(found: find.Count) -> Count:
    return Count.model_validate(found, from_attributes=True)


def _model(found: segments.Segment) -> Segment:
    return Segment.model_validate(found, from_attributes=True)


def _shown(found: segments.Segment, response: Response) -> Segment:
    response.headers["etag"] = etags.tag(found.version)
    return _model(found)
