"""P1.5: the log of calls at the organisation's webhooks, kept for 90 days."""

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel

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
    provider: str
    kind: str
    outcome: str
    reason: str | None
    http_status: int
    bytes: int
    message_id: UUID | None
    request_id: str


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
