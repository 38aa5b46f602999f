"""Members: the people of the organisation and their roles. An owner is made, changed and removed by owners only."""

from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from functions.api import etags
from functions.api.asking import Asked, permit
from functions.api.etags import IfMatch
from functions.api.limits import Body
from functions.api.paging import Cursor, Limit, Page, next_cursor
from functions.api.problems import problems
from leadsrally.accounts import members
from leadsrally.accounts.types import Role
from leadsrally.kit.cursor import place_of
from leadsrally.notices.unblock import unblock

router = APIRouter(prefix="/v1/members", tags=["members"])


class Member(BaseModel):
    id: UUID
    email: str = Field(examples=["ada@example.com"])
    role: Role
    mail_blocked_at: datetime | None = Field(description="Since when we send no mail there, if so.")
    mail_blocked_because: str | None = Field(examples=["bounced"])
    created_at: datetime
    etag: str = Field(description="What an edit sends as `If-Match`.", examples=['"3"'])


class NewRole(Body):
    role: Role


@router.get("", dependencies=[permit("members.read")])
def all_members(asked: Asked, limit: Limit = 50, cursor: Cursor = None) -> Page[Member]:
    """Everybody, who joined last first."""
    place = place_of(cursor)
    rows = members.members(
        asked.tx, asked.person.organization_id, before=place.at, before_id=place.id, limit=limit
    )
    return Page(items=[_member(row) for row in rows], next=next_cursor(rows, limit, "created_at"))


@router.get("/{user_id}", dependencies=[permit("members.read")], responses=etags.headers(200))
def one(asked: Asked, response: Response, user_id: UUID) -> Member:
    """One member."""
    return _shown(members.member(asked.tx, asked.person.organization_id, user_id), response)


@router.patch(
    "/{user_id}",
    dependencies=[permit("members.manage", confirmed=True)],
    responses={**etags.headers(200), **problems(409)},
)
def change_role(asked: Asked, response: Response, user_id: UUID, version: IfMatch, new: NewRole) -> Member:
    """Give a member another role. They are told by mail; a lower role ends their sessions."""
    changed = members.change_role(
        asked.tx,
        asked.person.organization_id,
        user_id,
        new.role,
        version=version,
        by=asked.person.id,
        now=asked.door.clock(),
    )
    return _shown(changed, response)


@router.delete(
    "/{user_id}",
    status_code=204,
    dependencies=[permit("members.manage", confirmed=True)],
    responses=problems(409),
)
def remove(asked: Asked, user_id: UUID, version: IfMatch) -> None:
    """Remove a member: their sessions and API keys end at once. What they wrote stays."""
    members.remove_member(
        asked.tx,
        asked.person.organization_id,
        user_id,
        version=version,
        by=asked.person.id,
        now=asked.door.clock(),
    )


@router.post("/{user_id}/mail/unblock", status_code=204, dependencies=[permit("members.manage")])
def unblock_mail(asked: Asked, user_id: UUID) -> None:
    """Mail a member again, whose mail came back or was called spam: somebody who cannot log in cannot ask for it."""
    members.member(asked.tx, asked.person.organization_id, user_id)
    unblock(asked.tx, asked.person.organization_id, user_id, by=asked.person.id, now=asked.door.clock())


def _shown(found: members.Member, response: Response) -> Member:
    response.headers["etag"] = etags.tag(found.version)
    return _member(asdict(found))


def _member(row: dict[str, Any]) -> Member:
    return Member.model_validate({**row, "etag": etags.tag(row["version"])})
