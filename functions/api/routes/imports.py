"""Imports: lists of contacts, or of numbers that must not be written to, from a CSV file.

Begin one and upload the file to the address that comes back; have it looked at; say what its columns are and which
permission its people gave; try it; run it. What ran can be undone for 24 hours.
"""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from functions.api import etags
from functions.api.asking import Asked, permit
from functions.api.etags import IfMatch
from functions.api.limits import Body, Line, Patch
from functions.api.once import Once
from functions.api.paging import Cursor, Limit, Page
from functions.api.problems import problems
from leadsrally.consent.types import ChannelKind, Method, Wanted
from leadsrally.contacts.imports import steer
from leadsrally.contacts.imports import store as import_store
from leadsrally.contacts.imports.begin import begin_import, place_for_file
from leadsrally.contacts.imports.desk import UNDO_FOR
from leadsrally.contacts.imports.records import sentence_of
from leadsrally.contacts.imports.store import Import as Stored
from leadsrally.contacts.imports.types import Attestation as Attested
from leadsrally.contacts.imports.types import (
    Kind,
    Mapped,
    Rule,
    State,
    Target,
    problems_of,
    undone_of,
)
from leadsrally.kit.cursor import Place, place_of
from leadsrally.kit.errors import NotFound
from leadsrally.kit.storage import Key

router = APIRouter(prefix="/v1/imports", tags=["imports"])

Channels = Annotated[list[ChannelKind], Field(max_length=3, examples=[["sms", "whatsapp"]])]


class Begin(Body):
    kind: Kind = "contacts"
    file_name: Line = Field(default="", max_length=255, examples=["leads.csv"])
    bytes: int = Field(ge=1, le=2**40, description="The exact size of the file.", examples=[16000])
    channels: Channels = Field(
        default=["sms", "whatsapp"], description="On which the numbers of a list are suppressed."
    )


class Upload(BaseModel):
    """Send the file there with `PUT` and these headers, once."""

    url: str = Field(examples=["https://files.example.com/…"])
    headers: dict[str, str] = Field(examples=[{"content-type": "text/csv", "if-none-match": "*"}])
    expires_at: datetime


class Column(BaseModel):
    name: str = Field(examples=["Mobile"])


class MappedColumn(Body):
    """What one column is. Columns that stand in no mapping are left out."""

    column: int = Field(ge=0, le=249, description="Counted from 0.", examples=[0])
    to: Target
    field: str | None = Field(
        default=None, max_length=64, description="Key of a field of your own.", examples=["city"]
    )
    rule: Rule = Field(
        default="fill", description="Whether a cell replaces a value that is there. An empty one never does."
    )


class Permission(Body):
    channel: ChannelKind
    purpose: Wanted


class Attestation(Body):
    """What you declare about the people in the file. Without permissions: that they gave none."""

    permissions: list[Permission] = Field(max_length=6)
    wording: str | None = Field(
        default=None,
        min_length=1,
        max_length=8000,
        description="What they were shown or told, word for word.",
        examples=["Yes, text me offers of Harbour Bikes."],
    )
    method: Method | None = None
    reference: str | None = Field(
        default=None,
        min_length=1,
        max_length=500,
        description="Where you keep the proof.",
        examples=["CRM, form 7"],
    )


