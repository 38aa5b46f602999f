"""A delivery with many pieces, each taken for itself: one that cannot be taken never loses the others."""

import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from leadsrally.kit.crypto import KeyedHash
from leadsrally.kit.db import Database, Tx
from leadsrally.kit.errors import Kind, LeadsRallyError
from leadsrally.messaging import quarantine_store, store
from leadsrally.messaging.amend import amend
from leadsrally.messaging.channels.look_after import ask_for_retest
from leadsrally.messaging.follow_person import follow_person
from leadsrally.messaging.heed_no import MayRefuse, heed_no, no_in
from leadsrally.messaging.prefer import prefer
from leadsrally.messaging.receive import StaleChannelError
from leadsrally.messaging.receive_piece import receive_piece
from leadsrally.messaging.report import apply_report
from leadsrally.messaging.store import Call
from leadsrally.messaging.templates import store as template_store
from leadsrally.messaging.templates.sync import ask_for_sync
from leadsrally.messaging.types import (
    AccountChanged,
    Amendment,
    Channel,
    DeliveryReport,
    Effect,
    Ignored,
    InboundMessage,
    Item,
    Preference,
    Renaming,
    TemplatesChanged,
    Unreadable,
)

_FOREIGN: Final = "foreign_number"


@dataclass(frozen=True, slots=True)
class Intake:
    """What taking a delivery needs: where to store, what an error says of a person, who hears of surprises."""

    db: Database
    hashes: KeyedHash
    effect_of: Callable[[str | None], Effect | None]
    surprise: Callable[[BaseException], None]


@dataclass(frozen=True, slots=True)
class Aside:
    """It cannot be taken."""

    reason: str  # a closed word


@dataclass(slots=True)
class Tally:
    """What became of the pieces so far."""

    counts: Counter[str] = field(default_factory=Counter[str])
    reasons: Counter[str] = field(default_factory=Counter[str])  # of what was put aside
    messages: list[UUID] = field(default_factory=list[UUID])

    @property
    def outcome(self) -> str:
        if not self.counts:
            return "ignored"
        return next(iter(self.counts)) if len(self.counts) == 1 else "mixed"


def take_delivery(intake: Intake, channel: Channel, items: Iterable[Item], call: Call) -> Tally:
    """Take each piece in a transaction of its own, then log the call with how many came to what.

    `channel` is the one whose address was called and whose secret signed; a piece may be about another number
    of the same organisation, and about no other. What cannot be taken is kept aside (`quarantine`). May be
    repeated when its outcome is not known: what was taken is a repeat then. Raises `StaleChannelError` when a
    channel is out of date, and `Unavailable` when the database is away, with the rest not taken.
    """
    numbers = Numbers(intake.db, channel)
    tally = Tally()
    with intake.db.telling_together():
        for item in items:
            outcome = take_item(intake, numbers, item, call, tally)
            if isinstance(outcome, Aside):
                outcome = _put_aside(intake, numbers, item, outcome.reason, call, tally)
            tally.counts[outcome] += 1
    with intake.db.tenant(channel.organization_id) as tx:
        store.log_call(
            tx,
            call,
            channel,
            outcome=tally.outcome,
            reason=next(iter(tally.reasons), None),
            http_status=200,
            message_id=tally.messages[0] if len(tally.messages) == 1 else None,
            counts=tally.counts,
        )
    return tally


class Numbers:
    """The organisation's WhatsApp numbers, read when a piece is about another than the one that was called."""

    def __init__(self, db: Database, called: Channel) -> None:
        self._db = db
        self.called = called
        self._others: dict[str, Channel] | None = None

    def find(self, phone_number_id: str) -> Channel | None:
        if phone_number_id and phone_number_id == self.called.phone_number_id:
            return self.called
        if self._others is None:
            organization_id = self.called.organization_id
            with self._db.tenant(organization_id) as tx:
                found = store.whatsapp_numbers(tx, organization_id)
            self._others = {channel.phone_number_id or "": channel for channel in found}
        return self._others.get(phone_number_id)


def take_item(intake: Intake, numbers: Numbers, item: Item, call: Call, tally: Tally) -> str | Aside:
    """Take one piece, in a transaction of its own; returns what came of it.

    Raises `StaleChannelError`, and `Unavailable` when the database is away; whatever else goes wrong sets the piece
    aside.
    """
    try:
        return _taken(intake, numbers, item, call, tally)
    except StaleChannelError:
        raise
    except LeadsRallyError as error:
        if error.kind is Kind.UNAVAILABLE:
            raise
        return Aside(error.code)
    except Exception as error:  # noqa: BLE001  one piece that breaks something must not lose the others
        if "broken" not in tally.reasons:
            intake.surprise(error)
        return Aside("broken")


