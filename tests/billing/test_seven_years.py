"""P6.5: billing records are kept for seven calendar years from the end of their month, and then they are not."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from unittest import mock

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadsrally import runtime
from leadsrally.billing import expired
from leadsrally.billing.months import after, first_of
from leadsrally.kit.db import Tx
from leadsrally.privacy.keep_windows import MONTHS
from leadsrally.privacy.retention import BILLING, INVOICES, USAGE
from leadsrally.privacy.sweep import Run, SweepIncomplete
from leadsrally.privacy.sweep_rows import sweep_rows
from tests.billing.invoices import an_invoice, used
from tests.world import Org, World

MICROSECOND = timedelta(microseconds=1)
OCTOBER = date(2019, 10, 1)
# February 2016 ended on the 29th. Seven years later there was none.
LEAP = date(2016, 2, 1)
ENDS = [
    (LEAP, datetime(2023, 3, 1, tzinfo=UTC)),
    (date(2017, 2, 1), datetime(2024, 3, 1, tzinfo=UTC)),  # and here one the other way round
    (OCTOBER, datetime(2026, 11, 1, tzinfo=UTC)),
    (date(2018, 12, 1), datetime(2026, 1, 1, tzinfo=UTC)),
]


def sweep(world: World, **options: Any) -> list[Run]:
    db = runtime.of("retention_sweep").db
    given = {"dry_run": False, "time_left": lambda: timedelta(hours=1), **options}
    return [sweep_rows(db, world.clock, rule, expiring, **given) for rule, expiring in MONTHS]


def left(world: World) -> tuple[int, int, int]:
    return tuple(
        world.value(f"SELECT count(*) FROM {table}") for table in ("usage", "invoices", "invoice_lines")
    )  # pyright: ignore[reportReturnType]


@pytest.fixture
def org(world: World) -> Org:
    return world.organization(created_at=datetime(2015, 1, 1, tzinfo=UTC))


class TestRule:
    @given(st.dates(date(2016, 1, 1), date(2040, 12, 31)))
    def test_R3_seven_years_after_the_end_of_the_month_by_the_calendar(self, day: date):
        """Never 7 * 365 days, which two leap days make too short."""
        end = after(first_of(day))
        due = datetime(end.year + 7, end.month, 1, tzinfo=UTC)
        assert BILLING.cutoff(due - MICROSECOND).date() <= first_of(day)  # kept
        assert BILLING.cutoff(due).date() > day  # due
        assert (due.date() - day).days > 7 * 365

    def test_R3_what_ended_on_29_february_is_kept_through_28_february(self):
        assert BILLING.cutoff(datetime(2031, 2, 28, 23, 59, 59, tzinfo=UTC)).date() <= date(2024, 2, 29)
        assert BILLING.cutoff(datetime(2031, 3, 1, tzinfo=UTC)).date() > date(2024, 2, 29)

    def test_R3_the_database_computes_the_same_days(self, world: World, org: Org):
        months = [date(year, month, 1) for year in range(2016, 2041) for month in (1, 2, 3, 12)]
        for month in months:
            an_invoice(world, org, month)
        stored = {
            row["month"]: row["kept_until"] for row in world.rows("SELECT month, kept_until FROM invoices")
        }
        assert stored == {month: after(month).replace(year=after(month).year + 7) for month in months}

    @pytest.mark.parametrize(
        "at", [datetime(2026, 11, 1, 3, tzinfo=UTC), datetime(2026, 10, 31, 23, 59, tzinfo=UTC)]
    )
    def test_R2_by_utc_whatever_the_zone_of_who_asks(self, at: datetime):
        for hours in (-12, -5, 5, 14):
            assert BILLING.cutoff(at.astimezone(timezone(timedelta(hours=hours)))) == BILLING.cutoff(at)


class TestSweep:
    @pytest.mark.parametrize(("month", "due"), ENDS, ids=str)
    def test_R4_a_day_before_it_is_kept_and_then_removed(
        self, world: World, org: Org, month: date, due: datetime
    ):
        an_invoice(world, org, month)
        used(world, org, month)
        used(world, org, after(month) - timedelta(days=1))
        for early in (timedelta(days=1), MICROSECOND):
            world.clock.now = due - early
            assert [run.deleted for run in sweep(world)] == [0, 0]
        world.clock.now = due
        assert [(run.rule, run.due_before, run.deleted, run.due_after) for run in sweep(world)] == [
            ("usage", 2, 2, 0),
            ("invoices", 1, 1, 0),
        ]
        assert left(world) == (0, 0, 0)

    def test_the_next_month_stays(self, world: World, org: Org):
        for month in (OCTOBER, after(OCTOBER)):
            an_invoice(world, org, month)
            used(world, org, month)
        world.clock.now = datetime(2026, 11, 20, tzinfo=UTC)
        sweep(world)
        assert left(world) == (1, 1, 1)
        assert world.value("SELECT month FROM invoices") == after(OCTOBER)

    @pytest.mark.parametrize("zone", ["America/New_York", "Pacific/Kiritimati", "Europe/Berlin"])
    def test_R2_in_every_session_zone(self, world: World, org: Org, zone: str):
        world.execute(
            f"ALTER ROLE leadsrally_retention_sweep IN DATABASE {world.database.name} SET timezone = '{zone}'"
        )
        for month in (OCTOBER, after(OCTOBER)):
            an_invoice(world, org, month)
            used(world, org, month)
            used(world, org, after(month) - timedelta(days=1))
        world.clock.now = datetime(2026, 11, 1, tzinfo=UTC)
        assert [run.deleted for run in sweep(world)] == [2, 1]

    def test_a_dry_run_counts_and_deletes_nothing(self, world: World, org: Org):
        an_invoice(world, org, LEAP)
        used(world, org, LEAP)
        assert [(run.due_before, run.deleted, run.due_after) for run in sweep(world, dry_run=True)] == [
            (1, 0, 1),
            (1, 0, 1),
        ]
        assert left(world) == (1, 1, 1)

    def test_R6_of_every_tenant_and_of_those_who_are_erased(self, world: World, org: Org):
        for one in (org, world.organization("Rival")):
            an_invoice(world, one, LEAP)
        world.execute("UPDATE invoices SET organization_id = gen_random_uuid()")
        assert [run.deleted for run in sweep(world)] == [0, 2]

    def test_R5_killed_at_every_statement_it_converges(self, world: World, org: Org):
        run = Tx._execute
        for statement in range(1, 30):
            for month in (LEAP, after(LEAP), after(after(LEAP))):
                an_invoice(world, org, month)
                used(world, org, month)
            count = 0

            def mortal(self: Tx, *args: Any, last: int = statement) -> Any:
                nonlocal count
                count += 1
                if count == last:
                    raise KeyboardInterrupt
                return run(self, *args)

            with mock.patch.object(Tx, "_execute", mortal):
                try:
                    sweep(world, bite=2)
                except KeyboardInterrupt:
                    killed = True
                else:
                    killed = False
            sweep(world, bite=2)
            assert left(world) == (0, 0, 0)
            if not killed:
                break
        assert not killed, "there were more statements than were tried"

    def test_out_of_time_it_says_so(self, world: World, org: Org):
        an_invoice(world, org, LEAP)
        db = runtime.of("retention_sweep").db
        with pytest.raises(SweepIncomplete):
            sweep_rows(
                db, world.clock, INVOICES, expired.INVOICES, dry_run=False, time_left=lambda: timedelta(0)
            )

    def test_usage_goes_before_the_invoices_that_charged_it(self):
        """Else a month that is swept in between would be charged a second time."""
        assert [rule for rule, _ in MONTHS] == [USAGE, INVOICES]


class TestTooEarly:
    """R8: whoever's clock is wrong deletes nothing early."""

    def test_R8_of_two_clocks_the_slower_decides(self, world: World, org: Org):
        month = first_of(datetime.now(UTC).date()).replace(year=datetime.now(UTC).year - 6)
        an_invoice(world, org, month)
        used(world, org, month)
        world.clock.pass_(days=800)
        assert [run.deleted for run in sweep(world)] == [0, 0]

    def test_R8_and_the_database_refuses(self, world: World, org: Org):
        an_invoice(world, org, first_of(datetime.now(UTC).date()))
        with (
            psycopg.connect(world.database.url("leadsrally_retention_sweep")) as connection,
            pytest.raises(psycopg.errors.RestrictViolation),
        ):
            connection.execute("DELETE FROM invoices")
