"""Leads: what people left in the forms of a page, and what became of each."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal, cast
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel, Field

from functions.api.asking import Asked, permit
from functions.api.limits import Body
from functions.api.once import Once
from functions.api.paging import Cursor, Limit, Page
from functions.api.problems import problems
from leadsrally.kit.cursor import Place, place_of
from leadsrally.messaging.channels.troubles import Trouble
from leadsrally.messaging.leads import shown
from leadsrally.messaging.leads.retry import AT_ONCE, replay_failed, retry_lead
from leadsrally.messaging.leads.troubles import ERASED, FOREIGN_PAGE, UNDER_AGE, explain, explain_unanswered
from leadsrally.messaging.leads.types import FoundBy, State

router = APIRouter(prefix="/v1/leads", tags=["leads"])

_REFUSED = {"refused_age": UNDER_AGE, "refused_erased": ERASED, "refused_page": FOREIGN_PAGE}


class LeadTrouble(BaseModel):
    """Why a lead is not here, and what to do about it."""

    code: str = Field(examples=["100"])
    cause: str = Field(examples=["Meta has no such lead, or hides it."])
    remedy: str = Field(examples=["Give the app access to leads and retry."])


class Lead(BaseModel):
    """One lead, without its answers."""

    id: UUID
    channel_id: UUID = Field(description="The page.")
    form_id: UUID | None = Field(description="Known once the lead was fetched.")
    form_name: str | None = Field(examples=["Test ride"])
    lead_id: str = Field(description="What Meta calls it.", examples=["8000000000001"])
    contact_id: UUID | None = Field(
        description="Whose it is. Null until it is fetched, for tests, and for somebody who left neither a number nor "
        "an address."
    )
    state: State = Field(
        description="`queued`: there is word of it. `failed`: Meta has not handed it over; it is tried again. "
        "`refused_age`: of somebody under 16, nothing of it is kept. `refused_erased`: of somebody who was erased after "
        "they left it, nothing of it is kept. `refused_page`: of a page that is not connected."
    )
    trouble: LeadTrouble | None = Field(description="Why it is not here, or not yet.")
    found_by: FoundBy = Field(description="How we heard of it.")
    backfilled: bool = Field(description="Left before the page was connected.")
    test: bool = Field(description="Somebody tried the form. Counted nowhere, and no contact is made of it.")
    organic: bool | None = Field(description="It came without an ad. Null: Meta does not say.")
    platform: str | None = Field(examples=["ig"])
    ad_id: str | None = Field(examples=["120210000000000001"])
    ad_name: str | None = Field(examples=["Spring, video"])
    adset_id: str | None = Field(examples=["120210000000000002"])
    adset_name: str | None = Field(examples=["Near the harbour"])
    campaign_id: str | None = Field(examples=["120210000000000003"])
    campaign_name: str | None = Field(examples=["Spring"])
    submitted_at: datetime = Field(description="By Meta's clock.")
    received_at: datetime
    fetched_at: datetime | None
    first_message_id: UUID | None = Field(
        description="What was written to the person at once, as the form says. Whether it went, its thread shows."
    )
    first_message_trouble: LeadTrouble | None = Field(description="Why nothing was written.")


class LeadAnswer(BaseModel):
    """What was answered to one question."""

    key: str = Field(examples=["full_name"])
    label: str | None = Field(
        description="The question; null when the form does not have it any more.", examples=["Full name"]
    )
    values: list[str] = Field(examples=[["Ana Lima"]])
    target: str | None = Field(
        description="Where such answers go by now, as in the form's mapping; null: nowhere.",
        examples=["name"],
    )


class LeadTick(BaseModel):
    """A checkbox of the form's own legal wording."""

    key: str = Field(examples=["consent"])
    text: str = Field(examples=["Harbour Bikes may text me about offers."])
    ticked: bool


class WholeLead(Lead):
    """One lead with all that was answered, also what the mapping sends nowhere."""

    answers: list[LeadAnswer] | None = Field(description="Null until it is fetched, and when it was refused.")
    checkboxes: list[LeadTick]


class Retried(BaseModel):
    job_id: UUID
    status: Literal["queued"] = "queued"


