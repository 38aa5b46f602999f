"""Tell people of one thing: find it, write down who is told, mail each once, record the answer."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from leadsrally.jobs.types import Done, Job, Later, Result
from leadsrally.kit import links
from leadsrally.kit.clock import Clock
from leadsrally.kit.db import Database, Tx
from leadsrally.kit.errors import Invalid
from leadsrally.kit.ids import new_id
from leadsrally.notices import store
from leadsrally.notices.compose import Letterhead, Said, address_of, compose
from leadsrally.notices.matters.tellings import Telling, telling
from leadsrally.notices.types import Kind, Mailer, Matter, Notice, NotNow, Outcome, Refused, State, Taken
from leadsrally.telemetry import log

# The provider knows a key for 24 hours. After that the same key would be a second mail, so we stop before.
_TRY_FOR: Final = timedelta(hours=23)
_SOONEST: Final = timedelta(seconds=20)
_LATEST: Final = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Mailroom:
    """What is needed to tell people: where to look and to write, who carries the mail, what stands on it."""

    db: Database
    clock: Clock
    mailer: Mailer
    letterhead: Letterhead
    link_key: bytes


def tell(room: Mailroom, job: Job) -> Result:
    """Mail what the job speaks of to each person it concerns, once; it is in product from the first try on.

    Nothing is mailed when the matter no longer counts, nor to an address from which mail came back. A
    provider that is away is asked again with the same key for 23 hours, which is one mail however often it
    took it (Q3). Raises `Invalid` for a kind that this version does not know, and `Misconfigured` when the
    provider does not accept our key or our sender.
    """
    kind, how = telling(job.kind)
    now = room.clock()
    with room.db.tenant(job.organization_id) as tx:
        matter = how.find(tx, job, now)
        if matter is None:
            store.withhold(tx, job.organization_id, job.id, "outdated")
            return Done()
        waiting = _noted(tx, job, kind, matter, now=now)
    for notice in waiting:
        outcome = _mail(room, job.organization_id, notice, matter, how)
        if isinstance(outcome, NotNow):
            log.warning("notice.put_off", notice_id=notice.id, kind=kind, reason=outcome.reason)
            return Later(_pause(now - notice.created_at, outcome.retry_after), outcome.reason)
        with room.db.tenant(job.organization_id) as tx:
            _record(tx, job.organization_id, notice.id, outcome, now=room.clock())
        log.info("notice.mailed", notice_id=notice.id, kind=kind, outcome=type(outcome).__name__.lower())
    return Done()


def _noted(tx: Tx, job: Job, kind: Kind, matter: Matter, *, now: datetime) -> list[Notice]:
    """Who is told stands from the first try on; returns those who are still to be mailed."""
    if not store.exist(tx, job.organization_id, job.id):
        for recipient in matter.recipients:
            store.insert(
                tx, job.organization_id, job.id, kind, matter, recipient, notice_id=new_id(now), now=now
            )
        return store.waiting(tx, job.organization_id, job.id)
    waiting = store.waiting(tx, job.organization_id, job.id)
    blocked = {recipient.user_id for recipient in matter.recipients if recipient.blocked}
    back = [notice.id for notice in waiting if notice.user_id in blocked]
    late = [notice.id for notice in waiting if now - notice.created_at > _TRY_FOR]
    store.withhold(tx, job.organization_id, job.id, "mail_blocked", of=back)
    store.withhold(tx, job.organization_id, job.id, "too_late", of=late)
    return [notice for notice in waiting if notice.id not in {*back, *late}]


def _mail(room: Mailroom, organization_id: UUID, notice: Notice, matter: Matter, how: Telling) -> Outcome:
    """The one place from which our mail leaves. No transaction is open here."""
    said = Said(
        key=notice.id,
        organization_id=organization_id,
        kind=notice.kind,
        address=notice.address,
        language=notice.language,
        time_zone=matter.time_zone,
        facts=matter.facts,
        link=_link(room, organization_id, matter, how),
    )
    try:
        mail = compose(said, room.letterhead)
    except Invalid as unsayable:
        return Refused(unsayable.code)
    return room.mailer.send(mail)


def _link(room: Mailroom, organization_id: UUID, matter: Matter, how: Telling) -> str | None:
    """Signed here and now: a link's token is stored nowhere, and signing it again gives the same one."""
    if how.link is None:
        return None
    token = None
    if how.link.purpose is not None:
        token = links.sign(room.link_key, how.link.purpose, organization_id, matter.about_id)
    return address_of(room.letterhead.app_url, how.link.path, token)


def _record(
    tx: Tx, organization_id: UUID, notice_id: UUID, outcome: Taken | Refused, *, now: datetime
) -> None:
    match outcome:
        case Taken(provider_id):
            store.settle(tx, organization_id, notice_id, State.TAKEN, provider_id=provider_id, now=now)
        case Refused(reason):
            store.settle(tx, organization_id, notice_id, State.REFUSED, reason=reason, now=now)


def _pause(age: timedelta, asked: float | None) -> timedelta:
    """As long again as it has waited already, between 20 seconds and half an hour; never less than asked for."""
    return max(min(max(age, _SOONEST), _LATEST), timedelta(seconds=asked or 0))
