"""Contacts: people, found in a moment, written down and corrected."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from functions.api import etags
from functions.api.asking import Asked, permit
from functions.api.etags import IfMatch
from functions.api.limits import Body, Line, Patch
from functions.api.once import Once
from functions.api.paging import Cursor, Limit, Page
from functions.api.problems import problems
from functions.api.whom import Whom
from leadsrally.contacts import fields, find, lists, people, tags
from leadsrally.contacts.conditions import All, Condition, Question
from leadsrally.contacts.fields import MAX_FIELDS, MAX_TEXT
from leadsrally.contacts.lists import Order
from leadsrally.contacts.tags import MAX_NAME
from leadsrally.kit.errors import Invalid

router = APIRouter(prefix="/v1/contacts", tags=["contacts"])

Value = Annotated[str, Field(max_length=MAX_TEXT)] | Annotated[float, Field(gt=-1e15, lt=1e15)] | bool | None
FieldValues = Annotated[
    dict[Annotated[str, Field(max_length=64)], Value],
    Field(
        max_length=MAX_FIELDS,
        description="Values of your own fields, by key. Null takes one away.",
        examples=[{"city": "Berlin"}],
    ),
]
TagName = Annotated[Line, Field(min_length=1, max_length=MAX_NAME, examples=["vip"])]


class TagOfContact(BaseModel):
    id: UUID
    name: str = Field(examples=["vip"])


class Contact(BaseModel):
    id: UUID
    phone: str | None = Field(description="E.164.", examples=["+12025550101"])
    other_numbers: list[str] = Field(
        description="That lead to the same person since two records were merged.", examples=[[]]
    )
    name: str = Field(examples=["Ada Lovelace"])
    email: str = Field(examples=["ada@example.test"])
    time_zone: str | None = Field(description="Of the IANA database.", examples=["America/New_York"])
    fields: dict[str, str | float | bool] = Field(
        description="Values of your own fields, by key.", examples=[{"city": "Berlin"}]
    )
    tags: list[TagOfContact]
    restricted: bool = Field(description="Kept, and nothing else is done with it: GDPR article 18.")
    last_message_at: datetime | None
    created_at: datetime
    updated_at: datetime


class NewContact(Body):
    phone: Annotated[str, Field(max_length=250)] | None = Field(
        None,
        description="As it is written in your organisation's country, or with a country code.",
        examples=["+12025550101"],
    )
    name: Line = Field("", max_length=200, examples=["Ada Lovelace"])
    email: str = Field("", max_length=320, examples=["ada@example.test"])
    time_zone: str | None = Field(None, max_length=64, examples=["America/New_York"])
    fields: FieldValues = Field(default={})
    tags: list[TagName] = Field([], max_length=50)


class ContactEdit(Patch):
    phone: Annotated[str, Field(max_length=250)] | None = Field(
        None,
        description="Consent was given for a number: it does not travel to another one.",
        examples=["+12025550101"],
    )
    name: Line = Field("", max_length=200, examples=["Ada Lovelace"])
    email: str = Field("", max_length=320, examples=["ada@example.test"])
    time_zone: str | None = Field(None, max_length=64, examples=["America/New_York"])
    fields: FieldValues = Field(default={})
    restricted: bool = Field(False, description="True: keep it, and do nothing else with it.")


class Tagging(Body):
    names: list[TagName] = Field(min_length=1, max_length=50)


@router.get("", dependencies=[permit("contacts.read")])
def all_contacts(
    asked: Asked,
    limit: Limit = 50,
    cursor: Cursor = None,
    search: Annotated[
        str | None,
        Query(
            min_length=1,
            max_length=200,
            description="Words of a name or their beginnings, a number in any way of writing it, its last four digits "
            "or more, or an e-mail address or its beginning.",
            examples=["ada"],
        ),
    ] = None,
    tag: Annotated[UUID | None, Query(description="Only those with this tag.")] = None,
    field: Annotated[
        str | None, Query(max_length=64, description="Only those who have `value` in this field.")
    ] = None,
    value: Annotated[str | None, Query(max_length=1000, description="Of `field`.")] = None,
    sort: Annotated[
        Order,
        Query(
            description="`newest` first; by `name`; or by `last_activity`, newest first, of those with whom there was "
            "any. What is searched or filtered comes newest first."
        ),
    ] = "newest",
) -> Page[Contact]:
    """Your contacts. A page of a search may hold fewer than `limit`: go on while there is a `next`."""
    organization_id, now = asked.person.organization_id, asked.door.clock()
    known = fields.definitions(asked.tx, organization_id)
    condition = _condition(asked, known, search, tag, field, value)
    if condition is not None and sort != "newest":
        raise Invalid("What is searched or filtered comes newest first: leave out `sort`.", code="bad_sort")
    found, after = lists.page(asked.tx, organization_id, condition, sort, cursor=cursor, limit=limit, now=now)
    return Page(items=[Contact.model_validate(one.shown(known)) for one in found], next=after)


def _condition(
    asked: Asked,
    known: Mapping[str, fields.Field],
    search: str | None,
    tag: UUID | None,
    field: str | None,
    value: str | None,
) -> Condition | None:
    parts: list[Condition] = []
    if search is not None:
        parts.append(find.typed(search, people.country_of(asked.tx, asked.person.organization_id)))
    if tag is not None:
        parts.append(Question("tag", "set", tag))
    if (field is None) != (value is None):
        raise Invalid("Give `field` and `value` together.", code="malformed")
    if field is not None:
        parts.append(find.with_value(known, field, value))
    return None if not parts else parts[0] if len(parts) == 1 else All(tuple(parts))


@router.post(
    "", status_code=201, dependencies=[permit("contacts.write")], responses=problems(409) | etags.headers(201)
)
def create(asked: Asked, response: Response, once: Once, new: NewContact) -> Contact:
    """Write down a person. No permission to send comes with it; an opt-out of the same number holds."""
    organization_id, now = asked.person.organization_id, asked.door.clock()

    def act() -> Contact:
        made = people.create(asked.tx, organization_id, new.model_dump(), actor=asked.actor, now=now)
        if new.tags:
            tags.tag_contact(asked.tx, organization_id, made.id, new.tags, actor=asked.actor, now=now)
        return _shown(asked, made.id, response)

    return once(Contact, act)


@router.get("/{contact_id}", dependencies=[permit("contacts.read")], responses=etags.headers(200))
def one(asked: Asked, response: Response, contact_id: Whom) -> Contact:
    """One person; by the id of a record that was merged into theirs, too."""
    return _shown(asked, contact_id, response)


@router.patch(
    "/{contact_id}", dependencies=[permit("contacts.write")], responses=problems(409) | etags.headers(200)
)
def edit(asked: Asked, response: Response, contact_id: Whom, version: IfMatch, edit: ContactEdit) -> Contact:
    """Correct what is given; what is left out stays. The audit log says which fields, not to what."""
    people.edit(
        asked.tx,
        asked.door.hashes,
        asked.person.organization_id,
        contact_id,
        edit.given(),
        version=version,
        actor=asked.actor,
        now=asked.door.clock(),
    )
    return _shown(asked, contact_id, response)


@router.post("/{contact_id}/tags", dependencies=[permit("contacts.write")], responses=problems(409))
def tag(asked: Asked, response: Response, contact_id: Whom, tagging: Tagging) -> Contact:
    """Put tags on a contact; those that are not there yet are made."""
    organization_id, now = asked.person.organization_id, asked.door.clock()
    people.contact(asked.tx, organization_id, contact_id)
    tags.tag_contact(asked.tx, organization_id, contact_id, tagging.names, actor=asked.actor, now=now)
    return _shown(asked, contact_id, response)


@router.delete("/{contact_id}/tags/{tag_id}", dependencies=[permit("contacts.write")])
def untag(asked: Asked, response: Response, contact_id: Whom, tag_id: UUID) -> Contact:
    """Take a tag off a contact."""
    organization_id, now = asked.person.organization_id, asked.door.clock()
    people.contact(asked.tx, organization_id, contact_id)
    tags.tag(asked.tx, organization_id, tag_id)
    tags.untag_contact(asked.tx, organization_id, contact_id, tag_id, actor=asked.actor, now=now)
    return _shown(asked, contact_id, response)


def _shown(asked: Asked, contact_id: UUID, response: Response) -> Contact:
    organization_id = asked.person.organization_id
    found = people.contact(asked.tx, organization_id, contact_id)
    response.headers["etag"] = etags.tag(found.version)
    return Contact.model_validate(found.shown(fields.definitions(asked.tx, organization_id)))
