"""Put a message in the queue. Whether it may go is not asked here but by the gate, when its turn comes."""

from datetime import datetime, timedelta
from uuid import UUID

from leadsrally.jobs.enqueue import enqueue
from leadsrally.kit.db import Tx
from leadsrally.kit.errors import Conflict, Invalid, NotFound
from leadsrally.kit.ids import new_id
from leadsrally.messaging import store
from leadsrally.messaging.opt_out_words import LinkDesk, with_opt_out
from leadsrally.messaging.types import ChannelKind, Draft, Purpose

# https://www.twilio.com/docs/api/errors/21617, and for WhatsApp
# https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/text-messages
MAX_CHARACTERS: dict[ChannelKind, int] = {"sms": 1_600, "whatsapp": 4_096, "lead_ads": 0}
# Twilio itself gives a text up after ten hours; an older one is expired here, not sent late.
DEFAULT_LIFETIME = timedelta(hours=10)
# An offer written in the evening may go in the morning.
OFFER_LIFETIME = timedelta(hours=24)


def queue_message(
    tx: Tx,
    organization_id: UUID,
    conversation_id: UUID,
    body: str,
    *,
    now: datetime,
    purpose: Purpose = "service",
    author_id: UUID | None = None,
    idempotency_key: str | None = None,
    lifetime: timedelta | None = None,
    reply_to: UUID | None = None,
    links: LinkDesk | None = None,
) -> UUID:
    """Store an outbound text and the job that will send it; returns the message's id.

    With `links`, `{{unsubscribe_link}}` in the text becomes the person's own link, and the first offer of a
    conversation says how to opt out; what is stored is what will be sent. The same `idempotency_key` with the same words returns the first message's id and queues nothing; with
    other words it raises `Conflict`. `reply_to` is the message of this conversation that it answers. Raises
    `Invalid` for an empty or too long text and `NotFound` for a conversation that is not this organisation's.
    """
    check_words(body)
    if links is not None:
        body = with_opt_out(
            tx,
            links,
            organization_id,
            conversation_id,
            body,
            offer=purpose == "marketing",
            idempotency_key=idempotency_key,
            now=now,
        )
    if len(body) > MAX_CHARACTERS["sms"]:
        _check_length(tx, organization_id, conversation_id, body)
    return queue_draft(
        tx,
        organization_id,
        conversation_id,
        Draft("text", body, reply_to=reply_to),
        now=now,
        purpose=purpose,
        author_id=author_id,
        idempotency_key=idempotency_key,
        lifetime=lifetime,
    )


def check_words(body: str) -> None:
    """Raise `Invalid` for a text that no phone could show."""
    if not body.strip():
        raise Invalid("Write something before you send it.", code="empty_body")
    if "\x00" in body:
        raise Invalid(
            "The text holds a NUL character, which no phone can show. Remove it.", code="nul_in_body"
        )


def _check_length(tx: Tx, organization_id: UUID, conversation_id: UUID, body: str) -> None:
    kind = store.channel_kind_of(tx, organization_id, conversation_id)
    if kind is None:
        raise _no_conversation()
    if len(body) > MAX_CHARACTERS[kind]:
        raise Invalid(
            f"The text has {len(body)} characters; a message takes {MAX_CHARACTERS[kind]}. Shorten it or "
            "send it in two.",
            code="body_too_long",
        )


def queue_draft(
    tx: Tx,
    organization_id: UUID,
    conversation_id: UUID,
    draft: Draft,
    *,
    now: datetime,
    purpose: Purpose,
    author_id: UUID | None,
    idempotency_key: str | None,
    lifetime: timedelta | None = None,
) -> UUID:
    """As `queue_message`, for anything that has been checked already: a template, buttons, a file."""
    if lifetime is None:
        lifetime = OFFER_LIFETIME if purpose == "marketing" else DEFAULT_LIFETIME
    message_id = store.queue_outbound(
        tx,
        organization_id,
        conversation_id,
        draft,
        message_id=new_id(now),
        purpose=purpose,
        author_id=author_id,
        idempotency_key=idempotency_key,
        now=now,
        expires_at=now + lifetime,
    )
    if message_id is None:
        return _first_of(tx, organization_id, conversation_id, draft, idempotency_key)
    enqueue(
        tx,
        organization_id,
        "send_message",
        "send",
        {"message_id": str(message_id)},
        now=now,
        # By purpose, so that no answer waits behind a campaign that waits for the morning.
        ordering_key=f"conversation:{conversation_id}:{purpose}",
    )
    return message_id


def _no_conversation() -> NotFound:
    return NotFound("There is no such conversation.", code="conversation_not_found")


def _first_of(
    tx: Tx, organization_id: UUID, conversation_id: UUID, draft: Draft, idempotency_key: str | None
) -> UUID:
    earlier = (
        None if idempotency_key is None else store.by_idempotency_key(tx, organization_id, idempotency_key)
    )
    if earlier is None:
        raise _no_conversation()
    same = (earlier.conversation_id, earlier.kind, earlier.body) == (conversation_id, draft.kind, draft.body)
    if not same:
        raise Conflict(
            "This Idempotency-Key was used for another message. Use a new key for a new message.",
            code="idempotency_key_reused",
        )
    return earlier.id
