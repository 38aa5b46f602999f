"""An alarm rings when a window is not kept, and when nobody has looked for a night."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from infra.local.context import Context
from leadsrally import runtime
from leadsrally.privacy.keep_windows import SWEPT, keep_windows
from leadsrally.privacy.watch import SILENT_AFTER, Alarm, alarms
from tests.world import World

HOUR = timedelta(hours=1)


@pytest.fixture
def swept(world: World) -> World:
    """Every window was swept just now."""
    keep_windows(runtime.of("retention_sweep").db, world.clock, dry_run=False, time_left=lambda: HOUR)
    return world


def heard(world: World) -> list[Alarm]:
    with runtime.of("tick").db.across() as tx:
        return alarms(tx, SWEPT, world.clock.now)


def run_of(world: World, rule: str, **columns: Any) -> None:
    world.clock.pass_(seconds=1)
    now = world.clock.now
    values = {
        "id": uuid4(), "rule": rule, "dry_run": False, "cutoff": now, "due_before": 3, "deleted": 3, "due_after": 0,
        "started_at": now, "finished_at": now,
    }  # fmt: skip
    world._insert("sweep_runs", {**values, **columns})


def test_a_house_that_swept_is_quiet(swept: World) -> None:
    assert heard(swept) == []


def test_a_house_that_never_swept_is_not(world: World) -> None:
    assert heard(world) == [Alarm(rule, "silent") for rule in SWEPT]


def test_a_silent_night_is_heard_and_not_before(swept: World) -> None:
    swept.clock.now += SILENT_AFTER
    assert heard(swept) == []
    swept.clock.now += timedelta(microseconds=1)
    assert heard(swept) == [Alarm(rule, "silent") for rule in SWEPT]


def test_one_window_that_is_silent_is_named(swept: World) -> None:
    swept.execute("DELETE FROM sweep_runs WHERE rule = 'sessions'")
    assert heard(swept) == [Alarm("sessions", "silent")]


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"due_after": 2}, "left"),
        (
            {"due_after": None, "finished_at": None},
            None,
        ),  # it still runs, or died: the one before counts for a day
        ({"due_after": 2, "dry_run": True}, None),
    ],
    ids=["left some", "without an end", "dry"],
)
def test_what_the_newest_run_came_to(swept: World, columns: dict[str, Any], reason: str | None) -> None:
    run_of(swept, "sessions", **columns)
    assert [(alarm.rule, alarm.reason) for alarm in heard(swept)] == (
        [("sessions", reason)] if reason else []
    )


def test_R5_sweeps_that_are_killed_each_time_are_heard(swept: World) -> None:
    for _ in range(26):
        swept.clock.now += HOUR
        run_of(swept, "sessions", due_after=None, finished_at=None)
    assert Alarm("sessions", "silent") in heard(swept)


class TestTick:
    def ring(self, world: World, minute: int) -> None:
        world.clock.now = world.clock.now.replace(minute=minute)
        tick = world.functions["tick"]
        tick.handler()({}, Context(tick))

    def told(self, caplog: pytest.LogCaptureFixture) -> list[Any]:
        return [
            record.msg
            for record in caplog.records
            if "retention.alarm" in str(record.msg) + record.getMessage()
        ]

    def test_it_looks_once_an_hour_and_says_it_at_error_level(
        self, world: World, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        captured: list[BaseException] = []
        monkeypatch.setattr(
            type(runtime.of("tick").errors), "capture", lambda _self, error, **_: captured.append(error)
        )
        self.ring(world, 29)
        assert captured == []
        self.ring(world, 30)
        assert [error.code for error in captured] == ["retention_silent"]  # pyright: ignore[reportAttributeAccessIssue]
        assert len([record for record in caplog.records if record.levelname == "ERROR"]) == len(SWEPT)
        self.ring(world, 31)
        assert len(captured) == 1

    def test_a_house_that_swept_says_nothing(self, swept: World, caplog: pytest.LogCaptureFixture) -> None:
        caplog.clear()
        self.ring(swept, 30)
        assert [record for record in caplog.records if record.levelname == "ERROR"] == []
