"""Who was told what about whom (P4.7): each transfer of a contact's data, by kinds of data and never the data."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel, Field

from functions.api.asking import Asked, permit
from functions.api.paging import Cursor, Limit, Page, next_cursor
from functions.api.problems import problems
from leadsrally.contacts import merge_store, people
from leadsrally.disclosures import subprocessors, told
from leadsrally.disclosures.told import Recipient
from leadsrally.kit.cursor import place_of

router = APIRouter(prefix="/v1", tags=["privacy"])


class Disclosure(BaseModel):
    """One transfer. Written before the call, so that a crash can leave one too many and never one too few."""

    id: UUID
    disclosed_at: datetime = Field(description="Of an export: when it was asked for.")
    recipient: Recipient = Field(description="A subprocessor, or `customer` for an export of yours.")
    purpose: str = Field(examples=["deliver_message"])
    data_kinds: list[str] = Field(examples=[["phone", "message_text"]])
    contact_id: UUID | None = Field(description="Null for an export of the whole organisation.")
    message_id: UUID | None
    export_id: UUID | None
    person_id: UUID | None = Field(description="Who asked for the export.")


class Hosting(BaseModel):
    """Who has it all, for as long as it is kept: whoever runs the application and its database."""

    recipient: str = Field(examples=["railway"])
    purpose: str = Field(examples=["Runs the application and its database"])
    data: list[str] = Field(examples=[["everything that is stored"]])


class Disclosures(Page[Disclosure]):
    hosted_by: list[Hosting] = Field(description="Not repeated for each row that is stored.")


@router.get("/disclosures", dependencies=[permit("disclosures.read")], responses=problems(401, 403, 404, 422))
def disclosures(
    asked: Asked,
    limit: Limit = 50,
    cursor: Cursor = None,
    contact_id: Annotated[UUID | None, Query(description="Only about this contact.")] = None,
    recipient: Annotated[Recipient | None, Query(description="Only to this one.")] = None,
    since: Annotated[AwareDatetime | None, Query(description="Only from this instant on.")] = None,
    until: Annotated[AwareDatetime | None, Query(description="Only before this instant.")] = None,
) -> Disclosures:
    """Newest first. Of a contact that others were merged into: those of all of them."""
    organization_id, place = asked.person.organization_id, place_of(cursor)
    if contact_id is not None:
        contact_id = merge_store.survivor_of(asked.tx, organization_id, contact_id)
        people.contact(asked.tx, organization_id, contact_id)
    wanted = told.Asked(contact_id, recipient, since, until)
    rows = told.newest(asked.tx, organization_id, wanted, before=place, limit=limit)
    hosts = subprocessors.hosts_of(asked.door.settings.optional("LEADSRALLY_HOSTED_BY"))
    return Disclosures(
        items=[Disclosure.model_validate(row) for row in rows],
        next=next_cursor(rows, limit, "disclosed_at"),
        hosted_by=[
            Hosting(recipient=host, purpose=found.purpose, data=list(found.data))
            for host, found in ((host, subprocessors.SUBPROCESSORS[host]) for host in hosts)
        ],
    )
