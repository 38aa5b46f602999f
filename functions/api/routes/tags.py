"""Tags: words by which contacts are sorted."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from functions.api import etags
from functions.api.asking import Asked, permit
from functions.api.etags import IfMatch
from functions.api.limits import Body, Line, Patch
from functions.api.problems import problems
from functions.api.routes.fields import Deleted, PutAway, Uses
from leadsrally.contacts import put_away, tags
from leadsrally.contacts.tags import MAX_AT_ONCE, MAX_NAME
from leadsrally.contacts.uses import uses_of_tag

router = APIRouter(prefix="/v1/tags", tags=["tags"])


class Tag(BaseModel):
    id: UUID
    name: str = Field(examples=["vip"])
    created_at: datetime


class Tags(BaseModel):
    items: list[Tag]
    deleted: list[PutAway] = Field(description="Those of the last day.")


class Taggings(Body):
    contact_ids: list[UUID] = Field(min_length=1, max_length=MAX_AT_ONCE)
    add: list[Annotated[Line, Field(min_length=1, max_length=MAX_NAME)]] = Field(
        default=[],
        max_length=20,
        description="Names; those that are not there yet are made.",
        examples=[["vip"]],
    )
    remove: list[UUID] = Field(default=[], max_length=20, description="Ids of tags.")


class Tagged(BaseModel):
    """How many tags were put on or taken off; what was so already does not count."""

    added: int
    removed: int


class TagEdit(Patch):
    name: Line = Field("", min_length=1, max_length=MAX_NAME, examples=["vip"])


@router.get("", dependencies=[permit("contacts.read")])
def all_tags(asked: Asked) -> Tags:
    """All tags by name; there are a thousand at most. One is made by putting it on a contact."""
    organization_id = asked.person.organization_id
    away = put_away.tags_away(asked.tx, organization_id, now=asked.door.clock())
    deleted = [PutAway.model_validate(one, from_attributes=True) for one in away]
    return Tags(items=[_model(one) for one in tags.all_tags(asked.tx, organization_id)], deleted=deleted)


@router.post("/taggings", dependencies=[permit("contacts.bulk")], responses=problems(409))
def tag_many(asked: Asked, taggings: Taggings) -> Tagged:
    """Put tags on many contacts at once, or take them off. Contacts that are not there are passed over."""
    added, removed = tags.tag_many(
        asked.tx,
        asked.person.organization_id,
        taggings.contact_ids,
        add=taggings.add,
        remove=taggings.remove,
        actor=asked.actor,
        now=asked.door.clock(),
    )
    return Tagged(added=added, removed=removed)


@router.get("/{tag_id}", dependencies=[permit("contacts.read")], responses=etags.headers(200))
def one(asked: Asked, response: Response, tag_id: UUID) -> Tag:
    """One tag."""
    return _shown(tags.tag(asked.tx, asked.person.organization_id, tag_id), response)


@router.patch(
    "/{tag_id}", dependencies=[permit("contacts.write")], responses=problems(409) | etags.headers(200)
)
def rename(asked: Asked, response: Response, tag_id: UUID, version: IfMatch, edit: TagEdit) -> Tag:
    """Give it another name, wherever it is on."""
    name = edit.given()["name"]
    renamed = tags.rename_tag(
        asked.tx,
        asked.person.organization_id,
        tag_id,
        name,
        version=version,
        actor=asked.actor,
        now=asked.door.clock(),
    )
    return _shown(renamed, response)


@router.get("/{tag_id}/uses", dependencies=[permit("contacts.read")])
def uses(asked: Asked, tag_id: UUID) -> Uses:
    """What uses this tag: while anything does, it cannot be deleted."""
    organization_id = asked.person.organization_id
    tags.tag(asked.tx, organization_id, tag_id)
    return Uses.model_validate(uses_of_tag(asked.tx, organization_id, tag_id), from_attributes=True)


@router.delete("/{tag_id}", dependencies=[permit("contacts.bulk")], responses=problems(409))
def delete(asked: Asked, tag_id: UUID) -> Deleted:
    """Delete it, wherever it is on. For a day it can be had back as it was."""
    until = put_away.delete_tag(
        asked.tx, asked.person.organization_id, tag_id, actor=asked.actor, now=asked.door.clock()
    )
    return Deleted(restore_until=until)


@router.post(
    "/{tag_id}/restore", dependencies=[permit("contacts.bulk")], responses=problems(409) | etags.headers(200)
)
def restore(asked: Asked, response: Response, tag_id: UUID) -> Tag:
    """Have a deleted tag back, on whom it was."""
    restored = put_away.restore_tag(
        asked.tx, asked.person.organization_id, tag_id, actor=asked.actor, now=asked.door.clock()
    )
    return _shown(restored, response)


def _model(found: tags.Tag) -> Tag:
    return Tag.model_validate(found, from_attributes=True)


def _shown(found: tags.Tag, response: Response) -> Tag:
    response.headers["etag"] = etags.tag(found.version)
    return _model(found)
