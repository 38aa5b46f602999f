"""Put a message in the queue. Whether it may go is not asked here but by the gate, when its turn comes."""

from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from leadsrally.jobs.enqueue import enqueue
from leadsrally.kit.db import Tx
from leadsrally.kit.errors import Conflict, Invalid, NotFound
from leadsrally.kit.ids import new_id
from leadsrally.messaging import store

MAX_CHARACTERS = 1_600  # https://www.twilio.com/docs/api/errors/21617
# Twilio itself gives a text up after ten hours; an older one is expired here, not sent late.
DEFAULT_LIFETIME = timedelta(hours=10)


def queue_message(
    tx: Tx,
    organization_id: UUID,
    conversation_id: UUID,
    body: str,
    *,
    now: datetime,
    purpose: Literal["service", "marketing", "keyword"] = "service",
    author_id: UUID | None = None,
    idempotency_key: str | None = None,
    lifetime: timedelta = DEFAULT_LIFETIME,
) -> UUID:
    """Store an outbound message and the job that will send it; returns the message's id.

    The same `idempotency_key` with the same words returns the first message's id and queues nothing; with
    other words it raises `Conflict`. Raises `Invalid` for an empty or too long text and `NotFound` for a
    conversation that is not this organisation's.
    """
    if not body.strip():
        raise Invalid("Write something before you send it.", code="empty_body")
    if "\x00" in body:
        raise Invalid(
            "The text holds a NUL character, which no phone can show. Remove it.", code="nul_in_body"
        )
    if len(body) > MAX_CHARACTERS:
        raise Invalid(
            f"The text has {len(body)} characters; a text message takes {MAX_CHARACTERS}. Shorten it or "
            "send it in two.",
            code="body_too_long",
        )
    message_id = store.queue_outbound(
        tx,
        organization_id,
        conversation_id,
        message_id=new_id(now),
        purpose=purpose,
        body=body,
        author_id=author_id,
        idempotency_key=idempotency_key,
        now=now,
        expires_at=now + lifetime,
    )
    if message_id is None:
        return _first_of(tx, organization_id, conversation_id, body, idempotency_key)
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


def _first_of(
    tx: Tx, organization_id: UUID, conversation_id: UUID, body: str, idempotency_key: str | None
) -> UUID:
    earlier = (
        None if idempotency_key is None else store.by_idempotency_key(tx, organization_id, idempotency_key)
    )
    if earlier is None:
        raise NotFound("There is no such conversation.", code="conversation_not_found")
    if earlier.conversation_id != conversation_id or earlier.body != body:
        raise Conflict(
            "This Idempotency-Key was used for another message. Use a new key for a new message.",
            code="idempotency_key_reused",
        )
    return earlier.id
