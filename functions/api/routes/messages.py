"""Messages: search in all of the organisation, and the files that came with one."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from functions.api.asking import Asked, permit
from functions.api.paging import Cursor, Limit, Page, next_cursor
from functions.api.problems import problems
from functions.api.routes.consents import ConsentEvent
from leadsrally.kit.cursor import place_of
from leadsrally.kit.errors import NotFound
from leadsrally.messaging import inbox
from leadsrally.messaging.cancel import cancel_message
from leadsrally.messaging.media.share import share_media
from leadsrally.messaging.types import Status
from leadsrally.sending.why import why as explain

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
def media(asked: Asked, message_id: UUID, media_id: UUID) -> Download:
    """A link to one file of a message, good for five minutes. 409 while the file is still being fetched."""
    found = share_media(asked.tx, asked.door.links, asked.person.organization_id, message_id, media_id)
    return Download(
        url=found.link.url,
        expires_at=found.link.expires_at,
        file_name=found.file_name,
        content_type=found.content_type,
        bytes=found.bytes,
    )


class ShownVerdict(BaseModel):
    """As it was stored when it was decided."""

    decision: Literal["send", "refuse", "defer"]
    rule: str = Field(examples=["quiet_hours"])
    at: datetime
    until: datetime | None = None
    held: list[dict[str, Any]] = Field(
        default=[], description="Why it waited before.", examples=[[{"rule": "quiet_hours"}]]
    )
    basis: dict[str, Any] | None = Field(
        default=None,
        description="What it was decided from: consent, suppressions, hours with zones and laws, counts.",
        examples=[
            {"purpose": "marketing", "consent": [], "suppressed": [], "sent_today": 0, "daily_cap": 20}
        ],
    )


class Reason(BaseModel):
    message_id: UUID
    direction: Literal["inbound", "outbound"]
    purpose: str = Field(examples=["marketing"])
    status: Status
    explanation: list[str] = Field(
        description="In plain words, the reason first.",
        examples=[["It waits: an offer may not go at this time of the contact's day."]],
    )
    verdict: ShownVerdict | None = Field(description="Null while nothing has been decided.")
    consent: list[ConsentEvent] = Field(description="The rows of the ledger that stood then.")


@router.get(
    "/{message_id}/why",
    dependencies=[permit("conversations.read")],
    responses=problems(401, 403, 404, 422),
)
def why(asked: Asked, message_id: UUID) -> Reason:
    """Why it was sent, waits or was refused: the rule, the consent that stood, the hours. As stored at that time."""
    found = explain(asked.tx, asked.person.organization_id, message_id)
    if found is None:
        raise NotFound("There is no such message.", code="message_not_found")
    return Reason.model_validate(
        {
            "message_id": message_id,
            "direction": found.direction,
            "purpose": found.purpose,
            "status": found.status,
            "explanation": found.explanation,
            "verdict": found.verdict,
            "consent": found.consent,
        }
    )


@router.post(
    "/{message_id}/cancel",
    status_code=204,
    dependencies=[permit("conversations.write")],
    responses=problems(401, 403, 404, 409, 422),
)
def cancel(asked: Asked, message_id: UUID) -> None:
    """Take back a message that still waits. 409 once it is on its way."""
    cancel_message(asked.tx, asked.person.organization_id, message_id)
