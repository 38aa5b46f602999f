"""What we told a person (P2.4): the same notices that are mailed, and whether the mail arrived."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from functions.api.asking import Asked, permit
from functions.api.paging import Cursor, Limit, Page, next_cursor
from functions.api.problems import problems
from leadsrally.kit.cursor import place_of
from leadsrally.kit.errors import NotFound
from leadsrally.notices import inbox
from leadsrally.notices.compose import subject_of
from leadsrally.notices.types import Blocking, State
from leadsrally.notices.unblock import unblock

router = APIRouter(prefix="/v1", tags=["notifications"])


class Mailing(BaseModel):
    """What became of the mail."""

    state: State
    reason: str | None = Field(
        description="A word for why it was not delivered.", examples=["permanent_general"]
    )
    taken_at: datetime | None = Field(description="When our mail's provider took it.")
    delivered_at: datetime | None
    returned_at: datetime | None = Field(description="When it came back, or was called spam.")


class Notification(BaseModel):
    id: UUID
    kind: str = Field(examples=["new_login"])
    title: str = Field(description="In the organisation's language.", examples=["New log-in to your account"])
    about_id: UUID = Field(description="What it speaks of: a session, an API key, a person.")
    created_at: datetime
    read_at: datetime | None
    mail: Mailing


class Mailbox(BaseModel):
    """Whether we still mail you."""

    blocked_at: datetime | None = Field(description="Since when not; null while we do.")
    blocked_because: Blocking | None = Field(description="What happened to our mail.")


class Notifications(Page[Notification]):
    unread: int = Field(description="How many you have not read, on all pages.", examples=[2])
    mailbox: Mailbox


@router.get("/notifications", dependencies=[permit("notifications.read")], responses=problems(401, 403, 422))
def notifications(
    asked: Asked,
    limit: Limit = 50,
    cursor: Cursor = None,
    unread: Annotated[bool, Query(description="Only those you have not read.")] = False,
) -> Notifications:
    """Your own, newest first."""
    organization_id, user_id = asked.person.organization_id, asked.person.id
    place = place_of(cursor)
    rows = inbox.newest(
        asked.tx, organization_id, user_id, unread=unread, before=place.at, before_id=place.id, limit=limit
    )
    standing = inbox.standing(asked.tx, organization_id, user_id)
    return Notifications(
        items=[
            Notification(title=subject_of(row["kind"], row["language"]), mail=Mailing(**row), **row)
            for row in rows
        ],
        next=next_cursor(rows, limit, "created_at"),
        unread=standing.unread,
        mailbox=Mailbox(blocked_at=standing.blocked_at, blocked_because=standing.blocked_because),
    )


@router.post(
    "/notifications/{notification_id}/read",
    status_code=204,
    dependencies=[permit("notifications.read")],
    responses=problems(401, 403, 404, 422),
)
def read(
    asked: Asked,
    notification_id: UUID,
    earlier: Annotated[bool, Query(description="And all that came before it.")] = False,
) -> None:
    """Mark it as read."""
    found = inbox.mark_read(
        asked.tx,
        asked.person.organization_id,
        asked.person.id,
        notification_id,
        before_too=earlier,
        now=asked.door.clock(),
    )
    if not found:
        raise NotFound("There is no such notification.", code="notification_not_found")


@router.post(
    "/me/mail/unblock", status_code=204, dependencies=[permit("me.edit")], responses=problems(401, 403)
)
def unblock_mail(asked: Asked) -> None:
    """Mail me again: our mail came back or was called spam, and the mailbox works now."""
    me = asked.person
    unblock(asked.tx, me.organization_id, me.id, by=me.id, now=asked.door.clock())
