"""Leaving (P6.1, P7.2): the account is deleted after thirty days, during which an owner can undo it."""

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field

from functions.api.asking import Asked, permit
from functions.api.problems import problems
from leadsrally.kit.errors import NotFound
from leadsrally.privacy.erasure.leave import Deletion, request_deletion, reverse_deletion, standing

router = APIRouter(prefix="/v1/account/deletion", tags=["privacy"])

_DELETE = "account.delete"


class AccountDeletion(BaseModel):
    id: UUID = Field(description="Also the number of the certificate that is left when all is erased.")
    requested_by: UUID | None
    requested_at: datetime
    erases_at: datetime = Field(description="From this instant on it cannot be undone.")
    reversible: bool


@router.post(
    "",
    status_code=202,
    dependencies=[permit(_DELETE, confirmed=True)],
    responses=problems(401, 403, 409, 422),
)
def leave(asked: Asked) -> AccountDeletion:
    """Delete the account: everything rests at once, and in thirty days all of it is erased.

    Nothing is sent, scored or taken in any more, and only owners get in: to undo it, or to export what there is.
    Owners are told by mail now, seven days before the end and one day before.
    """
    organization_id, now = asked.person.organization_id, asked.door.clock()
    found = request_deletion(asked.tx, organization_id, asked.actor, requested_by=asked.person.id, now=now)
    return _shown(found, now)


@router.get("", dependencies=[permit(_DELETE)], responses=problems(401, 403, 404, 422))
def leaving(asked: Asked) -> AccountDeletion:
    """The deletion that was asked for, and until when it can be undone. 404: nobody has asked."""
    found = standing(asked.tx, asked.person.organization_id)
    if found is None:
        raise NotFound("Nobody has asked to delete this account.", code="account_staying")
    return _shown(found, asked.door.clock())


@router.delete(
    "",
    status_code=204,
    dependencies=[permit(_DELETE, confirmed=True)],
    responses=problems(401, 403, 404, 409, 422),
)
def stay(asked: Asked) -> None:
    """Stay. Everything goes on as it was, with what waited; 409 when the thirty days are over."""
    organization_id, now = asked.person.organization_id, asked.door.clock()
    reverse_deletion(asked.tx, organization_id, asked.actor, reversed_by=asked.person.id, now=now)


def _shown(found: Deletion, now: datetime) -> AccountDeletion:
    return AccountDeletion(
        id=found.id,
        requested_by=found.requested_by,
        requested_at=found.requested_at,
        erases_at=found.erases_at,
        reversible=found.erasing_at is None and now < found.erases_at,
    )
