"""The log of calls at the organisation's webhooks, kept for 90 days (P1.5)."""

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field

from functions.api.asking import Asked, permit
from functions.api.paging import Cursor, Limit, Page, next_cursor
from functions.api.problems import problems
from leadsrally.kit.cursor import place_of
from leadsrally.messaging import inbox

router = APIRouter(prefix="/v1/webhook-deliveries", tags=["webhook deliveries"])


class Delivery(BaseModel):
    id: UUID
    received_at: datetime
    channel_id: UUID | None
    provider: str = Field(examples=["twilio"])
    kind: str = Field(examples=["inbound"])
    outcome: str = Field(examples=["stored"])
    reason: str | None = Field(description="Why it was refused, if so.", examples=["signature"])
    http_status: int = Field(examples=[200])
    bytes: int
    message_id: UUID | None = Field(description="The message that it brought, if it brought exactly one.")
    counts: dict[str, int] | None = Field(
        description="Of a delivery with many pieces: how many came to what.",
        examples=[{"stored": 3, "duplicate": 1, "quarantined": 1}],
    )
    request_id: str = Field(examples=["6f3f1f5e-0d55-4f1e-8f5c-2a6d9f6f0b11"])


@router.get("", dependencies=[permit("deliveries.read")], responses=problems(401, 403, 422))
def deliveries(asked: Asked, limit: Limit = 50, cursor: Cursor = None) -> Page[Delivery]:
    """Each call, refused ones included, newest first. Without content."""
    place = place_of(cursor)
    rows = inbox.deliveries(
        asked.tx, asked.person.organization_id, before=place.at, before_id=place.id, limit=limit
    )
    return Page(
        items=[Delivery.model_validate(row) for row in rows], next=next_cursor(rows, limit, "received_at")
    )
