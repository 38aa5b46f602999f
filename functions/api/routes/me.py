"""The person asking."""

from typing import Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field

from functions.api.asking import Asked, permit
from functions.api.limits import Body
from functions.api.problems import problems
from leadsrally.accounts import members, second_factor, store
from leadsrally.accounts.change_email import request_email_change
from leadsrally.accounts.change_password import change_password
from leadsrally.accounts.permissions import ACTIONS, Action, scopes_of
from leadsrally.accounts.types import Role

router = APIRouter(prefix="/v1", tags=["me"])


class MyOrganization(BaseModel):
    id: UUID
    name: str = Field(examples=["Harbour Bikes"])
    time_zone: str = Field(examples=["America/New_York"])
    state: str = Field(examples=["active"])
    ai_scoring: bool
    ai_suggestions: bool
    ai_auto_reply: bool


class SecondFactor(BaseModel):
    on: bool = Field(description="Whether a code is asked for at each log-in.")
    recovery_codes_left: int = Field(examples=[10])


class Me(BaseModel):
    id: UUID
    email: str = Field(examples=["owner@example.com"])
    role: Role
    may: list[Action] = Field(description="What may be asked for with what was shown here, token or key.")
    second_factor: SecondFactor
    organization: MyOrganization


@router.get("/me", dependencies=[permit("me.read")], responses=problems(401, 403))
def me(asked: Asked) -> Me:
    """Who you are, and what your organisation has switched on."""
    found = store.organization(asked.tx, asked.person.organization_id)
    organization = MyOrganization.model_validate(found, from_attributes=True)
    factor = second_factor.state(asked.tx, asked.person.organization_id, asked.person.id)
    scopes = asked.caller.scopes & scopes_of(asked.person.role)
    return Me(
        id=asked.person.id,
        email=asked.person.email,
        role=asked.person.role,
        may=[action for action in ACTIONS if action in scopes],
        second_factor=SecondFactor.model_validate(factor, from_attributes=True),
        organization=organization,
    )


@router.delete(
    "/me", status_code=204, dependencies=[permit("me.edit", confirmed=True)], responses=problems(409)
)
def leave(asked: Asked) -> None:
    """Leave the organisation: your sessions and API keys end at once. The last owner cannot."""
    members.leave(asked.tx, asked.person.organization_id, asked.person.id, now=asked.door.clock())


class Profile(Body):
    email: str = Field(max_length=320, examples=["ada@example.com"])


class Change(BaseModel):
    status: Literal["on_its_way"] = Field(
        default="on_its_way", description="The address stays as it is until the link in the mail is followed."
    )


@router.patch(
    "/me",
    status_code=202,
    dependencies=[permit("me.edit", confirmed=True)],
    responses=problems(401, 403, 422, 429),
)
def edit(asked: Asked, profile: Profile) -> Change:
    """Move the account to another address. A link goes to the new one; the old one is told when it was followed."""
    request_email_change(asked.tx, asked.door.hashes, asked.person, profile.email, now=asked.door.clock())
    return Change()


class Passwords(Body):
    current_password: str = Field(max_length=1024, examples=["correct horse battery staple"])
    new_password: str = Field(max_length=1024, examples=["seven lazy kettles whistle"])


@router.post(
    "/me/password",
    status_code=204,
    dependencies=[permit("me.edit", person=True)],
    responses=problems(401, 403, 409, 422, 429),
)
def password(asked: Asked, given: Passwords) -> None:
    """Change your password. All your sessions but this one end."""
    session = asked.session
    asked.outside()
    change_password(
        asked.door.front_desk, asked.person, session.id, given.current_password, given.new_password
    )
