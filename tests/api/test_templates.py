"""Templates and WhatsApp replies as a customer meets them."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from leadsrally.messaging.types import Button, Header, TemplateForm, Wording
from tests.api.conftest import Client, problem
from tests.sending.test_sending_templates import LISTA, READY, SALE, have
from tests.sending.whatsapp import thread
from tests.world import MetaLine, Org, World


@pytest.fixture
def wa(world: World, org: Org) -> MetaLine:
    line = world.whatsapp_line(org)
    have(world, line, READY, LISTA, replace(SALE, state="paused", reason=None, quality="red"))
    return line


def named(client: Client, name: str, language: str = "en_US") -> dict[str, Any]:
    _, page = client.get("/v1/templates?limit=100")
    return next(one for one in page["items"] if (one["name"], one["language"]) == (name, language))


def newest(client: Client, conversation: UUID) -> dict[str, Any]:
    _, page = client.get(f"/v1/conversations/{conversation}/messages")
    return page["items"][0]


class TestList:
    def test_everything_that_meta_has_in_every_state(self, client: Client, wa: MetaLine):
        status, page = client.get("/v1/templates")
        assert status == 200
        assert {(one["name"], one["language"], one["state"]) for one in page["items"]} == {
            ("ready", "en_US", "approved"),
            ("ready", "es", "approved"),
            ("sale", "en_US", "paused"),
        }
        sale = named(client, "sale")
        assert (sale["category"], sale["quality"], sale["account_id"]) == ("marketing", "red", wa.waba_id)
        assert sale["body"] == {"text": "{{1}}, 20 % off", "values": ["1"]}
        assert sale["buttons"] == [
            {"kind": "url", "text": "See", "url": "https://harbour.example/{{1}}", "wants_value": True}
        ]

    def test_by_state_account_and_page(self, client: Client, wa: MetaLine):
        assert [one["name"] for one in client.get("/v1/templates?state=paused")[1]["items"]] == ["sale"]
        assert client.get("/v1/templates?account_id=404")[1] == {"items": [], "next": None}
        seen, cursor = [], ""
        for _ in range(3):
            _, page = client.get(f"/v1/templates?limit=1{cursor}")
            seen += [one["id"] for one in page["items"]]
            cursor = f"&cursor={page['next']}"
        assert len(set(seen)) == 3
        problem(client.get("/v1/templates?state=nice"), 422, "malformed")


class TestPreview:
    def test_how_it_reads(self, client: Client, wa: MetaLine):
        one = named(client, "ready")["id"]
        body = {"body": {"1": "Ada", "2": "city bike"}}
        status, shown = client.post(f"/v1/templates/{one}/preview", body)
        assert (status, shown) == (
            200,
            {"header": "", "body": "Hi Ada, your city bike is ready.", "footer": "", "buttons": []},
        )

    def test_what_meta_would_refuse(self, client: Client, wa: MetaLine):
        one = named(client, "ready")["id"]
        told = problem(
            client.post(f"/v1/templates/{one}/preview", {"body": {"1": "Ada"}}), 422, "template_values"
        )
        assert told["detail"] == "The body of the template wants a value for 2."
        paused = named(client, "sale")["id"]
        problem(client.post(f"/v1/templates/{paused}/preview", {}), 409, "template_not_approved")

    def test_a_picture_in_the_header_is_left_out(self, world: World, client: Client, wa: MetaLine):
        form = TemplateForm(
            Wording("Look"), Header("image", Wording("")), buttons=(Button("quick_reply", "Nice"),)
        )
        have(world, wa, replace(READY, name="look", form=form))
        _, shown = client.post(f"/v1/templates/{named(client, 'look')['id']}/preview", {})
        assert (shown["body"], shown["buttons"][0]["text"]) == ("Look", "Nice")


class TestSync:
    def test_on_demand(self, world: World, client: Client, wa: MetaLine):
        world.catalogue.held = [replace(READY, state="disabled")]
        status, asked = client.post(f"/v1/templates/sync/{wa.id}")
        assert (status, asked["status"]) == (202, "queued")
        assert ("template_sync", UUID(asked["job_id"])) in world.rung
        world.work("template_sync")
        assert named(client, "ready")["state"] == "disabled"

    def test_only_a_whatsapp_channel_that_is_connected(self, world: World, org: Org, client: Client):
        line, gone = world.line(org), world.whatsapp_line(org, state="disconnected")
        for channel in (line.id, gone.id):
            problem(client.post(f"/v1/templates/sync/{channel}"), 404, "channel_not_found")


class TestSend:
    def test_a_template_after_the_24_hours(self, world: World, client: Client, wa: MetaLine):
        conversation = thread(world, wa, wrote=timedelta(days=2))
        body = {"name": "ready", "language": "es", "body": {"1": "Ana", "2": "bici"}}
        path = f"/v1/conversations/{conversation}/templates"
        headers = {"idempotency-key": "once"}
        status, queued = client.post(path, body, **headers)
        assert (status, queued["language"], queued["status"]) == (202, "es", "queued")
        assert client.post(path, body, **headers)[1]["id"] == queued["id"]
        world.work("send_message")
        message = newest(client, conversation)
        assert (message["id"], message["kind"], message["status"]) == (queued["id"], "template", "accepted")
        assert message["body"] == "Hola Ana, tu bici está lista."
        assert message["content"]["template"]["name"] == "ready"
        assert len(world.meta_sender.texts) == 1

    def test_free_text_after_the_24_hours_is_refused_at_once_and_says_what_to_do(
        self, world: World, client: Client, wa: MetaLine
    ):
        conversation = thread(world, wa, wrote=timedelta(hours=24))
        told = problem(
            client.post(f"/v1/conversations/{conversation}/messages", {"body": "Hello"}), 409, "window_closed"
        )
        assert told["detail"] == (
            "WhatsApp's 24 hours for free text are over. Send a template instead: ready (en_US), ready (es)."
        )
        never = thread(world, wa, "+12025550112", wrote=None)
        told = problem(
            client.post(f"/v1/conversations/{never}/messages", {"body": "Hi"}), 409, "window_closed"
        )
        assert told["detail"].startswith("This person has not written yet.")
        assert world.rows("SELECT 1 FROM jobs WHERE queue = 'send_message'") == []

    def test_the_gates_refusal_shows_what_could_be_sent(self, world: World, client: Client, wa: MetaLine):
        conversation = thread(world, wa, wrote=timedelta(hours=23, minutes=59))
        assert client.post(f"/v1/conversations/{conversation}/messages", {"body": "Hello"})[0] == 202
        world.clock.pass_(minutes=2)
        world.work("send_message")
        verdict = newest(client, conversation)["verdict"]
        assert (verdict["decision"], verdict["rule"]) == ("refuse", "window_closed")
        assert verdict["templates"] == ["ready (en_US)", "ready (es)"]

    def test_an_answer_to_one_message(self, world: World, client: Client, wa: MetaLine):
        assert world.whatsapp(wa, "Is it blue?", wamid="wamid.asked").status == 200
        conversation = world.value("SELECT id FROM conversations")
        asked = newest(client, conversation)["id"]
        world.clock.pass_(seconds=1)
        client.post(f"/v1/conversations/{conversation}/messages", {"body": "It is.", "reply_to": asked})
        world.work("send_message")
        assert world.meta_sender.texts[0].reply_to == "wamid.asked"
        assert newest(client, conversation)["reply_to"] == asked

    def test_T2_a_message_of_somebody_else_is_answered_as_if_there_were_none(
        self, world: World, client: Client, wa: MetaLine
    ):
        rival = world.whatsapp_line(world.organization("Rival"))
        assert world.whatsapp(rival, "A secret", sender="12025550188", wamid="wamid.theirs").status == 200
        theirs = world.value("SELECT id FROM messages WHERE direction = 'inbound'")
        conversation = thread(world, wa)
        answers = [
            client.post(
                f"/v1/conversations/{conversation}/messages", {"body": "It is.", "reply_to": str(one)}
            )
            for one in (theirs, UUID(int=1))
        ]
        assert [status for status, _ in answers] == [202, 202]
        world.work("send_message")
        assert [message.reply_to for message in world.meta_sender.texts] == [None, None]
        assert newest(client, conversation)["reply_to"] is None

    def test_buttons_and_a_list(self, world: World, client: Client, wa: MetaLine):
        conversation = thread(world, wa)
        path = f"/v1/conversations/{conversation}/choices"
        assert client.post(path, {"body": "Which?", "buttons": [{"id": "a", "title": "A"}]})[0] == 202
        rows = [{"id": "s", "title": "Saturday", "description": "10 to 12"}]
        assert (
            client.post(path, {"body": "When?", "button": "Choose", "sections": [{"rows": rows}]})[0] == 202
        )
        world.work("send_message")
        assert [message.kind for message in world.meta_sender.texts] == ["interactive", "interactive"]
        same = [{"id": "a", "title": "A"}, {"id": "a", "title": "B"}]
        problem(client.post(path, {"body": "Which?", "buttons": same}), 422, "interactive")
        problem(client.post(path, {"body": "Which?"}), 422, "malformed")

    def test_sms_takes_neither(self, world: World, org: Org, client: Client):
        conversation = world.conversation(world.line(org))
        path = f"/v1/conversations/{conversation}"
        buttons = {"body": "Which?", "buttons": [{"id": "a", "title": "A"}]}
        problem(client.post(f"{path}/choices", buttons), 422, "no_choices_here")
        problem(client.post(f"{path}/templates", {"name": "ready"}), 422, "no_templates_here")

    def test_why_it_failed_in_metas_terms(self, world: World, client: Client, wa: MetaLine):
        from leadsrally.sending.types import Rejected

        conversation = thread(world, wa)
        world.meta_sender.outcomes = [Rejected("131026")]
        client.post(f"/v1/conversations/{conversation}/messages", {"body": "Hello"})
        world.work("send_message")
        failure = newest(client, conversation)["failure"]
        assert failure["code"] == "131026"
        assert "not on WhatsApp" in failure["cause"]
        assert failure["final"] is True
