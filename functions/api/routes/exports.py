"""Exports (P7.1): everything kept about the organisation, or about one contact, as files to take away."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from functions.api.asking import Asked, permit
from functions.api.limits import Body
from functions.api.once import Once
from functions.api.paging import Cursor, Limit, Page, next_cursor
from functions.api.problems import problems
from leadsrally.kit.cursor import place_of
from leadsrally.kit.errors import NotFound
from leadsrally.privacy.answer_by import AnswerBy, answer_by
from leadsrally.privacy.export import store
from leadsrally.privacy.export.request import request_export, take_back
from leadsrally.privacy.export.share import share_part

router = APIRouter(prefix="/v1/exports", tags=["privacy"])

_MANAGE = "exports.manage"


class Wanted(Body):
    contact_id: UUID | None = Field(None, description="One contact; leave out for the whole organisation.")


class Part(BaseModel):
    number: int = Field(examples=[1])
    bytes: int = Field(examples=[58_600_000])


class Export(BaseModel):
    """`rows_total` was counted when it began, so `rows_done` may end a little above or below it."""

    id: UUID
    contact_id: UUID | None
    requested_by: UUID
    state: Literal["waiting", "building", "ready", "failed", "cancelled", "expired"]
    rows_done: int
    rows_total: int | None
    counts: dict[str, int] = Field(
        description="Rows written so far, by table.", examples=[{"messages": 1200}]
    )
    requested_at: datetime
    ready_at: datetime | None
    expires_at: datetime | None = Field(description="When its files are deleted.")
    answer_by: AnswerBy | None = Field(
        description="Where a contact asked for it: the last days, in UTC, on which the law lets them be answered."
    )
    parts: list[Part]


class Download(BaseModel):
    """Where a part can be fetched by whoever has the address, until it expires."""

    url: str = Field(examples=["https://files.example.com/…"])
    expires_at: datetime
    file_name: str = Field(examples=["leadsrally-export-2026-11-24.zip"])
    bytes: int


@router.post(
    "",
    status_code=202,
    dependencies=[permit(_MANAGE, confirmed=True)],
    responses=problems(401, 403, 404, 409, 422),
)
def request(asked: Asked, once: Once, wanted: Wanted) -> Export:
    """Begin an export. Whoever asks is told by mail when it is ready, and is the only one who can download it."""

    def begin() -> Export:
        export_id = request_export(
            asked.tx,
            asked.person.organization_id,
            asked.actor,
            requested_by=asked.person.id,
            contact_id=wanted.contact_id,
            now=asked.door.clock(),
        )
        return _export(asked, export_id)

    return once(Export, begin)


@router.get("", dependencies=[permit(_MANAGE)], responses=problems(401, 403, 422))
def exports(asked: Asked, limit: Limit = 50, cursor: Cursor = None) -> Page[Export]:
    """Exports and what became of them, newest first."""
    place = place_of(cursor)
    rows = store.newest(
        asked.tx, asked.person.organization_id, before=place.at, before_id=place.id, limit=limit
    )
    return Page(items=[_shown(row) for row in rows], next=next_cursor(rows, limit, "requested_at"))


@router.get("/{export_id}", dependencies=[permit(_MANAGE)], responses=problems(401, 403, 404, 422))
def export(asked: Asked, export_id: UUID) -> Export:
    """One export, with how far it is."""
    return _export(asked, export_id)


@router.get(
    "/{export_id}/download",
    dependencies=[permit(_MANAGE, confirmed=True)],
    responses=problems(401, 403, 404, 409, 422),
)
def download(
    asked: Asked,
    export_id: UUID,
    part: Annotated[int, Query(ge=1, le=1_000_000, description="Which part, from 1.")] = 1,
) -> Download:
    """A link to one part, good for five minutes, for the person who asked for the export. Each is written down."""
    found = share_part(
        asked.tx,
        asked.door.links,
        asked.person.organization_id,
        asked.actor,
        person_id=asked.person.id,
        export_id=export_id,
        number=part,
        now=asked.door.clock(),
    )
    return Download(
        url=found.link.url,
        expires_at=found.link.expires_at,
        file_name=found.file_name,
        bytes=found.bytes,
    )


@router.delete(
    "/{export_id}", status_code=204, dependencies=[permit(_MANAGE)], responses=problems(401, 403, 404, 422)
)
def delete(asked: Asked, export_id: UUID) -> None:
    """Stop an export that is being made, or delete the files of one that is ready."""
    take_back(asked.tx, asked.person.organization_id, asked.actor, export_id, now=asked.door.clock())


def _export(asked: Asked, export_id: UUID) -> Export:
    place = place_of(None)
    rows = store.newest(
        asked.tx, asked.person.organization_id, before=place.at, before_id=place.id, limit=1, only=export_id
    )
    if not rows:
        raise NotFound("There is no such export.", code="export_not_found")
    return _shown(rows[0])


def _shown(row: dict[str, Any]) -> Export:
    by = answer_by(row["requested_at"]) if row["contact_id"] else None
    return Export.model_validate({**row, "answer_by": by})
