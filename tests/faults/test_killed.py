"""Doors killed with SIGKILL at the worst moments, and what the next one makes of what they left."""

import signal
from collections import Counter
from typing import Any
from uuid import UUID, uuid4

import pytest

from infra.simulators.twilio import TwilioSimulator
from tests.faults.conftest import Mortals
from tests.world import Line, World

KILLED = -signal.SIGKILL


def inbound(line: Line, body: str, sid: str) -> dict[str, str]:
    return {
        "MessageSid": sid,
        "AccountSid": line.account_sid,
        "From": "+12025550101",
        "To": line.number,
        "Body": body,
        "NumMedia": "0",
    }


def accepted(provider: TwilioSimulator, line: Line) -> Counter[str]:
    """How often the provider took which words."""
    return Counter(
        record.body
        for record in provider.book.newest_first(line.account_sid)
        if record.direction == "outbound-api"
    )


def posts(provider: TwilioSimulator) -> int:
    return sum(entry["method"] == "POST" for entry in provider.recorder.log())


@pytest.fixture
def message(world: World, line: Line) -> UUID:
    return world.reply(line, world.conversation(line), "Hello")


class TestBeforeTheBell:
    """Q1: the row is committed, and nobody was told."""

    def test_Q1_the_tick_finds_a_reply_and_it_is_sent_once(
        self, world: World, line: Line, mortals: Mortals, provider: TwilioSimulator
    ):
        ended = mortals.run(
            "reply",
            organization_id=str(line.organization_id),
            conversation_id=str(world.conversation(line)),
            body="Hello",
            die="before_bell",
        )
        assert ended == KILLED
        assert world.value("SELECT status FROM messages WHERE direction = 'outbound'") == "queued"
        assert world.rung == []

        world.clock.pass_(seconds=60)
        assert mortals.tick()["rung_send_message"] == 1
        assert len(world.rung) == 1
        assert mortals.run("work", queue="send_message") == 0
        assert world.value("SELECT status FROM messages WHERE direction = 'outbound'") == "accepted"
        mortals.later(minutes=10)
        assert accepted(provider, line) == {"Hello": 1}

    def test_Q1_the_tick_finds_the_confirmation_of_a_stop(
        self, world: World, line: Line, mortals: Mortals, provider: TwilioSimulator
    ):
        """The STOP counts from its commit on, and the provider's retry adds no second confirmation."""
        world.execute("UPDATE channels SET provider_answers_keywords = false")
        form = inbound(line, "STOP", f"SM{uuid4().hex}")
        assert mortals.webhook(line, form, die="before_bell") == KILLED
        assert world.value("SELECT state FROM consent_states") == "revoked"

        assert mortals.webhook(line, form) == 200
        mortals.later(seconds=60)
        (body,) = accepted(provider, line)
        assert "opted out" in body
        assert accepted(provider, line)[body] == 1


