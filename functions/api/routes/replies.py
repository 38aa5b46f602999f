"""Replies, and the first words to a person. Whether they may go is decided when their turn comes; the thread shows it."""

from dataclasses import replace
from functools import partial
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field

from functions.api import once
from functions.api.asking import Asked, permit
from functions.api.limits import Body
from functions.api.problems import problems
from functions.api.routes.templates import TemplateValues
from leadsrally.messaging.compose import MAX_CHARACTERS, queue_message
from leadsrally.messaging.compose_interactive import (
    Buttons,
    Choice,
    ChoiceList,
    Section,
    queue_interactive,
)
from leadsrally.messaging.media.limits import MOST_IN_MMS
from leadsrally.messaging.media.send import queue_files
from leadsrally.messaging.open_conversation import open_conversation
from leadsrally.messaging.preview import fill_gaps
from leadsrally.messaging.templates.compose import TemplateWanted, queue_template
from leadsrally.messaging.window import refuse_closed

router = APIRouter(prefix="/v1/conversations", tags=["replies"])


class Draft(Body):
    body: str = Field(
        default="",
        max_length=MAX_CHARACTERS["whatsapp"],
        description="May be left out when there are files. `{{first_name|there}}` is filled with what is known of the "
        "person, or with what stands behind the bar.",
        examples=["Hi {{first_name|there}}! We open at 9."],
    )
    uploads: list[UUID] = Field(
        default=[],
        max_length=MOST_IN_MMS,
        description="Files to send, in this order: one over WhatsApp, up to ten by MMS.",
        examples=[[]],
    )
    reply_to: UUID | None = Field(default=None, description="The message that it answers, on WhatsApp.")


class TemplateDraft(TemplateValues):
    """A template by its name. Without a language the person's own is taken, else the organisation's."""

    upload: UUID | None = Field(default=None, description="The file for its header, where it has one.")

    name: str = Field(min_length=1, max_length=512, examples=["bike_ready"])
    language: Annotated[
        str | None,
        Field(max_length=16, pattern=r"^[A-Za-z]{2,3}(_[A-Za-z]{2,4})?$", examples=["en_US"]),
    ] = None


class ChoiceDraft(Body):
    """A button or a row. The id comes back when it is chosen."""

    id: str = Field(min_length=1, max_length=200, examples=["blue"])
    title: str = Field(min_length=1, max_length=24, examples=["The blue one"])
    description: str = Field(default="", max_length=72, examples=["In stock"])


class SectionDraft(Body):
    title: str = Field(default="", max_length=24, examples=["City bikes"])
    rows: list[ChoiceDraft] = Field(min_length=1, max_length=10)


class ButtonsDraft(Body):
    """Up to three buttons under a text, on WhatsApp."""

    body: str = Field(min_length=1, max_length=1024, examples=["Which one would you like to try?"])
    header: str = Field(default="", max_length=60, examples=["City bikes"])
    footer: str = Field(default="", max_length=60, examples=["Harbour Bikes"])
    upload: UUID | None = Field(
        default=None, description="A picture, a film or a document above the text, instead of a header."
    )
    buttons: list[ChoiceDraft] = Field(min_length=1, max_length=3)


class ListDraft(Body):
    """A list of up to ten rows that opens with a button, on WhatsApp."""

    body: str = Field(min_length=1, max_length=1024, examples=["When would you like to come?"])
    header: str = Field(default="", max_length=60, examples=["City bikes"])
    footer: str = Field(default="", max_length=60, examples=["Harbour Bikes"])
    button: str = Field(min_length=1, max_length=20, examples=["Choose"])
    sections: list[SectionDraft] = Field(min_length=1, max_length=10)


class Queued(BaseModel):
    id: UUID
    status: Literal["queued"] = "queued"


class QueuedInLanguage(Queued):
    language: str = Field(description="The one that was chosen.", examples=["en_US"])


class Opening(Body):
    """The first words to somebody: a text, or on WhatsApp a template."""

    contact_id: UUID
    channel_id: UUID
    message: TemplateDraft | Draft
    purpose: Literal["marketing", "service"] = Field(
        default="marketing",
        description="What a text is for. An offer needs a recorded yes, goes in the hours of the place it goes to and "
        "says how to opt out. Of a template its category says it.",
    )


class Opened(BaseModel):
    conversation_id: UUID
    message_id: UUID
    status: Literal["queued"] = "queued"


