"""What runs the house, as a customer may see it: webhook deliveries, dead jobs, health."""

from uuid import UUID, uuid4

import pytest

from leadsrally import runtime
from leadsrally.jobs.enqueue import enqueue
from tests.api.conftest import Client, Rival, problem
from tests.world import Line, Org, World


class TestDeliveries:
    def test_P1_5_each_call_is_listed_refused_ones_too(self, world: World, client: Client, line: Line):
        world.text(line, "hello", sid="SM" + "1" * 32)
        world.clock.pass_(seconds=1)
        world.text(line, "hello", sid="SM" + "1" * 32)
        world.clock.pass_(seconds=1)
        world.post(line, "inbound", {"Body": "forged"}, signature="x")
        world.clock.pass_(seconds=1)
        world.report(line, "SM" + "2" * 32, "delivered")
        _, page = client.get("/v1/webhook-deliveries")
        seen = [(row["kind"], row["outcome"], row["reason"], row["http_status"]) for row in page["items"]]
        assert seen == [
            ("status", "parked", None, 200),
            ("inbound", "refused", "signature", 403),
            ("inbound", "duplicate", None, 200),
            ("inbound", "stored", None, 200),
        ]
        assert page["items"][3]["message_id"] == str(world.value("SELECT id FROM messages"))
        assert {row["channel_id"] for row in page["items"]} == {str(line.id)}

    def test_it_shows_no_content_and_no_address_of_the_caller(self, world: World, client: Client, line: Line):
        world.text(line, "PRIVATE words")
        told = str(client.get("/v1/webhook-deliveries")[1])
        assert "PRIVATE" not in told
        assert "203.0.113.7" not in told

    def test_pages(self, world: World, client: Client, line: Line):
        for _ in range(5):
            world.text(line, "hello")
        seen: list[str] = []
        path = "/v1/webhook-deliveries?limit=2"
        cursor = ""
        while True:
            _, page = client.get(path + cursor)
            seen += [row["id"] for row in page["items"]]
            if page["next"] is None:
                break
            cursor = f"&cursor={page['next']}"
        assert len(seen) == len(set(seen)) == 5

    def test_calls_to_another_tenant_and_to_nobody_are_not_shown(
        self, world: World, client: Client, rival: Rival
    ):
        world.call("/webhooks/twilio/" + "k" * 32 + "/inbound", body=b"a=b")
        assert client.get("/v1/webhook-deliveries")[1]["items"] == []
        assert len(rival.client.get("/v1/webhook-deliveries")[1]["items"]) == 1


@pytest.fixture
def dead(world: World, line: Line) -> UUID:
    """A reply whose job was given up."""
    world.reply(line, world.conversation(line), "We open at nine")
    world.execute(
        "UPDATE jobs SET state = 'dead', attempts = 8, error = 'seal_broken' WHERE queue = 'send_message'"
    )
    return world.value("SELECT id FROM jobs WHERE queue = 'send_message'")


class TestDeadJobs:
    def test_they_are_listed_with_a_reason(self, world: World, client: Client, dead: UUID):
        status, page = client.get("/v1/jobs/dead")
        assert status == 200
        (job,) = page["items"]
        assert (job["id"], job["queue"], job["kind"]) == (str(dead), "send_message", "send")
        assert (job["attempts"], job["error"]) == (8, "seal_broken")

    def test_a_replay_sends_the_message(self, world: World, client: Client, dead: UUID):
        world.rung.clear()
        assert client.post(f"/v1/jobs/{dead}/replay") == (202, None)
        assert world.rung == [("send_message", dead)]
        assert client.get("/v1/jobs/dead")[1]["items"] == []
        world.work("send_message")
        assert len(world.sender.texts) == 1

    def test_work_that_nobody_knows_is_dead_at_once(self, world: World, client: Client):
        with runtime.of("api").db.tenant(client.org.id) as tx:
            job_id = enqueue(tx, client.org.id, "send_message", "unheard_of", {}, now=world.clock.now)
        world.work("send_message")
        (job,) = client.get("/v1/jobs/dead")[1]["items"]
        assert (job["id"], job["error"]) == (str(job_id), "unknown_kind")

    def test_a_replay_of_what_is_not_dead(self, world: World, client: Client, dead: UUID):
        client.post(f"/v1/jobs/{dead}/replay")
        problem(client.post(f"/v1/jobs/{dead}/replay"), 404, "job_not_found")
        problem(client.post(f"/v1/jobs/{uuid4()}/replay"), 404, "job_not_found")

    def test_a_replay_of_an_opted_out_persons_message_is_refused_by_the_gate(
        self, world: World, client: Client, line: Line, dead: UUID
    ):
        world.text(line, "STOP")
        client.post(f"/v1/jobs/{dead}/replay")
        world.work("send_message")
        assert world.sender.texts == []

    def test_T11_a_viewer_may_look_only(self, world: World, viewer: Client, dead: UUID):
        assert len(viewer.get("/v1/jobs/dead")[1]["items"]) == 1
        problem(viewer.post(f"/v1/jobs/{dead}/replay"), 403, "forbidden")
        assert world.value("SELECT state FROM jobs WHERE id = %(id)s", id=dead) == "dead"

    def test_another_tenants_are_not_shown(self, client: Client, rival: Rival):
        assert client.get("/v1/jobs/dead")[1]["items"] == []
        assert rival.client.get("/v1/jobs/dead")[1]["items"] != []


class TestHealth:
    def test_it_needs_no_token_and_tells_nothing(self, world: World, org: Org):
        assert world.api("GET", "/healthz") == (200, {"status": "ok"})
