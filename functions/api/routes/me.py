"""The person asking."""

from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel

from functions.api.asking import Asked
from leadsrally.accounts import store
from leadsrally.accounts.types import Role

router = APIRouter(prefix="/v1", tags=["me"])


class Organization(BaseModel):
    id: UUID
    name: str
    time_zone: str
    state: str
    ai_scoring: bool
    ai_suggestions: bool
    ai_auto_reply: bool


class Me(BaseModel):
    id: UUID
    email: str
    role: Role
    organization: Organization


@router.get("/me")
def me(asked: Asked) -> Me:
    """Who you are, and what your organisation has switched on."""
    organization = store.organization(asked.tx, asked.person.organization_id)
    return Me(
        id=asked.person.id,
        email=asked.person.email,
        role=asked.person.role,
        organization=Organization(
            id=organization.id,
            name=organization.name,
            time_zone=organization.time_zone,
            state=organization.state,
            ai_scoring=organization.ai_scoring,
            ai_suggestions=organization.ai_suggestions,
            ai_auto_reply=organization.ai_auto_reply,
        ),
    )
