"""How often something may be tried: against a model, at once, and with what one is told to wait."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leadsrally.accounts import limits
from leadsrally.accounts.front_desk import FrontDesk
from leadsrally.accounts.limits import Limit
from leadsrally.accounts.types import Visitor
from leadsrally.kit.errors import Limited
from tests.world import World

LIMIT = Limit("of_a_test", 3, timedelta(seconds=10))
START = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@pytest.fixture
def spend(desk: FrontDesk) -> Callable[..., timedelta | None]:
    def once(now: datetime = START, subject: str = "someone", limit: Limit = LIMIT) -> timedelta | None:
        with desk.db.across() as tx:
            return limits.spend(tx, desk.hashes, limit, subject, now)

    return once


class TestSpend:
    def test_a_burst_and_then_one_after_each_pause(self, spend: Callable[..., timedelta | None]):
        assert [spend() is None for _ in range(5)] == [True, True, True, False, False]
        assert spend(START + timedelta(seconds=10, microseconds=-1)) is not None
        assert spend(START + timedelta(seconds=10)) is None
        assert spend(START + timedelta(seconds=10)) is not None
        later = START + timedelta(hours=1)
        assert [spend(later) is None for _ in range(4)] == [True, True, True, False]

    def test_one_is_told_how_long_to_wait(self, spend: Callable[..., timedelta | None]):
        for _ in range(3):
            spend()
        assert spend() == timedelta(seconds=10)
        assert spend(START + timedelta(seconds=7)) == timedelta(seconds=3)
        assert spend(START + timedelta(seconds=9.9)) == timedelta(seconds=1)

    def test_who_is_refused_does_not_wait_longer_for_it(self, spend: Callable[..., timedelta | None]):
        for _ in range(50):
            spend()
        assert spend(START + timedelta(seconds=10)) is None

    def test_subjects_and_buckets_do_not_share(self, spend: Callable[..., timedelta | None]):
        for _ in range(4):
            spend()
        assert spend(subject="someone else") is None
        assert spend(limit=Limit("another", 3, timedelta(seconds=10))) is None

    def test_tries_at_once_do_not_slip_through_together(self, desk: FrontDesk):
        def once(_: int) -> bool:
            with desk.db.across() as tx:
                return limits.spend(tx, desk.hashes, LIMIT, "someone", START) is None

        with ThreadPoolExecutor(4) as pool:
            assert sum(pool.map(once, range(40))) == 3

    def test_what_is_given_back_can_be_spent_again(
        self, desk: FrontDesk, spend: Callable[..., timedelta | None]
    ):
        for _ in range(3):
            spend()
        with desk.db.across() as tx:
            limits.give_back(tx, desk.hashes, LIMIT, "someone")
        assert [spend() is None for _ in range(2)] == [True, False]

    def test_no_subject_can_be_read_in_the_table(self, world: World, spend: Callable[..., timedelta | None]):
        spend(subject="ada@example.test")
        (row,) = world.rows("SELECT bucket, subject FROM rate_limits")
        assert len(row["subject"]) == 32
        assert b"ada" not in row["subject"]

    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        pauses=st.lists(st.integers(0, 30), max_size=30),
        burst=st.integers(1, 5),
        every=st.integers(1, 20),
    )
    def test_it_does_as_a_leaking_bucket_does(
        self, spend: Callable[..., timedelta | None], pauses: list[int], burst: int, every: int
    ):
        limit = Limit(f"{burst} {every} {len(pauses)} {pauses}"[:60], burst, timedelta(seconds=every))
        level, at = 0.0, 0  # tries in the bucket, one of which leaks out in each `every`
        for pause in pauses:
            at += pause
            level = max(0.0, level - pause / every)
            allowed = level + 1 <= burst + 1e-9
            level += allowed
            assert (spend(START + timedelta(seconds=at), str(pauses), limit) is None) == allowed


class TestSource:
    @pytest.mark.parametrize(
        ("address", "network"),
        [
            ("203.0.113.7", "203.0.113.7"),
            ("::ffff:203.0.113.7", "203.0.113.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
            ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
            ("fe80::1%eth0", "fe80::/64"),
            (None, "unknown"),
        ],
    )
    def test_what_counts_as_one(self, address: str | None, network: str):
        assert Visitor(address, "").network == network

    def test_it_is_known_for_thirty_days(self, desk: FrontDesk):
        with desk.db.across() as tx:
            limits.remember_source(tx, desk.hashes, "ada", "here", START)
            for account, source, days, known in [
                ("ada", "here", 30, True), ("ada", "here", 30.1, False), ("ada", "there", 1, False),
                ("bob", "here", 1, False),
            ]:  # fmt: skip
                now = START + timedelta(days=days, microseconds=-1)
                assert limits.knows_source(tx, desk.hashes, account, source, now) == known


class TestRefuse:
    def test_it_says_when_to_come_again(self):
        limits.refuse(None)
        with pytest.raises(Limited) as limited:
            limits.refuse(timedelta(seconds=90))
        assert (limited.value.retry_after, limited.value.code) == (90, "too_many_tries")