class Replay(Body):
    """Which of the failed leads."""

    channel_id: UUID | None = Field(default=None, description="Those of this page only.")


class Replayed(BaseModel):
    count: int = Field(description=f"How many; {AT_ONCE} at most, those that were left first.", examples=[3])


@router.get("", dependencies=[permit("leads.read")])
def all_leads(
    asked: Asked,
    limit: Limit = 50,
    cursor: Cursor = None,
    state: Annotated[State | None, Query(description="Only those in this state.")] = None,
    form_id: Annotated[UUID | None, Query(description="Only those of this form.")] = None,
    contact_id: Annotated[UUID | None, Query(description="Only those of this contact.")] = None,
    test: Annotated[bool | None, Query(description="Only tests, or none of them.")] = None,
    since: Annotated[AwareDatetime | None, Query(description="Left at this time or later.")] = None,
    until: Annotated[AwareDatetime | None, Query(description="Left before this time.")] = None,
) -> Page[Lead]:
    """Leads of all pages, those that were left last first."""
    place = place_of(cursor)
    found = shown.leads(
        asked.tx,
        asked.person.organization_id,
        state=state,
        form_id=form_id,
        contact_id=contact_id,
        test=test,
        since=since,
        until=until,
        before=place.at,
        before_id=place.id,
        limit=limit,
    )
    after = str(Place(found[-1]["submitted_at"], found[-1]["id"])) if len(found) == limit else None
    return Page(items=[Lead.model_validate(_lead(row)) for row in found], next=after)


@router.post("/replay", status_code=202, dependencies=[permit("leads.manage")])
def replay(asked: Asked, once: Once, wanted: Replay) -> Replayed:
    """Have the leads fetched again that failed, with all tries anew."""

    def act() -> Replayed:
        count = replay_failed(
            asked.tx,
            asked.person.organization_id,
            wanted.channel_id,
            actor=asked.actor,
            now=asked.door.clock(),
        )
        return Replayed(count=count)

    return once(Replayed, act)


@router.get("/{lead_id}", dependencies=[permit("leads.read")], responses=problems(404))
def one(asked: Asked, lead_id: UUID) -> WholeLead:
    """One lead with its answers."""
    row = shown.lead(asked.tx, asked.person.organization_id, lead_id)
    questions = {one["key"]: one["label"] for one in row["questions"] or ()}
    mapping: dict[str, str] = row["mapping"] or {}
    answers = row["answers"] and [
        {**answer, "label": questions.get(answer["key"]), "target": mapping.get(answer["key"])}
        for answer in row["answers"]
    ]
    ticked, legal = set(row["ticked"] or ()), cast("dict[str, Any]", row["disclaimer"] or {})
    boxes = [
        {"key": box["key"], "text": box["text"], "ticked": box["key"] in ticked}
        for box in cast("list[dict[str, Any]]", legal.get("checkboxes", []))
    ]
    checkboxes = boxes if row["ticked"] is not None else []
    return WholeLead.model_validate({**_lead(row), "answers": answers, "checkboxes": checkboxes})


@router.post(
    "/{lead_id}/retry", status_code=202, dependencies=[permit("leads.manage")], responses=problems(404, 409)
)
def retry(asked: Asked, once: Once, lead_id: UUID) -> Retried:
    """Have a lead fetched now that is not here, with all tries anew."""

    def act() -> Retried:
        organization_id, now = asked.person.organization_id, asked.door.clock()
        return Retried(job_id=retry_lead(asked.tx, organization_id, lead_id, actor=asked.actor, now=now))

    return once(Retried, act)


def _lead(row: dict[str, Any]) -> dict[str, Any]:
    code = _REFUSED.get(row["state"]) or row["failure"]
    return {
        **row,
        "lead_id": row["provider_lead_id"],
        "trouble": _trouble(code, explain),
        "first_message_trouble": _trouble(row["first_message_failure"], explain_unanswered),
    }


def _trouble(code: str | None, explain: Callable[[str], Trouble]) -> dict[str, str] | None:
    if code is None:
        return None
    told = explain(code)
    return {"code": code, "cause": told.cause, "remedy": told.remedy}
