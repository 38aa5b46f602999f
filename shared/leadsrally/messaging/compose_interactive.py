"""Buttons and lists for WhatsApp, checked against its limits before they are queued.

https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/interactive-reply-buttons-messages
and …/interactive-list-messages
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from leadsrally.kit.db import Tx
from leadsrally.kit.errors import Invalid
from leadsrally.messaging import store
from leadsrally.messaging.compose import queue_draft
from leadsrally.messaging.media.send import attach, header_kind
from leadsrally.messaging.types import Draft

LONGEST_BODY: Final = 1024
LONGEST_HEADER: Final = 60  # and a footer
MOST_BUTTONS: Final = 3
MOST_ROWS: Final = 10
LONGEST_BUTTON: Final = 20
LONGEST_ROW: Final = 24
LONGEST_DESCRIPTION: Final = 72
LONGEST_ID: Final = 200


@dataclass(frozen=True, slots=True)
class Choice:
    """A button or a row. The id comes back when it is chosen."""

    id: str
    title: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    rows: Sequence[Choice]
    title: str = ""


@dataclass(frozen=True, slots=True)
class Buttons:
    body: str
    buttons: Sequence[Choice]
    header: str = ""
    footer: str = ""
    upload: UUID | None = None  # a file above the text, instead of a header in words


@dataclass(frozen=True, slots=True)
class ChoiceList:
    body: str
    button: str  # what opens the list
    sections: Sequence[Section]
    header: str = ""
    footer: str = ""


def interactive_draft(asked: Buttons | ChoiceList) -> Draft:
    """The message to queue, without its file. Raises `Invalid` with one sentence for what WhatsApp would refuse."""
    _within("text", asked.body, LONGEST_BODY)
    for name, text in (("header", asked.header), ("footer", asked.footer)):
        if text:
            _within(name, text, LONGEST_HEADER)
    told: dict[str, Any] = {"header": asked.header, "footer": asked.footer}
    if isinstance(asked, Buttons):
        if not 1 <= len(asked.buttons) <= MOST_BUTTONS:
            raise _wrong(f"There are 1 to {MOST_BUTTONS} buttons. Use a list for more.")
        if asked.header and asked.upload is not None:
            raise _wrong("The header is words or a file, not both. Leave one of them out.")
        _distinct(asked.buttons, LONGEST_BUTTON)
        told["buttons"] = [{"id": button.id, "title": button.title} for button in asked.buttons]
    else:
        told |= _list(asked)
    return Draft("interactive", asked.body, {"interactive": told})


def queue_interactive(
    tx: Tx,
    organization_id: UUID,
    conversation_id: UUID,
    asked: Buttons | ChoiceList,
    *,
    now: datetime,
    author_id: UUID | None = None,
    idempotency_key: str | None = None,
) -> UUID:
    """Queue it as an answer; returns the message's id.

    Raises what `interactive_draft` raises, `Invalid` for a channel without buttons, and `NotFound` for a
    conversation that is not this organisation's; of its file, what `queue_files` raises.
    """
    draft, uploads = interactive_draft(asked), []
    if store.channel_kind_of(tx, organization_id, conversation_id) == "sms":
        raise Invalid("Buttons and lists are sent over WhatsApp only.", code="no_choices_here")
    if isinstance(asked, Buttons) and asked.upload is not None:
        uploads = [asked.upload]
        told = {**(draft.content or {})["interactive"], "file": header_kind(tx, organization_id, uploads)}
        draft = replace(draft, content={"interactive": told})
    message_id = queue_draft(
        tx,
        organization_id,
        conversation_id,
        draft,
        now=now,
        purpose="service",
        author_id=author_id,
        idempotency_key=idempotency_key,
    )
    attach(tx, organization_id, message_id, uploads)
    return message_id


def _list(asked: ChoiceList) -> dict[str, Any]:
    _within("list's button", asked.button, LONGEST_BUTTON)
    rows = [row for section in asked.sections for row in section.rows]
    if not 1 <= len(rows) <= MOST_ROWS or not all(section.rows for section in asked.sections):
        raise _wrong(f"A list has 1 to {MOST_ROWS} rows, and each section at least one.")
    if len(asked.sections) > 1:
        for section in asked.sections:
            _within("title of a section", section.title, LONGEST_ROW)
    _distinct(rows, LONGEST_ROW)
    return {
        "button": asked.button,
        "sections": [
            {
                "title": section.title,
                "rows": [
                    {"id": row.id, "title": row.title, "description": row.description} for row in section.rows
                ],
            }
            for section in asked.sections
        ],
    }


def _distinct(choices: Sequence[Choice], longest: int) -> None:
    for choice in choices:
        _within("id of a choice", choice.id, LONGEST_ID)
        _within("title of a choice", choice.title, longest)
        if len(choice.description) > LONGEST_DESCRIPTION:
            raise _wrong(f"A description has at most {LONGEST_DESCRIPTION} characters. Shorten it.")
    if len({choice.id for choice in choices}) < len(choices):
        raise _wrong("Two choices have the same id. Give each one of its own.")
    if len({choice.title for choice in choices}) < len(choices):
        raise _wrong("Two choices have the same title. Give each one of its own.")


def _within(name: str, text: str, longest: int) -> None:
    if not text.strip():
        raise _wrong(f"The {name} is empty. Write something.")
    if len(text) > longest:
        raise _wrong(f"The {name} has {len(text)} characters; WhatsApp takes {longest}. Shorten it.")


def _wrong(sentence: str) -> Invalid:
    return Invalid(sentence, code="interactive")
