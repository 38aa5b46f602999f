"""Meta's door killed with SIGKILL in the middle of a delivery, and what the next one makes of what it left."""

import signal
from typing import Any

import pytest

from tests.faults.conftest import Mortals
from tests.world import MetaLine, World

KILLED = -signal.SIGKILL


@pytest.fixture
def number(world: World) -> MetaLine:
    return world.whatsapp_line(world.organization())


def delivery(world: World, number: MetaLine) -> dict[str, Any]:
    """A message, a STOP and a status, of three people."""
    at = str(int(world.clock.now.timestamp()))
    messages = [
        {
            "from": f"1202555010{n}",
            "id": f"wamid.{n}",
            "timestamp": at,
            "type": "text",
            "text": {"body": body},
        }
        for n, body in enumerate(("How much is it?", "STOP", "Hello"))
    ]
    return world.news(number, messages=messages)


def stored(world: World) -> list[str]:
    return [
        row["body"]
        for row in world.rows("SELECT body FROM messages WHERE direction = 'inbound' ORDER BY body")
    ]


class TestKilled:
    @pytest.mark.parametrize(
        ("die", "first"),
        [
            # A message is a statement of its own; the first commit that is asked for is the STOP's.
            ("before_commit", ["How much is it?"]),
            ("before_reply", ["Hello", "How much is it?", "STOP"]),
        ],
    )
    def test_W15_what_was_taken_stays_and_the_retry_takes_the_rest(
        self, world: World, number: MetaLine, mortals: Mortals, die: str, first: list[str]
    ):
        news = delivery(world, number)
        ask = lambda: world.meta(number, news)  # noqa: E731
        assert mortals.request(ask, die=die) == KILLED
        assert stored(world) == first
        world.clock.pass_(seconds=60)
        assert mortals.request(ask) == 200
        assert stored(world) == ["Hello", "How much is it?", "STOP"]
        assert world.value("SELECT state FROM consent_states") == "revoked"
        assert world.value("SELECT count(*) FROM consent_events") == 1
        assert world.value("SELECT count(*) FROM contacts") == 3
        last = world.rows("SELECT counts FROM delivery_log ORDER BY received_at DESC LIMIT 1")[0]["counts"]
        assert last == {key: n for key, n in (("duplicate", len(first)), ("stored", 3 - len(first))) if n}

    def test_Q1_a_score_whose_bell_never_rang_is_found_by_the_tick(
        self, world: World, number: MetaLine, mortals: Mortals
    ):
        news = delivery(world, number)
        assert mortals.request(lambda: world.meta(number, news), die="before_bell") == KILLED
        assert world.rung == []
        world.clock.pass_(seconds=60)
        assert mortals.tick()["rung_ai_score"] == 2
