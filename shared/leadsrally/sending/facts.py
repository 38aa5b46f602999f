"""All that a verdict may depend on, gathered under the lock, and the record of it that is kept with the verdict."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from leadsrally.consent import store as consent_store
from leadsrally.consent import suppressions
from leadsrally.consent.change import address_hashes
from leadsrally.consent.quiet_hours import OwnHours, Reckoning, reckon
from leadsrally.consent.types import Standing, Suppression
from leadsrally.consent.whereabouts import whereabouts
from leadsrally.kit.crypto import KeyedHash
from leadsrally.kit.db import Tx
from leadsrally.kit.errors import Invalid
from leadsrally.messaging import window
from leadsrally.messaging.templates import store as template_store
from leadsrally.messaging.templates import values as templates
from leadsrally.messaging.types import Purpose
from leadsrally.sending import store
from leadsrally.sending.store import Locked

_DAY = timedelta(days=1)
# One message in six seconds to one person, of which 45 may be sent at once and are then waited for:
# https://developers.facebook.com/documentation/business-messaging/whatsapp/throughput
PAIR_BURST = 45
PAIR_SPAN = timedelta(seconds=6 * PAIR_BURST)


@dataclass(frozen=True, slots=True)
class Facts:
    now: datetime
    purpose: Purpose
    organization_active: bool
    organization_leaving: bool
    channel_active: bool
    channel_quiet_until: datetime | None
    reachable: bool
    expires_at: datetime | None
    suppressions: Sequence[Suppression]
    standings: Sequence[Standing]
    sent_today: int
    daily_cap: int
    offers_cap: int  # a day, of what is marketing
    offers_full_until: datetime | None = None  # when there is room for an offer again; None: there is
    hours: Reckoning | None = None  # of an offer; nothing else keeps quiet hours
    window_closes: datetime | None = None  # of WhatsApp's free text; None where it needs no window
    template_trouble: str | None = None  # why the message's template may not be used
    restricted: bool = False
    files_there: bool = True
    pair_quiet_until: datetime | None = None
    marketing_quiet_until: datetime | None = None

    @property
    def suppressed(self) -> bool:
        """Whether an opt-out that outlived its person is about this purpose."""
        return any(kept.purpose in ("all", self.purpose) for kept in self.suppressions)


def gather(tx: Tx, hashes: KeyedHash, message: Locked, now: datetime) -> Facts:
    """The facts as they are, the message and its contact being locked."""
    organization_id, kind = message.organization_id, message.channel_kind
    known_as = address_hashes(hashes, organization_id, message.addresses)
    sent = store.sent_since(
        tx, organization_id, message.contact_id, now - _DAY, nth_offer=message.contact_daily_marketing
    )
    facts = Facts(
        now=now,
        purpose=message.purpose,
        restricted=message.restricted,
        organization_active=message.organization_state == "active",
        organization_leaving=message.organization_state in ("leaving", "erasing"),
        channel_active=message.channel_state == "active",
        channel_quiet_until=message.quiet_until,
        reachable=message.address is not None,
        expires_at=message.expires_at,
        suppressions=suppressions.standing(tx, organization_id, kind, known_as),
        standings=consent_store.standings(tx, organization_id, message.contact_id, kind),
        sent_today=sent.messages,
        daily_cap=message.contact_daily_messages,
        offers_cap=message.contact_daily_marketing,
        offers_full_until=sent.nth_newest_offer and sent.nth_newest_offer + _DAY,
        hours=_hours(message, now),
        files_there=all(file["stored"] for file in message.files),
    )
    return _of_whatsapp(tx, message, facts) if kind == "whatsapp" else facts


def _hours(message: Locked, now: datetime) -> Reckoning | None:
    if message.purpose != "marketing":
        return None
    return reckon(
        now,
        whereabouts(message.numbers, message.time_zone, message.organization_zone),
        OwnHours(message.marketing_opens, message.marketing_closes),
        message.channel_kind,
        message.id,
        expires_at=message.expires_at,
    )


def _of_whatsapp(tx: Tx, message: Locked, facts: Facts) -> Facts:
    now, is_template, organization_id = facts.now, message.kind == "template", message.organization_id
    burst = store.nth_newest_claim(tx, organization_id, message.conversation_id, PAIR_BURST, now - PAIR_SPAN)
    quiet = [message.pair_quiet_until, burst and burst + PAIR_SPAN]
    return replace(
        facts,
        # Somebody who never wrote has opened no window at all.
        window_closes=None if is_template else window.closes(message.last_inbound_at) or now,
        template_trouble=_template_trouble(tx, message) if is_template else None,
        pair_quiet_until=max((until for until in quiet if until is not None), default=None),
        marketing_quiet_until=message.marketing_quiet_until,
    )


def _template_trouble(tx: Tx, message: Locked) -> str | None:
    """Why what was checked when the message was written does not hold any more."""
    found = message.template_id and template_store.by_id(tx, message.organization_id, message.template_id)
    if not found or message.content is None:
        return "template_deleted"
    if found.state != "approved":
        return f"template_{found.state}"
    if found.category == "marketing" and message.purpose != "marketing":
        return "template_recategorised"
    try:
        templates.check(templates.from_json(found.form), templates.values_of(message.content))
    except Invalid:
        return "template_changed"
    return None


def as_stored(facts: Facts) -> dict[str, Any]:
    """What the verdict was made from, for whoever asks later why: ids, words, times and counts, no content.

    The consent events that it names are never changed, so they can be shown as they were.
    """
    stored: dict[str, Any] = {
        "purpose": facts.purpose,
        "consent": [
            {
                "purpose": standing.purpose,
                "state": standing.state,
                "source": standing.source,
                "since": standing.since.isoformat(),
                "event_id": str(standing.event_id),
            }
            for standing in facts.standings
        ],
        "suppressed": [
            {"purpose": kept.purpose, "source": kept.source, "since": kept.since.isoformat()}
            for kept in facts.suppressions
        ],
        "sent_today": facts.sent_today,
        "daily_cap": facts.daily_cap,
    }
    if facts.expires_at is not None:
        stored["expires_at"] = facts.expires_at.isoformat()
    if facts.window_closes is not None:
        stored["window_closes"] = facts.window_closes.isoformat()
    if facts.hours is not None:
        stored |= {"offers_cap": facts.offers_cap, "hours": _hours_as_stored(facts.hours)}
    return stored


def _hours_as_stored(hours: Reckoning) -> dict[str, Any]:
    return {
        "known_by": hours.whereabouts.known_by,
        "regions": list(hours.whereabouts.regions),
        "zones": list(hours.whereabouts.zones),
        "windows": [
            {
                "zone": window.zone,
                "day": window.day.isoformat(),
                "opens": window.opens.isoformat("minutes"),
                "closes": window.closes.isoformat("minutes"),
                "sources": list(window.sources),
            }
            for window in hours.windows
        ],
        "opens_at": hours.opens_at and hours.opens_at.isoformat(),
    }
