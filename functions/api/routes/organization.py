"""The organisation: how it is named and reached, where it is at home, and which AI features are on."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from functions.api import etags
from functions.api.asking import Asked, permit
from functions.api.etags import IfMatch
from functions.api.limits import Line, Patch
from leadsrally.accounts.profile import Profile, edit_profile, profile
from leadsrally.accounts.types import Language

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
