"""An inbound message, from verified request to stored row, with opt-out words before anything else."""

from datetime import timedelta
from typing import Literal
from uuid import UUID

from leadsrally.consent import change, keywords
from leadsrally.consent.types import Evidence
from leadsrally.contacts import store as contacts
from leadsrally.kit.crypto import KeyedHash
from leadsrally.kit.db import Database, Tx
from leadsrally.kit.ids import new_id
from leadsrally.messaging import store
from leadsrally.messaging.expect_media import expect_media
from leadsrally.messaging.store import Call
from leadsrally.messaging.types import Channel, InboundMessage, Received

# A person who types three texts in a row is read once: the score waits for a pause of two seconds, but
# never longer than ten after the first text.
_BURST = timedelta(seconds=2)
_PATIENCE = timedelta(seconds=10)

Meaning = Literal["stop", "start", "yes", "help", "refusal", "unclear"]


class StaleChannelError(Exception):
    """The channel was disconnected, or its credentials replaced, since they were read. Nothing was written."""


def receive(
    db: Database, hashes: KeyedHash, channel: Channel, inbound: InboundMessage, call: Call
) -> Received:
    """Store the message exactly once and obey what it says about permission, in one transaction.

    A repeat of a message id that was ever seen on this channel changes nothing, even after its contact was
    erased; so the call may be repeated when its outcome is not known. Raises `StaleChannelError` when
    `channel` is out of date.
    """
    meaning, word = _meaning(inbound)
    # Most texts are text alone and say nothing about permission; storing one is a single statement, its own
    # transaction.
    opened = db.single if meaning is None and not inbound.media else db.tenant
    with opened(channel.organization_id) as tx:
        return _receive(tx, hashes, channel, inbound, call, meaning, word)


def _receive(
    tx: Tx,
    hashes: KeyedHash,
    channel: Channel,
    inbound: InboundMessage,
    call: Call,
    meaning: Meaning | None,
    word: str | None,
) -> Received:
    organization_id, now = channel.organization_id, call.at
    message_id = new_id(now)
    stored = store.store_inbound(
        tx,
        channel,
        inbound,
        call,
        provider_hash=hashes.of(organization_id, "message", inbound.provider_message_id),
        contact_id=new_id(now),
        conversation_id=new_id(now),
        message_id=message_id,
        job_id=new_id(now),
        score=meaning in (None, "unclear"),
        burst=_BURST,
        patience=_PATIENCE,
    )
    if stored is None:
        raise StaleChannelError
    if stored.conversation_id is None or stored.contact_id is None:
        return Received(duplicate=True, message_id=None, conversation_id=None, contact_id=None)
    if stored.scoring_job_id is not None:
        # Heard too early to be due; the queue's own delay on AWS is as long as the pause.
        tx.announce("ai_score", stored.scoring_job_id)
    if inbound.media:
        expect_media(tx, organization_id, message_id, inbound.media, now=now)
    if meaning is not None:
        _obey(
            tx,
            hashes,
            channel,
            inbound,
            meaning,
            Evidence(
                source="provider" if inbound.keyword else _SOURCE[meaning],
                occurred_at=now,
                word=word,
                message_id=message_id,
            ),
            conversation_id=stored.conversation_id,
            contact_id=stored.contact_id,
        )
    return Received(
        duplicate=False,
        message_id=message_id,
        conversation_id=stored.conversation_id,
        contact_id=stored.contact_id,
    )


_SOURCE: dict[Meaning, Literal["keyword", "phrase"]] = {
    "stop": "keyword",
    "start": "keyword",
    "yes": "keyword",
    "help": "keyword",
    "refusal": "phrase",
    "unclear": "phrase",
}


def _meaning(inbound: InboundMessage) -> tuple[Meaning | None, str | None]:
    """What the provider says it acted on comes first, then our own reading of the text."""
    reading = keywords.read(inbound.body)
    if inbound.keyword is not None:
        return inbound.keyword, reading.word
    return reading.signal, reading.word


def _obey(
    tx: Tx,
    hashes: KeyedHash,
    channel: Channel,
    inbound: InboundMessage,
    meaning: Meaning,
    evidence: Evidence,
    *,
    conversation_id: UUID,
    contact_id: UUID,
) -> None:
    from leadsrally.messaging import answer_keyword  # brings what sending needs; one text in a thousand does

    organization_id, now = channel.organization_id, evidence.occurred_at
    addresses = contacts.addresses_of(tx, organization_id, contact_id) or ()
    known_as = change.address_hashes(hashes, organization_id, addresses)
    kind = "sms"
    # The provider has answered already when it says which word it saw, or when its own filter is on.
    answered = inbound.keyword is not None or channel.provider_answers_keywords
    match meaning:
        case "stop":
            changed = change.revoke(tx, organization_id, contact_id, kind, known_as, evidence, now=now)
            if changed and not answered:
                answer_keyword.confirm_stop(tx, organization_id, conversation_id, now=now)
        case "refusal":
            change.revoke(tx, organization_id, contact_id, kind, known_as, evidence, now=now)
            store.ask_a_person(tx, organization_id, conversation_id, "refusal")
        case "unclear":
            if change.pause(tx, organization_id, contact_id, kind, evidence, now=now):
                store.ask_a_person(tx, organization_id, conversation_id, "may_want_to_stop")
        case "start" | "yes":
            # A YES may answer our own question; START and UNSTOP answer nothing else.
            if meaning == "start" or not store.question_open(tx, organization_id, conversation_id):
                change.restore(tx, organization_id, contact_id, kind, known_as, evidence, now=now)
        case "help":
            if not answered:
                answer_keyword.help_with(tx, organization_id, contact_id, known_as, conversation_id, now=now)
