"""Suppressions: numbers that must not be written to, whoever they belong to, now or later."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID, uuid4

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from functions.api.asking import Asked, permit
from functions.api.limits import Body
from functions.api.once import Once
from functions.api.paging import Cursor, Limit, Page
from functions.api.problems import problems
from leadsrally.accounts import audit, profile
from leadsrally.consent import suppression_list
from leadsrally.consent.types import ChannelKind, Purpose
from leadsrally.contacts import export_suppressions
from leadsrally.contacts.imports.desk import QUEUE
from leadsrally.jobs.enqueue import enqueue
from leadsrally.kit.cursor import Place, place_of
from leadsrally.kit.errors import NotFound

router = APIRouter(prefix="/v1/suppressions", tags=["suppressions"])

Typed = Annotated[str, Field(min_length=1, max_length=64, examples=["+12025550101"])]


class Suppression(BaseModel):
    id: UUID
    channel: ChannelKind
    purpose: Purpose
    source: str = Field(description="Whose sign it is. `list`: yours.", examples=["keyword"])
    since: datetime
    phone: str | None = Field(
        description="Where you listed it; else only its hash is kept.", examples=["+12025550101"]
    )
    hash: str = Field(description="By which the number is known again.", examples=["9f2b…"])


class Add(Body):
    phone: Typed
    channels: list[ChannelKind] = Field(min_length=1, max_length=3, examples=[["sms", "whatsapp"]])


class Added(BaseModel):
    added: int = Field(description="On how many of the channels the number was free before.")


class Export(Body):
    format: Literal["csv", "json"] = "csv"


class ExportAsked(BaseModel):
    id: UUID


class Download(BaseModel):
    """Where the file can be fetched by whoever has the address, until it expires."""

    url: str = Field(examples=["https://files.example.com/…"])
    expires_at: datetime


@router.get("", dependencies=[permit("suppressions.read")])
def suppressions(
    asked: Asked,
    limit: Limit = 50,
    cursor: Cursor = None,
    phone: Annotated[
        str | None, Query(max_length=64, description="Only what is suppressed of this number.")
    ] = None,
) -> Page[Suppression]:
    """All suppressions, newest first. Whoever opted out and was erased is in it as a hash."""
    place, organization_id = place_of(cursor), asked.person.organization_id
    number_hash = None
    if phone is not None:
        number = suppression_list.number_of(phone, profile.profile(asked.tx, organization_id).country)
        number_hash = suppression_list.hash_of(asked.door.hashes, organization_id, number)
    found = suppression_list.newest(
        asked.tx, organization_id, number_hash=number_hash, before=place.at, before_id=place.id, limit=limit
    )
    items = [
        Suppression(
            id=one.id,
            channel=one.channel_kind,
            purpose=one.purpose,
            source=one.source,
            since=one.since,
            phone=one.phone,
            hash=one.number_hash.hex(),
        )
        for one in found
    ]
    return Page(items=items, next=str(Place(found[-1].since, found[-1].id)) if len(found) == limit else None)


@router.post("", status_code=201, dependencies=[permit("suppressions.manage")])
def add(asked: Asked, given: Add, once: Once) -> Added:
    """Suppress a number. Counts for whoever has it, now or later, and for what is queued."""
    organization_id, now = asked.person.organization_id, asked.door.clock()

    def act() -> Added:
        number = suppression_list.number_of(given.phone, profile.profile(asked.tx, organization_id).country)
        added = suppression_list.add(
            asked.tx, asked.door.hashes, organization_id, number, given.channels, actor=asked.actor, now=now
        )
        return Added(added=added)

    return once(Added, act)


@router.delete(
    "/{suppression_id}",
    status_code=204,
    dependencies=[permit("suppressions.manage")],
    responses=problems(409),
)
def lift(asked: Asked, suppression_id: UUID) -> Response:
    """Take off what you listed yourself. 409 for what a person said: only they can take that back."""
    suppression_list.lift(
        asked.tx, asked.person.organization_id, suppression_id, actor=asked.actor, now=asked.door.clock()
    )
    return Response(status_code=204)


@router.post("/exports", status_code=202, dependencies=[permit("suppressions.manage")])
def export(asked: Asked, given: Export, once: Once) -> ExportAsked:
    """Have all of them written to a file: the number where it is known, the hash for everybody."""
    organization_id, now = asked.person.organization_id, asked.door.clock()

    def act() -> ExportAsked:
        export_id = uuid4()
        payload = {"export_id": str(export_id), "format": given.format}
        enqueue(asked.tx, organization_id, QUEUE, "export_suppressions", payload, now=now)
        audit.record(asked.tx, organization_id, asked.actor, "suppressions.exported", now=now)
        return ExportAsked(id=export_id)

    return once(ExportAsked, act)


@router.get("/exports/{export_id}", dependencies=[permit("suppressions.manage")], responses=problems(404))
def exported(asked: Asked, export_id: UUID) -> Download:
    """A link to the file, once it is written, for a day."""
    organization_id = asked.person.organization_id
    asked.outside()  # the storage is asked, with no transaction open
    for form, content_type in export_suppressions.CONTENT_TYPES.items():
        key = export_suppressions.file_of(organization_id, export_id, form)
        if asked.door.storage.find(key) is not None:
            link = asked.door.links.link(key, file_name=f"suppressions.{form}", content_type=content_type)
            return Download(url=link.url, expires_at=link.expires_at)
    raise NotFound("There is no such file, or not yet. Try again in a moment.", code="export_not_found")
