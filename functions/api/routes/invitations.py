"""Invitations: letting somebody in with a role. The link in the mail counts for seven days and once."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field

from functions.api.asking import Asked, permit
from functions.api.limits import Body
from functions.api.once import Once
from functions.api.paging import Cursor, Limit, Page, next_cursor
from functions.api.problems import problems
from leadsrally.accounts import invitations
from leadsrally.accounts.types import Role
from leadsrally.kit.cursor import place_of

router = APIRouter(prefix="/v1/invitations", tags=["invitations"])


class Invitation(BaseModel):
    id: UUID
    email: str = Field(examples=["ada@example.com"])
    role: Role
    invited_by: UUID
    state: Literal["open", "expired", "accepted", "revoked"]
    created_at: datetime
    expires_at: datetime
    mail_blocked_at: datetime | None = Field(
        default=None, description="When our mail to it came back, if it did."
    )
    mail_blocked_because: str | None = Field(default=None, examples=["bounced"])


class NewInvitation(Body):
    email: str = Field(max_length=320, examples=["ada@example.com"])
    role: Role


@router.get("", dependencies=[permit("members.manage")])
def all_invitations(asked: Asked, limit: Limit = 50, cursor: Cursor = None) -> Page[Invitation]:
    """Every invitation and what became of it, newest first."""
    place = place_of(cursor)
    rows = invitations.newest(
        asked.tx,
        asked.person.organization_id,
        before=place.at,
        before_id=place.id,
        limit=limit,
        now=asked.door.clock(),
    )
    items = [Invitation.model_validate(row) for row in rows]
    return Page(items=items, next=next_cursor(rows, limit, "created_at"))


@router.post("", status_code=201, dependencies=[permit("members.manage", confirmed=True)])
def invite(asked: Asked, once: Once, new: NewInvitation) -> Invitation:
    """Invite somebody by mail. Only an owner can invite an owner.

    The answer is the same whether the address has an account elsewhere or not.
    """
    return once(
        Invitation,
        lambda: _shown(
            invitations.invite(
                asked.tx,
                asked.door.hashes,
                asked.person.organization_id,
                new.email,
                new.role,
                by=asked.person.id,
                now=asked.door.clock(),
            )
        ),
    )


@router.post(
    "/{invitation_id}/resend", status_code=202, dependencies=[permit("members.manage", confirmed=True)]
)
def resend(asked: Asked, once: Once, invitation_id: UUID) -> Invitation:
    """Send the link again. It counts for seven days from now."""
    return once(
        Invitation,
        lambda: _shown(
            invitations.resend(
                asked.tx,
                asked.door.hashes,
                asked.person.organization_id,
                invitation_id,
                by=asked.person.id,
                now=asked.door.clock(),
            )
        ),
    )


@router.delete(
    "/{invitation_id}",
    status_code=204,
    dependencies=[permit("members.manage", person=True)],
    responses=problems(409),
)
def revoke(asked: Asked, invitation_id: UUID) -> None:
    """Its link opens nothing any more."""
    invitations.revoke(
        asked.tx,
        asked.person.organization_id,
        invitation_id,
        by=asked.person.id,
        now=asked.door.clock(),
    )


def _shown(found: invitations.Invitation) -> Invitation:
    return Invitation.model_validate(found, from_attributes=True)
