"""Windows as data: where a cut-off lies, whatever the clock, the zone and the calendar say."""

from datetime import UTC, date, datetime, time, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadsrally.privacy.retention import DELIVERY_LOG, Rule
from leadsrally.privacy.sweep import plan_delivery_log

ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
INSTANTS = st.datetimes(datetime(2016, 1, 1), datetime(2040, 1, 1), timezones=ZONES)  # noqa: DTZ001


class TestCutoff:
    @pytest.mark.parametrize(
        ("now", "cutoff"),
        [
            ("2026-11-24T00:00:00+00:00", "2026-08-27"),
            ("2026-11-24T23:59:59.999999+00:00", "2026-08-27"),
            ("2026-11-25T00:00:00+00:00", "2026-08-28"),
            ("2026-11-24T19:00:00-05:00", "2026-08-28"),  # the 25th already, in UTC
            ("2024-05-28T12:00:00+00:00", "2024-02-29"),
            ("2026-03-08T07:30:00+00:00", "2025-12-09"),  # in the hour that New York skips
        ],
    )
    def test_R1_today_and_the_eighty_nine_days_before_are_kept(self, now: str, cutoff: str):
        expected = datetime.combine(date.fromisoformat(cutoff), time.min, UTC)
        assert DELIVERY_LOG.cutoff(datetime.fromisoformat(now)) == expected

    @given(now=INSTANTS)
    def test_R1_nothing_kept_is_older_than_promised_and_nothing_younger_than_a_day_less_goes(
        self, now: datetime
    ):
        cutoff = DELIVERY_LOG.cutoff(now)
        assert timedelta(days=89) <= now - cutoff < timedelta(days=90)
        assert cutoff.time() == time.min
        assert cutoff.utcoffset() == timedelta(0)

    @given(now=INSTANTS, days=st.integers(1, 4000))
    def test_R2_the_zone_of_the_clock_makes_no_difference(self, now: datetime, days: int):
        rule = Rule("any", "P0", days=days)
        assert rule.cutoff(now) == rule.cutoff(now.astimezone(UTC))


class TestPlan:
    @given(now=INSTANTS, ages=st.sets(st.integers(-20, 200)))
    def test_a_day_is_due_or_kept_or_missing(self, now: datetime, ages: set[int]):
        today = now.astimezone(UTC).date()
        days = sorted(today - timedelta(days=age) for age in ages)
        plan = plan_delivery_log(now.astimezone(UTC), days)
        assert plan.due_days == tuple(day for day in days if (today - day).days >= 90)
        wanted = {today + timedelta(days=ahead) for ahead in range(15)}
        assert set(plan.missing_days) == wanted - set(days)
