"""What the unsubscribe link does: shows what stands, stops, and takes its own stop back.

Whoever holds the message can use it, so it can only make things stricter, or undo what it did itself: a STOP, a
refusal or what a colleague wrote down stays whatever the page is told.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from leadsrally.consent import store, suppressions
from leadsrally.consent.types import (
    CHANNEL_KINDS,
    ChannelKind,
    Evidence,
    Purpose,
    Standing,
    State,
)
from leadsrally.consent.unsubscribe_link import Link
from leadsrally.kit.db import Tx
from leadsrally.kit.ids import new_id

Reach = Literal["all", "marketing"]
_REACHES: Final[tuple[Reach, ...]] = ("all", "marketing")


@dataclass(frozen=True, slots=True)
class Shown:
    """What stands on the link's kind of channel. `by_link`: it was stopped here and can be taken back here."""

    stopped: Reach | None
    by_link: bool


def show(tx: Tx, link: Link) -> Shown:
    """Changes nothing."""
    noes = [no for no in _noes(tx, link, link.channel_kind) if no.purpose in _REACHES]
    for reach in _REACHES:
        about = [no for no in noes if no.purpose == reach]
        if about:
            return Shown(reach, all(no.source == "link" for no in about))
    return Shown(None, by_link=False)


def stop(tx: Tx, link: Link, reach: Reach, *, now: datetime) -> None:
    """Opt the person out as STOP does: all of it, or of offers only. Harmless when repeated."""
    scope = "organization" if link.opt_out_scope == "channel" else "every_channel"
    evidence = Evidence("link", now, scope=scope)
    for kind in _kinds(link):
        if link.contact_id is not None:
            _revoke(tx, link, link.contact_id, kind, reach, evidence, now)
        suppressions.suppress(
            tx, link.organization_id, kind, _hashes(link, kind), reach, source="link", since=now
        )


def undo(tx: Tx, link: Link, *, now: datetime) -> None:
    """Bring back what stood before the link was used. What was said in any other way stays."""
    for kind in _kinds(link):
        for reach in _REACHES:
            suppressions.lift(tx, link.organization_id, kind, _hashes(link, kind), reach, source="link")
        if link.contact_id is not None:
            _restore(tx, link, link.contact_id, kind, now)


def _kinds(link: Link) -> tuple[ChannelKind, ...]:
    return (link.channel_kind,) if link.opt_out_scope == "channel" else CHANNEL_KINDS


def _hashes(link: Link, kind: ChannelKind) -> list[bytes]:
    """Those of the link; a number is no address of a mailbox, nor the other way round."""
    return link.address_hashes if (kind == "email") == (link.channel_kind == "email") else []


def _noes(tx: Tx, link: Link, kind: ChannelKind) -> list[Standing]:
    held = suppressions.standing(tx, link.organization_id, kind, _hashes(link, kind))
    noes = [Standing(kept.purpose, "revoked", kept.source, kept.since) for kept in held]
    if link.contact_id is not None:
        standings = store.standings(tx, link.organization_id, link.contact_id, kind)
        noes += [standing for standing in standings if standing.state == "revoked"]
    return noes


def _revoke(
    tx: Tx,
    link: Link,
    contact_id: UUID,
    kind: ChannelKind,
    reach: Reach,
    evidence: Evidence,
    now: datetime,
) -> None:
    store.lock(tx, link.organization_id, contact_id)
    standings = store.standings(tx, link.organization_id, contact_id, kind)
    given = (tx, link.organization_id, contact_id, kind, reach)
    if any(standing.purpose == reach and standing.state == "revoked" for standing in standings):
        # Kept as evidence only: who said it first, and how, decides who may take it back.
        store.note(*given, "revoke", evidence, new_id(now), now=now)
    else:
        store.record(*given, "revoke", "revoked", evidence, event_id=new_id(now), now=now)


def _restore(tx: Tx, link: Link, contact_id: UUID, kind: ChannelKind, now: datetime) -> None:
    store.lock(tx, link.organization_id, contact_id)
    for standing in store.standings(tx, link.organization_id, contact_id, kind):
        if standing.state == "revoked" and standing.source == "link":
            _bring_back(tx, link, contact_id, kind, standing.purpose, now)


def _bring_back(
    tx: Tx, link: Link, contact_id: UUID, kind: ChannelKind, purpose: Purpose, now: datetime
) -> None:
    """Let stand what was said last in another way. Where nothing was, nothing stands: an undo makes no consent."""
    before = store.last_said_elsewhere(tx, link.organization_id, contact_id, kind, purpose)
    if before == "revoke":
        return
    state: State = "paused" if before == "pause" else "granted"
    evidence = Evidence("link", now)
    given = (tx, link.organization_id, contact_id, kind, purpose)
    store.record(*given, "resume", state, evidence, event_id=new_id(now), now=now)
    if before is None:
        store.forget_standing(tx, link.organization_id, contact_id, kind, purpose)
