"""Channels and what is done for them at their providers, as their people see them. No credential is among it."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from fastapi import Response
from pydantic import BaseModel, Field

from functions.api import etags
from functions.api.asking import Asking
from leadsrally.kit.errors import NotFound
from leadsrally.messaging.channels import store as channel_store
from leadsrally.messaging.channels import task_store
from leadsrally.messaging.channels.ask_provider import no_channel
from leadsrally.messaging.channels.checklist import CheckName
from leadsrally.messaging.channels.task_store import TaskKind, TaskProvider, TaskState
from leadsrally.messaging.channels.troubles import TROUBLES
from leadsrally.messaging.channels.workbench import callback_url, inbound_url
from leadsrally.messaging.types import ChannelKind, Health, Quality
from leadsrally.providers.meta import error_codes as meta_codes
from leadsrally.providers.twilio import error_codes as twilio_codes


class Trouble(BaseModel):
    """Why something is not as it should be, and what to do about it."""

    code: str = Field(examples=["webhook_elsewhere"])
    cause: str = Field(examples=["Texts to this number are sent to another address."])
    remedy: str = Field(examples=["Choose Configure, which points the number at us."])


class Check(BaseModel):
    """One thing that the live test looked at. An advice is no failure: it may stand in the way.

    What was skipped could not be looked at because of a line above it.
    """

    check: CheckName
    state: Literal["passed", "failed", "advice", "skipped"]
    found: str | None = Field(default=None, description="What was seen there.", examples=["never"])
    trouble: Trouble | None


class Channel(BaseModel):
    id: UUID
    kind: ChannelKind
    name: str = Field(examples=["Sales"])
    number: str | None = Field(
        description="Ours, E.164; null for a page, and for a WhatsApp number until its first test.",
        examples=["+15005550010"],
    )
    account_sid: str | None = Field(
        description="Of a number at Twilio.", examples=["AC00000000000000000000000000000d01"]
    )
    app_id: str | None = Field(
        description="Your app at Meta, of a WhatsApp number or a page.", examples=["670843887433847"]
    )
    waba_id: str | None = Field(description="WhatsApp Business account.", examples=["102290129340398"])
    phone_number_id: str | None = Field(description="WhatsApp number.", examples=["106540352242922"])
    page_id: str | None = Field(description="Of lead forms.", examples=["150000000000001"])
    state: Literal["active", "disconnected"]
    webhook_url: str = Field(
        description="Where the provider has to send what comes in.",
        examples=["https://app.example.com/webhooks/twilio/qF3vVn0Yh1m2kq9b8c7dJt5wX4zA6sLe/inbound"],
    )
    provider_answers_keywords: bool = Field(
        description="Twilio or the carrier confirms STOP and HELP, so we do not. Off: we do."
    )
    quiet_until: datetime | None = Field(description="The provider asked to slow down until then.")
    trouble: Trouble | None = Field(description="What somebody has to set right.")
    trouble_since: datetime | None
    health: Health | None = Field(description="Whether WhatsApp lets the number send.")
    quality: Quality | None = Field(description="How people take the number's messages, by WhatsApp.")
    messaging_limit: str | None = Field(
        description="How many people may be written to first within 24 hours, in WhatsApp's own word.",
        examples=["TIER_2K"],
    )
    name_status: str | None = Field(
        description="Of the name that people see, in WhatsApp's own word.", examples=["APPROVED"]
    )
    token_expires_at: datetime | None = Field(
        description="Owners are told 14 and 3 days before. Null: never, or not known before the first test."
    )
    challenged_at: datetime | None = Field(description="When Meta last made sure of `webhook_url`.")
    checks: list[Check] | None = Field(
        description="What the last live test found; null before the first. Channels at Meta are tested once a day."
    )
    checked_at: datetime | None
    created_at: datetime
    disconnected_at: datetime | None
    version: int


class Offer(BaseModel):
    """A number that could be bought a moment ago."""

    number: str = Field(examples=["+14155550100"])
    locality: str = Field(examples=["San Francisco"])
    region: str = Field(examples=["CA"])
    mms: bool
    voice: bool
    address_required: bool = Field(description="The regulator wants an address; add it in Twilio first.")


class Task(BaseModel):
    id: UUID
    kind: TaskKind
    state: TaskState = Field(
        description="`unknown`: a number was ordered, no answer came; it is being looked up."
    )
    channel_id: UUID | None = Field(description="Whose account is used; null when the task brought one.")
    number: str | None = Field(description="That is bought.", examples=["+14155550100"])
    trouble: Trouble | None = Field(description="Why it failed.")
    checks: list[Check] | None = Field(description="What a test found.")
    numbers: list[Offer] | None = Field(description="What a search found.")
    bought: UUID | None = Field(description="The channel of the number that was bought.")
    created_at: datetime
    finished_at: datetime | None


def found_channel(asked: Asking, channel_id: UUID) -> Channel:
    """Raises `NotFound` for what is no channel of the organisation."""
    row = channel_store.shown(asked.tx, asked.person.organization_id, channel_id)
    if row is None:
        raise no_channel()
    return shown_channel(asked, row)


def tagged(response: Response, channel: Channel) -> Channel:
    """The channel, with its version in the answer's header."""
    response.headers["ETag"] = etags.tag(channel.version)
    return channel


def shown_channel(asked: Asking, row: dict[str, Any]) -> Channel:
    """From a row of the store."""
    public_url = asked.door.settings.required("LEADSRALLY_PUBLIC_URL")
    own_url = inbound_url if row["kind"] == "sms" else callback_url
    provider = "twilio" if row["kind"] == "sms" else "meta"
    return Channel.model_validate(
        {
            **row,
            "number": row["address"],
            "webhook_url": own_url(public_url, row["key"]),
            "trouble": _trouble(row["trouble"], provider),
            "checks": _checks(row["checks"], provider),
        }
    )


def shown_task(asked: Asking, task_id: UUID) -> Task:
    """Raises `NotFound` for what is no task of the organisation."""
    row = task_store.shown_task(asked.tx, asked.person.organization_id, task_id)
    if row is None:
        raise NotFound("There is no such task.", code="task_not_found")
    result: dict[str, Any] = row["result"] or {}
    return Task.model_validate(
        {
            **row,
            "trouble": _trouble(row["failure"], row["provider"]),
            "checks": _checks(result.get("checks"), row["provider"]),
            "numbers": result.get("numbers"),
            "bought": result.get("channel_id"),
        }
    )


def _checks(found: list[dict[str, Any]] | None, provider: TaskProvider) -> list[Check] | None:
    if found is None:
        return None
    return [
        Check.model_validate({**check, "trouble": _trouble(check["reason"], provider)}) for check in found
    ]


def _trouble(code: str | None, provider: TaskProvider) -> Trouble | None:
    if code is None:
        return None
    explain = twilio_codes.explain if provider == "twilio" else meta_codes.explain
    told = TROUBLES.get(code) or explain(code)
    return Trouble(code=code, cause=told.cause, remedy=told.remedy)
