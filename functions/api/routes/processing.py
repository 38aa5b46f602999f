"""The record of processing (GDPR Art. 30), for customers' own records and assessments: written from the register."""

from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field

from functions.api.asking import Asked, permit
from functions.api.problems import problems
from leadsrally.disclosures.subprocessors import MECHANISM, hosts_of, listed
from leadsrally.privacy.record import activities

router = APIRouter(prefix="/v1/processing-record", tags=["privacy"])


class Activity(BaseModel):
    """One purpose, in one table of ours."""

    subject: str = Field(description="Whose data it is.", examples=["contact"])
    role: str = Field(description="What we are under the GDPR.", examples=["processor"])
    table: str = Field(examples=["contacts"])
    data: list[str] = Field(examples=[["name", "phone"]])
    purpose: str = Field(examples=["know and reach the person"])
    basis: str = Field(examples=["contract"])
    kept: str = Field(examples=["until the customer deletes it (P6.2)"])
    erased: str = Field(examples=["deleted with its row"])
    shared: list[str] = Field(description="With whom, besides those who host it all.", examples=[["twilio"]])
    clause: str = Field(description="The promise of the policy behind it.", examples=["P1.2"])


class Recipient(BaseModel):
    key: str = Field(examples=["twilio"])
    name: str = Field(examples=["Twilio Inc."])
    country: str = Field(examples=["United States"])
    mechanism: str = Field(
        description="On which the transfer rests (Art. 30(2)(c)).", examples=["Standard Contractual Clauses"]
    )
    document: str = Field(examples=["Data Protection Addendum"])
    link: str = Field(examples=["https://www.twilio.com/legal/data-protection-addendum"])


class ProcessingRecord(BaseModel):
    controller_id: UUID = Field(
        description="Your organisation, which is the controller of its contacts' data."
    )
    activities: list[Activity]
    recipients: list[Recipient]
    hosted_by: list[str] = Field(examples=[["railway"]])
    security: str = Field(
        description="Where our measures are described (Art. 30(2)(d)).", examples=["/policy#8"]
    )


@router.get("", dependencies=[permit("record.read")], responses=problems(401, 403))
def record(asked: Asked) -> ProcessingRecord:
    """Everything that is kept, in order to what, on what basis, for how long and shared with whom."""
    hosts = hosts_of(asked.door.settings.optional("LEADSRALLY_HOSTED_BY"))
    return ProcessingRecord(
        controller_id=asked.person.organization_id,
        activities=[Activity.model_validate(told) for told in activities()],
        recipients=[
            Recipient(
                key=entry.key,
                name=entry.name,
                country=entry.country,
                mechanism=MECHANISM[entry.mechanism],
                document=entry.document,
                link=entry.link,
            )
            for entry in listed(hosts)
        ],
        hosted_by=list(hosts),
        security="/policy#s8",
    )
