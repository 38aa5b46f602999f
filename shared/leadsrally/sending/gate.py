"""The send gate: the one place that decides whether a message may go, and the only maker of a clearance.

`decide` is pure: facts in, verdict out. `claim` gathers the facts under the lock that a STOP must wait for
and stores the verdict, with the rule that gave it, beside the message. The claim's commit is the moment at
which a send counts as started (docs/decisions/0003).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from leadsrally.consent.permission import permission
from leadsrally.disclosures.store import DataKind, Subprocessor, disclose_once
from leadsrally.kit.crypto import KeyedHash
from leadsrally.kit.db import Tx
from leadsrally.messaging.segments import measure
from leadsrally.messaging.templates import store as template_store
from leadsrally.messaging.types import Kind, PermissionKind, Status
from leadsrally.sending import store
from leadsrally.sending.facts import Facts, as_stored, gather
from leadsrally.sending.store import Locked
from leadsrally.sending.types import Addressee, StoredFile

_OFFERED = 5
COPY_LEFT = timedelta(hours=1)  # for how long a provider's copy must still be there when it is named
_HELD_KEPT = 10
_ASKED_AGAIN = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate decided and which rule did. `until`: when a deferred message may be asked about again."""

    decision: Literal["send", "refuse", "defer"]
    rule: str
    until: datetime | None = None
    templates: tuple[str, ...] = ()  # that could be sent instead

    def as_stored(self, facts: Facts, before: Mapping[str, Any] | None) -> dict[str, Any]:
        """The verdict with what it was made from, and why the message was held before, if it was."""
        stored: dict[str, Any] = {"decision": self.decision, "rule": self.rule, "at": facts.now.isoformat()}
        if self.until is not None:
            stored["until"] = self.until.isoformat()
        if self.templates:
            stored["templates"] = list(self.templates)
        held = _held(before)
        if held:
            stored["held"] = held
        return stored | {"basis": as_stored(facts)}


def _held(before: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Each reason for which a message was held, with its first and last time; the newest ten."""
    if before is None or before["decision"] != "defer":
        return []
    held: list[dict[str, Any]] = list(before.get("held", ()))
    if held and held[-1]["rule"] == before["rule"]:
        held[-1] = {**held[-1], "until": before.get("until")}
    else:
        held.append({"rule": before["rule"], "at": before["at"], "until": before.get("until")})
    return held[-_HELD_KEPT:]


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


def _organization_leaving(facts: Facts) -> Verdict | None:
    # It may stay after all; then what waited goes on.
    return (
        Verdict("defer", "organization_leaving", facts.now + _ASKED_AGAIN)
        if facts.organization_leaving
        else None
    )


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
    hours = facts.hours
    if hours is None:
        return None
    if hours.opens_at is None or hours.release_at is None:
        return Verdict("refuse", "never_open")
    if facts.expires_at is not None and facts.expires_at <= hours.opens_at:
        return Verdict("refuse", "opens_too_late")
    return Verdict("defer", "quiet_hours", hours.release_at) if hours.opens_at > facts.now else None


def _offers_cap(facts: Facts) -> Verdict | None:
    if facts.purpose != "marketing":
        return None
    if facts.offers_cap == 0:
        return Verdict("refuse", "offers_cap")
    until = facts.offers_full_until
    if until is None or until <= facts.now:
        return None
    if facts.expires_at is not None and until >= facts.expires_at:
        return Verdict("refuse", "offers_cap")
    return Verdict("defer", "offers_cap", until)


def _daily_cap(facts: Facts) -> Verdict | None:
    if facts.purpose == "keyword" or facts.sent_today < facts.daily_cap:
        return None
    return Verdict("refuse", "daily_cap")


RULES: tuple[Rule, ...] = (
    _organization_leaving,
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
    _offers_cap,
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

    @property
    def parts(self) -> int | None:
        """How many parts a text goes in, as its composer was shown; None for anything but a text over SMS."""
        return measure(self.body).parts if self.to.channel_kind == "sms" and not self.files else None


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
    facts = gather(tx, hashes, message, now)
    verdict = decide(facts)
    if verdict.rule == "window_closed" and message.waba_id is not None:
        instead = template_store.usable_names(tx, organization_id, message.waba_id, limit=_OFFERED)
        verdict = replace(verdict, templates=tuple(instead))
    wanted = _to_leave(message, now) if verdict.decision == "send" else ()
    if wanted:
        _disclose(tx, organization_id, message, ("file",), now)
        return Unready(message_id, message.conversation_id, _addressee(message), wanted)
    status = {"send": Status.CLAIMED, "refuse": Status.REFUSED, "defer": Status.QUEUED}[verdict.decision]
    stored = verdict.as_stored(facts, message.verdict)
    if verdict.decision != "send":
        store.decided(tx, organization_id, message_id, status, stored, now=now)
        return verdict
    claimed = cleared(message, claimed_at=now, expires_at=_send_by(facts))
    store.decided(tx, organization_id, message_id, status, stored, parts=claimed.parts, now=now)
    kinds: tuple[DataKind, ...] = ("phone", "message_text")
    _disclose(tx, organization_id, message, (*kinds, "file") if message.files else kinds, now)
    return claimed


def _disclose(
    tx: Tx, organization_id: UUID, message: Locked, kinds: Sequence[DataKind], now: datetime
) -> None:
    disclose_once(
        tx,
        organization_id,
        message.contact_id,
        _PROVIDER[message.channel_kind],
        "deliver_message",
        kinds,
        message_id=message.id,
        since=message.created_at,
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


def _send_by(facts: Facts) -> datetime | None:
    """Until when the provider may deliver. A solicitation must not lie in its queue past the open window."""
    closes_at = None if facts.hours is None else facts.hours.closes_at
    ends = [end for end in (closes_at, facts.expires_at) if end is not None]
    return min(ends, default=None)


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
