"""API keys: what a program may do in your name. A key is shown once, and dies with its person and their role."""

from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import AwareDatetime, BaseModel, Field

from functions.api.asking import Asked, permit
from functions.api.limits import Body, Line
from functions.api.once import Once
from functions.api.paging import Cursor, Limit, Page, next_cursor
from leadsrally.accounts import api_keys
from leadsrally.accounts.api_key import prefix_of
from leadsrally.accounts.permissions import ACTIONS, Action
from leadsrally.kit.cursor import place_of

router = APIRouter(prefix="/v1/api-keys", tags=["API keys"])

_MAKE = permit("api_keys.manage", confirmed=True)


class ApiKey(BaseModel):
    id: UUID
    user_id: UUID = Field(description="Whose key it is.")
    name: str = Field(examples=["CRM export"])
    prefix: str = Field(description="What the key begins with.", examples=["lr_AZq0c3VtbWVyLW9mLTIwMjY…"])
    scopes: list[Action] = Field(examples=[["conversations.read"]])
    created_at: datetime
    last_used_at: datetime | None = Field(description="Within a minute.")
    expires_at: datetime | None
    revoked_at: datetime | None


class NewKey(Body):
    name: Line = Field(min_length=1, max_length=100, examples=["CRM export"])
    scopes: Annotated[list[Action], Field(min_length=1, max_length=len(ACTIONS))] = Field(
        description="What it may do; never more than your own role allows.", examples=[["conversations.read"]]
    )
    expires_at: AwareDatetime | None = Field(default=None, description="Within five years; left out: never.")


class Rotation(Body):
    overlap_hours: int = Field(
        default=24, ge=0, le=168, description="For how long the old key still counts.", examples=[24]
    )


class ShownKey(BaseModel):
    id: UUID
    key: str = Field(description="Shown this once. Send it as a bearer token.", examples=["lr_AZq0c3VtbWVy…"])
    expires_at: datetime | None


@router.get("", dependencies=[permit("api_keys.manage")])
def all_keys(asked: Asked, limit: Limit = 50, cursor: Cursor = None) -> Page[ApiKey]:
    """Keys of all members, newest first, with those that count no more."""
    place = place_of(cursor)
    organization_id = asked.person.organization_id
    rows = api_keys.newest(asked.tx, organization_id, before=place.at, before_id=place.id, limit=limit)
    items = [_shown(organization_id, row) for row in rows]
    return Page(items=items, next=next_cursor(rows, limit, "created_at"))


@router.post("", status_code=201, dependencies=[_MAKE])
def make(asked: Asked, once: Once, new: NewKey) -> ShownKey:
    """Make a key for yourself. It is shown in this answer and never again, so a repeat is told so with 409."""

    def make_it() -> ShownKey:
        made = api_keys.make(
            asked.tx,
            asked.person.organization_id,
            asked.person.id,
            new.name,
            new.scopes,
            expires_at=new.expires_at,
            now=asked.door.clock(),
        )
        return ShownKey(id=made.id, key=made.spelled, expires_at=made.expires_at)

    return once(ShownKey, make_it, shown_once=True)


@router.post("/{key_id}/rotate", status_code=201, dependencies=[_MAKE])
def rotate(asked: Asked, once: Once, key_id: UUID, rotation: Rotation) -> ShownKey:
    """Replace one of your keys by a new one, shown once. The old one still counts for some hours."""

    def rotate_it() -> ShownKey:
        made = api_keys.rotate(
            asked.tx,
            asked.person.organization_id,
            asked.person.id,
            key_id,
            overlap=timedelta(hours=rotation.overlap_hours),
            now=asked.door.clock(),
        )
        return ShownKey(id=made.id, key=made.spelled, expires_at=made.expires_at)

    return once(ShownKey, rotate_it, shown_once=True)


@router.delete("/{key_id}", status_code=204, dependencies=[permit("api_keys.manage", person=True)])
def revoke(asked: Asked, key_id: UUID) -> None:
    """End a key at once, whosever it is."""
    api_keys.revoke(
        asked.tx, asked.person.organization_id, key_id, by=asked.person.id, now=asked.door.clock()
    )


def _shown(organization_id: UUID, row: dict[str, Any]) -> ApiKey:
    return ApiKey.model_validate({**row, "prefix": prefix_of(organization_id, row["id"])})
