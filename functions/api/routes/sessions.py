"""Where one is logged in, and the way to end that."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field

from functions.api.asking import Asked, permit
from functions.api.problems import problems
from leadsrally.accounts import sessions
from leadsrally.kit.errors import NotFound

router = APIRouter(prefix="/v1/sessions", tags=["sessions"])


class Session(BaseModel):
    id: UUID
    current: bool = Field(description="Whether it is the one that asks.")
    kind: Literal["browser", "client"]
    source_ip: str | None = Field(description="Where it was used from last.", examples=["203.0.113.7"])
    user_agent: str = Field(examples=["Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) …"])
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime = Field(description="When it ends if it is not used again.")


class Sessions(BaseModel):
    items: list[Session]


@router.get("", dependencies=[permit("me.read", person=True)], responses=problems(401, 403))
def listed(asked: Asked) -> Sessions:
    """Your sessions, the last used first."""
    current = asked.session.id
    rows = sessions.of_person(asked.tx, asked.person.organization_id, asked.person.id, now=asked.door.clock())
    return Sessions(items=[Session.model_validate({**row, "current": row["id"] == current}) for row in rows])


@router.delete(
    "/{session_id}",
    status_code=204,
    dependencies=[permit("me.edit", person=True)],
    responses=problems(401, 403, 404, 422),
)
def end(asked: Asked, session_id: UUID) -> None:
    """End one of your sessions; its tokens are dead at once."""
    ended = sessions.end(
        asked.tx,
        asked.person.organization_id,
        session_id,
        "logged_out",
        actor=asked.actor,
        now=asked.door.clock(),
        user_id=asked.person.id,
    )
    if not ended:
        raise NotFound("There is no such session.", code="session_not_found")


@router.delete(
    "", status_code=204, dependencies=[permit("me.edit", person=True)], responses=problems(401, 403)
)
def end_others(asked: Asked) -> None:
    """End all your sessions but the one you ask from."""
    sessions.end_all(
        asked.tx,
        asked.person.organization_id,
        asked.person.id,
        "logged_out",
        actor=asked.actor,
        now=asked.door.clock(),
        besides=asked.session.id,
    )
