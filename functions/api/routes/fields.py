"""Fields of your own: what you want to know of contacts beside name, number and address."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from functions.api import etags
from functions.api.asking import Asked, permit
from functions.api.etags import IfMatch
from functions.api.limits import Body, Line, Patch
from functions.api.once import Once
from functions.api.problems import problems
from leadsrally.contacts import define_fields, fields, put_away
from leadsrally.contacts.fields import MAX_CHOICES, FieldType
from leadsrally.contacts.uses import uses_of_field

router = APIRouter(prefix="/v1/fields", tags=["fields"])

Choices = Annotated[
    list[Annotated[Line, Field(min_length=1, max_length=100)]],
    Field(max_length=MAX_CHOICES, description="Of a field of type `choice`.", examples=[[]]),
]


class FieldOfContacts(BaseModel):
    id: UUID
    key: str = Field(description="By which values are given and read.", examples=["city"])
    label: str = Field(examples=["City"])
    type: FieldType
    choices: list[str] = Field(examples=[[]])
    created_at: datetime


class Use(BaseModel):
    """One thing that uses it."""

    id: UUID
    name: str = Field(description="Empty where it has none.", examples=["Berlin"])


class Uses(BaseModel):
    """Imports that have not run yet and bulk actions under way count; what is over does not."""

    segments: list[Use]
    imports: list[Use]
    lead_forms: list[Use]
    bulk_actions: list[Use]


class Deleted(BaseModel):
    restore_until: datetime


class PutAway(BaseModel):
    """A deleted one that can be had back."""

    id: UUID
    name: str = Field(examples=["City"])
    deleted_at: datetime


class Fields(BaseModel):
    items: list[FieldOfContacts]
    deleted: list[PutAway] = Field(description="Those of the last day.")


class NewField(Body):
    key: str = Field(max_length=64, pattern=r"^[a-z][a-z0-9_]{0,63}$", examples=["city"])
    label: Line = Field(min_length=1, max_length=100, examples=["City"])
    type: FieldType
    choices: Choices = Field(default=[])


class FieldEdit(Patch):
    label: Line = Field("", min_length=1, max_length=100, examples=["City"])
    choices: Choices = Field(default=[])


@router.get("", dependencies=[permit("contacts.read")])
def all_fields(asked: Asked) -> Fields:
    """All fields, oldest first; there are 250 at most."""
    known = fields.definitions(asked.tx, asked.person.organization_id)
    away = put_away.fields_away(asked.tx, asked.person.organization_id, now=asked.door.clock())
    deleted = [PutAway.model_validate(one, from_attributes=True) for one in away]
    return Fields(items=[_model(one) for one in known.values()], deleted=deleted)


@router.post(
    "", status_code=201, dependencies=[permit("fields.manage")], responses=problems(409) | etags.headers(201)
)
def create(asked: Asked, response: Response, once: Once, new: NewField) -> FieldOfContacts:
    """Make a field. Its key and its type stay."""

    def act() -> FieldOfContacts:
        made = define_fields.define_field(
            asked.tx,
            asked.person.organization_id,
            key=new.key,
            label=new.label,
            type_=new.type,
            choices=new.choices,
            actor=asked.actor,
            now=asked.door.clock(),
        )
        return _shown(made, response)

    return once(FieldOfContacts, act)


@router.get("/{field_id}", dependencies=[permit("contacts.read")], responses=etags.headers(200))
def one(asked: Asked, response: Response, field_id: UUID) -> FieldOfContacts:
    """One field."""
    return _shown(define_fields.field(asked.tx, asked.person.organization_id, field_id), response)


@router.patch("/{field_id}", dependencies=[permit("fields.manage")], responses=etags.headers(200))
def edit(
    asked: Asked, response: Response, field_id: UUID, version: IfMatch, edit: FieldEdit
) -> FieldOfContacts:
    """Change its label or its choices. A choice that is taken away stays where it was chosen."""
    edited = define_fields.edit_field(
        asked.tx,
        asked.person.organization_id,
        field_id,
        edit.given(),
        version=version,
        actor=asked.actor,
        now=asked.door.clock(),
    )
    return _shown(edited, response)


@router.get("/{field_id}/uses", dependencies=[permit("contacts.read")])
def uses(asked: Asked, field_id: UUID) -> Uses:
    """What uses this field: while anything does, it cannot be deleted."""
    organization_id = asked.person.organization_id
    held = define_fields.field(asked.tx, organization_id, field_id)
    return Uses.model_validate(uses_of_field(asked.tx, organization_id, held), from_attributes=True)


@router.delete("/{field_id}", dependencies=[permit("fields.manage")], responses=problems(409))
def delete(asked: Asked, field_id: UUID) -> Deleted:
    """Delete it, with all its values. For a day it can be had back as it was."""
    until = put_away.delete_field(
        asked.tx, asked.person.organization_id, field_id, actor=asked.actor, now=asked.door.clock()
    )
    return Deleted(restore_until=until)


@router.post(
    "/{field_id}/restore",
    dependencies=[permit("fields.manage")],
    responses=problems(409) | etags.headers(200),
)
def restore(asked: Asked, response: Response, field_id: UUID) -> FieldOfContacts:
    """Have a deleted field back, with all its values."""
    restored = put_away.restore_field(
        asked.tx, asked.person.organization_id, field_id, actor=asked.actor, now=asked.door.clock()
    )
    return _shown(restored, response)


def _model(found: fields.Field) -> FieldOfContacts:
    return FieldOfContacts.model_validate(found, from_attributes=True)


def _shown(found: fields.Field, response: Response) -> FieldOfContacts:
    response.headers["etag"] = etags.tag(found.version)
    return _model(found)
