"""Consent: who agreed to what and who opted out, with the evidence; and writing down either."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel, Field, StringConstraints

from functions.api.asking import Asked, Asking, permit
from functions.api.limits import Body, Line
from functions.api.once import Once
from functions.api.paging import Cursor, Limit, Page, next_cursor
from functions.api.problems import problems
from functions.api.whom import Whom
from leadsrally.consent import ledger
from leadsrally.consent.types import (
    CHANNEL_KINDS,
    Action,
    ChannelKind,
    Evidence,
    Method,
    Purpose,
    State,
    Wanted,
)
from leadsrally.contacts.permissions import permissions_of
from leadsrally.contacts.write_down import no_contact, write_down_no, write_down_yes
from leadsrally.kit.cursor import place_of

router = APIRouter(prefix="/v1/consents", tags=["consents"])

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=8000)]
Reference = Annotated[Line, StringConstraints(min_length=1, max_length=500)]


class ConsentEvent(BaseModel):
    """One yes, no, hold, end of a hold or end of what was said, with its evidence. Never changed or removed by hand."""

    id: UUID
    contact_id: UUID
    channel: ChannelKind
    purpose: Purpose = Field(description="`service` is what is sent to inform; `marketing` offers.")
    action: Action
    source: str = Field(description="Where the sign came from.", examples=["keyword"])
    scope: str = Field(
        description="How far it reaches: all senders of this kind of channel.", examples=["organization"]
    )
    word: str | None = Field(
        description="The listed word or rule that the message matched, never its text.", examples=["stop"]
    )
    method: Method | None = Field(description="How it was given.", examples=["web_form"])
    wording: str | None = Field(
        description="What the person was shown or told.",
        examples=["I agree to get offers of Harbour Bikes by text message."],
    )
    reference: str | None = Field(
        description="Where the proof is kept.", examples=["https://forms.example/answers/817"]
    )
    message_id: UUID | None = Field(description="The message in which it was said.")
    actor_id: UUID | None = Field(description="The colleague who wrote it down.")
    actor: str | None = Field(description="That colleague's address.", examples=["ada@harbour.example"])
    occurred_at: datetime = Field(description="When it was said.")
    recorded_at: datetime = Field(description="When we wrote it down.")


class Permission(BaseModel):
    """Whether a message of this purpose may go, as the send gate would answer now, quiet hours and limits aside."""

    channel: ChannelKind
    purpose: Wanted
    permitted: bool
    rule: str = Field(description="Why.", examples=["opted_out_by_keyword"])
    state: State | None = Field(description="What stands; null where nothing was ever said.")
    source: str | None = Field(examples=["keyword"])
    since: datetime | None
    event_id: UUID | None = Field(description="The evidence.")


class Consent(BaseModel):
    contact_id: UUID
    permissions: list[Permission] = Field(description="For each kind of channel and each purpose.")


class Yes(Body):
    """A person agreed. All but `reference` is needed; to end an opt-out, `reference` too."""

    channel: ChannelKind
    purpose: Wanted
    obtained_at: AwareDatetime = Field(examples=["2026-11-20T09:30:00Z"])
    method: Method = Field(examples=["web_form"])
    wording: Words = Field(examples=["I agree to get offers of Harbour Bikes by text message."])
    reference: Reference | None = Field(None, examples=["https://forms.example/answers/817"])


class No(Body):
    """A person wants no more. Without `channel` it holds on all of them."""

    channel: ChannelKind | None = None
    purpose: Purpose = "all"
    method: Method | None = Field(None, examples=["spoken"])
    reference: Reference | None = Field(None, examples=["Call of 20 November"])


@router.get("", dependencies=[permit("consents.read")], responses=problems(401, 403, 422))
def consents(asked: Asked, limit: Limit = 50, cursor: Cursor = None) -> Page[ConsentEvent]:
    """The ledger of the organisation, newest first."""
    place = place_of(cursor)
    rows = ledger.events(
        asked.tx, asked.person.organization_id, before=place.at, before_id=place.id, limit=limit
    )
    items = [ConsentEvent.model_validate(row) for row in rows]
    return Page(items=items, next=next_cursor(rows, limit, "recorded_at"))


@router.get("/{contact_id}", dependencies=[permit("consents.read")], responses=problems(401, 403, 404, 422))
def consent(asked: Asked, contact_id: Whom) -> Consent:
    """What may be sent to this person, and on what that rests."""
    return _consent(asked, contact_id)


@router.get(
    "/{contact_id}/events", dependencies=[permit("consents.read")], responses=problems(401, 403, 404, 422)
)
def events(
    asked: Asked,
    contact_id: Whom,
    channel: Annotated[ChannelKind | None, Query(description="Only of this kind of channel.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[ConsentEvent]:
    """The ledger of one person, newest first."""
    _consent(asked, contact_id)
    place = place_of(cursor)
    rows = ledger.events_of(
        asked.tx,
        asked.person.organization_id,
        contact_id,
        channel,
        before=place.at,
        before_id=place.id,
        limit=limit,
    )
    items = [ConsentEvent.model_validate(row) for row in rows]
    return Page(items=items, next=next_cursor(rows, limit, "recorded_at"))


@router.post(
    "/{contact_id}/grants",
    status_code=201,
    dependencies=[permit("consents.write")],
    responses=problems(401, 403, 404, 409, 422),
)
def grant(asked: Asked, contact_id: Whom, yes: Yes, once: Once) -> Consent:
    """Write down that the person agreed: when, how and in which words.

    Where they have opted out, 409: only they can end that, by START, or by agreeing anew after it. A proof of that,
    written down by a colleague with all fields, ends the opt-out for the purpose it speaks of and no other.
    """

    def act() -> Consent:
        write_down_yes(
            asked.tx,
            asked.door.hashes,
            asked.person.organization_id,
            contact_id,
            yes.channel,
            yes.purpose,
            _evidence(asked, yes.obtained_at, yes.method, yes.reference, yes.wording),
            actor=asked.actor,
            now=asked.door.clock(),
        )
        return _consent(asked, contact_id)

    return once(Consent, act)


@router.post(
    "/{contact_id}/revocations",
    status_code=201,
    dependencies=[permit("consents.write")],
    responses=problems(401, 403, 404, 409, 422),
)
def revoke(asked: Asked, contact_id: Whom, no: No, once: Once) -> Consent:
    """Write down that the person wants no more. It takes effect at once, on what is queued and scheduled too."""

    def act() -> Consent:
        now = asked.door.clock()
        write_down_no(
            asked.tx,
            asked.door.hashes,
            asked.person.organization_id,
            contact_id,
            CHANNEL_KINDS if no.channel is None else (no.channel,),
            no.purpose,
            _evidence(asked, now, no.method, no.reference),
            actor=asked.actor,
            now=now,
        )
        return _consent(asked, contact_id)

    return once(Consent, act)


def _evidence(
    asked: Asking, at: datetime, method: Method | None, reference: str | None, wording: str | None = None
) -> Evidence:
    # What a program writes down is no colleague's word: it ends no opt-out.
    source = "staff" if asked.caller.session is not None else "api"
    return Evidence(source, at, actor_id=asked.person.id, method=method, wording=wording, reference=reference)


def _consent(asked: Asking, contact_id: UUID) -> Consent:
    found = permissions_of(asked.tx, asked.door.hashes, asked.person.organization_id, contact_id)
    if found is None:
        raise no_contact()
    return Consent(
        contact_id=contact_id,
        permissions=[Permission.model_validate(row, from_attributes=True) for row in found],
    )
