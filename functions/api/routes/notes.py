"""Notes about a contact."""

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from functions.api import etags
from functions.api.asking import Asked, permit
from functions.api.etags import IfMatch
from functions.api.limits import Body
from functions.api.once import Once
from functions.api.paging import Cursor, Limit, Page
from functions.api.whom import Whom
from leadsrally.contacts import notes, people
from leadsrally.contacts.notes import MAX_NOTE
from leadsrally.kit.cursor import Place, place_of

router = APIRouter(prefix="/v1/contacts/{contact_id}/notes", tags=["notes"])


class Note(BaseModel):
    id: UUID
    author_id: UUID | None = Field(description="Null for somebody who has left.")
    body: str = Field(examples=["Prefers to be called in the morning."])
    created_at: datetime
    edited_at: datetime | None


class NoteText(Body):
    body: str = Field(
        min_length=1, max_length=MAX_NOTE, pattern=r"\S", examples=["Prefers to be called in the morning."]
    )


@router.get("", dependencies=[permit("contacts.read")])
def newest(asked: Asked, contact_id: Whom, limit: Limit = 50, cursor: Cursor = None) -> Page[Note]:
    """Newest first."""
    organization_id, place = asked.person.organization_id, place_of(cursor)
    people.contact(asked.tx, organization_id, contact_id)
    found = notes.newest_notes(
        asked.tx, organization_id, contact_id, before=place.at, before_id=place.id, limit=limit
    )
    after = str(Place(found[-1].created_at, found[-1].id)) if len(found) == limit else None
    return Page(items=[Note.model_validate(one, from_attributes=True) for one in found], next=after)


@router.post("", status_code=201, dependencies=[permit("contacts.write")], responses=etags.headers(201))
def add(asked: Asked, response: Response, once: Once, contact_id: Whom, text: NoteText) -> Note:
    """Write a note."""

    def act() -> Note:
        made = notes.add_note(
            asked.tx,
            asked.person.organization_id,
            contact_id,
            text.body,
            author_id=asked.person.id,
            actor=asked.actor,
            now=asked.door.clock(),
        )
        return _shown(made, response)

    return once(Note, act)


@router.get("/{note_id}", dependencies=[permit("contacts.read")], responses=etags.headers(200))
def one(asked: Asked, response: Response, contact_id: Whom, note_id: UUID) -> Note:
    """One note."""
    return _shown(notes.note(asked.tx, asked.person.organization_id, contact_id, note_id), response)


@router.patch("/{note_id}", dependencies=[permit("contacts.write")], responses=etags.headers(200))
def edit(
    asked: Asked, response: Response, contact_id: Whom, note_id: UUID, version: IfMatch, text: NoteText
) -> Note:
    """Write it anew."""
    edited = notes.edit_note(
        asked.tx,
        asked.person.organization_id,
        contact_id,
        note_id,
        text.body,
        version=version,
        actor=asked.actor,
        now=asked.door.clock(),
    )
    return _shown(edited, response)


@router.delete("/{note_id}", status_code=204, dependencies=[permit("contacts.write")])
def delete(asked: Asked, contact_id: Whom, note_id: UUID) -> None:
    """Throw a note away."""
    organization_id, now = asked.person.organization_id, asked.door.clock()
    notes.delete_note(asked.tx, organization_id, contact_id, note_id, actor=asked.actor, now=now)


def _shown(found: notes.Note, response: Response) -> Note:
    response.headers["etag"] = etags.tag(found.version)
    return Note.model_validate(found, from_attributes=True)
