"""What sweeps read and write. These statements serve all tenants, through policies named in the migrations."""

from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from leadsrally.kit.db import Tx

# Row security would show a role without a policy of its own an empty table, and a sweep of it would be glad.
_SEES_WHOLE_LOG = """
SELECT EXISTS (
    SELECT 1
      FROM pg_catalog.pg_policies
     WHERE schemaname = 'public'
       AND tablename = 'delivery_log'
       AND permissive = 'PERMISSIVE'
       AND cmd IN ('SELECT', 'ALL')
       AND current_user = ANY (roles)
       AND qual = 'true'
)
"""


def sees_whole_log(tx: Tx) -> bool:
    """Whether this role may count the rows of every tenant."""
    return tx.value(_SEES_WHOLE_LOG, {})


_DUE_LOG_ROWS = """
SELECT count(*)
  FROM delivery_log
 WHERE received_at < %(cutoff)s
"""


def due_log_rows(tx: Tx, cutoff: datetime) -> int:
    return tx.value(_DUE_LOG_ROWS, {"cutoff": cutoff})


_LOG_ROWS_OF_DAY = """
SELECT count(*)
  FROM delivery_log
 WHERE received_at >= %(begins)s
   AND received_at < %(ends)s
"""


def log_rows_of_day(tx: Tx, day: date) -> int:
    begins = datetime.combine(day, time.min, UTC)
    return tx.value(_LOG_ROWS_OF_DAY, {"begins": begins, "ends": begins + timedelta(days=1)})


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
    """Returns False when it is there already. Raises as `drop_log_day` does when the lock is not to be had."""
    return tx.value(_MAKE_LOG_DAY, {"day": day})


_DROP_LOG_DAY = """
SELECT delivery_log_drop_day(%(day)s)
"""


def drop_log_day(tx: Tx, day: date) -> bool:
    """Returns False when it is gone already.

    Raises `psycopg.errors.LockNotAvailable` after 200 ms rather than let inserts queue up behind it, and
    `psycopg.errors.CheckViolation` for a day that is still kept by the database's own clock.
    """
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
