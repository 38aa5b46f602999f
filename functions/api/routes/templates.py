"""WhatsApp templates: what Meta has approved, brought up to date every hour, at each change and on demand."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from functions.api.asking import Asked, permit
from functions.api.limits import Body
from functions.api.paging import Cursor, Limit, Page
from functions.api.problems import problems
from leadsrally.kit.cursor import Place, place_of
from leadsrally.kit.errors import Conflict, NotFound
from leadsrally.messaging.templates import store as template_store
from leadsrally.messaging.templates import values as templates
from leadsrally.messaging.templates.store import Stored
from leadsrally.messaging.templates.sync import ask_for_account
from leadsrally.messaging.templates.values import Values
from leadsrally.messaging.types import (
    ButtonKind,
    HeaderKind,
    Quality,
    TemplateCategory,
    TemplateForm,
    TemplateState,
)

router = APIRouter(prefix="/v1/templates", tags=["templates"])

ValueName = Annotated[str, Field(max_length=64, examples=["1"])]
Value = Annotated[str, Field(max_length=2000, examples=["Ada"])]


class Wanted(BaseModel):
    """A text with gaps, and the values that fill them."""

    text: str = Field(examples=["Hi {{1}}, your {{2}} is ready."])
    values: list[str] = Field(examples=[["1", "2"]])


class TemplateHeader(BaseModel):
    kind: HeaderKind = Field(description="Other than `text`: a file of this kind comes with the message.")
    text: str = Field(examples=["Your order"])
    values: list[str] = Field(examples=[[]])


class TemplateButton(BaseModel):
    kind: ButtonKind
    text: str = Field(examples=["Track it"])
    url: str | None = Field(examples=["https://harbour-bikes.example/track/{{1}}"])
    wants_value: bool = Field(description="The end of its address, or a code to copy.")


class Template(BaseModel):
    id: UUID
    account_id: str = Field(description="The WhatsApp Business account.", examples=["102290129340398"])
    name: str = Field(examples=["bike_ready"])
    language: str = Field(examples=["en_US"])
    category: TemplateCategory
    state: TemplateState = Field(description="Only what is `approved` can be sent.")
    reason: str | None = Field(description="Meta's word for a rejection.", examples=["invalid_format"])
    quality: Quality
    header: TemplateHeader | None
    body: Wanted
    footer: str = Field(examples=["Harbour Bikes"])
    buttons: list[TemplateButton]
    changed_at: datetime = Field(description="When its state, category or form last changed.")
    synced_at: datetime


class TemplateValues(Body):
    """What fills the gaps. Buttons go by their place, counted from 0."""

    body: dict[ValueName, Value] = Field(
        default={}, max_length=100, examples=[{"1": "Ada", "2": "city bike"}]
    )
    header: dict[ValueName, Value] = Field(default={}, max_length=10, examples=[{}])
    buttons: dict[Annotated[int, Field(ge=0, le=20)], Value] = Field(default={}, max_length=20, examples=[{}])

    def values(self) -> Values:
        return Values(self.body, self.header, self.buttons)


class PreviewButton(BaseModel):
    kind: ButtonKind
    text: str = Field(examples=["Track it"])
    url: str | None = Field(examples=["https://harbour-bikes.example/track/42"])


class Preview(BaseModel):
    """How it reads with the values."""

    header: str = Field(examples=["Your order"])
    body: str = Field(examples=["Hi Ada, your city bike is ready."])
    footer: str = Field(examples=["Harbour Bikes"])
    buttons: list[PreviewButton]


class SyncAsked(BaseModel):
    job_id: UUID
    status: Literal["queued"] = "queued"


@router.get("", dependencies=[permit("templates.read")])
def all_templates(
    asked: Asked,
    limit: Limit = 50,
    cursor: Cursor = None,
    state: Annotated[TemplateState | None, Query(description="Only those in this state.")] = None,
    account_id: Annotated[
        str | None, Query(max_length=64, description="Only those of this WhatsApp Business account.")
    ] = None,
) -> Page[Template]:
    """All templates in all their languages and states, newest first."""
    place = place_of(cursor)
    found = template_store.newest(
        asked.tx,
        asked.person.organization_id,
        waba_id=account_id,
        state=state,
        before=place.at,
        before_id=place.id,
        limit=limit,
    )
    after = str(Place(found[-1].created_at, found[-1].id)) if len(found) == limit else None
    return Page(items=[_template(one) for one in found], next=after)


@router.post(
    "/sync/{channel_id}",
    status_code=202,
    dependencies=[permit("templates.manage")],
    responses=problems(404, 409),
)
def sync(asked: Asked, channel_id: UUID) -> SyncAsked:
    """Ask Meta now what has changed in the account of this channel; `synced_at` shows it within a minute."""
    now, organization_id = asked.door.clock(), asked.person.organization_id
    job_id = ask_for_account(asked.tx, organization_id, channel_id, now=now)
    if job_id is None:
        raise NotFound("There is no such WhatsApp channel.", code="channel_not_found")
    return SyncAsked(job_id=job_id)


@router.get("/{template_id}", dependencies=[permit("templates.read")], responses=problems(404))
def one(asked: Asked, template_id: UUID) -> Template:
    """One template in one language."""
    return _template(_found(asked, template_id))


@router.post("/{template_id}/preview", dependencies=[permit("templates.read")], responses=problems(404, 409))
def preview(asked: Asked, template_id: UUID, given: TemplateValues) -> Preview:
    """How the message would read, or why Meta would refuse these values. A file in the header is left out."""
    found = _found(asked, template_id)
    if found.state != "approved":
        raise Conflict(f"The template may not be sent: it is {found.state}.", code="template_not_approved")
    form = templates.from_json(found.form)
    file = form.header.kind if form.header and form.header.kind in templates.FILES else None
    values = given.values()
    shown = templates.read(form, Values(values.body, values.header, values.buttons, file))
    buttons = [PreviewButton(kind=button.kind, text=button.text, url=button.url) for button in shown.buttons]
    return Preview(header=shown.header, body=shown.body, footer=shown.footer, buttons=buttons)


def _found(asked: Asked, template_id: UUID) -> Stored:
    found = template_store.by_id(asked.tx, asked.person.organization_id, template_id)
    if found is None:
        raise NotFound("There is no such template.", code="template_not_found")
    return found


def _template(found: Stored) -> Template:
    form: TemplateForm = templates.from_json(found.form)
    header = form.header
    return Template.model_validate(
        {
            "id": found.id,
            "account_id": found.waba_id,
            "name": found.name,
            "language": found.language,
            "category": found.category,
            "state": found.state,
            "reason": found.reason,
            "quality": found.quality,
            "header": header
            and {"kind": header.kind, "text": header.wording.text, "values": header.wording.values},
            "body": {"text": form.body.text, "values": form.body.values},
            "footer": form.footer,
            "buttons": [
                {"kind": one.kind, "text": one.text, "url": one.url, "wants_value": one.wants_value}
                for one in form.buttons
            ],
            "changed_at": found.changed_at,
            "synced_at": found.synced_at,
        }
    )
