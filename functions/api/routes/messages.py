"""Messages: search in all of the organisation, and the files that came with one."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from functions.api.asking import Asked, permit
from functions.api.paging import Cursor, Limit, Page, next_cursor
from functions.api.problems import problems
from leadsrally.kit.cursor import place_of
from leadsrally.messaging import inbox
from leadsrally.messaging.media.share import share_media

router = APIRouter(prefix="/v1/messages", tags=["messages"])


class Hit(BaseModel):
    id: UUID
    conversation_id: UUID
    direction: Literal["inbound", "outbound"]
    body: str = Field(examples=["How much is it?"])
    created_at: datetime


@router.get("", dependencies=[permit("conversations.read")], responses=problems(401, 403, 422))
def search(
    asked: Asked,
    search: Annotated[
        str, Query(min_length=1, max_length=200, description="Words, all of which must occur.")
    ],
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[Hit]:
    """Messages that hold all the words, newest first. None for a search without a letter or a number."""
    place = place_of(cursor)
    if not any(character.isalnum() for character in search):
        return Page(items=[], next=None)
    rows = inbox.search(
        asked.tx,
        asked.person.organization_id,
        search,
        before=place.at,
        before_id=place.id,
        limit=limit,
    )
    return Page(items=[Hit.model_validate(row) for row in rows], next=next_cursor(rows, limit, "created_at"))


class Download(BaseModel):
    """Where one file can be fetched by whoever has the address, until it expires. As a download only."""

    url: str = Field(examples=["https://files.example.com/…"])
    expires_at: datetime
    file_name: str = Field(examples=["attachment-1.jpg"])
    content_type: str = Field(examples=["image/jpeg"])
    bytes: int


@router.get(
    "/{message_id}/media/{media_id}",
    dependencies=[permit("conversations.read")],
    responses=problems(401, 403, 404, 409, 422),
)
def media(asked: Asked, message_id: UUID, media_id: UUID, response: Response) -> Download:
    """A link to one file of a message, good for five minutes. 409 while the file is still being fetched."""
    found = share_media(asked.tx, asked.door.links, asked.person.organization_id, message_id, media_id)
    response.headers["cache-control"] = "no-store"
    return Download(
        url=found.link.url,
        expires_at=found.link.expires_at,
        file_name=found.file_name,
        content_type=found.content_type,
        bytes=found.bytes,
    )
