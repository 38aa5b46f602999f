"""Bulk actions: one thing done about many contacts, in the background.

They are tagged, untagged, given values, written to a file, or erased. What was changed can be taken back for 24 hours,
who was erased never.
"""

from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field

from functions.api.asking import Asked, permit
from functions.api.limits import Body
from functions.api.once import Once
from functions.api.paging import Cursor, Limit, Page
from functions.api.problems import problems
from functions.api.routes.contacts import FieldValues, TagName
from functions.api.routes.segments import Given
from leadsrally.accounts import audit
from leadsrally.contacts.bulk import steer, store
from leadsrally.contacts.bulk.begin import Choice, Wanted, how_many
from leadsrally.contacts.bulk.begin import begin as begin_action
from leadsrally.contacts.bulk.desk import UNDO_FOR
from leadsrally.contacts.bulk.types import MAX_NAMED, Action, Kind, State, file_of
from leadsrally.contacts.bulk.write_file import CONTENT_TYPE
from leadsrally.kit.cursor import Place, place_of
from leadsrally.kit.errors import NotFound

router = APIRouter(prefix="/v1/contacts", tags=["bulk"])


class Chosen(Body):
    """Whom it is about: name contacts one by one, or give what must be true of them."""

    contact_ids: list[UUID] | None = Field(
        None,
        min_length=1,
        max_length=MAX_NAMED,
        description="These. Those who are not there are passed over.",
    )
    segment_id: UUID | None = Field(None, description="Whoever belongs to this segment.")
    condition: Given | None = Field(
        None, description='As of a segment. `{"all": []}` is true of everybody.', examples=[{"all": []}]
    )
    search: str | None = Field(
        None, min_length=1, max_length=200, description="As in the list of contacts.", examples=["ada"]
    )

    def choice(self) -> Choice:
        return Choice(self.contact_ids, self.segment_id, self.condition, self.search)


class Bulk(Chosen):
    kind: Literal["tag", "untag", "set_fields"]
    tag: list[TagName] = Field(
        default=[],
        max_length=20,
        description="Names, for `tag`; those that are not there yet are made.",
        examples=[[]],
    )
    untag: list[UUID] = Field(default=[], max_length=20, description="Ids of tags, for `untag`.")
    fields: FieldValues = Field(default={})


class Erasing(Chosen):
    people: int = Field(
        ge=1,
        le=1_000_000_000,
        description="How many they are, by `POST /v1/contacts/count`, as whoever has them erased has read and typed it.",
    )


class Counted(BaseModel):
    contacts: int


class Counts(BaseModel):
    """Contacts, each counted once."""

    changed: int = Field(
        0, description="Of an export: written. Of an erasure: begun, so that nothing is sent any more."
    )
    unchanged: int = Field(0, description="They were so already, or are being erased.")
    restricted: int = Field(0, description="People whose data is restricted: left as they are.")
    missing: int = Field(0, description="Named, and not there.")


class Progress(BaseModel):
    expected: int = Field(description="How many there seemed to be at the beginning.")
    margin: int = Field(description="By how much that may be off; 0 when it was counted.")
    done: int
    seconds_left: float | None = Field(description="At the rate so far.")


class BulkAction(BaseModel):
    id: UUID
    kind: Kind
    state: State
    reason: str | None = Field(description="Why it could not be done.", examples=["more_than_confirmed"])
    segment_id: UUID | None = Field(description="Whose condition it was when it began.")
    progress: Progress
    counts: Counts
    undone: dict[str, int] | None = Field(
        description="Contacts by what undoing did.", examples=[{"restored": 3}]
    )
    created_at: datetime
    finished_at: datetime | None
    undo_until: datetime | None


class Underway(BaseModel):
    """What it is doing from now on."""

    state: State


class Download(BaseModel):
    """Where the file can be fetched by whoever has the address, until it expires."""

    url: str = Field(examples=["https://files.example.com/…"])
    expires_at: datetime


@router.post("/bulk", status_code=202, dependencies=[permit("contacts.bulk")], responses=problems(404, 409))
def begin(asked: Asked, given: Bulk, once: Once) -> BulkAction:
    """Have something done about many contacts. Who fits is asked when each one's turn comes."""
    return _begun(asked, once, given.kind, given.choice(), Wanted(given.tag, given.untag, given.fields))


@router.post(
    "/exports", status_code=202, dependencies=[permit("contacts.export")], responses=problems(404, 409)
)
def export(asked: Asked, given: Chosen, once: Once) -> BulkAction:
    """Have contacts written to a CSV file, which an import reads as it was. Kept for a day."""
    return _begun(asked, once, "export", given.choice(), Wanted())


