"""Publish a new version, tell every owner, compute when it takes effect, remind, and raise an alarm (P10.1).

Each step picks up where the one before it, or an earlier run that was killed, has left off.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID

from leadsrally.disclosures.subprocessors import Host
from leadsrally.jobs.enqueue import enqueue
from leadsrally.kit.clock import Clock
from leadsrally.kit.db import Database
from leadsrally.kit.ids import new_id
from leadsrally.notices.types import Kind
from leadsrally.privacy.policy import dates, store
from leadsrally.privacy.policy.store import Telling
from leadsrally.privacy.policy.text import Text
from leadsrally.privacy.policy.versions import Version, standing, versions
from leadsrally.telemetry import log

Alarm = Literal["altered", "not_all_told", "too_early"]
_AT_A_TIME: Final = 500
_KEEP_BACK: Final = timedelta(seconds=20)  # of the time that is left, for what is begun
_KIND: Final[dict[Telling, Kind]] = {"announced": "policy_change", "reminded": "policy_reminder"}


class PolicyAlarm(Exception):
    """Reported, and never raised: somebody has to look at a version of the policy."""

    def __init__(self, alarm: Alarm) -> None:
        super().__init__(alarm)
        self.code = f"policy_{alarm}"


@dataclass(frozen=True, slots=True)
class Watch:
    """What watching needs. `texts` are the versions that this release has, oldest first."""

    db: Database
    clock: Clock
    texts: Sequence[Text]
    hosts: tuple[Host, ...]
    time_left: Callable[[], timedelta]


def watch(house: Watch) -> list[Alarm]:
    """One round; returns what somebody has to look at. Harmless when repeated and when two run at once."""
    _publish(house)
    with house.db.across() as tx:
        found = versions(tx)
    for version in found:
        if version.material and version.effective_at is None:
            _tell(house, version, "announced")
            _settle(house, version)
    now = house.clock()
    for version in found:
        at = version.effective_at
        if version.material and at is not None and at - dates.REMIND <= now < at:
            _tell(house, version, "reminded")
    alarms = list(dict.fromkeys(_alarms(house)))
    for alarm in alarms:
        log.error("policy.alarm", reason=alarm)
    return alarms


def _publish(house: Watch) -> None:
    """The first version of an installation changes nothing for anybody, so it holds at once."""
    now = house.clock()
    with house.db.across() as tx:
        known = versions(tx)
        newest = known[-1].dated if known else None
        for text in house.texts:
            if newest is not None and text.dated <= newest:
                continue
            material = text.material and newest is not None
            announced = dates.announced_for(now, text.not_before) if material else now
            settled = None if material else now
            version = Version(
                new_id(now),
                text.dated,
                text.fingerprint(house.hosts),
                material,
                text.summary,
                now,
                announced,
                settled,
                settled,
                None,
            )
            if store.publish(tx, version):
                log.info("policy.published", material=material)
            newest = text.dated


def _tell(house: Watch, version: Version, telling: Telling) -> None:
    """A job for each organisation, in a transaction of its own, as far as the time goes."""
    for organization_id in _whom(house, version, telling):
        if house.time_left() < _KEEP_BACK:
            return
        now = house.clock()
        with house.db.tenant(organization_id) as tx:
            payload = {"version_id": str(version.id)}
            job_id = enqueue(tx, organization_id, "notify", _KIND[telling], payload, now=now)
            store.ask(tx, organization_id, version.id, telling, job_id, now=now)


def _whom(house: Watch, version: Version, telling: Telling) -> Iterator[UUID]:
    with house.db.across() as tx:
        again = store.unheard(tx, version.id, telling, limit=_AT_A_TIME)
    yield from again
    while True:
        with house.db.across() as tx:
            found = store.to_tell(tx, version.id, telling, limit=_AT_A_TIME)
        yield from found
        if len(found) < _AT_A_TIME:
            return


def _settle(house: Watch, version: Version) -> None:
    """Once everybody was told, the day is known."""
    with house.db.across() as tx:
        store.note_what_went_out(tx, version.id)
        told = store.progress(tx, version.id)
        if told.out < told.asked or store.to_tell(tx, version.id, "announced", limit=1):
            return
        last_at = told.last_at or version.published_at
        day = dates.effective(version.announced_for, last_at)
        store.takes_effect(tx, version.id, told_at=last_at, effective_at=day)
    log.info("policy.dated", count=told.out)


def _alarms(house: Watch) -> Iterator[Alarm]:
    now = house.clock()
    known = {text.dated: text for text in house.texts}
    with house.db.across() as tx:
        found = versions(tx)
        stands = standing(found, now)
        for version in found:
            if version is not stands.present and version not in stands.coming:
                continue  # replaced: nobody is shown it as what holds
            text = known.get(version.dated)
            altered = text is None or text.fingerprint(house.hosts) != version.fingerprint
            store.mark_altered(tx, version.id, altered=altered, now=now)
            if altered:
                yield "altered"
            if not version.material:
                continue
            if version.effective_at is None:
                if now >= version.published_at + dates.TELL_WITHIN:
                    yield "not_all_told"
            elif _too_early(version, store.progress(tx, version.id).last_at):
                yield "too_early"


def _too_early(version: Version, last_notice_at: datetime | None) -> bool:
    last = last_notice_at or version.published_at
    return version.effective_at is not None and version.effective_at < last + dates.NOTICE
