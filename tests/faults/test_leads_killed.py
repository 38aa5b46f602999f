"""Doors of leads killed with SIGKILL, and what the next ones make of what they left."""

import signal
from typing import Any

import pytest

from tests.faults.conftest import Mortals
from tests.world import MetaLine, World

KILLED = -signal.SIGKILL
LEAD = "8000000000001"


@pytest.fixture
def page(world: World) -> MetaLine:
    return world.lead_page(world.organization())


def left(world: World) -> tuple[int, int, int]:
    return tuple(  # pyright: ignore[reportReturnType]
        world.value(f"SELECT count(*) FROM {table}") for table in ("leads", "lead_receipts", "jobs")
    )


class TestWord:
    @pytest.mark.parametrize(("die", "first"), [("before_commit", (0, 0, 0)), ("before_reply", (1, 1, 1))])
    def test_W15_row_and_job_are_there_together_or_not_at_all(
        self, world: World, page: MetaLine, mortals: Mortals, die: str, first: tuple[int, int, int]
    ):
        ask: Any = lambda: world.lead(page, LEAD)  # noqa: E731
        assert mortals.request(ask, die=die) == KILLED
        assert left(world) == first
        world.clock.pass_(seconds=60)
        assert mortals.request(ask) == 200
        assert left(world) == (1, 1, 1)

    def test_Q1_a_lead_whose_bell_never_rang_is_found_by_the_tick(
        self, world: World, page: MetaLine, mortals: Mortals
    ):
        assert mortals.request(lambda: world.lead(page, LEAD), die="before_bell") == KILLED
        assert world.rung == []
        world.clock.pass_(seconds=60)
        assert mortals.tick()["rung_fetch_lead"] == 1


class TestFetch:
    @pytest.mark.parametrize("die", ["before_call", "after_fetch"])
    def test_Q2_killed_on_the_way_nothing_is_lost_and_nobody_is_made_twice(
        self, world: World, page: MetaLine, mortals: Mortals, die: str
    ):
        """Reading a lead is harmless to repeat: the lease runs out, and the next worker asks again."""
        assert world.lead(page, LEAD).status == 200
        assert mortals.run("work", queue="fetch_lead", lead=LEAD, die=die) == KILLED
        assert world.value("SELECT state FROM leads") == "queued"
        assert world.rows("SELECT 1 FROM contacts") == []
        world.clock.pass_(minutes=5)
        mortals.tick()
        assert mortals.run("work", queue="fetch_lead", lead=LEAD) == 0
        assert world.value("SELECT state FROM leads") == "fetched"
        assert world.value("SELECT count(*) FROM contacts") == 1
        assert world.rows("SELECT 1 FROM jobs") == []

    def test_Q2_killed_right_after_it_was_stored_it_is_not_stored_again(
        self, world: World, page: MetaLine, mortals: Mortals
    ):
        assert world.lead(page, LEAD).status == 200
        assert mortals.run("work", queue="fetch_lead", lead=LEAD) == 0
        job = "INSERT INTO jobs (id, organization_id, queue, kind, payload, run_at, created_at) "
        world.execute(
            job + "SELECT id, organization_id, 'fetch_lead', 'fetch', jsonb_build_object('lead_id', id), "
            "received_at, received_at FROM leads"
        )
        mortals.later("fetch_lead", seconds=1)
        assert world.value("SELECT count(*) FROM contacts") == 1