class TestOverACall:
    """Q2: killed between claim and record. There is one POST at most, and then only looking."""

    def _next_worker(self, world: World, mortals: Mortals, message: UUID) -> dict[str, Any]:
        assert world.message(message)["status"] == "claimed"
        assert mortals.run("work", queue="send_message") == 0
        assert world.message(message)["status"] == "claimed", "the lease of the dead one must run out first"
        mortals.later(minutes=3)
        assert world.message(message)["status"] == "unknown"
        return world.message(message)

    def test_Q2_after_the_provider_has_taken_it(
        self, world: World, line: Line, mortals: Mortals, provider: TwilioSimulator, message: UUID
    ):
        assert mortals.run("work", queue="send_message", die="after_accept") == KILLED
        assert accepted(provider, line) == {"Hello": 1}
        self._next_worker(world, mortals, message)
        mortals.later(seconds=40)
        stored = world.message(message)
        record = next(provider.book.newest_first(line.account_sid))
        assert (stored["status"], stored["provider_message_id"]) == ("accepted", record.sid)
        mortals.later(hours=1)
        assert (accepted(provider, line), posts(provider)) == ({"Hello": 1}, 1)
        assert world.rows("SELECT 1 FROM jobs WHERE queue = 'send_message'") == []

    def test_Q2_before_the_provider_was_called(
        self, world: World, line: Line, mortals: Mortals, provider: TwilioSimulator, message: UUID
    ):
        """Nobody can tell it from the other case, so a person decides; nothing is sent by itself."""
        assert mortals.run("work", queue="send_message", die="before_call") == KILLED
        self._next_worker(world, mortals, message)
        for _ in range(18):
            mortals.later(minutes=1)
        assert world.message(message)["status"] == "unknown"
        assert world.value("SELECT attention FROM conversations") == "delivery_unknown"
        assert posts(provider) == 0
        assert world.rows("SELECT 1 FROM jobs WHERE queue = 'send_message'") == []

    def test_Q2_the_report_settles_it_sooner(
        self, world: World, line: Line, mortals: Mortals, provider: TwilioSimulator, message: UUID
    ):
        assert mortals.run("work", queue="send_message", die="after_accept") == KILLED
        record = next(provider.book.newest_first(line.account_sid))
        world.report(line, record.sid, "delivered", message_id=message)
        mortals.later(minutes=3)
        assert world.message(message)["status"] == "delivered"
        assert posts(provider) == 1

    def test_a_claim_that_was_not_committed_never_was(
        self, world: World, line: Line, mortals: Mortals, provider: TwilioSimulator, message: UUID
    ):
        assert mortals.run("work", queue="send_message", die="before_commit") == KILLED
        assert world.message(message)["status"] == "queued"
        mortals.later(minutes=3)
        assert world.message(message)["status"] == "accepted"
        assert (accepted(provider, line), posts(provider)) == ({"Hello": 1}, 1)


class TestAtTheWebhook:
    def test_W15_killed_after_the_commit_the_retry_changes_nothing(
        self, world: World, line: Line, mortals: Mortals
    ):
        world.execute("UPDATE organizations SET ai_scoring = true")
        form = inbound(line, "How much is it?", f"SM{uuid4().hex}")
        assert mortals.webhook(line, form, die="before_reply") == KILLED
        before = world.rows("SELECT * FROM messages") + world.rows("SELECT * FROM conversations")
        assert world.value("SELECT count(*) FROM jobs") == 1

        assert mortals.webhook(line, form) == 200
        assert world.rows("SELECT * FROM messages") + world.rows("SELECT * FROM conversations") == before
        assert world.value("SELECT count(*) FROM jobs") == 1
        log = world.rows("SELECT outcome FROM delivery_log")
        assert sorted(row["outcome"] for row in log) == ["duplicate", "stored"]

    def test_W15_killed_before_the_commit_the_retry_stores_it(
        self, world: World, line: Line, mortals: Mortals
    ):
        form = inbound(line, "STOP", f"SM{uuid4().hex}")
        ended = mortals.webhook(line, form, die="before_commit")
        assert ended == KILLED
        assert world.rows("SELECT 1 FROM messages") == []
        assert world.rows("SELECT 1 FROM consent_events") == []
        assert world.rows("SELECT 1 FROM message_receipts") == []

        assert mortals.webhook(line, form) == 200
        assert world.value("SELECT count(*) FROM messages") == 1
        assert world.value("SELECT state FROM consent_states") == "revoked"

    def test_W15_a_report_whose_door_was_killed_comes_again(
        self, world: World, line: Line, mortals: Mortals, message: UUID
    ):
        assert mortals.run("work", queue="send_message") == 0
        sid = world.message(message)["provider_message_id"]
        form = {"MessageSid": sid, "MessageStatus": "delivered", "AccountSid": line.account_sid}
        query = f"message={message}"
        assert mortals.webhook(line, form, "status", query=query, die="before_reply") == KILLED
        delivered = world.message(message)
        assert delivered["status"] == "delivered"
        world.clock.pass_(seconds=30)  # Twilio tries again; the clock of each process begins at the world's
        assert mortals.webhook(line, form, "status", query=query) == 200
        assert world.message(message) == delivered
