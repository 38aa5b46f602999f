"""Sentry is asked for what it should have forgotten; that it does not answer is no answer (P6.3)."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from infra.simulators.running import Running
from infra.simulators.sentry import SentrySimulator
from leadsrally.kit.errors import Misconfigured, Unavailable
from leadsrally.providers.sentry.events import SentryEvents

NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
BEFORE = NOW - timedelta(days=30)


@pytest.fixture
def sentry() -> Iterator[tuple[SentrySimulator, str]]:
    simulator = SentrySimulator()
    with Running(simulator) as running:
        yield simulator, running.base_url


@pytest.mark.parametrize(
    ("age", "found"),
    [
        (timedelta(days=29, hours=23, minutes=59, seconds=59), False),
        (timedelta(days=30), True),
        (timedelta(days=90), True),
    ],
)
def test_R1_on_both_sides_of_thirty_days(sentry: tuple[SentrySimulator, str], age: timedelta, found: bool):
    simulator, base = sentry
    simulator.events = [NOW, NOW - age]
    assert SentryEvents("acme", "backend", "sntrys_x", base).any_before(BEFORE) is found


def test_it_asks_as_sentry_documents_it(sentry: tuple[SentrySimulator, str]):
    simulator, base = sentry
    SentryEvents("acme", "backend", "sntrys_x", base).any_before(BEFORE)
    (asked,) = simulator.recorder.log()
    assert asked["path"].startswith("/api/0/projects/acme/backend/events/")
    assert asked["headers"]["authorization"] == "Bearer sntrys_x"


def test_who_may_not_look_has_not_seen_that_there_is_nothing(sentry: tuple[SentrySimulator, str]):
    _, base = sentry
    with pytest.raises(Misconfigured, match="does not let us look"):
        SentryEvents("acme", "backend", "sntrys_x", f"{base}/elsewhere").any_before(BEFORE)


def test_silence_is_no_answer(closed_port: int):
    with pytest.raises(Unavailable):
        SentryEvents("acme", "backend", "t", f"http://127.0.0.1:{closed_port}").any_before(BEFORE)


def test_its_token_is_never_shown():
    assert "sntrys" not in repr(SentryEvents("acme", "backend", "sntrys_x"))
