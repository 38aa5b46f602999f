"""Previews: what a reply would be, before anybody sends it."""

from dataclasses import asdict
from datetime import date, datetime
from typing import Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field

from functions.api.asking import Asked, permit
from functions.api.limits import Body
from functions.api.problems import problems
from leadsrally.messaging.compose import MAX_CHARACTERS
from leadsrally.messaging.media.limits import MOST_IN_MMS
from leadsrally.messaging.preview import preview_message

router = APIRouter(prefix="/v1/conversations/{conversation_id}/messages/preview", tags=["replies"])


class Sketch(Body):
    """A reply that nobody has sent."""

    body: str = Field(
        max_length=MAX_CHARACTERS["whatsapp"], examples=["Hi {{first_name|there}}! We open at 9."]
    )
    files: int = Field(default=0, ge=0, le=MOST_IN_MMS, description="How many files would go with it.")


class Forcing(BaseModel):
    """A character for which a text has to be sent in UTF-16, where a part holds less than half as much."""

    position: int = Field(description="In the text as it will be sent, from 0.", examples=[10])
    character: str = Field(examples=["\N{RIGHT SINGLE QUOTATION MARK}"])
    instead: str | None = Field(
        description="What says the same and forces nothing: empty to leave it out, null where nothing does.",
        examples=["'"],
    )


class SmsParts(BaseModel):
    encoding: Literal["GSM-7", "UCS-2"]
    parts: int = Field(description="Segments, each of which is paid for.", examples=[1])
    places: int = Field(description="That the text takes; some characters take two.", examples=[27])
    left: int = Field(description="That the last part still has.", examples=[133])
    forcing: list[Forcing] = Field(description="The first fifty of them.")


class WindowShown(BaseModel):
    """WhatsApp's 24 hours for what is no template."""

    open: bool
    closes_at: datetime | None = Field(description="Null: the person has not written yet.")
    templates: list[str] = Field(
        description="What goes when it is closed.", examples=[["bike_ready (en_US)"]]
    )


class PriceShown(BaseModel):
    """An estimate by a dated list of prices, before carriers' fees, taxes and what was agreed with the provider."""

    micros: int = Field(description="Millionths of the currency.", examples=[8300])
    currency: str = Field(examples=["USD"])
    estimate: Literal[True] = True
    as_of: date
    source: str = Field(examples=["https://www.twilio.com/en-us/sms/pricing"])


class MessagePreview(BaseModel):
    channel: Literal["sms", "whatsapp"]
    body: str = Field(
        description="With its gaps filled, as it would be sent.", examples=["Hi Ada! We open at 9."]
    )
    characters: int = Field(examples=[21])
    sms: SmsParts | None = Field(description="Of a text without files.")
    window: WindowShown | None = Field(description="On WhatsApp.")
    price: PriceShown | None = Field(description="Null where no price is known here; none is guessed.")


@router.post("", dependencies=[permit("conversations.write")], responses=problems(401, 403, 404, 422))
def preview(asked: Asked, conversation_id: UUID, sketch: Sketch) -> MessagePreview:
    """What a reply would be: its words, its parts, its likely price, and until when it may go. Nothing is stored."""
    shown = preview_message(
        asked.tx,
        asked.person.organization_id,
        conversation_id,
        sketch.body,
        files=sketch.files,
        now=asked.door.clock(),
    )
    told = asdict(shown)
    parts = told.pop("parts")
    forcing = told.pop("forcing")
    return MessagePreview.model_validate(
        {
            **told,
            "characters": len(shown.body),
            "sms": parts and {**parts, "forcing": forcing},
        }
    )
