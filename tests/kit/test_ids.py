"""Identifiers that sort by the time they were made."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from leadsrally.kit.ids import made_at, new_id

instants = st.datetimes(datetime(2000, 1, 1), datetime(2900, 1, 1)).map(lambda at: at.replace(tzinfo=UTC))  # noqa: DTZ001


@given(instants)
def test_they_are_of_version_7(at: datetime):
    made = new_id(at)
    assert (made.version, made.variant) == (7, "specified in RFC 4122")
    assert made.int >> 80 == int(at.timestamp() * 1000)


@given(instants)
def test_a_later_one_sorts_later(at: datetime):
    assert new_id(at) < new_id(at + timedelta(milliseconds=1))


@given(instants)
def test_they_say_when_they_were_made(at: datetime):
    # A float of seconds is off by some microseconds in centuries to come.
    assert abs(at - made_at(new_id(at))) <= timedelta(milliseconds=1, microseconds=10)


def test_no_two_are_alike():
    at = datetime(2026, 11, 23, tzinfo=UTC)
    assert len({new_id(at) for _ in range(10_000)}) == 10_000