@router.post(
    "",
    status_code=202,
    dependencies=[permit("conversations.write")],
    responses=problems(401, 403, 404, 409, 422),
)
def open_with(asked: Asked, opening: Opening, key: once.Key = None) -> Opened:
    """Write to a contact of yours first, or go on in the thread that there is.

    By WhatsApp whoever has not written for 24 hours gets templates only; 409 names some that go.
    """
    conversation_id = open_conversation(
        asked.tx,
        asked.person.organization_id,
        opening.contact_id,
        opening.channel_id,
        now=asked.door.clock(),
    )
    if isinstance(opening.message, TemplateDraft):
        message_id = send_template(asked, conversation_id, opening.message, key).id
    else:
        message_id = _queue(asked, conversation_id, opening.message, key, opening.purpose)
    return Opened(conversation_id=conversation_id, message_id=message_id)


@router.post(
    "/{conversation_id}/messages",
    status_code=202,
    dependencies=[permit("conversations.write")],
    responses=problems(401, 403, 404, 409, 422),
)
def reply(
    asked: Asked,
    conversation_id: UUID,
    draft: Draft,
    key: once.Key = None,
) -> Queued:
    """Queue a reply, its gaps filled now. Whether it may go is decided when its turn comes; the thread shows the verdict.

    `{{unsubscribe_link}}` in the text becomes the person's own link, which needs no log-in.

    On WhatsApp a text goes for 24 hours after the person last wrote; later, 409 names templates that go instead.
    """
    return Queued(id=_queue(asked, conversation_id, draft, key, "service"))


@router.post(
    "/{conversation_id}/templates",
    status_code=202,
    dependencies=[permit("conversations.write")],
    responses=problems(404, 409),
)
def send_template(
    asked: Asked,
    conversation_id: UUID,
    draft: TemplateDraft,
    key: once.Key = None,
) -> QueuedInLanguage:
    """Queue a WhatsApp template, in the wanted language or the nearest that is approved."""
    queued = queue_template(
        asked.tx,
        asked.person.organization_id,
        conversation_id,
        TemplateWanted(draft.name, draft.language, draft.values(), draft.upload),
        author_id=asked.person.id,
        idempotency_key=key,
        now=asked.door.clock(),
    )
    return QueuedInLanguage(id=queued.message_id, language=queued.language)


@router.post(
    "/{conversation_id}/choices",
    status_code=202,
    dependencies=[permit("conversations.write")],
    responses=problems(404, 409),
)
def send_choices(
    asked: Asked,
    conversation_id: UUID,
    draft: ButtonsDraft | ListDraft,
    key: once.Key = None,
) -> Queued:
    """Queue a text with buttons or with a list, on WhatsApp and within its 24 hours."""
    organization_id, now = asked.person.organization_id, asked.door.clock()
    refuse_closed(asked.tx, organization_id, conversation_id, now=now)
    body = fill_gaps(asked.tx, organization_id, conversation_id, draft.body)
    message_id = queue_interactive(
        asked.tx,
        organization_id,
        conversation_id,
        replace(_choices(draft), body=body),
        author_id=asked.person.id,
        idempotency_key=key,
        now=now,
    )
    return Queued(id=message_id)


def _queue(
    asked: Asked,
    conversation_id: UUID,
    draft: Draft,
    key: str | None,
    purpose: Literal["service", "marketing"],
) -> UUID:
    organization_id, now = asked.person.organization_id, asked.door.clock()
    refuse_closed(asked.tx, organization_id, conversation_id, now=now)
    body = fill_gaps(asked.tx, organization_id, conversation_id, draft.body)
    queue = partial(queue_files, uploads=draft.uploads) if draft.uploads else queue_message
    return queue(
        asked.tx,
        organization_id,
        conversation_id,
        body=body,
        purpose=purpose,
        author_id=asked.person.id,
        idempotency_key=key,
        reply_to=draft.reply_to,
        links=asked.door.unsubscribe_links,
        now=now,
    )


def _choices(draft: ButtonsDraft | ListDraft) -> Buttons | ChoiceList:
    def choice(one: ChoiceDraft) -> Choice:
        return Choice(one.id, one.title, one.description)

    if isinstance(draft, ButtonsDraft):
        return Buttons(draft.body, list(map(choice, draft.buttons)), draft.header, draft.footer, draft.upload)
    sections = [Section(list(map(choice, section.rows)), section.title) for section in draft.sections]
    return ChoiceList(draft.body, draft.button, sections, draft.header, draft.footer)
