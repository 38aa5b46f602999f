"""Conversations: the inbox, one thread, and what a person decides about it."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from functions.api.asking import Asked, permit
from functions.api.content import Content
from functions.api.limits import Body
from functions.api.paging import Cursor, Limit, Page, next_cursor
from functions.api.problems import problems
from leadsrally.accounts import audit
from leadsrally.accounts.audit import AuditAction
from leadsrally.kit.cursor import place_of
from leadsrally.kit.errors import NotFound
from leadsrally.messaging import inbox, presence
from leadsrally.messaging.assign import assign
from leadsrally.messaging.review import review as decide_review
from leadsrally.messaging.take_over import hand_back, take_over
from leadsrally.messaging.types import ChannelKind, Kind, Status
from leadsrally.providers.meta import error_codes as meta_errors
from leadsrally.providers.twilio import error_codes as twilio_errors

router = APIRouter(prefix="/v1/conversations", tags=["conversations"])


class Conversation(BaseModel):
    id: UUID
    contact_id: UUID
    phone: str | None = Field(
        description="E.164; null for a person known only by a provider's id.", examples=["+12025550101"]
    )
    name: str = Field(examples=["Ada Lovelace"])
    channel: Literal["sms", "whatsapp"]
    our_number: str = Field(examples=["+15005550010"])
    last_message_at: datetime
    last_inbound_at: datetime | None = Field(
        description="On WhatsApp, when the person wrote last, by Meta's clock: for 24 hours from then on, anything "
        "may be answered."
    )
    preview: str = Field(examples=["How much is it?"])
    preview_kind: Kind = Field(description="Of the newest message, whose words the preview holds.")
    unread_count: int
    intent: str | None = Field(examples=["pricing"])
    interest: int | None = Field(description="From 0 to 100.", examples=[80])
    attention: str | None = Field(
        description="Why a person is asked to look, if so.", examples=["may_want_to_stop"]
    )
    assignee_id: UUID | None = Field(description="The colleague who answers it, if one was named.")
    ai_paused_at: datetime | None = Field(
        description="Since when a person has taken it over: no model reads it, and nothing goes out by itself."
    )
    ai_paused_by: UUID | None = Field(description="Who has taken it over; null for somebody who has left.")
    consent_state: Literal["granted", "revoked", "paused"] | None
    consent_source: str | None = Field(description="What changed it last.", examples=["keyword"])
    consent_since: datetime | None


class Permission(BaseModel):
    """What stands on one kind of channel, and since when and by what. No row: nothing was ever said."""

    channel: Literal["sms", "whatsapp", "email"]
    purpose: Literal["all", "service", "marketing"]
    state: Literal["granted", "revoked", "paused"]
    source: str = Field(description="What changed it last.", examples=["keyword"])
    since: datetime


class ConversationInFull(Conversation):
    ai_on: bool = Field(description="Whether the organisation lets a model read what people write.")
    permissions: list[Permission] = Field(
        description="On every kind of channel: a STOP on one leaves the others as they are."
    )


class Score(BaseModel):
    outcome: Literal["scored", "refusal", "truncated", "nonsense"]
    intent: str | None = Field(examples=["pricing"])
    interest: int | None = Field(description="From 0 to 100.", examples=[80])
    reason: str | None = Field(examples=["asks for a price"])
    suggestions: list[str] = Field(examples=[["It is 20 euros. Shall I put one aside?"]])
    wants_to_stop: bool
    language: str | None = Field(examples=["en"])
    model: str = Field(examples=["claude-haiku-5-5"])
    prompt_version: str = Field(examples=["score.v1"])
    created_at: datetime


class Failure(BaseModel):
    code: str = Field(description="Of the provider.", examples=["30003"])
    cause: str = Field(examples=["The handset is switched off or out of reach."])
    remedy: str = Field(examples=["Try again later."])
    final: bool = Field(description="Whether trying again is of no use.")


class Media(BaseModel):
    """A file of a message. `GET /v1/messages/{id}/media/{media_id}` says where to download it."""

    id: UUID
    state: Literal["pending", "stored", "refused", "gone"]
    reason: str | None = Field(description="Why it was refused or is gone.", examples=["too_large"])
    content_type: str = Field(
        description="Once stored, what the file is; before, what the sender says.", examples=["image/png"]
    )
    bytes: int | None
    file_name: str = Field(examples=["offer.pdf"])


class Verdict(BaseModel):
    decision: Literal["send", "refuse", "defer"]
    rule: str = Field(description="What decided.", examples=["permitted"])
    at: datetime
    until: datetime | None = Field(default=None, description="When it is asked about again, if it waits.")
    templates: list[str] = Field(
        default=[], description="What could be sent instead.", examples=[["bike_ready (en_US)"]]
    )
    provider: str | None = Field(
        default=None,
        description="What the provider does with it before it is sent.",
        examples=["held_for_quality_assessment"],
    )


class Message(BaseModel):
    id: UUID
    direction: Literal["inbound", "outbound"]
    purpose: str = Field(examples=["service"])
    kind: Kind = Field(description="What it is; `content` holds what is more than words and files.")
    body: str = Field(
        description="What it says in words, empty where there are none.",
        examples=["We open at 9. See you then!"],
    )
    content: Content | None
    media: list[Media]
    reply_to: UUID | None = Field(description="The message that it answers. It may be gone.")
    reaction: str | None = Field(description="The contact's emoji on it.", examples=["\N{THUMBS UP SIGN}"])
    status: Status
    failure: Failure | None = Field(description="Why a message failed and what to do about it.")
    verdict: Verdict | None = Field(description="What the send gate decided, and by which rule.")
    pricing: dict[str, Any] | None = Field(
        description="What the provider charges for it, as it says.",
        examples=[{"billable": True, "model": "PMP", "type": "regular", "category": "marketing"}],
    )
    author_id: UUID | None
    created_at: datetime = Field(description="When we wrote it down.")
    said_at: datetime = Field(
        description="Its place in the thread: when it was written, as far as its provider tells."
    )
    sent_at: datetime | None
    delivered_at: datetime | None
    read_at: datetime | None
    edited_at: datetime | None = Field(description="When the contact last changed its words.")
    revoked_at: datetime | None = Field(description="When the contact took it back. Nothing of it is kept.")
    score: Score | None


class Assignment(Body):
    user_id: UUID | None = Field(description="The colleague who answers; null for nobody in particular.")


class Looking(Body):
    writing: bool = Field(default=False, description="Whether a reply is being written.")


class Colleague(BaseModel):
    user_id: UUID
    email: str = Field(examples=["ada@harbour.example"])
    writing: bool


class Present(BaseModel):
    """Who else has looked at the conversation in the last fifteen seconds."""

    others: list[Colleague]


class Review(Body):
    decision: Literal["resume", "opt_out", "seen"]


@router.get("", dependencies=[permit("conversations.read")], responses=problems(401, 403, 422))
def conversations(
    asked: Asked,
    limit: Limit = 50,
    cursor: Cursor = None,
    unread: Annotated[bool, Query(description="Only those with unread messages.")] = False,
    attention: Annotated[
        bool | None, Query(description="Only those that a person is asked to look at, or none of them.")
    ] = None,
    channel: Annotated[Literal["sms", "whatsapp"] | None, Query(description="Only of this kind.")] = None,
    intent: Annotated[str | None, Query(max_length=32, description="Only with this intent.")] = None,
    interest: Annotated[int | None, Query(ge=0, le=100, description="Only from this interest on.")] = None,
    assignee: Annotated[
        Literal["me", "nobody"] | UUID | None, Query(description="Only of this colleague.")
    ] = None,
) -> Page[Conversation]:
    """The inbox, newest first."""
    place = place_of(cursor)
    wanted = inbox.Wanted(
        unread=unread,
        attention=attention,
        channel=channel,
        intent=intent,
        interest=interest,
        assignee_id=asked.person.id if assignee == "me" else assignee if isinstance(assignee, UUID) else None,
        unassigned=True if assignee == "nobody" else None,
    )
    rows = inbox.conversations(
        asked.tx, asked.person.organization_id, wanted, before=place.at, before_id=place.id, limit=limit
    )
    items = [Conversation.model_validate(row) for row in rows]
    return Page(items=items, next=next_cursor(rows, limit, "last_message_at"))


@router.get(
    "/{conversation_id}", dependencies=[permit("conversations.read")], responses=problems(401, 403, 404, 422)
)
def conversation(asked: Asked, conversation_id: UUID) -> ConversationInFull:
    """One conversation with its contact and what stands about permission, on every kind of channel."""
    return _in_full(asked, conversation_id)


@router.get(
    "/{conversation_id}/messages",
    dependencies=[permit("conversations.read")],
    responses=problems(401, 403, 404, 422),
)
def messages(asked: Asked, conversation_id: UUID, limit: Limit = 50, cursor: Cursor = None) -> Page[Message]:
    """The thread, newest first, with scores, verdicts and failures explained."""
    kind = _found(asked, conversation_id)["channel"]
    place = place_of(cursor)
    rows = inbox.thread(
        asked.tx,
        asked.person.organization_id,
        conversation_id,
        before=place.at,
        before_id=place.id,
        limit=limit,
    )
    return Page(items=[_message(row, kind) for row in rows], next=next_cursor(rows, limit, "said_at"))


@router.post(
    "/{conversation_id}/read",
    status_code=204,
    dependencies=[permit("conversations.read")],
    responses=problems(401, 403, 404, 422),
)
def read(asked: Asked, conversation_id: UUID) -> None:
    """Mark everything in it as read."""
    if not inbox.mark_read(asked.tx, asked.person.organization_id, conversation_id):
        raise _missing()


@router.post(
    "/{conversation_id}/assign",
    dependencies=[permit("conversations.write")],
    responses=problems(401, 403, 404, 422),
)
def give_to(asked: Asked, conversation_id: UUID, assignment: Assignment) -> ConversationInFull:
    """Say who answers it. Everybody who may answer still can."""
    if not assign(asked.tx, asked.person.organization_id, conversation_id, assignment.user_id):
        raise _missing()
    return _in_full(asked, conversation_id)


@router.post(
    "/{conversation_id}/takeover",
    dependencies=[permit("conversations.write", person=True)],
    responses=problems(401, 403, 404, 422),
)
def takeover(asked: Asked, conversation_id: UUID) -> ConversationInFull:
    """Answer it yourself: no model reads it, its suggestions go, and a first message that still waits is taken back.

    Whoever took it over first stays named.
    """
    now = asked.door.clock()
    if take_over(asked.tx, asked.person.organization_id, conversation_id, asked.person.id, now=now):
        _record(asked, "conversation.taken_over", conversation_id, now)
    return _in_full(asked, conversation_id)


@router.post(
    "/{conversation_id}/handback",
    dependencies=[permit("conversations.write", person=True)],
    responses=problems(401, 403, 404, 422),
)
def handback(asked: Asked, conversation_id: UUID) -> ConversationInFull:
    """Let a model read along again, whoever had taken it over. What the person writes next is scored."""
    if hand_back(asked.tx, asked.person.organization_id, conversation_id):
        _record(asked, "conversation.handed_back", conversation_id, asked.door.clock())
    return _in_full(asked, conversation_id)


@router.post(
    "/{conversation_id}/presence",
    dependencies=[permit("conversations.read", person=True)],
    responses=problems(401, 403, 404, 422),
)
def look_in(asked: Asked, conversation_id: UUID, looking: Looking) -> Present:
    """Say that you are looking at it, and whether you write; learn who else is. Say it again every few seconds."""
    others = presence.look_in(
        asked.tx,
        asked.person.organization_id,
        conversation_id,
        asked.person.id,
        writing=looking.writing,
        now=asked.door.clock(),
    )
    return Present(others=[Colleague.model_validate(one) for one in others])


@router.post(
    "/{conversation_id}/review",
    dependencies=[permit("conversations.write")],
    responses=problems(401, 403, 404, 422),
)
def review(asked: Asked, conversation_id: UUID, review: Review) -> ConversationInFull:
    """Answer the question why a person was asked to look: go on, opt out, or just seen."""
    row = _found(asked, conversation_id)
    decide_review(
        asked.tx,
        asked.door.hashes,
        asked.person.organization_id,
        conversation_id,
        row["contact_id"],
        row["channel"],
        review.decision,
        actor_id=asked.person.id,
        now=asked.door.clock(),
    )
    return _in_full(asked, conversation_id)


def _record(asked: Asked, action: AuditAction, conversation_id: UUID, now: datetime) -> None:
    target = ("conversation", conversation_id)
    audit.record(asked.tx, asked.person.organization_id, asked.actor, action, target=target, now=now)


def _in_full(asked: Asked, conversation_id: UUID) -> ConversationInFull:
    row = _found(asked, conversation_id)
    permissions = inbox.permissions(asked.tx, asked.person.organization_id, row["contact_id"])
    return ConversationInFull.model_validate({**row, "permissions": permissions})


def _found(asked: Asked, conversation_id: UUID) -> dict[str, Any]:
    row = inbox.conversation(asked.tx, asked.person.organization_id, conversation_id)
    if row is None:
        raise _missing()
    return row


def _missing() -> NotFound:
    return NotFound("There is no such conversation.", code="conversation_not_found")


def _message(row: dict[str, Any], channel: ChannelKind) -> Message:
    score = None
    if row["score_outcome"] is not None:
        score = Score.model_validate({**row, "outcome": row["score_outcome"], "created_at": row["scored_at"]})
    failure = None
    if row["error_code"] is not None:
        provider = twilio_errors if channel == "sms" else meta_errors
        told = provider.explain(row["error_code"])
        failure = Failure(code=row["error_code"], cause=told.cause, remedy=told.remedy, final=told.final)
    return Message.model_validate({**row, "score": score, "failure": failure})
