"""The delivery log's 90 days: what goes, what stays, and what a sweep says when it could not do its work."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from infra.local.command import main
from infra.local.context import Context
from leadsrally import runtime
from leadsrally.kit.db import Database, Tx
from leadsrally.kit.errors import Misconfigured, Unavailable
from leadsrally.privacy import sweep as sweeping
from leadsrally.privacy.retention import DELIVERY_LOG
from leadsrally.privacy.sweep import Run, SweepIncomplete, sweep_delivery_log
from tests.world import World

HOUR = timedelta(hours=1)
MICROSECOND = timedelta(microseconds=1)


def today(world: World) -> date:
    return world.clock.now.date()


def age(world: World, *days: int, rows: int = 1) -> None:
    """Rows of a day so many days ago."""
    for number in days:
        day = today(world) - timedelta(days=number)
        world.execute("SELECT delivery_log_make_day(%(day)s)", day=day)
        for row in range(rows):
            call(world, datetime.combine(day, datetime.min.time(), UTC) + timedelta(minutes=row))


def call(world: World, at: datetime) -> None:
    world._insert(
        "delivery_log",
        {
            "received_at": at,
            "id": uuid4(),
            "provider": "twilio",
            "kind": "inbound",
            "outcome": "stored",
            "http_status": 200,
            "bytes": 1,
            "request_id": "r",
        },
    )


def ages(world: World) -> list[int]:
    """How many days ago the rows are, oldest first."""
    rows = world.rows("SELECT received_at AT TIME ZONE 'UTC' AS at FROM delivery_log ORDER BY 1")
    return [(today(world) - row["at"].date()).days for row in rows]


def days(world: World) -> list[date]:
    return [row["day"] for row in world.rows("SELECT day FROM delivery_log_days() AS day")]


def runs(world: World) -> list[dict[str, Any]]:
    return world.rows("SELECT * FROM sweep_runs ORDER BY started_at, id")


def sweep(
    world: World,
    *,
    dry_run: bool = False,
    db: Database | None = None,
    time_left: Callable[[], timedelta] = lambda: HOUR,
    pause: Callable[[float], None] = lambda _: None,
) -> Run:
    return sweep_delivery_log(
        db or runtime.of("retention_sweep").db, world.clock, dry_run=dry_run, time_left=time_left, pause=pause
    )


class TestWindow:
    def test_R1_the_last_instant_that_is_due_and_the_first_that_is_kept(self, world: World):
        cutoff = DELIVERY_LOG.cutoff(world.clock.now)
        age(world, 91, 90, 89, rows=0)
        for at in (cutoff - timedelta(days=1), cutoff - MICROSECOND, cutoff, cutoff + MICROSECOND):
            call(world, at)
        run = sweep(world)
        kept = world.rows("SELECT received_at FROM delivery_log ORDER BY 1")
        assert [row["received_at"] for row in kept] == [cutoff, cutoff + MICROSECOND]
        assert (run.due_before, run.deleted, run.due_after) == (2, 2, 0)

    def test_R1_at_midnight_another_day_is_due(self, world: World):
        age(world, 89)
        world.clock.now = datetime.combine(today(world), datetime.max.time(), UTC)
        assert sweep(world).deleted == 0
        world.clock.pass_(microseconds=1)
        # By the database's own clock it is not midnight yet, and that one decides.
        with pytest.raises(SweepIncomplete):
            sweep(world)
        assert len(ages(world)) == 1

    def test_days_without_rows_go_too(self, world: World):
        age(world, 200, 100, 90, rows=0)
        sweep(world)
        assert min(days(world)) >= today(world) - timedelta(days=89)

    def test_many_days_at_once(self, world: World):
        age(world, *range(85, 120), rows=2)
        run = sweep(world)
        assert (run.due_before, run.deleted, run.due_after) == (60, 60, 0)
        assert ages(world) == [89, 89, 88, 88, 87, 87, 86, 86, 85, 85]

    @pytest.mark.parametrize("zone", ["America/New_York", "Pacific/Kiritimati", "Asia/Kolkata"])
    def test_R2_the_sessions_time_zone_changes_nothing(self, world: World, zone: str):
        for setting in (f"timezone = '{zone}'", "datestyle = 'SQL, DMY'"):
            world.execute(
                f"ALTER ROLE leadsrally_retention_sweep IN DATABASE {world.database.name} SET {setting}"
            )
        cutoff = DELIVERY_LOG.cutoff(world.clock.now)
        age(world, 90, 89, rows=0)
        call(world, cutoff - MICROSECOND)
        call(world, cutoff)
        latest = max(days(world))
        world.execute(f"DROP TABLE delivery_log_{latest:%Y%m%d}")
        db = Database(world.database.url("leadsrally_retention_sweep"))
        with db.across() as tx:
            assert tx.value("SELECT current_setting('timezone')", {}) == zone
        run = sweep(world, db=db)
        db.close()
        assert (run.due_before, run.deleted, run.due_after) == (1, 1, 0)
        assert [row["received_at"] for row in world.rows("SELECT received_at FROM delivery_log")] == [cutoff]
        # The day it made again takes both ends of the UTC day.
        call(world, datetime.combine(latest, datetime.min.time(), UTC))
        call(world, datetime.combine(latest, datetime.max.time(), UTC))

    def test_R9_the_cutoff_is_the_one_at_the_start(self, world: World):
        """A sweep that runs past midnight keeps to its plan."""
        age(world, 90, 89)
        world.clock.now = datetime.combine(today(world), datetime.max.time(), UTC)

        def midnight() -> timedelta:
            world.clock.pass_(hours=1)
            return HOUR

        assert sweep(world, time_left=midnight).deleted == 1


class TestDryRun:
    def test_it_counts_the_same_and_changes_nothing(self, world: World):
        age(world, 95, 90, 89, rows=3)
        before = days(world)
        run = sweep(world, dry_run=True)
        assert (run.dry_run, run.due_before, run.deleted, run.due_after) == (True, 6, 0, 6)
        assert days(world) == before
        assert len(ages(world)) == 9
        assert sweep(world).deleted == run.due_before

    def test_it_makes_no_days_either(self, world: World):
        world.execute(f"DROP TABLE delivery_log_{max(days(world)):%Y%m%d}")
        before = days(world)
        sweep(world, dry_run=True)
        assert days(world) == before

    def test_it_is_no_error_that_days_are_due(self, world: World):
        age(world, 95)
        assert sweep(world, dry_run=True).due_after == 1

    def test_the_command_says_what_would_go(
        self, world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ):
        monkeypatch.setenv("DATABASE_URL", world.database.url())
        monkeypatch.setenv("LEADSRALLY_ROLE_KEY", "a" * 44)
        monkeypatch.setenv("LEADSRALLY_ENV", "development")
        age(world, 95, rows=2)
        assert main(["sweep", "--dry-run"]) == 0
        assert "due before 2 · would delete 2 · due after 2" in capsys.readouterr().out
        assert len(ages(world)) == 2
        assert main(["sweep"]) == 0
        assert "due before 2 · deleted 2 · due after 0" in capsys.readouterr().out
        assert ages(world) == []


class TestRecord:
    def test_each_run_leaves_a_record(self, world: World):
        age(world, 90, rows=4)
        run = sweep(world)
        (record,) = runs(world)
        assert record == {
            "id": run.id,
            "rule": "delivery_log",
            "dry_run": False,
            "cutoff": run.cutoff,
            "due_before": 4,
            "deleted": 4,
            "due_after": 0,
            "oldest_at": None,
            "started_at": world.clock.now,
            "finished_at": world.clock.now,
        }

    def test_a_run_with_nothing_to_do_says_so(self, world: World):
        run = sweep(world)
        assert (run.due_before, run.deleted, run.due_after) == (0, 0, 0)
        assert len(runs(world)) == 1

    def test_the_door_returns_what_it_recorded(self, world: World):
        age(world, 90, rows=2)
        function = world.functions["retention_sweep"]
        told = [function.handler()({"dry_run": dry}, Context(function))["runs"][0] for dry in (True, False)]
        assert [(t["dry_run"], t["due_before"], t["deleted"], t["due_after"]) for t in told] == [
            (True, 2, 0, 2),
            (False, 2, 2, 0),
        ]


class TestInterrupted:
    def test_R5_out_of_time_it_fails_loudly_and_the_next_goes_on(self, world: World):
        age(world, 95, 94, 93, 92)
        left = iter([HOUR, HOUR, timedelta(seconds=9)])
        with pytest.raises(SweepIncomplete, match="2 days"):
            sweep(world, time_left=lambda: next(left))
        assert ages(world) == [93, 92]  # the oldest go first
        (record,) = runs(world)
        assert (record["due_before"], record["deleted"], record["due_after"]) == (4, 2, 2)
        world.clock.pass_(hours=1)
        run = sweep(world)
        assert (run.due_before, run.deleted, run.due_after) == (2, 2, 0)

    def test_R5_killed_at_each_transaction_it_converges(self, world: World):
        """Each round kills a sweep one transaction later than the one before, then runs a whole one."""
        age(world, 89)
        missing = max(days(world))
        for step in range(1, 40):
            age(world, 92, 91, rows=2)
            if missing in days(world):
                world.execute(f"DROP TABLE delivery_log_{missing:%Y%m%d}")
            db = Database(world.database.url("leadsrally_retention_sweep"))
            dying = Dying(db, step)
            killed = False
            try:
                sweep(world, db=dying)  # pyright: ignore[reportArgumentType]
            except Killed:
                killed = True
            finally:
                db.close()
            world.clock.pass_(seconds=1)
            left = len(ages(world)) - 1
            run = sweep(world)
            assert (run.due_before, run.deleted, run.due_after) == (left, left, 0)
            assert ages(world) == [89]
            assert missing in days(world)
            if not killed:
                break
        assert step > 6, "it was never killed in the middle"
        assert {row["finished_at"] is None for row in runs(world)} == {True, False}

    def test_R5_a_run_that_was_killed_has_no_end(self, world: World):
        age(world, 92)
        db = Database(world.database.url("leadsrally_retention_sweep"))
        with pytest.raises(Killed):
            sweep(world, db=Dying(db, 2))  # pyright: ignore[reportArgumentType]
        db.close()
        (record,) = runs(world)
        assert (record["due_after"], record["finished_at"]) == (None, None)


class Killed(BaseException):
    """Nothing may catch a SIGKILL."""


class Dying:
    """A database whose user is killed in its n-th transaction, just before the commit."""

    def __init__(self, db: Database, last: int) -> None:
        self._db, self._left = db, last

    @contextmanager
    def across(self) -> Iterator[Tx]:
        with self._db.across() as tx:
            yield tx
            self._left -= 1
            if self._left == 0:
                raise Killed


class TestBlind:
    """R6: a role that is shown nothing must not report that nothing was due."""

    def test_R6_without_its_policy_the_sweep_refuses_to_start(self, world: World):
        age(world, 95)
        world.execute("DROP POLICY sweep_counts ON delivery_log")
        with pytest.raises(Misconfigured, match="sees no rows"):
            sweep(world)
        assert ages(world) == [95]
        assert runs(world) == []

    def test_R6_a_narrower_policy_is_no_policy(self, world: World):
        age(world, 95)
        world.execute("DROP POLICY sweep_counts ON delivery_log")
        world.execute(
            "CREATE POLICY narrow ON delivery_log FOR SELECT TO leadsrally_retention_sweep"
            " USING (organization_id IS NOT NULL)"
        )
        with pytest.raises(Misconfigured):
            sweep(world)

    def test_R6_another_functions_role_cannot_sweep(self, world: World):
        db = Database(world.database.url("leadsrally_api"))
        with pytest.raises(Misconfigured):
            sweep(world, db=db)
        db.close()

    def test_R6_rows_of_every_tenant_and_of_none_are_counted(self, world: World):
        age(world, 95, rows=2)
        for org in (world.organization("Harbour Bikes"), world.organization("Rival")):
            age(world, 95)
            world.execute(
                "UPDATE delivery_log SET organization_id = %(org)s WHERE ctid = (SELECT max(ctid) FROM delivery_log)",
                org=org.id,
            )
        assert sweep(world).deleted == 4


class TestClock:
    """R8: a worker's clock may be wrong; the database's own decides what may go."""

    def test_R8_a_worker_a_year_ahead_deletes_nothing_early(self, world: World):
        age(world, 95, 89, 1, 0)
        world.clock.pass_(days=365)
        with pytest.raises(SweepIncomplete):
            sweep(world)
        world.clock.pass_(days=-365)
        assert ages(world) == [89, 1, 0]
        (record,) = runs(world)
        assert (record["deleted"], record["due_after"]) == (1, 3)  # what it took for due, and could not have

    def test_R8_a_worker_a_day_behind_deletes_nothing_early(self, world: World):
        age(world, 90, 89)
        world.clock.pass_(days=-1)
        assert sweep(world).deleted == 0
        world.clock.pass_(days=1)
        assert sweep(world).deleted == 1

    @pytest.mark.parametrize(("days_ago", "refused"), [(89, True), (0, True), (-5, True), (90, False)])
    def test_R8_the_function_itself_refuses(self, world: World, days_ago: int, refused: bool):
        age(world, days_ago, rows=0)
        day = datetime.now(UTC).date() - timedelta(days=days_ago)
        with psycopg.connect(world.database.url("leadsrally_retention_sweep"), autocommit=True) as connection:
            if refused:
                with pytest.raises(psycopg.errors.CheckViolation):
                    connection.execute("SELECT delivery_log_drop_day(%s)", (day,))
            else:
                assert connection.execute("SELECT delivery_log_drop_day(%s)", (day,)).fetchone() == (True,)
                assert connection.execute("SELECT delivery_log_drop_day(%s)", (day,)).fetchone() == (False,)


class TestSideBySide:
    def test_R7_two_sweeps_at_once_share_the_work(self, world: World):
        age(world, *range(90, 110), rows=2)
        dbs = [Database(world.database.url("leadsrally_retention_sweep")) for _ in range(2)]
        with ThreadPoolExecutor(2) as pool:
            done = list(pool.map(lambda db: sweep(world, db=db, pause=lambda _: time.sleep(0.01)), dbs))
        for db in dbs:
            db.close()
        assert [run.due_after for run in done] == [0, 0]
        assert sum(run.deleted for run in done) == 40  # no row is claimed twice
        assert ages(world) == []

    def test_R7_it_steps_aside_for_a_reader_and_succeeds_later(self, world: World):
        age(world, 95)
        pauses: list[float] = []
        with psycopg.connect(world.database.url()) as reader:
            reader.execute("SELECT count(*) FROM delivery_log")

            def pause(seconds: float) -> None:
                pauses.append(seconds)
                if len(pauses) == 2:
                    reader.rollback()

            run = sweep(world, pause=pause)
        assert run.deleted == 1
        assert pauses == [0.2, 0.2]

    def test_R7_making_a_day_steps_aside_too(self, world: World):
        missing = max(days(world))
        world.execute(f"DROP TABLE delivery_log_{missing:%Y%m%d}")
        pauses: list[float] = []
        with psycopg.connect(world.database.url()) as reader:
            reader.execute("SELECT count(*) FROM delivery_log")

            def pause(seconds: float) -> None:
                pauses.append(seconds)
                reader.rollback()

            sweep(world, pause=pause)
        assert missing in days(world)
        assert len(pauses) == 1

    def test_R7_nobody_waits_long_behind_it(self, world: World):
        """While the sweep waits for its lock an insert must not queue up behind it for more than a moment."""
        age(world, 95, 0)
        waited: list[float] = []
        with psycopg.connect(world.database.url()) as reader, ThreadPoolExecutor(1) as pool:
            reader.execute("SELECT count(*) FROM delivery_log")
            sweeping_now = pool.submit(sweep, world, pause=lambda _: time.sleep(0.02))
            for _ in range(5):
                started = time.monotonic()
                call(world, world.clock.now)
                waited.append(time.monotonic() - started)
                time.sleep(0.05)
            reader.rollback()
            assert sweeping_now.result().deleted == 1
        assert max(waited) < 0.6

    def test_R7_a_reader_that_never_ends_makes_it_fail_loudly(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(sweeping, "_LOCK_TRIES", 2)
        age(world, 95)
        with psycopg.connect(world.database.url()) as reader:
            reader.execute("SELECT count(*) FROM delivery_log")
            with pytest.raises(Unavailable):
                sweep(world)
        assert runs(world)[0]["finished_at"] is None
        assert sweep(world).deleted == 1


class TestDaysAhead:
    def test_fourteen_days_ahead_can_be_written(self, world: World):
        sweep(world)
        ahead = [day for day in days(world) if day > today(world)]
        assert len(ahead) == 14
        world.clock.pass_(days=1)
        sweep(world)
        assert max(days(world)) == today(world) + timedelta(days=14)

    def test_after_months_of_downtime_it_begins_again(self, world: World):
        """Nothing ran for half a year: every day there is, is old, and today cannot be written."""
        for day in days(world):
            world.execute(f"DROP TABLE delivery_log_{day:%Y%m%d}")
        age(world, *range(180, 195))
        line = world.line(world.organization())
        assert world.row("SELECT count(*) AS n FROM delivery_log") == {"n": 15}
        run = sweep(world)
        assert (run.due_before, run.deleted, run.due_after) == (15, 15, 0)
        assert days(world) == [today(world) + timedelta(days=ahead) for ahead in range(15)]
        assert world.text(line, "hello").status == 200

    def test_a_new_day_is_nobodys_when_named_directly(self, world: World):
        world.execute(f"DROP TABLE delivery_log_{max(days(world)):%Y%m%d}")
        sweep(world)
        made = world.row(
            "SELECT relrowsecurity AS a, relforcerowsecurity AS b FROM pg_class WHERE relname = %(name)s",
            name=f"delivery_log_{max(days(world)):%Y%m%d}",
        )
        assert made == {"a": True, "b": True}
        with (
            psycopg.connect(world.database.url("leadsrally_webhook_twilio")) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute(f"SELECT 1 FROM delivery_log_{max(days(world)):%Y%m%d}")

    def test_a_row_of_a_day_that_was_not_made_is_refused_not_lost(self, world: World):
        """There is no default partition: it would keep rows that no sweep drops."""
        with pytest.raises(psycopg.errors.CheckViolation):
            call(world, world.clock.now + timedelta(days=400))
