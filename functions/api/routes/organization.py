"""The organisation: how it is named and reached, where it is at home, and which AI features are on."""

from datetime import datetime, time
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import AfterValidator, BaseModel, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from functions.api import etags
from functions.api.asking import Asked, permit
from functions.api.etags import IfMatch
from functions.api.limits import Line, Patch
from leadsrally.accounts.profile import Profile, edit_profile, profile
from leadsrally.accounts.types import Language


def _of_a_wall(given: time) -> time:
    if given.tzinfo is not None:
        raise PydanticCustomError("zone", "The time is by the contact's clock and has no zone")
    return given


# No `format: time`, which by RFC 3339 has a zone; hours between 8 and 21 (see `OrganizationEdit`), and seconds.
_ON_A_WALL = WithJsonSchema(
    {"type": "string", "maxLength": 8, "pattern": "^((0[89]|1[0-9]|20):[0-5][0-9]:[0-5][0-9]|21:00:00)$"}
)
WallTime = Annotated[time, AfterValidator(_of_a_wall)]

router = APIRouter(prefix="/v1/organization", tags=["organization"])


class Organization(BaseModel):
    id: UUID
    name: str = Field(examples=["Harbour Bikes"])
    help_contact: str = Field(
        description="What HELP is answered with: an address or a number.", examples=["help@harbour.example"]
    )
    time_zone: str = Field(description="Of the IANA database.", examples=["America/New_York"])
    country: str = Field(
        description="Region of numbers that are written without a country code, by ISO 3166.", examples=["US"]
    )
    language: Language = Field(description="Of our mails to your people.")
    state: Literal["pending", "active", "paused"]
    ai_scoring: bool = Field(description="Incoming messages are scored by a model.")
    ai_suggestions: bool = Field(description="A model suggests answers.")
    ai_auto_reply: bool = Field(description="A model answers by itself.")
    ai_daily_calls: int = Field(description="Calls of a model a day at most.", examples=[2000])
    ai_daily_tokens: int = Field(description="Tokens a day at most.", examples=[2_000_000])
    contact_daily_messages: int = Field(description="Messages a day to one contact at most.", examples=[20])
    contact_daily_marketing: int = Field(
        description="Offers a day to one contact at most, over all campaigns. One more waits until there is room.",
        examples=[3],
    )
    marketing_opens: Annotated[time, _ON_A_WALL] = Field(
        description="Offers go from then on, by the contact's clock. The law may say later.",
        examples=["09:00:00"],
    )
    marketing_closes: Annotated[time, _ON_A_WALL] = Field(
        description="Offers go until then, by the contact's clock. The law may say earlier.",
        examples=["20:00:00"],
    )
    consent_languages: list[Language] = Field(
        description="Whose opt-out words count at once, besides the English ones and those of the carriers. A word of "
        "another language holds what is sent and asks a person.",
        examples=[["es", "pt"]],
    )
    stop_confirmation: str = Field(
        description="What a STOP is answered with, where the provider does not answer it. Empty: our own words.",
        examples=["Harbour Bikes: you will get no more messages. Reply START to undo."],
    )
    opt_out_scope: Literal["channel", "every_channel"] = Field(
        description="How far a STOP, a refusal or the unsubscribe link reaches: that kind of channel, or all of them."
    )
    created_at: datetime


class OrganizationEdit(Patch):
    name: Line = Field("", min_length=1, max_length=200, examples=["Harbour Bikes"])
    help_contact: Line = Field("", max_length=200, examples=["help@harbour.example"])
    time_zone: str = Field("", max_length=64, examples=["America/New_York"])
    country: str = Field("", min_length=2, max_length=2, examples=["US"])
    language: Language = "en"
    ai_scoring: bool = False
    ai_suggestions: bool = False
    ai_auto_reply: bool = False
    ai_daily_calls: int = Field(0, ge=0, le=1_000_000, examples=[2000])
    ai_daily_tokens: int = Field(0, ge=0, le=1_000_000_000, examples=[2_000_000])
    contact_daily_messages: int = Field(0, ge=0, le=1_000, examples=[20])
    contact_daily_marketing: int = Field(0, ge=0, le=1_000, examples=[3])
    marketing_opens: Annotated[WallTime, _ON_A_WALL] = Field(
        time(8), ge=time(8), le=time(21), examples=["09:00:00"]
    )
    marketing_closes: Annotated[WallTime, _ON_A_WALL] = Field(
        time(21), ge=time(8), le=time(21), examples=["20:00:00"]
    )
    consent_languages: list[Language] = Field([], max_length=6, examples=[["es", "pt"]])
    stop_confirmation: Line = Field(
        "",
        max_length=300,
        examples=["Harbour Bikes: you will get no more messages. Reply START to undo."],
    )
    opt_out_scope: Literal["channel", "every_channel"] = "channel"


@router.get("", dependencies=[permit("organization.read")], responses=etags.headers(200))
def read(asked: Asked, response: Response) -> Organization:
    """Your organisation's profile."""
    return _shown(profile(asked.tx, asked.person.organization_id), response)


@router.patch("", dependencies=[permit("organization.edit")], responses=etags.headers(200))
def edit(asked: Asked, response: Response, version: IfMatch, edit: OrganizationEdit) -> Organization:
    """Change what is given; what is left out stays."""
    edited = edit_profile(
        asked.tx,
        asked.person.organization_id,
        edit.given(),
        version=version,
        actor=asked.actor,
        now=asked.door.clock(),
    )
    return _shown(edited, response)


def _shown(found: Profile, response: Response) -> Organization:
    response.headers["etag"] = etags.tag(found.version)
    return Organization.model_validate(found, from_attributes=True)
