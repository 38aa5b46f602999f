"""Lead forms of a page: what they ask, where the answers go, and what their checkboxes permit."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from functions.api import etags
from functions.api.asking import Asked, permit
from functions.api.etags import IfMatch
from functions.api.limits import Body, Patch
from functions.api.once import Once
from functions.api.paging import Cursor, Limit, Page
from functions.api.problems import problems
from functions.api.routes.templates import Value, ValueName
from leadsrally.consent.types import ChannelKind
from leadsrally.kit.cursor import START, Place, place_of
from leadsrally.messaging.compose import MAX_CHARACTERS
from leadsrally.messaging.leads import shown
from leadsrally.messaging.leads.catch_up import ask_for_sync
from leadsrally.messaging.leads.edit_form import edit_form, no_form
from leadsrally.messaging.leads.shown import ListedForm
from leadsrally.messaging.leads.types import FormState

router = APIRouter(prefix="/v1/channels/{channel_id}/forms", tags=["lead_forms"])

Key = Annotated[str, Field(min_length=1, max_length=200)]
Target = Annotated[
    str,
    Field(
        max_length=80,
        description="`name`, `first_name`, `last_name`, `phone`, `email`, `age`, `birth_date`, `ignore`, or `field:` "
        "and the key of a field of yours.",
        examples=["name"],
    ),
]
_MAPPING: list[Any] = [{"full_name": "name", "phone_number": "phone"}]
_CONSENTS: list[Any] = [{"consent": ["sms"]}]


class FormQuestion(BaseModel):
    key: str = Field(examples=["full_name"])
    label: str = Field(examples=["Full name"])
    kind: str = Field(description="Meta's word for a standard question, else CUSTOM.", examples=["FULL_NAME"])


class FormCheckbox(BaseModel):
    key: str = Field(examples=["consent"])
    text: str = Field(examples=["Harbour Bikes may text me about offers."])
    required: bool
    ticked_before: bool = Field(description="It is ticked from the start, so nobody agrees by it.")


class FormDisclaimer(BaseModel):
    """The form's own legal wording, kept as proof of what people agreed to."""

    title: str = Field(examples=["Offers"])
    text: str = Field(examples=["We text about once a month."])
    checkboxes: list[FormCheckbox]


class FirstMessage(Body):
    """What whoever leaves a lead is written at once: a text by SMS, or a template by WhatsApp.

    It is an offer: it goes to whoever agreed to offers, in the hours of the place it goes to. Gaps such as
    `{{first_name|there}}` may stand in a text and in a template's values.
    """

    channel_id: UUID = Field(description="The SMS or WhatsApp number that it comes from.")
    text: str | None = Field(
        default=None,
        max_length=MAX_CHARACTERS["sms"],
        examples=["Hi {{first_name|there}}, thanks for asking about a test ride! When would suit you?"],
    )
    template: str | None = Field(default=None, min_length=1, max_length=512, examples=[None])
    language: str | None = Field(
        default=None, max_length=16, pattern=r"^[A-Za-z]{2,3}(_[A-Za-z]{2,4})?$", examples=[None]
    )
    body: dict[ValueName, Value] = Field(default={}, max_length=100, examples=[{}])
    header: dict[ValueName, Value] = Field(default={}, max_length=10, examples=[{}])


class LeadForm(BaseModel):
    id: UUID
    form_id: str = Field(description="What Meta calls it.", examples=["9000000000001"])
    name: str = Field(examples=["Test ride"])
    locale: str = Field(examples=["en_US"])
    state: FormState
    questions: list[FormQuestion]
    disclaimer: FormDisclaimer | None
    privacy_url: str | None = Field(examples=["https://harbour-bikes.example/privacy"])
    mapping: dict[str, str] = Field(
        description="A question's key, and where its answer goes. Whatever it says, an answer is kept with its lead.",
        examples=_MAPPING,
    )
    consents: dict[str, list[ChannelKind]] = Field(
        description="A checkbox's key, and by what whoever ticks it agrees to get offers. Suggested is what its "
        "wording names.",
        examples=_CONSENTS,
    )
    country: str | None = Field(
        description="Region of numbers without a country code; null: the organisation's.", examples=["US"]
    )
    first_message: FirstMessage | None = Field(description="Null: nobody is written to by itself.")
    fetched: int = Field(description="Leads that are here, tests not counted.", examples=[12])
    waiting: int = Field(examples=[0])
    failed: int = Field(examples=[0])
    synced_at: datetime
    read_through: datetime | None = Field(
        description="Every lead left before this is here, or shown with its trouble."
    )


