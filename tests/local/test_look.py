"""`leadsrally look`: what was found at the providers is written down, with who found it (P6.3, P6.6)."""

import base64
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from infra.local.command import main
from infra.simulators.running import Running
from infra.simulators.sentry import SentrySimulator
from tests.world import World

Ask = Callable[..., tuple[int, str]]


@pytest.fixture
def sentry() -> Iterator[tuple[SentrySimulator, str]]:
    simulator = SentrySimulator()
    with Running(simulator) as running:
        yield simulator, running.base_url


@pytest.fixture
def ask(
    world: World,
    sentry: tuple[SentrySimulator, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Ask:
    monkeypatch.setenv("DATABASE_URL", world.database.url())
    monkeypatch.setenv("LEADSRALLY_ROLE_KEY", base64.b64encode(b"r" * 32).decode())
    monkeypatch.setenv("LEADSRALLY_ENV", "development")
    for name, value in (("URL", sentry[1]), ("TOKEN", "sntrys_x")):
        monkeypatch.setenv(f"SENTRY_API_{name}", value)
    monkeypatch.setenv("SENTRY_ORG", "acme")
    monkeypatch.setenv("SENTRY_PROJECT", "backend")

    def run(*words: str) -> tuple[int, str]:
        capsys.readouterr()
        code = main(["look", *words])
        told = capsys.readouterr()
        return code, told.out + told.err

    return run


def test_nothing_was_looked_at(ask: Ask):
    code, told = ask("list")
    assert code == 1
    assert told.count("never looked at") == 4


def test_what_somebody_found_is_kept_with_their_name(world: World, ask: Ask):
    assert (
        ask("record", "railway_backups", "kept", "--by", "Ana", "--days", "6", "--note", "daily only")[0] == 0
    )
    row = world.row("SELECT * FROM outside_checks")
    assert (row["subject"], row["verdict"], row["days"]) == ("railway_backups", "kept", 6)
    assert (row["looked_by"], row["note"]) == ("Ana", "daily only")
    assert "kept on" in ask("list")[1]


@pytest.mark.parametrize(
    "days", [[], ["--days", "31"], ["--days", "90"]], ids=["not said", "a day more", "weekly ones"]
)
def test_R13_kept_for_longer_than_promised_is_not_kept(world: World, ask: Ask, days: list[str]):
    for subject in ("railway_backups", "sentry_plan"):
        code, told = ask("record", subject, "kept", "--by", "Ana", *days)
        assert code == 2
        assert "30 days at most" in told
    assert world.rows("SELECT 1 FROM outside_checks") == []


def test_kept_for_no_day_at_all_is_kept(world: World, ask: Ask):
    """Where no backup is made there is none."""
    for subject in ("railway_backups", "sentry_plan"):
        assert ask("record", subject, "kept", "--by", "Ana", "--days", "0")[0] == 0
    assert [row["days"] for row in world.rows("SELECT days FROM outside_checks")] == [0, 0]


def test_R13_something_broken_is_written_down_and_told(world: World, ask: Ask):
    assert (
        ask("record", "railway_backups", "broken", "--by", "Ana", "--days", "90", "--note", "a locked one")[0]
        == 0
    )
    assert ask("list")[0] == 1


@pytest.mark.parametrize(("age", "code", "verdict"), [(29, 0, "kept"), (31, 1, "broken")])
def test_sentry_is_asked(
    world: World, sentry: tuple[SentrySimulator, str], ask: Ask, age: int, code: int, verdict: str
):
    sentry[0].events = [datetime.now(UTC) - timedelta(days=age)]
    assert ask("sentry")[0] == code
    row = world.row("SELECT * FROM outside_checks")
    assert (row["subject"], row["verdict"], row["looked_by"]) == (
        "sentry_events",
        verdict,
        "leadsrally look sentry",
    )


def test_without_a_way_to_sentry_nothing_is_written_down(
    world: World, ask: Ask, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("SENTRY_API_TOKEN")
    code, told = ask("sentry")
    assert code == 2
    assert "SENTRY_API_TOKEN is not set" in told
    assert world.rows("SELECT 1 FROM outside_checks") == []
