"""What a message says about permission, and doing it. Runs before anything else may act on the message."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Literal
from uuid import UUID

from leadsrally.consent import keywords, words
from leadsrally.kit.crypto import KeyedHash
from leadsrally.kit.db import Tx
from leadsrally.messaging import store
from leadsrally.messaging.types import Channel, InboundMessage, PermissionKind

if TYPE_CHECKING:
    from leadsrally.consent.types import ChannelKind, Evidence

Meaning = Literal["stop", "start", "yes", "help", "refusal", "unclear"]

# Later than this nobody expects an answer to a word any more: deliveries of Meta's may be a week old.
_ANSWER_WITHIN: Final = timedelta(minutes=5)
_SOURCE: Final[dict[Meaning, Literal["keyword", "phrase"]]] = {
    "stop": "keyword",
    "start": "keyword",
    "yes": "keyword",
    "help": "keyword",
    "refusal": "phrase",
    "unclear": "phrase",
}


@dataclass(frozen=True, slots=True)
class Order:
    """What the message means, by which word, and whether the provider has acted on it already.

    `listed`: it is one word of Twilio's own list and nothing else, so that its filter acts where it is on.
    """

    meaning: Meaning
    word: str | None
    by_provider: bool
    listed: bool = False


def order_in(inbound: InboundMessage) -> Order | None:
    """What the provider says it acted on comes first, then our own reading. None: nothing of the kind."""
    reading = keywords.read(inbound.body)
    if inbound.keyword is not None:
        return Order(inbound.keyword, reading.word, by_provider=True)
    if reading.signal is None:
        return None
    listed = inbound.body.strip().casefold() in words.TWILIO_ANSWERS
    return Order(reading.signal, reading.word, by_provider=False, listed=listed)


def obey(
    tx: Tx,
    hashes: KeyedHash,
    channel: Channel,
    order: Order,
    *,
    message_id: UUID,
    conversation_id: UUID,
    contact_id: UUID,
    said_at: datetime,
    now: datetime,
) -> None:
    """Do what the person asked for, on this kind of channel, in the transaction that stores their message."""
    # Imported here: one text in a hundred is an order, and every cold start would pay.
    from leadsrally.consent import change
    from leadsrally.consent.types import Evidence
    from leadsrally.contacts import store as contacts

    organization_id, kind = channel.organization_id, channel.permission
    wishes = store.wishes(tx, organization_id)
    heard = _in_languages(order, wishes.languages)
    if heard is None:
        return
    order = heard
    evidence = Evidence(
        source="provider" if order.by_provider else _SOURCE[order.meaning],
        occurred_at=said_at,
        word=order.word,
        message_id=message_id,
        scope=wishes.scope if order.meaning in ("stop", "refusal") else "organization",
    )
    addresses = contacts.addresses_of(tx, organization_id, contact_id) or ()
    known_as = change.address_hashes(hashes, organization_id, addresses)
    # The provider has answered already when it says which word it saw, or when its own filter is on and knows the word.
    answered = order.by_provider or (kind == "sms" and channel.provider_answers_keywords and order.listed)
    answer = not answered and now - said_at <= _ANSWER_WITHIN
    match order.meaning:
        case "stop" | "refusal":
            newly = change.revoke(tx, organization_id, contact_id, kind, known_as, evidence, now=now)
            kinds = _with_others(tx, hashes, organization_id, contact_id, kind, evidence, now)
            if newly:
                _cancel_answers(tx, organization_id, contact_id, kinds, now)
            _after_no(tx, organization_id, conversation_id, order, newly and answer, now)
        case "unclear":
            if change.pause(tx, organization_id, contact_id, kind, evidence, now=now):
                store.ask_a_person(tx, organization_id, conversation_id, "may_want_to_stop")
        case "start" | "yes":
            # A YES may answer our own question; START and UNSTOP answer nothing else.
            if order.meaning == "start" or not store.question_open(tx, organization_id, conversation_id):
                change.restore(tx, organization_id, contact_id, kind, known_as, evidence, now=now)
        case "help":
            if answer:
                _help(tx, channel, contact_id, known_as, conversation_id, order.word, now)


def _in_languages(order: Order, languages: Sequence[str]) -> Order | None:
    """The order as an organisation takes it that has chosen its languages.

    An opt-out word of another language may be an ordinary one in its own, and may be meant: it holds and asks. What
    the provider acted on holds in any language. None: nothing is to be done.
    """
    listed = keywords.languages_of(order.word)
    if order.by_provider or not listed or not listed.isdisjoint(languages):
        return order
    return replace(order, meaning="unclear") if order.meaning == "stop" else None


def _after_no(
    tx: Tx, organization_id: UUID, conversation_id: UUID, order: Order, confirm: bool, now: datetime
) -> None:
    """A word is confirmed once. A sentence was read by a rule, so a person looks."""
    if order.meaning == "refusal":
        store.ask_a_person(tx, organization_id, conversation_id, "refusal")
    elif confirm:
        _confirm_stop(tx, organization_id, conversation_id, order.word, now)


def _with_others(
    tx: Tx,
    hashes: KeyedHash,
    organization_id: UUID,
    contact_id: UUID,
    kind: PermissionKind,
    evidence: "Evidence",
    now: datetime,
) -> "Sequence[ChannelKind]":
    """Let it hold on every kind of channel where the organisation has chosen that. Returns on which it holds."""
    if evidence.scope == "organization":
        return (kind,)
    from leadsrally.consent.types import CHANNEL_KINDS
    from leadsrally.contacts.opt_out import opt_out

    for other in CHANNEL_KINDS:
        if other != kind:
            opt_out(tx, hashes, organization_id, contact_id, other, evidence, now=now)
    return CHANNEL_KINDS


# What sending needs is imported where it is needed: one text in a thousand is answered.


def _confirm_stop(
    tx: Tx, organization_id: UUID, conversation_id: UUID, word: str | None, now: datetime
) -> None:
    from leadsrally.messaging import answer_keyword

    answer_keyword.confirm_stop(tx, organization_id, conversation_id, word, now=now)


def _cancel_answers(
    tx: Tx, organization_id: UUID, contact_id: UUID, kinds: "Sequence[ChannelKind]", now: datetime
) -> None:
    from leadsrally.messaging import cancel

    cancel.cancel_answers(tx, organization_id, contact_id, kinds, now=now)


def _help(
    tx: Tx,
    channel: Channel,
    contact_id: UUID,
    known_as: Sequence[bytes],
    conversation_id: UUID,
    word: str | None,
    now: datetime,
) -> None:
    from leadsrally.messaging import answer_keyword

    answer_keyword.help_with(
        tx, channel.organization_id, channel.permission, contact_id, known_as, conversation_id, word, now=now
    )
