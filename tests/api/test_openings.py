"""Writing to somebody first: a thread of one's own, the gate's word on it, and no second one."""

import threading
from typing import Any
from uuid import UUID, uuid4

import pytest

from leadsrally import runtime
from leadsrally.accounts.audit import SYSTEM
from leadsrally.contacts.merge import merge
from leadsrally.messaging.open_conversation import open_conversation
from tests.api.conftest import Client, Rival, problem
from tests.sending.test_sending_templates import READY, have
from tests.world import Line, MetaLine, Org, World

ADA = "+12025550101"


@pytest.fixture
def ada(client: Client) -> str:
    """A contact who has never written."""
    status, made = client.post("/v1/contacts", {"name": "Ada Lovelace", "phone": ADA})
    assert status == 201, made
    return made["id"]


def opening(contact_id: object, line: Line | MetaLine, body: str = "Hi {{first_name|there}}!", **more: Any):
    return {"contact_id": str(contact_id), "channel_id": str(line.id), "message": {"body": body}, **more}


class TestText:
    def test_a_contact_who_agreed_gets_it_with_the_way_out(
        self, world: World, client: Client, line: Line, ada: str
    ):
        world.agrees(line, ADA)
        status, opened = client.post("/v1/conversations", opening(ada, line))
        assert (status, opened["status"]) == (202, "queued")
        world.work("send_message")
        (row,) = client.get("/v1/conversations")[1]["items"]
        assert (row["id"], row["contact_id"], row["unread_count"]) == (opened["conversation_id"], ada, 0)
        (message,) = client.get(f"/v1/conversations/{row['id']}/messages")[1]["items"]
        assert (message["id"], message["status"]) == (opened["message_id"], "accepted")
        assert message["body"] == "Hi Ada!\nReply STOP to opt out."
        (sent,) = world.sender.texts
        assert (sent.recipient, sent.body) == (ADA, message["body"])

    def test_an_offer_without_a_yes_is_refused_by_the_gate_which_says_so(
        self, world: World, client: Client, line: Line, ada: str
    ):
        _, opened = client.post("/v1/conversations", opening(ada, line))
        world.work("send_message")
        stored = world.message(UUID(opened["message_id"]))
        assert (stored["purpose"], stored["status"], stored["verdict"]["rule"]) == (
            "marketing",
            "refused",
            "no_marketing_consent",
        )
        assert world.sender.texts == []

    def test_what_is_no_offer_needs_no_yes_to_offers(
        self, world: World, client: Client, line: Line, ada: str
    ):
        client.post("/v1/conversations", opening(ada, line, "Your bike is ready", purpose="service"))
        world.work("send_message")
        assert [text.body for text in world.sender.texts] == ["Your bike is ready"]

    def test_the_answer_comes_into_the_same_thread(self, world: World, client: Client, line: Line, ada: str):
        _, opened = client.post("/v1/conversations", opening(ada, line, purpose="service"))
        world.work("send_message")
        world.text(line, "Great", sender=ADA)
        assert [row["id"] for row in client.get("/v1/conversations")[1]["items"]] == [
            opened["conversation_id"]
        ]
        _, again = client.post("/v1/conversations", opening(ada, line, "See you", purpose="service"))
        assert again["conversation_id"] == opened["conversation_id"]

    def test_sent_twice_with_one_key_it_is_one_message(
        self, world: World, client: Client, line: Line, ada: str
    ):
        body = opening(ada, line, purpose="service")
        first = client.post("/v1/conversations", body, **{"idempotency-key": "k"})
        assert client.post("/v1/conversations", body, **{"idempotency-key": "k"}) == first
        assert world.value("SELECT count(*) FROM messages") == 1

    def test_S1_after_a_stop_nothing_goes(self, world: World, client: Client, line: Line, ada: str):
        world.agrees(line, ADA)
        world.text(line, "STOP", sender=ADA)
        _, opened = client.post("/v1/conversations", opening(ada, line))
        world.work("send_message")
        assert world.message(UUID(opened["message_id"]))["status"] == "refused"

    def test_opened_by_six_at_once_there_is_one(self, world: World, org: Org, line: Line, ada: str):
        found: list[UUID] = []

        def begin() -> None:
            with runtime.of("api").db.tenant(org.id) as tx:
                found.append(open_conversation(tx, org.id, UUID(ada), line.id, now=world.clock.now))

        threads = [threading.Thread(target=begin) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(found) == 6
        assert len(set(found)) == 1


class TestTemplate:
    def test_by_whatsapp_a_template_goes_first(self, world: World, org: Org, client: Client, ada: str):
        number = world.whatsapp_line(org)
        have(world, number, READY)
        values = {"name": "ready", "body": {"1": "Ada", "2": "city bike"}}
        body = opening(ada, number) | {"message": values}
        status, opened = client.post("/v1/conversations", body)
        assert status == 202, opened
        world.work("send_message")
        (sent,) = world.meta_sender.texts
        assert sent.recipient == ADA
        assert world.message(UUID(opened["message_id"]))["status"] == "accepted"

    def test_a_text_does_not_and_leaves_no_empty_thread(
        self, world: World, org: Org, client: Client, ada: str
    ):
        number = world.whatsapp_line(org)
        have(world, number, READY)
        told = problem(client.post("/v1/conversations", opening(ada, number)), 409, "window_closed")
        assert told["detail"] == "This person has not written yet. Send a template instead: ready (en_US)."
        assert world.value("SELECT count(*) FROM conversations") == 0


class TestRefused:
    def test_somebody_without_a_number(self, client: Client, line: Line):
        _, made = client.post("/v1/contacts", {"name": "Nemo", "email": "nemo@example.test"})
        problem(client.post("/v1/conversations", opening(made["id"], line)), 422, "no_number")

    def test_a_page_of_leads(self, world: World, org: Org, client: Client, ada: str):
        body = {"contact_id": ada, "channel_id": str(world.lead_page(org).id), "message": {"body": "hi"}}
        problem(client.post("/v1/conversations", body), 422, "no_messages_here")

    def test_a_channel_that_is_disconnected(self, world: World, org: Org, client: Client, ada: str):
        gone = world.line(org, state="disconnected")
        problem(client.post("/v1/conversations", opening(ada, gone)), 409, "channel_disconnected")

    @pytest.mark.parametrize("purpose", ["keyword", "ai"])
    def test_a_purpose_that_is_not_for_people(self, client: Client, line: Line, ada: str, purpose: str):
        problem(client.post("/v1/conversations", opening(ada, line, purpose=purpose)), 422, "malformed")

    def test_a_viewer(self, viewer: Client, line: Line, ada: str):
        assert viewer.post("/v1/conversations", opening(ada, line))[0] == 403


class TestForeign:
    """T2: ids in the body that are another tenant's."""

    def test_T2_a_foreign_contact_or_channel(
        self, world: World, client: Client, line: Line, rival: Rival, ada: str
    ):
        theirs = world.value("SELECT contact_id FROM conversations WHERE id = %(id)s", id=rival.conversation)
        for body in (opening(theirs, line), opening(ada, rival.line), opening(uuid4(), line)):
            problem(client.post("/v1/conversations", body), 404, "contact_or_channel_not_found")

    def test_T2_a_foreign_upload_or_message(self, client: Client, line: Line, rival: Rival, ada: str):
        foreign = str(uuid4())
        status, _ = client.post(
            "/v1/conversations", opening(ada, line) | {"message": {"body": "hi", "uploads": [foreign]}}
        )
        assert status == 404
        message = {"body": "hi", "reply_to": str(rival.conversation)}
        status, opened = client.post("/v1/conversations", opening(ada, line) | {"message": message})
        assert (status, client.world.message(UUID(opened["message_id"]))["reply_to"]) == (202, None)


class TestMerged:
    def test_an_id_that_leads_to_another_contact(
        self, world: World, org: Org, client: Client, line: Line, ada: str
    ):
        _, other = client.post("/v1/contacts", {"name": "Ada", "phone": "+12025550102"})
        with runtime.of("api").db.tenant(org.id) as tx:
            merge(tx, org.id, UUID(ada), UUID(other["id"]), actor=SYSTEM, now=world.clock.now)
        _, opened = client.post("/v1/conversations", opening(other["id"], line, purpose="service"))
        thread = client.get(f"/v1/conversations/{opened['conversation_id']}")[1]
        assert thread["contact_id"] == ada
