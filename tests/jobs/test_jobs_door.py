"""The door of a queue function: what SQS brings, poison included, and what goes back to it."""

import json
from typing import Any
from uuid import UUID, uuid4

import pytest

from infra.local.bells import event_for
from infra.local.context import Context
from leadsrally import runtime
from leadsrally.jobs.enqueue import enqueue
from tests.jobs.conftest import QUEUE, Bench
from tests.world import Line, World


def ring(world: World, *bodies: str) -> list[str]:
    """The door gets these records; returns which of them go back."""
    function = world.functions[QUEUE]
    event: dict[str, Any] = {
        "Records": [{"messageId": f"m{place}", "body": body} for place, body in enumerate(bodies)]
    }
    answer = function.handler()(event, Context(function))
    return [item["itemIdentifier"] for item in answer["batchItemFailures"]]


def bell(job_id: UUID) -> str:
    return json.dumps({"job": str(job_id)})


POISON = [
    "",
    "not json",
    "\ufffd\x00",
    "null",
    "[]",
    "{}",
    '"job"',
    '{"job": null}',
    '{"job": 5}',
    '{"job": ["a"]}',
    '{"job": "no-uuid"}',
    '{"version": 9, "jobs": []}',
    "[" * 100_000,
]


class TestPoison:
    def test_Q8_an_unreadable_record_goes_back_alone(self, world: World, line: Line):
        for place, body in enumerate(POISON):
            message_id = world.reply(line, world.conversation(line), f"Hello {place}")
            (job_id,) = world.due(QUEUE)
            assert ring(world, body, bell(job_id)) == ["m0"], body[:40]
            assert world.message(message_id)["status"] == "accepted"

    def test_Q8_work_that_this_version_does_not_know_is_dead_at_once(self, world: World, bench: Bench):
        with runtime.of("api").db.tenant(bench.org.id) as tx:
            job_id = enqueue(tx, bench.org.id, QUEUE, "teleport", {}, now=world.clock.now)
        assert ring(world, bell(job_id)) == []
        job = bench.job(job_id)
        assert (job["state"], job["error"], job["attempts"]) == ("dead", "unknown_kind", 1)

    def test_Q8_a_message_that_is_gone_is_no_crash(self, world: World, bench: Bench):
        for kind in ("send", "reconcile"):
            with runtime.of("api").db.tenant(bench.org.id) as tx:
                enqueue(tx, bench.org.id, QUEUE, kind, {"message_id": str(uuid4())}, now=world.clock.now)
        assert world.work(QUEUE) == 1
        assert world.rows("SELECT 1 FROM jobs") == []

    def test_Q8_an_organisation_that_is_gone_is_no_crash(self, world: World, bench: Bench, line: Line):
        """Its jobs go with it; a bell that was on the way finds nothing, and the queue moves on."""
        gone = world.organization("Gone")
        lost = bench.promise(gone, {"message_id": str(uuid4())})
        world.execute("DELETE FROM jobs WHERE organization_id = %(id)s", id=gone.id)
        world.execute("DELETE FROM organizations WHERE id = %(id)s", id=gone.id)
        message_id = world.reply(line, world.conversation(line), "Hello")
        (job_id,) = world.due(QUEUE)
        assert ring(world, bell(lost), bell(job_id)) == []
        assert world.message(message_id)["status"] == "accepted"

    def test_Q8_another_organisations_message_is_not_reached(self, world: World, bench: Bench, line: Line):
        message_id = world.reply(line, world.conversation(line), "Hello")
        rival = world.organization("Rival")
        job_id = bench.promise(rival, {"message_id": str(message_id)})
        ring(world, bell(job_id))
        assert world.message(message_id)["status"] == "queued"
        assert world.sender.texts == []

    @pytest.mark.parametrize("payload", [{}, {"message_id": "+1 202 555 0101"}])
    def test_Q8_a_broken_payload_dies_without_naming_anybody(
        self, world: World, bench: Bench, payload: dict[str, str], capsys: pytest.CaptureFixture[str]
    ):
        job_id = bench.promise(payload=payload or {"other": "+1 202 555 0101"}, max_attempts=1)
        assert ring(world, bell(job_id)) == []
        job = bench.job(job_id)
        assert (job["state"], job["error"]) == ("dead", "ValueError" if payload else "KeyError")
        written = capsys.readouterr()
        assert "555 0101" not in written.out + written.err

    def test_Q8_what_a_provider_said_does_not_reach_the_table(self, world: World, line: Line):
        """An error's text may quote a number or a body; the table keeps its class."""

        def explode(text):
            raise RuntimeError(f"cannot send {text.body} to {text.recipient}")

        world.sender.on_send = explode
        world.reply(line, world.conversation(line), "a private answer")
        world.ring(QUEUE, world.due(QUEUE))
        (job,) = world.rows("SELECT * FROM jobs WHERE kind = 'send'")
        assert job["error"] == "RuntimeError"
        assert "private" not in str(job)
        assert "2025550101" not in str(job)

    def test_Q7_the_door_gives_nothing_back_for_a_job_that_failed(self, world: World, line: Line):
        """Retrying is the table's business; SQS would only do it sooner and forget it later."""
        messages = []
        for number in range(5):
            thread = world.conversation(line, f"+1202555010{number}")
            messages.append(world.reply(line, thread, f"Hello {number}"))

        def explode(text):
            if text.message_id == messages[2]:
                raise RuntimeError

        world.sender.on_send = explode
        function = world.functions[QUEUE]
        answer = function.handler()(event_for(QUEUE, world.due(QUEUE)), Context(function))
        assert answer == {"batchItemFailures": []}
        statuses = [world.message(message_id)["status"] for message_id in messages]
        assert statuses[:2] + statuses[3:] == ["accepted"] * 4
        assert world.value("SELECT count(*) FROM jobs WHERE kind = 'send'") == 1
