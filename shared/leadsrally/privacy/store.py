"""What sweeps read and write. These statements serve all tenants, through policies named in the migrations."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from uuid import UUID

from leadsrally.kit.db import Tx
from leadsrally.kit.expiring import Expiring

# Row security would show a role without a policy of its own an empty table, and a sweep of it would be glad.
_SEES_ALL = """
SELECT NOT c.relrowsecurity OR EXISTS (
    SELECT 1
      FROM pg_catalog.pg_policies
     WHERE schemaname = 'public'
       AND tablename = %(table)s
       AND permissive = 'PERMISSIVE'
       AND cmd IN ('SELECT', 'ALL')
       AND current_user = ANY (roles)
       AND qual = 'true'
)
  FROM pg_catalog.pg_class AS c
 WHERE c.oid = to_regclass('public.' || %(table)s)
"""


def sees_all(tx: Tx, table: str) -> bool:
    """Whether this role may count the rows of every tenant."""
    return tx.value(_SEES_ALL, {"table": table})


# Any constant that nothing else here uses, beside the rule's name.
_IN_TURN = """
SELECT pg_advisory_xact_lock(hashtextextended(%(rule)s, 7308326125746))
"""


def in_turn(tx: Tx, rule: str) -> None:
    """Wait until no other sweep is in the middle of a bite of this rule."""
    tx.value(_IN_TURN, {"rule": rule})


_DATABASE_TIME = """
SELECT clock_timestamp()
"""


def database_time(tx: Tx) -> datetime:
    """What the database's own clock says."""
    return tx.value(_DATABASE_TIME, {})


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
   SET deleted = %(deleted)s, due_after = %(due_after)s, oldest_at = %(oldest_at)s, finished_at = %(now)s
 WHERE id = %(id)s
"""


def end_run(
    tx: Tx,
    run_id: UUID,
    *,
    deleted: int,
    due_after: int,
    now: datetime,
    oldest_at: datetime | None = None,
) -> None:
    """`oldest_at` is the instant of the oldest row that is left, where that is known."""
    given = {"id": run_id, "deleted": deleted, "due_after": due_after, "oldest_at": oldest_at, "now": now}
    tx.run(_END_RUN, given)


@dataclass(frozen=True, slots=True)
class LastSweep:
    """The newest sweep of a rule that came to its end and was no dry one."""

    rule: str
    due_before: int
    deleted: int
    due_after: int
    oldest_at: datetime | None
    started_at: datetime
    finished_at: datetime


_LAST_SWEEPS = """
SELECT r.rule, r.due_before, r.deleted, r.due_after, r.oldest_at, r.started_at, r.finished_at
  FROM unnest(%(rules)s::text[]) AS wanted (rule)
 CROSS JOIN LATERAL (
    SELECT *
      FROM sweep_runs AS s
     WHERE s.rule = wanted.rule
       AND s.finished_at IS NOT NULL
       AND NOT s.dry_run
     ORDER BY s.started_at DESC
     LIMIT 1
 ) AS r
"""


def last_sweeps(tx: Tx, rules: Sequence[str]) -> dict[str, LastSweep]:
    """The newest sweep of each of these rules that has one, by the rule's name."""
    return {sweep.rule: sweep for sweep in tx.all(LastSweep, _LAST_SWEEPS, {"rules": list(rules)})}


# As text, which no setting of the session changes.
_OLDEST_LOG_ROW = """
SELECT to_char(min(received_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"') FROM delivery_log
"""


def oldest_log_row(tx: Tx) -> datetime | None:
    found = tx.value(_OLDEST_LOG_ROW, {})
    return datetime.fromisoformat(found) if found else None


SWEEP_RUNS: Final = Expiring(
    "sweep_runs",
    "SELECT count(*) FROM sweep_runs WHERE started_at <= %(cutoff)s",
    """
WITH due AS (
    SELECT id
      FROM sweep_runs
     WHERE started_at <= %(cutoff)s
     ORDER BY id
     LIMIT %(limit)s
), deleted AS (
    DELETE FROM sweep_runs AS r
     USING due
     WHERE r.id = due.id
    RETURNING 1
)
SELECT count(*) FROM deleted
""",
    "SELECT min(started_at) FROM sweep_runs",
)

RETENTION_RUNS: Final = Expiring(
    "retention_runs",
    "SELECT count(*) FROM retention_runs WHERE started_at <= %(cutoff)s",
    """
WITH due AS (
    SELECT organization_id, id
      FROM retention_runs
     WHERE started_at <= %(cutoff)s
     ORDER BY organization_id, id
     LIMIT %(limit)s
), deleted AS (
    DELETE FROM retention_runs AS r
     USING due
     WHERE r.organization_id = due.organization_id
       AND r.id = due.id
    RETURNING 1
)
SELECT count(*) FROM deleted
""",
    "SELECT min(started_at) FROM retention_runs",
)
