"""The send gate: the one place that decides whether a message may go, and the only maker of a clearance.

`decide` is pure: facts in, verdict out. `claim` gathers the facts under the lock that a STOP must wait for
and stores the verdict, with the rule that gave it, beside the message. The claim's commit is the moment at
which a send counts as started (docs/decisions/0003).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from leadsrally.consent import store as consent_store
from leadsrally.consent.change import address_hashes
from leadsrally.consent.permission import permission
from leadsrally.consent.quiet_hours import CLOSES, opening
from leadsrally.consent.types import Standing
from leadsrally.disclosures.store import DataKind, Subprocessor, disclose
from leadsrally.kit.crypto import KeyedHash
from leadsrally.kit.db import Tx
from leadsrally.kit.errors import Invalid
from leadsrally.messaging import window
from leadsrally.messaging.templates import store as template_store
from leadsrally.messaging.templates import values as templates
from leadsrally.messaging.types import Kind, PermissionKind, Purpose, Status
from leadsrally.sending import store
from leadsrally.sending.store import Locked
from leadsrally.sending.types import Addressee, StoredFile

_DAY = timedelta(days=1)
_OFFERED = 5
COPY_LEFT = timedelta(hours=1)  # for how long a provider's copy must still be there when it is named
# One message in six seconds to one person, of which 45 may be sent at once and are then waited for:
# https://developers.facebook.com/documentation/business-messaging/whatsapp/throughput
PAIR_BURST = 45
PAIR_SPAN = timedelta(seconds=6 * PAIR_BURST)


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a verdict may depend on."""

    now: datetime
    purpose: Purpose
    organization_active: bool
    channel_active: bool
    channel_quiet_until: datetime | None
    reachable: bool
    expires_at: datetime | None
    suppressed: bool
    standings: Sequence[Standing]
    sent_today: int
    daily_cap: int
    time_zone: str
    window_closes: datetime | None = None  # of WhatsApp's free text; None where it needs no window
    template_trouble: str | None = None  # why the message's template may not be used
    restricted: bool = False
    files_there: bool = True
    pair_quiet_until: datetime | None = None
    marketing_quiet_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate decided and which rule did. `until`: when a deferred message may be asked about again."""

    decision: Literal["send", "refuse", "defer"]
    rule: str
    until: datetime | None = None
    templates: tuple[str, ...] = ()  # that could be sent instead

    def as_stored(self, at: datetime) -> dict[str, Any]:
        stored: dict[str, Any] = {"decision": self.decision, "rule": self.rule, "at": at.isoformat()}
        if self.until is not None:
            stored["until"] = self.until.isoformat()
        if self.templates:
            stored["templates"] = list(self.templates)
        return stored


Rule = Callable[[Facts], Verdict | None]


def decide(facts: Facts) -> Verdict:
    """Ask each rule in order; the first that objects decides. What time cures is deferred, not refused."""
    for rule in RULES:
        verdict = rule(facts)
        if verdict is not None:
            return verdict
    return Verdict("send", "permitted")


def _organization_paused(facts: Facts) -> Verdict | None:
    return None if facts.organization_active else Verdict("refuse", "organization_paused")


def _restricted(facts: Facts) -> Verdict | None:
    # GDPR Art. 18(2): their data is kept, and nothing else is done with it.
    return Verdict("refuse", "restricted") if facts.restricted else None


def _channel_disconnected(facts: Facts) -> Verdict | None:
    return None if facts.channel_active else Verdict("refuse", "channel_disconnected")


def _no_address(facts: Facts) -> Verdict | None:
    # A person known by a business-scoped id alone cannot be reached by SMS.
    return None if facts.reachable else Verdict("refuse", "no_address")


def _expired(facts: Facts) -> Verdict | None:
    late = facts.expires_at is not None and facts.now >= facts.expires_at
    return Verdict("refuse", "expired") if late else None


def _not_permitted(facts: Facts) -> Verdict | None:
    # The one confirmation of a STOP and the answer to HELP are allowed by 47 CFR 64.1200(a)(12) and the
    # carriers' rules; `messaging.answer_keyword` sees to it that there is one.
    if facts.purpose == "keyword":
        return None
    answer = permission(facts.standings, suppressed=facts.suppressed, purpose=facts.purpose)
    return None if answer.permitted else Verdict("refuse", answer.rule)


def _window_closed(facts: Facts) -> Verdict | None:
    closed = facts.window_closes is not None and facts.now >= facts.window_closes
    return Verdict("refuse", "window_closed") if closed else None


def _template_unusable(facts: Facts) -> Verdict | None:
    return None if facts.template_trouble is None else Verdict("refuse", facts.template_trouble)


def _file_gone(facts: Facts) -> Verdict | None:
    return None if facts.files_there else Verdict("refuse", "file_gone")


def _channel_quiet(facts: Facts) -> Verdict | None:
    until = facts.channel_quiet_until
    return Verdict("defer", "provider_asked_to_slow_down", until) if until and until > facts.now else None


def _pair_quiet(facts: Facts) -> Verdict | None:
    until = facts.pair_quiet_until
    return Verdict("defer", "too_many_to_one_person", until) if until and until > facts.now else None


def _marketing_withheld(facts: Facts) -> Verdict | None:
    until = facts.marketing_quiet_until
    if facts.purpose != "marketing" or until is None or until <= facts.now:
        return None
    return Verdict("defer", "withheld_by_whatsapp", until)


def _quiet_hours(facts: Facts) -> Verdict | None:
    # Replies to a person who wrote to us are exempt; the rules speak of solicitations.
    if facts.purpose != "marketing":
        return None
    opens = opening(facts.now, facts.time_zone)
    return Verdict("defer", "quiet_hours", opens) if opens > facts.now else None


def _daily_cap(facts: Facts) -> Verdict | None:
    if facts.purpose == "keyword" or facts.sent_today < facts.daily_cap:
        return None
    return Verdict("refuse", "daily_cap")


RULES: tuple[Rule, ...] = (
    _organization_paused,
    _restricted,
    _channel_disconnected,
    _no_address,
    _expired,
    _not_permitted,
    _window_closed,
    _template_unusable,
    _file_gone,
    _daily_cap,
    _channel_quiet,
    _pair_quiet,
    _marketing_withheld,
    _quiet_hours,
)


@dataclass(frozen=True, slots=True)
class Cleared:
    """The gate said yes and the claim holds. Only this file makes one; only a holder may call a provider."""

    message_id: UUID
    conversation_id: UUID
    kind: Kind
    body: str
    content: Mapping[str, Any] | None
    reply_to: str | None
    to: Addressee
    claimed_at: datetime
    expires_at: datetime | None
    files: tuple[StoredFile, ...] = ()


@dataclass(frozen=True, slots=True)
class Unready:
    """The gate would say yes, and some files have to be left with the provider first. Nothing is claimed."""

    message_id: UUID
    conversation_id: UUID
    to: Addressee
    files: tuple[StoredFile, ...]  # that are to be left


@dataclass(frozen=True, slots=True)
class Interrupted:
    """An earlier worker claimed this message and never came back: it may have been sent."""


@dataclass(frozen=True, slots=True)
class Settled:
    """Nothing is left to do: sent, refused or erased before."""


Claim = Cleared | Unready | Verdict | Interrupted | Settled


def claim(tx: Tx, hashes: KeyedHash, organization_id: UUID, message_id: UUID, *, now: datetime) -> Claim:
    """Decide about one queued message and, on a yes, claim it and note what will be disclosed to whom.

    A message whose files the provider wants first is not claimed yet (`Unready`): it is asked about again when they are
    there, and a STOP that came meanwhile counts. Wholly inside the caller's transaction; the provider may be called once that is committed.
    """
    message = store.lock(tx, organization_id, message_id)
    if message is None:
        return Settled()
    if message.status == Status.CLAIMED:
        return Interrupted()
    if message.status != Status.QUEUED:
        return Settled()
    verdict = decide(_facts(tx, hashes, organization_id, message, now))
    if verdict.rule == "window_closed" and message.waba_id is not None:
        instead = template_store.usable_names(tx, organization_id, message.waba_id, limit=_OFFERED)
        verdict = replace(verdict, templates=tuple(instead))
    wanted = _to_leave(message, now) if verdict.decision == "send" else ()
    if wanted:
        _disclose(tx, organization_id, message, ("file",), now)
        return Unready(message_id, message.conversation_id, _addressee(message), wanted)
    status = {"send": Status.CLAIMED, "refuse": Status.REFUSED, "defer": Status.QUEUED}[verdict.decision]
    store.decided(tx, organization_id, message_id, status, verdict.as_stored(now), now=now)
    if verdict.decision != "send":
        return verdict
    kinds: tuple[DataKind, ...] = ("phone", "message_text")
    _disclose(tx, organization_id, message, (*kinds, "file") if message.files else kinds, now)
    return cleared(message, claimed_at=now, expires_at=_send_by(message, now))


def _disclose(
    tx: Tx, organization_id: UUID, message: Locked, kinds: Sequence[DataKind], now: datetime
) -> None:
    disclose(
        tx,
        organization_id,
        message.contact_id,
        _PROVIDER[message.channel_kind],
        "deliver_message",
        kinds,
        message_id=message.id,
        now=now,
    )


def _to_leave(message: Locked, now: datetime) -> tuple[StoredFile, ...]:
    """Files that WhatsApp has no copy of, or not for long enough. Twilio fetches what it is sent."""
    if message.channel_kind != "whatsapp":
        return ()
    enough = (now + COPY_LEFT).timestamp()
    return tuple(
        _file(told)
        for told in message.files
        if told["provider_id"] is None or told["provider_until"] < enough
    )


def _file(told: Mapping[str, Any]) -> StoredFile:
    return StoredFile(
        UUID(told["id"]), told["file_name"], told["content_type"], told["bytes"], told["provider_id"]
    )


def cleared(message: Locked, *, claimed_at: datetime, expires_at: datetime | None) -> Cleared:
    """A message that this gate let through, now or (for a look-up) at an earlier claim that it remembers."""
    return Cleared(
        message.id,
        message.conversation_id,
        message.kind,
        message.body,
        message.content,
        message.reply_to,
        _addressee(message),
        claimed_at,
        expires_at,
        tuple(map(_file, message.files)),
    )


_PROVIDER: dict[PermissionKind, Subprocessor] = {"sms": "twilio", "whatsapp": "meta"}


def _facts(tx: Tx, hashes: KeyedHash, organization_id: UUID, message: Locked, now: datetime) -> Facts:
    known_as = address_hashes(hashes, organization_id, message.addresses)
    kind = message.channel_kind
    facts = Facts(
        now=now,
        purpose=message.purpose,
        restricted=message.restricted,
        organization_active=message.organization_state == "active",
        channel_active=message.channel_state == "active",
        channel_quiet_until=message.quiet_until,
        reachable=message.address is not None,
        expires_at=message.expires_at,
        suppressed=consent_store.suppressed(tx, organization_id, kind, known_as, message.purpose),
        standings=consent_store.standings(tx, organization_id, message.contact_id, kind),
        sent_today=store.sent_since(tx, organization_id, message.contact_id, now - _DAY),
        daily_cap=message.contact_daily_messages,
        time_zone=message.time_zone,
        files_there=all(file["stored"] for file in message.files),
    )
    return _facts_of_whatsapp(tx, organization_id, message, facts) if kind == "whatsapp" else facts


def _facts_of_whatsapp(tx: Tx, organization_id: UUID, message: Locked, facts: Facts) -> Facts:
    now, is_template = facts.now, message.kind == "template"
    burst = store.nth_newest_claim(tx, organization_id, message.conversation_id, PAIR_BURST, now - PAIR_SPAN)
    quiet = [message.pair_quiet_until, burst and burst + PAIR_SPAN]
    return replace(
        facts,
        # Somebody who never wrote has opened no window at all.
        window_closes=None if is_template else window.closes(message.last_inbound_at) or now,
        template_trouble=_template_trouble(tx, organization_id, message) if is_template else None,
        pair_quiet_until=max((until for until in quiet if until is not None), default=None),
        marketing_quiet_until=message.marketing_quiet_until,
    )


def _template_trouble(tx: Tx, organization_id: UUID, message: Locked) -> str | None:
    """Why what was checked when the message was written does not hold any more."""
    found = message.template_id and template_store.by_id(tx, organization_id, message.template_id)
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


def _send_by(message: Locked, now: datetime) -> datetime | None:
    """Until when the provider may deliver. A solicitation must not lie in its queue past the open window."""
    if message.purpose != "marketing":
        return message.expires_at
    zone = ZoneInfo(message.time_zone)
    closes = datetime.combine(now.astimezone(zone).date(), CLOSES, zone).astimezone(UTC)
    return closes if message.expires_at is None else min(closes, message.expires_at)


def _addressee(message: Locked) -> Addressee:
    return Addressee(
        contact_id=message.contact_id,
        address=message.address or "",  # the gate lets nobody through who has none
        channel_id=message.channel_id,
        channel_key=message.channel_key,
        channel_kind=message.channel_kind,
        our_number=message.our_number,
        account_sid=message.account_sid or "",
        phone_number_id=message.phone_number_id or "",
        credentials=message.credentials,
        credentials_version=message.credentials_version,
        in_trouble=message.in_trouble,
    )
