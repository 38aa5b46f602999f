"""E19: by when a person who asked has to be answered."""

from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadsrally.privacy.answer_by import answer_by

DAYS = st.dates(date(2018, 5, 25), date(2100, 1, 1)).map(lambda day: datetime.combine(day, time.max, UTC))


@pytest.mark.parametrize(
    ("asked", "as_a_rule", "put_off"),
    [
        ("2026-09-03", "2026-10-03", "2026-12-03"),
        ("2027-01-31", "2027-02-28", "2027-04-30"),
        ("2028-01-31", "2028-02-29", "2028-04-30"),
        ("2027-11-30", "2027-12-30", "2028-02-29"),
        ("2026-11-30", "2026-12-30", "2027-02-28"),
        ("2028-02-29", "2028-03-29", "2028-05-29"),
        ("2026-12-31", "2027-01-31", "2027-03-31"),
        ("2026-03-31", "2026-04-30", "2026-06-30"),
    ],
)
def test_E19_a_month_and_two_more(asked: str, as_a_rule: str, put_off: str):
    found = answer_by(datetime.fromisoformat(f"{asked}T23:59:59+00:00"))
    assert (found.as_a_rule.isoformat(), found.put_off.isoformat()) == (as_a_rule, put_off)


@given(DAYS)
def test_E19_never_later_than_the_law_says(asked: datetime):
    found = answer_by(asked)
    for last, months in ((found.as_a_rule, 1), (found.put_off, 3)):
        assert (last.year * 12 + last.month) - (asked.year * 12 + asked.month) == months
        assert last.day == min(asked.day, monthrange(last.year, last.month)[1])


@given(DAYS)
def test_E19_who_asks_later_is_never_to_be_answered_sooner(asked: datetime):
    one, next_day = answer_by(asked), answer_by(asked + timedelta(days=1))
    assert one.as_a_rule <= next_day.as_a_rule
    assert one.put_off <= next_day.put_off