@router.post("/count", dependencies=[permit("contacts.read")], responses=problems(404))
def count(asked: Asked, given: Chosen) -> Counted:
    """How many it would be about now, counted one by one: seconds, for a million."""
    now = asked.door.clock()
    return Counted(contacts=how_many(asked.tx, asked.person.organization_id, given.choice(), now=now))


@router.post(
    "/erasures",
    status_code=202,
    dependencies=[permit("erasures.manage", confirmed=True)],
    responses=problems(404, 409),
)
def erase(asked: Asked, given: Erasing, once: Once) -> BulkAction:
    """Erase many people for good. It cannot be undone, and cancelling it brings nobody back.

    Each is erased as by `POST /v1/erasures`. It is refused where they are not as many as you say, and stops before it
    would erase more. Who comes after it began stays, and so do people whose data is restricted.
    """
    return _begun(asked, once, "erase", given.choice(), Wanted(people=given.people))


def _begun(asked: Asked, once: Once, kind: Kind, choice: Choice, wanted: Wanted) -> BulkAction:
    organization_id, now = asked.person.organization_id, asked.door.clock()

    def act() -> BulkAction:
        action_id = begin_action(asked.tx, organization_id, kind, choice, wanted, actor=asked.actor, now=now)
        return _shown(steer.action(asked.tx, organization_id, action_id))

    return once(BulkAction, act)


@router.get("/bulk", dependencies=[permit("contacts.bulk")])
def actions(asked: Asked, limit: Limit = 50, cursor: Cursor = None) -> Page[BulkAction]:
    """All bulk actions, newest first; exports of contacts too."""
    place = place_of(cursor)
    found = store.newest(
        asked.tx, asked.person.organization_id, before=place.at, before_id=place.id, limit=limit
    )
    after = str(Place(found[-1].created_at, found[-1].id)) if len(found) == limit else None
    return Page(items=[_shown(one) for one in found], next=after)


@router.get("/bulk/{action_id}", dependencies=[permit("contacts.bulk")], responses=problems(404))
def one(asked: Asked, action_id: UUID) -> BulkAction:
    """One bulk action: how far it is, what it came to."""
    return _shown(steer.action(asked.tx, asked.person.organization_id, action_id))


@router.post("/bulk/{action_id}/cancel", dependencies=[permit("contacts.bulk")], responses=problems(409))
def cancel(asked: Asked, action_id: UUID) -> Underway:
    """Stop it. What is done stays, and can be undone; of an export nothing is left. Who is erased is not brought back."""
    now = asked.door.clock()
    steer.cancel(asked.tx, asked.person.organization_id, action_id, actor=asked.actor, now=now)
    return Underway(state="cancelled")


@router.post(
    "/bulk/{action_id}/undo", status_code=202, dependencies=[permit("contacts.bulk")], responses=problems(409)
)
def undo(asked: Asked, action_id: UUID, once: Once) -> Underway:
    """Take it back. What was changed again since stays."""

    def act() -> Underway:
        now = asked.door.clock()
        steer.undo(asked.tx, asked.person.organization_id, action_id, actor=asked.actor, now=now)
        return Underway(state="undoing")

    return once(Underway, act)


@router.get("/bulk/{action_id}/file", dependencies=[permit("contacts.export")], responses=problems(404))
def file(asked: Asked, action_id: UUID) -> Download:
    """A link to the file of an export, for a day from its end."""
    organization_id = asked.person.organization_id
    found = steer.action(asked.tx, organization_id, action_id)
    if found.kind != "export" or found.state != "done" or found.forgotten_at is not None:
        raise NotFound("There is no such file, or not yet, or no longer.", code="file_not_found")
    audit.record(
        asked.tx,
        organization_id,
        asked.actor,
        "contacts.export_downloaded",
        now=asked.door.clock(),
        target=("bulk_action", action_id),
    )
    link = asked.door.links.link(
        file_of(organization_id, action_id), file_name="contacts.csv", content_type=CONTENT_TYPE
    )
    return Download(url=link.url, expires_at=link.expires_at)


def _shown(found: Action) -> BulkAction:
    told: dict[str, Any] = {
        "id": found.id,
        "kind": found.kind,
        "state": found.state,
        "reason": found.reason,
        "segment_id": found.segment_id,
        "progress": {
            "expected": found.expected,
            "margin": found.margin,
            "done": found.counted.contacts,
            "seconds_left": _seconds_left(found),
        },
        "counts": found.counts,
        "undone": found.undo_counts,
        "created_at": found.created_at,
        "finished_at": found.finished_at,
        "undo_until": None if found.kind in steer.NOT_UNDOABLE else found.created_at + UNDO_FOR,
    }
    return BulkAction.model_validate(told)


def _seconds_left(found: Action) -> float | None:
    done, took = found.counted.contacts, found.progressed_at - found.created_at
    if found.state != "running" or not done or took <= timedelta(0):
        return None
    return max(0, found.expected - done) * (took / done).total_seconds()
