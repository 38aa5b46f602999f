"""The person asking."""

from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel

from functions.api.asking import Asked, permit
from functions.api.problems import problems
from leadsrally.accounts import store
from leadsrally.accounts.types import Organization, Role

router = APIRouter(prefix="/v1", tags=["me"])


class Me(BaseModel):
    id: UUID
    email: str
    role: Role
    organization: Organization


@router.get("/me", dependencies=[permit("me.read")], responses=problems(401, 403))
def me(asked: Asked) -> Me:
    """Who you are, and what your organisation has switched on."""
    organization = store.organization(asked.tx, asked.person.organization_id)
    return Me(id=asked.person.id, email=asked.person.email, role=asked.person.role, organization=organization)
