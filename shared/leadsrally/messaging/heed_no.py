"""A no in what is not taken otherwise: while an organisation leaves, and at a number that it let go.

Only the no counts, as a keyed hash: the organisation may stay after all, or write from another number, and must not
write to whoever has refused meanwhile.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from leadsrally.consent import keywords
from leadsrally.kit.crypto import KeyedHash
from leadsrally.kit.db import Tx
from leadsrally.messaging import store
from leadsrally.messaging.obey import order_in
from leadsrally.messaging.store import Call
from leadsrally.messaging.types import (
    Amendment,
    Channel,
    DeliveryReport,
    Effect,
    InboundMessage,
    Preference,
)

if TYPE_CHECKING:
    from leadsrally.consent.types import Purpose, Source

MayRefuse = InboundMessage | Preference | Amendment | DeliveryReport


@dataclass(frozen=True, slots=True)
class No:
    """What somebody does not want any more, and how they said so."""

    purpose: "Purpose"
    source: "Source"


def no_in(news: object, effect_of: Callable[[str | None], Effect | None]) -> No | None:
    """The no in a piece of news, if there is one. `effect_of` says what an error says of a person."""
    match news:
        case Preference(wants_marketing=False):
            return No("marketing", "provider")
        case InboundMessage():
            order = order_in(news)
            return No("all", "keyword") if order is not None and order.meaning in _REFUSES else None
        case Amendment(action="edit"):
            return No("all", "keyword") if keywords.read(news.text).signal in _REFUSES else None
        case DeliveryReport():
            return _BY_PROVIDER.get(effect_of(news.error_code))
        case _:
            return None


_REFUSES: Final = ("stop", "refusal")
_BY_PROVIDER: Final[dict[Effect | None, No]] = {
    "opt_out": No("all", "provider_error"),
    "no_marketing": No("marketing", "provider_error"),
}


def heed_no(
    tx: Tx,
    hashes: KeyedHash,
    channel: Channel,
    news: MayRefuse,
    call: Call,
    effect_of: Callable[[str | None], Effect | None],
) -> None:
    """Suppress whoever says no in it; nothing else of it is taken."""
    no = no_in(news, effect_of)
    if no is None:
        return
    from leadsrally.consent import suppressions  # as in obey: few calls need it
    from leadsrally.consent.change import address_hashes

    if isinstance(news, DeliveryReport):
        addresses = _reported(tx, channel, news)
    else:
        addresses = news.sender.addresses
    known_as = address_hashes(hashes, channel.organization_id, addresses)
    since = min(_said_at(news) or call.at, call.at)
    suppressions.suppress(
        tx, channel.organization_id, channel.permission, known_as, no.purpose, source=no.source, since=since
    )


def _said_at(news: MayRefuse) -> datetime | None:
    """By the provider's clock, where it tells."""
    match news:
        case Preference():
            return news.said_at
        case DeliveryReport():
            return news.reported_at
        case _:
            return news.sent_at


def _reported(tx: Tx, channel: Channel, report: DeliveryReport) -> Sequence[str]:
    """All that the recipient is reached by, as far as the report or we can tell."""
    from leadsrally.contacts.store import addresses_of

    organization_id = channel.organization_id
    contact_id = store.recipient_of(
        tx,
        organization_id,
        channel.id,
        message_id=report.message_id,
        provider_message_id=report.provider_message_id,
    )
    known = () if contact_id is None else addresses_of(tx, organization_id, contact_id) or ()
    told = () if report.recipient is None else report.recipient.addresses
    return [*known, *told]