def _taken(intake: Intake, numbers: Numbers, item: Item, call: Call, tally: Tally) -> str | Aside:
    match item.news:
        case Ignored():
            return "ignored"
        case TemplatesChanged(waba_id):
            return _have_synced(intake, numbers.called, waba_id, call)
        case AccountChanged(waba_id):
            return _have_tested(intake, numbers.called, waba_id, call)
        case Unreadable(reason):
            return Aside(reason)
        case news:
            channel = numbers.find(item.phone_number_id)
            return Aside(_FOREIGN) if channel is None else _do(intake, channel, news, call, tally)


def _do(
    intake: Intake,
    channel: Channel,
    news: InboundMessage | DeliveryReport | Amendment | Renaming | Preference,
    call: Call,
    tally: Tally,
) -> str:
    """Returns what came of it."""
    if isinstance(news, InboundMessage):
        return _receive(intake, channel, news, call, tally)
    hashes, now = intake.hashes, call.at
    with intake.db.tenant(channel.organization_id) as tx:
        match news:
            case DeliveryReport() as report:
                effect = intake.effect_of(report.error_code)
                return apply_report(tx, hashes, channel, report, effect=effect, now=now).outcome
            case Amendment() as amendment:
                return amend(tx, hashes, channel, amendment, now=now)
            case Renaming() as renaming:
                return follow_person(tx, hashes, channel, renaming, now=now)
            case Preference() as preference:
                return prefer(tx, hashes, channel, preference, now=now)


def _have_synced(intake: Intake, channel: Channel, waba_id: str, call: Call) -> str:
    organization_id = channel.organization_id
    with intake.db.tenant(organization_id) as tx:
        of_account = template_store.channel_of_account(tx, organization_id, waba_id)
        if of_account is None:
            return "ignored"
        ask_for_sync(tx, organization_id, of_account, now=call.at)
    return "applied"


def _have_tested(intake: Intake, channel: Channel, waba_id: str, call: Call) -> str:
    """A test finds out what has changed, and knows what follows from it."""
    organization_id = channel.organization_id
    with intake.db.tenant(organization_id) as tx:
        of_account = [
            found for found in store.whatsapp_numbers(tx, organization_id) if found.waba_id == waba_id
        ]
        for found in of_account:
            ask_for_retest(tx, organization_id, found.id, now=call.at)
    return "applied" if of_account else "ignored"


def _receive(intake: Intake, channel: Channel, inbound: InboundMessage, call: Call, tally: Tally) -> str:
    message_id = receive_piece(intake.db, intake.hashes, channel, inbound, call.at)
    if message_id is None:
        return "duplicate"
    tally.messages.append(message_id)
    return "stored"


def _put_aside(intake: Intake, numbers: Numbers, item: Item, reason: str, call: Call, tally: Tally) -> str:
    """Keep the piece for whoever has to find out why. It says nothing to anybody until then, but for a no."""
    tally.reasons[reason] += 1
    channel = numbers.called
    with intake.db.tenant(channel.organization_id) as tx:
        newly = quarantine_store.keep(
            tx,
            intake.hashes,
            channel,
            delivery_id=call.id,
            reason=reason,
            piece=_as_text(item.raw()),
            person=item.person,
            now=call.at,
        )
        # Once: whoever agrees again after it is not opted out by the same delivery that comes again.
        if newly and reason == _FOREIGN:
            _heed_no(tx, intake, channel.organization_id, item, call)
    return "quarantined"


def _heed_no(tx: Tx, intake: Intake, organization_id: UUID, item: Item, call: Call) -> None:
    """Whoever refuses at a number that was let go means the business, which may write to them from another (S6).

    Of the organisation's own numbers only: what is said to another's says nothing here.
    """
    news = item.news
    if not isinstance(news, MayRefuse) or no_in(news, intake.effect_of) is None:
        return
    former = store.former_number(tx, organization_id, item.phone_number_id)
    if former is not None:
        heed_no(tx, intake.hashes, former, news, call, intake.effect_of)


def _as_text(raw: object) -> str:
    """The piece in ASCII. Read once, it can be written; one that nests too deeply for that is named only."""
    try:
        return json.dumps(raw)
    except RecursionError:
        return ""
