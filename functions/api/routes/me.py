"""The person asking."""

from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field

from functions.api.asking import Asked, permit
from functions.api.problems import problems
from leadsrally.accounts import members, store
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


class Me(BaseModel):
    id: UUID
    email: str = Field(examples=["owner@example.com"])
    role: Role
    organization: MyOrganization


@router.get("/me", dependencies=[permit("me.read")], responses=problems(401, 403))
def me(asked: Asked) -> Me:
    """Who you are, and what your organisation has switched on."""
    found = store.organization(asked.tx, asked.person.organization_id)
    organization = MyOrganization.model_validate(found, from_attributes=True)
    return Me(id=asked.person.id, email=asked.person.email, role=asked.person.role, organization=organization)


@router.delete(
    "/me", status_code=204, dependencies=[permit("me.edit", confirmed=True)], responses=problems(409)
)
def leave(asked: Asked) -> None:
    """Leave the organisation: your sessions and API keys end at once. The last owner cannot."""
    members.leave(asked.tx, asked.person.organization_id, asked.person.id, now=asked.door.clock())
