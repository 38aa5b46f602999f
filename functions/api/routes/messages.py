"""Search in all messages of the organisation."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from functions.api.asking import Asked, permit
from functions.api.paging import Cursor, Limit, Page, next_cursor
from functions.api.problems import problems
from leadsrally.kit.cursor import place_of
from leadsrally.messaging import inbox

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