class Counts(BaseModel):
    """Rows of the file. The first six add up to all that hold something."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    duplicates: int = Field(default=0, description="Of a row further up in the file.")
    rejected: int = 0
    restricted: int = Field(default=0, description="People whose data is restricted: left as they are.")
    suppressed: int = Field(default=0, description="People who opted out before. They stay so.")
    opted_out: int = Field(default=0, description="By the file itself.")
    permitted: int = Field(default=0, description="Permissions that were recorded.")
    incomplete: int = Field(default=0, description="Taken without a cell, or repaired.")
    reasons: dict[str, int] = Field(
        default={}, description="Why, by closed words.", examples=[{"phone_rounded": 12}]
    )


class Progress(BaseModel):
    rows: int | None = Field(description="Of the file, with the header and empty lines.")
    done: int = Field(description="Rows that are committed.")
    rows_per_second: float | None = None
    seconds_left: float | None = Field(default=None, description="At that rate.")


class Import(BaseModel):
    id: UUID
    kind: Kind
    state: State
    reason: str | None = Field(description="Why the file could not be used.", examples=["spreadsheet"])
    explanation: str | None = Field(
        description="The same, and what to do about it.", examples=["The file holds no rows."]
    )
    file_name: str = Field(examples=["leads.csv"])
    bytes: int
    encoding: str | None = Field(examples=["utf-8"])
    delimiter: str | None = Field(examples=[","])
    has_header: bool | None
    columns: list[str] = Field(examples=[["Mobile", "Name"]])
    sample: list[list[str]] | None = Field(
        description="The first rows as they are read.", examples=[[["+12025550101", "Ada"]]]
    )
    mapping: list[MappedColumn]
    country: str = Field(description="For numbers without a country code.", examples=["US"])
    tags: list[str] = Field(description="For everybody in the file.", examples=[["fair 2026"]])
    attestation: Attestation | None
    channels: list[str] = Field(examples=[["sms"]])
    progress: Progress
    checked: Counts | None = Field(description="What the last trial counted.")
    counts: Counts
    undone: dict[str, int] | None = Field(
        description="Contacts by what undoing did.", examples=[{"removed": 3}]
    )
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    undo_until: datetime | None


class Begun(BaseModel):
    id: UUID
    upload: Upload


class Look(Body):
    """What you know better; the rest is found out."""

    encoding: str | None = Field(default=None, max_length=32, examples=["windows-1252"])
    delimiter: str | None = Field(default=None, min_length=1, max_length=1, examples=[";"])
    has_header: bool | None = None


class Describe(Patch):
    mapping: list[MappedColumn] = Field(default=[], max_length=250)
    country: str = Field(default="", max_length=2, pattern=r"^[A-Z]{2}$", examples=["DE"])
    tags: list[Annotated[Line, Field(max_length=64)]] = Field(
        default=[], max_length=20, examples=[["fair 2026"]]
    )
    attestation: Attestation | None = None
    channels: Channels = Field(default=[])


class Download(BaseModel):
    """Where the list can be fetched by whoever has the address, until it expires."""

    url: str = Field(examples=["https://files.example.com/…"])
    expires_at: datetime


class Underway(BaseModel):
    """What it is doing from now on."""

    state: State


@router.post("", status_code=201, dependencies=[permit("imports.manage")], responses=problems(413))
def begin(asked: Asked, given: Begin, once: Once) -> Begun:
    """Begin an import and get the address for its file."""
    organization_id, now = asked.person.organization_id, asked.door.clock()

    def act() -> UUID:
        return begin_import(
            asked.tx,
            organization_id,
            given.kind,
            file_name=given.file_name,
            size=given.bytes,
            channels=given.channels if given.kind == "suppressions" else [],
            actor=asked.actor,
            now=now,
        )

    import_id = once(UUID, act)  # the address is made anew for a repeat, and kept nowhere
    place = place_for_file(asked.door.links, organization_id, import_id, given.bytes)
    upload = Upload(url=place.url, headers=dict(place.headers), expires_at=place.expires_at)
    return Begun(id=import_id, upload=upload)


@router.get("", dependencies=[permit("imports.read")])
def imports(asked: Asked, limit: Limit = 50, cursor: Cursor = None) -> Page[Import]:
    """All imports, newest first."""
    place = place_of(cursor)
    found = import_store.newest(
        asked.tx, asked.person.organization_id, before=place.at, before_id=place.id, limit=limit
    )
    after = str(Place(found[-1].created_at, found[-1].id)) if len(found) == limit else None
    return Page(items=[_shown(one) for one in found], next=after)


@router.get(
    "/{import_id}", dependencies=[permit("imports.read")], responses={**problems(404), **etags.headers(200)}
)
def one(asked: Asked, import_id: UUID, response: Response) -> Import:
    """One import: what was seen in its file, how far it is, what it came to."""
    return _tagged(asked, import_id, response)


@router.post(
    "/{import_id}/look", status_code=202, dependencies=[permit("imports.manage")], responses=problems(409)
)
def look(asked: Asked, import_id: UUID, given: Look, once: Once) -> Underway:
    """Have the uploaded file looked at, or looked at again in another way. `ready` when that is done."""

    def act() -> Underway:
        steer.look_at(
            asked.tx,
            asked.person.organization_id,
            import_id,
            encoding=given.encoding,
            delimiter=given.delimiter,
            has_header=given.has_header,
            now=asked.door.clock(),
        )
        return Underway(state="looking")

    return once(Underway, act)


@router.patch(
    "/{import_id}",
    dependencies=[permit("imports.manage")],
    responses={**problems(409), **etags.headers(200)},
)
def describe(asked: Asked, import_id: UUID, given: Describe, version: IfMatch, response: Response) -> Import:
    """Say what the columns are, and what you declare about the people."""
    told = given.given()
    description = steer.Description(
        mapping=[Mapped(one.column, one.to, one.field, one.rule) for one in given.mapping]
        if "mapping" in told
        else None,
        country=told.get("country"),
        tags=told.get("tags"),
        attestation=_attested(given.attestation) if given.attestation is not None else None,
        channels=told.get("channels"),
    )
    steer.describe(asked.tx, asked.person.organization_id, import_id, description, version=version)
    return _tagged(asked, import_id, response)


@router.post(
    "/{import_id}/check", status_code=202, dependencies=[permit("imports.manage")], responses=problems(409)
)
def check(asked: Asked, import_id: UUID, once: Once) -> Underway:
    """Try it: read every row, change nothing, count what would become of each. `checked` shows it."""

    def act() -> Underway:
        steer.check(asked.tx, asked.person.organization_id, import_id, now=asked.door.clock())
        return Underway(state="checking")

    return once(Underway, act)


@router.post(
    "/{import_id}/run", status_code=202, dependencies=[permit("imports.manage")], responses=problems(409)
)
def run(asked: Asked, import_id: UUID, once: Once) -> Underway:
    """Run it. `progress` and `counts` show how far it is."""

    def act() -> Underway:
        steer.run(
            asked.tx, asked.person.organization_id, import_id, actor=asked.actor, now=asked.door.clock()
        )
        return Underway(state="running")

    return once(Underway, act)


@router.post("/{import_id}/cancel", dependencies=[permit("imports.manage")], responses=problems(409))
def cancel(asked: Asked, import_id: UUID) -> Underway:
    """Stop it. Rows that are committed stay, and can be undone."""
    steer.cancel(asked.tx, asked.person.organization_id, import_id, actor=asked.actor, now=asked.door.clock())
    return Underway(state="cancelled")


@router.post(
    "/{import_id}/undo", status_code=202, dependencies=[permit("imports.manage")], responses=problems(409)
)
def undo(asked: Asked, import_id: UUID, once: Once) -> Underway:
    """Take it back. Whoever has talked since, or was edited, stays; so does every opt-out."""

    def act() -> Underway:
        steer.undo(
            asked.tx, asked.person.organization_id, import_id, actor=asked.actor, now=asked.door.clock()
        )
        return Underway(state="undoing")

    return once(Underway, act)


@router.get("/{import_id}/problems", dependencies=[permit("imports.read")], responses=problems(404))
def list_of_problems(asked: Asked, import_id: UUID) -> Download:
    """A CSV of the rows that were not taken, or not as they were: row, column, reason, the cells. Kept for a day."""
    found = _found(asked, import_id)
    counted = found.counts.get("reasons") or (found.checked or {}).get("reasons")
    if not counted or found.forgotten_at is not None or found.state in ("checking", "running"):
        raise NotFound("There is no list of problems, or no longer.", code="problems_missing")
    return _download(asked, problems_of(asked.person.organization_id, import_id), "problems.csv")


@router.get("/{import_id}/undone", dependencies=[permit("imports.read")], responses=problems(404))
def list_of_undone(asked: Asked, import_id: UUID) -> Download:
    """A CSV of what undoing did, row by row. Kept for a day."""
    found = _found(asked, import_id)
    if found.state != "undone" or found.forgotten_at is not None:
        raise NotFound("There is no such list, or no longer.", code="undone_missing")
    return _download(asked, undone_of(asked.person.organization_id, import_id), "undone.csv")


def _found(asked: Asked, import_id: UUID) -> Stored:
    found = import_store.one(asked.tx, asked.person.organization_id, import_id)
    if found is None:
        raise steer.no_such_import()
    return found


def _tagged(asked: Asked, import_id: UUID, response: Response) -> Import:
    found = _found(asked, import_id)
    response.headers["etag"] = etags.tag(found.version)
    return _shown(found)


def _download(asked: Asked, key: Key, name: str) -> Download:
    link = asked.door.links.link(key, file_name=name, content_type="text/csv")
    return Download(url=link.url, expires_at=link.expires_at)


def _attested(given: Attestation) -> Attested:
    return Attested(
        [(one.channel, one.purpose) for one in given.permissions],
        given.wording,
        given.method,
        given.reference,
    )


def _shown(found: Stored) -> Import:
    attested = None
    if found.attestation is not None:
        told = found.attested
        attested = {
            "permissions": [{"channel": kind, "purpose": purpose} for kind, purpose in told.channels],
            "wording": told.wording,
            "method": told.method,
            "reference": told.reference,
        }
    ran = found.started_at is not None and found.kind == "contacts"
    return Import.model_validate(
        {
            "id": found.id,
            "kind": found.kind,
            "state": found.state,
            "reason": found.reason,
            "explanation": found.reason and sentence_of(found.reason),
            "file_name": found.file_name,
            "bytes": found.bytes,
            "encoding": found.encoding,
            "delimiter": found.delimiter,
            "has_header": found.has_header,
            "columns": found.columns,
            "sample": found.sample,
            "mapping": found.mapping,
            "country": found.country,
            "tags": found.tags,
            "attestation": attested,
            "channels": found.channels,
            "progress": _progress(found),
            "checked": found.checked,
            "counts": found.counts,
            "undone": found.undo_counts,
            "created_at": found.created_at,
            "started_at": found.started_at,
            "finished_at": found.finished_at,
            "undo_until": found.started_at + UNDO_FOR if ran and found.started_at else None,
        }
    )


def _progress(found: Stored) -> dict[str, Any]:
    told: dict[str, Any] = {"rows": found.rows, "done": found.lines_done}
    if found.started_at and found.progressed_at and found.lines_done:
        seconds = (found.progressed_at - found.started_at).total_seconds()
        if seconds > 0:
            told["rows_per_second"] = round(found.lines_done / seconds, 1)
            if found.state == "running" and found.rows:
                told["seconds_left"] = round((found.rows - found.lines_done) * seconds / found.lines_done, 1)
    return told
