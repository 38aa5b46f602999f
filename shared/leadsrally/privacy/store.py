"""What sweeps read and write. These statements serve all tenants, through policies named in the migrations."""

from datetime import date, datetime
from uuid import UUID

from leadsrally.kit.db import Tx

_DUE_LOG_ROWS = """
SELECT count(*)
  FROM delivery_log
 WHERE received_at < %(cutoff)s
"""


def due_log_rows(tx: Tx, cutoff: datetime) -> int:
    return tx.value(_DUE_LOG_ROWS, {"cutoff": cutoff})


_LOG_DAYS = """
SELECT day FROM delivery_log_days() AS day
"""


def log_days(tx: Tx) -> list[date]:
    """The days that have a partition, oldest first."""
    return tx.values(_LOG_DAYS, {})


_MAKE_LOG_DAY = """
SELECT delivery_log_make_day(%(day)s)
"""


def make_log_day(tx: Tx, day: date) -> bool:
    return tx.value(_MAKE_LOG_DAY, {"day": day})


_DROP_LOG_DAY = """
SELECT delivery_log_drop_day(%(day)s)
"""


def drop_log_day(tx: Tx, day: date) -> bool:
    """Raises `psycopg.errors.LockNotAvailable` after 200 ms rather than let inserts queue up behind it."""
    return tx.value(_DROP_LOG_DAY, {"day": day})


_BEGIN_RUN = """
INSERT INTO sweep_runs (id, rule, dry_run, cutoff, due_before, started_at)
VALUES (%(id)s, %(rule)s, %(dry_run)s, %(cutoff)s, %(due_before)s, %(now)s)
"""


def begin_run(
    tx: Tx, run_id: UUID, rule: str, *, dry_run: bool, cutoff: datetime, due_before: int, now: datetime
) -> None:
    tx.run(
        _BEGIN_RUN,
        {
            "id": run_id,
            "rule": rule,
            "dry_run": dry_run,
            "cutoff": cutoff,
            "due_before": due_before,
            "now": now,
        },
    )


_END_RUN = """
UPDATE sweep_runs
   SET deleted = %(deleted)s, due_after = %(due_after)s, finished_at = %(now)s
 WHERE id = %(id)s
"""


def end_run(tx: Tx, run_id: UUID, *, deleted: int, due_after: int, now: datetime) -> None:
    tx.run(_END_RUN, {"id": run_id, "deleted": deleted, "due_after": due_after, "now": now})
