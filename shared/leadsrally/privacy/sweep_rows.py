"""Keep a window of rows that go one by one: count what is due, delete it in bites, record what was found and done."""

from collections.abc import Callable
from datetime import timedelta

from leadsrally.kit.clock import Clock
from leadsrally.kit.db import Database
from leadsrally.kit.errors import Misconfigured
from leadsrally.kit.expiring import Expiring, count_due, delete_due, oldest
from leadsrally.kit.ids import new_id
from leadsrally.privacy import store
from leadsrally.privacy.retention import MonthRule, RowRule
from leadsrally.privacy.sweep import Run, SweepIncomplete
from leadsrally.telemetry import log

_BITE = 1_000  # rows in one transaction, so that no lock is held for long
_MARGIN = timedelta(seconds=10)


def sweep_rows(
    db: Database,
    clock: Clock,
    rule: RowRule | MonthRule,
    expiring: Expiring,
    *,
    dry_run: bool,
    time_left: Callable[[], timedelta],
    bite: int = _BITE,
) -> Run:
    """Delete every row of all tenants that is past the window, one transaction for each bite.

    Of the worker's clock and the database's the slower one decides, so neither deletes early. Interrupted, it leaves
    a run without an end and the next one goes on. Raises `SweepIncomplete` when rows are still due afterwards, and
    `Misconfigured` for a role that would be shown an empty table.
    """
    started_at = clock()
    with db.across() as tx:
        if not store.sees_all(tx, expiring.table):
            raise Misconfigured(
                f"The sweep's database role does not see all of {expiring.table}. Run `leadsrally migrate`.",
                code="sweep_blind",
            )
        cutoff = rule.cutoff(min(started_at, store.database_time(tx)))
        due_before = count_due(tx, expiring, cutoff)
        run_id = new_id(started_at)
        store.begin_run(
            tx, run_id, rule.name, dry_run=dry_run, cutoff=cutoff, due_before=due_before, now=started_at
        )
    deleted = 0
    while not dry_run and time_left() >= _MARGIN:
        with db.across() as tx:
            store.in_turn(tx, rule.name)  # or two would bite into the same rows, and each find some gone
            gone = delete_due(tx, expiring, cutoff, limit=bite)
        deleted += gone
        if gone < bite:
            break
    with db.across() as tx:
        due_after = count_due(tx, expiring, cutoff)
        left = oldest(tx, expiring)
        store.end_run(tx, run_id, deleted=deleted, due_after=due_after, now=clock(), oldest_at=left)
    log.info(
        "sweep.done",
        rule=rule.name,
        dry_run=dry_run,
        due_before=due_before,
        deleted=deleted,
        due_after=due_after,
    )
    if due_after and not dry_run:
        raise SweepIncomplete(f"{due_after} rows of {rule.name} are still due.", code="sweep_incomplete")
    return Run(run_id, rule.name, cutoff, dry_run, due_before, deleted, due_after)