class LeadFormEdit(Patch):
    mapping: dict[Key, Target] = Field(default={}, max_length=100, examples=_MAPPING)
    consents: dict[Key, list[ChannelKind]] = Field(default={}, max_length=20, examples=_CONSENTS)
    country: str | None = Field(None, min_length=2, max_length=2, examples=["US"])
    first_message: FirstMessage | None = Field(None, description="Null: write to nobody.", examples=[None])


class FormsSyncAsked(BaseModel):
    job_id: UUID
    status: Literal["queued"] = "queued"


@router.get("", dependencies=[permit("leads.read")], responses=problems(404))
def all_forms(asked: Asked, channel_id: UUID, limit: Limit = 50, cursor: Cursor = None) -> Page[LeadForm]:
    """Forms of a page, those that we met last first. A form that Meta does not list any more is `deleted`."""
    place, organization_id = place_of(cursor), asked.person.organization_id
    shown.must_be_page(asked.tx, organization_id, channel_id)
    found = shown.forms(
        asked.tx, organization_id, channel_id, before=place.at, before_id=place.id, limit=limit
    )
    after = str(Place(found[-1].created_at, found[-1].id)) if len(found) == limit else None
    return Page(items=[_form(one) for one in found], next=after)


@router.post("/sync", status_code=202, dependencies=[permit("leads.manage")], responses=problems(404))
def sync(asked: Asked, once: Once, channel_id: UUID) -> FormsSyncAsked:
    """Look at Meta now for new and changed forms, and for leads that nobody told us of."""

    def act() -> FormsSyncAsked:
        organization_id, now = asked.person.organization_id, asked.door.clock()
        shown.must_be_page(asked.tx, organization_id, channel_id)
        return FormsSyncAsked(job_id=ask_for_sync(asked.tx, organization_id, channel_id, now=now))

    return once(FormsSyncAsked, act)


@router.get(
    "/{form_id}",
    dependencies=[permit("leads.read")],
    responses={**problems(404), **etags.headers(200)},
)
def one(asked: Asked, response: Response, channel_id: UUID, form_id: UUID) -> LeadForm:
    """One form."""
    return _tagged(response, asked, channel_id, form_id)


@router.patch(
    "/{form_id}",
    dependencies=[permit("leads.manage")],
    responses={**problems(404), **etags.headers(200)},
)
def edit(
    asked: Asked, response: Response, channel_id: UUID, form_id: UUID, version: IfMatch, edit: LeadFormEdit
) -> LeadForm:
    """Say where answers go and what a tick permits. It holds for leads that come from now on."""
    edit_form(
        asked.tx,
        asked.person.organization_id,
        channel_id,
        form_id,
        version,
        changes=edit.given(),
        actor=asked.actor,
        now=asked.door.clock(),
    )
    return _tagged(response, asked, channel_id, form_id)


def _tagged(response: Response, asked: Asked, channel_id: UUID, form_id: UUID) -> LeadForm:
    found = shown.forms(
        asked.tx,
        asked.person.organization_id,
        channel_id,
        before=START.at,
        before_id=START.id,
        limit=1,
        form_id=form_id,
    )
    if not found:
        raise no_form()
    response.headers["ETag"] = etags.tag(found[0].version)
    return _form(found[0])


def _form(found: ListedForm) -> LeadForm:
    return LeadForm.model_validate(
        {
            "id": found.id,
            "form_id": found.provider_form_id,
            "name": found.name,
            "locale": found.locale,
            "state": found.state,
            "questions": found.questions,
            "disclaimer": found.disclaimer,
            "privacy_url": found.privacy_url,
            "mapping": found.mapping,
            "consents": found.consents,
            "country": found.country,
            "first_message": found.first_message,
            "fetched": found.fetched,
            "waiting": found.waiting,
            "failed": found.failed,
            "synced_at": found.synced_at,
            "read_through": found.read_through,
        }
    )
