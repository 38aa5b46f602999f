"""Keep a retention promise: plan what is due, delete it in bites, record what was found and done."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

import psycopg

from leadsrally.kit.clock import Clock
from leadsrally.kit.db import Database, Tx
from leadsrally.kit.errors import LeadsRallyError, Misconfigured, Unavailable
from leadsrally.kit.ids import new_id
from leadsrally.privacy import store
from leadsrally.privacy.retention import DELIVERY_LOG, Rule
from leadsrally.telemetry import log

_DAYS_AHEAD = 14
_LOCK_TRIES = 25
_LOCK_PAUSE_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Plan:
    """What one rule demands now."""

    rule: Rule
    cutoff: datetime
    due_days: tuple[date, ...]
    missing_days: tuple[date, ...]


@dataclass(frozen=True, slots=True)
class Run:
    """What a sweep came to, in rows. `deleted` are those that this run took; another may run beside it.

    `due_after` is 0 unless it was a dry run.
    """

    id: UUID
    rule: str
    cutoff: datetime
    dry_run: bool
    due_before: int
    deleted: int
    due_after: int


class SweepIncomplete(LeadsRallyError):
    """A sweep ended with rows still due. A silent zero would be worse than this error."""


def plan_delivery_log(now: datetime, days: list[date]) -> Plan:
    """Pure: which partitions are past the window, and which are missing ahead of today."""
    cutoff = DELIVERY_LOG.cutoff(now)
    wanted = [now.date() + timedelta(days=ahead) for ahead in range(_DAYS_AHEAD + 1)]
    return Plan(
        rule=DELIVERY_LOG,
        cutoff=cutoff,
        due_days=tuple(day for day in days if day < cutoff.date()),
        missing_days=tuple(day for day in wanted if day not in days),
    )


def sweep_delivery_log(
    db: Database,
    clock: Clock,
    *,
    dry_run: bool,
    time_left: Callable[[], timedelta],
    pause: Callable[[float], None] = time.sleep,
) -> Run:
    """Drop each day of the delivery log that is past 90 days, one transaction a day, and make days ahead.

    Interrupted, it leaves a run without an end and the next run goes on where it stopped. Two at once are
    harmless. With `dry_run` it counts and records, and changes nothing else. Raises `SweepIncomplete` when
    days are still due afterwards, and `Misconfigured` for a role that would be shown an empty log.
    """
    now = clock()
    run_id = new_id(now)
    deleted = 0
    with db.across() as tx:
        if not store.sees_all(tx, "delivery_log"):
            raise Misconfigured(
                "The sweep's database role sees no rows of the delivery log. Run `leadsrally migrate`.",
                code="sweep_blind",
            )
        plan = plan_delivery_log(now, store.log_days(tx))
        due_before = store.due_log_rows(tx, plan.cutoff)
        store.begin_run(
            tx, run_id, plan.rule.name, dry_run=dry_run, cutoff=plan.cutoff, due_before=due_before, now=now
        )
    if not dry_run:
        for day in plan.missing_days:
            _patiently(db, pause, lambda tx, day=day: store.make_log_day(tx, day))
        for day in plan.due_days:
            if time_left() < timedelta(seconds=10):
                break
            deleted += _drop(db, day, pause)
    with db.across() as tx:
        left = plan_delivery_log(now, store.log_days(tx)).due_days
        due_after = store.due_log_rows(tx, plan.cutoff)
        oldest = store.oldest_log_row(tx)
        store.end_run(tx, run_id, deleted=deleted, due_after=due_after, now=clock(), oldest_at=oldest)
    log.info(
        "sweep.done",
        rule=plan.rule.name,
        dry_run=dry_run,
        due_before=due_before,
        deleted=deleted,
        due_after=due_after,
    )
    if left and not dry_run:
        raise SweepIncomplete(f"{len(left)} days of the delivery log are still due.", code="sweep_incomplete")
    return Run(run_id, plan.rule.name, plan.cutoff, dry_run, due_before, deleted, due_after)


def _drop(db: Database, day: date, pause: Callable[[float], None]) -> int:
    """Drop one day and return how many rows went.

    None go when another sweep was quicker, or when the database's own clock says that the day is still kept.
    """
    # Counted in a transaction of its own: a reader that then asks for the lock would wait for the next one.
    with db.across() as tx:
        rows = store.log_rows_of_day(tx, day)
    try:
        dropped = _patiently(db, pause, lambda tx: store.drop_log_day(tx, day))
    except psycopg.errors.CheckViolation:
        log.error("sweep.refused", rule=DELIVERY_LOG.name)
        return 0
    return rows if dropped else 0


def _patiently(db: Database, pause: Callable[[float], None], change: Callable[[Tx], bool]) -> bool:
    """Step aside for inserts: ask for the log's lock only briefly, and again a little later."""
    for _ in range(_LOCK_TRIES - 1):
        with suppress(Unavailable), db.across() as tx:
            return change(tx)
        pause(_LOCK_PAUSE_SECONDS)
    with db.across() as tx:
        return change(tx)
