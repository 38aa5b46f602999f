"""The first message to whoever leaves a lead: once, soon, with what they said filled in, and only where they agreed."""

import threading
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from leadsrally import runtime
from leadsrally.automations.answer_lead import answer_lead
from leadsrally.jobs.types import Job
from leadsrally.messaging.leads.types import Lead
from tests.api.conftest import Client, Rival, client, person, problem, rival  # noqa: F401
from tests.fakes import answered
from tests.leads.conftest import FORM, LEAD, the_lead
from tests.leads.test_lead_consent import PHONE, shape
from tests.sending.test_sending_templates import READY, have
from tests.world import Line, MetaLine, Org, World

HELLO = "Hi {{first_name|there}}, when would a test ride suit you?"


class Desk:
    """A form that somebody has set up."""

    def __init__(self, world: World, page: MetaLine, client: Client) -> None:  # noqa: F811
        self.world, self.page, self.client = world, page, client
        self.leave("8000000000009", phone_number="+12025550179")  # so that we know the form
        self.path = f"/v1/channels/{page.id}/forms"
        (form,) = client.get(self.path)[1]["items"]
        self.path += f"/{form['id']}"

    def set(self, first: dict[str, Any] | None) -> tuple[int, Any]:
        return self.client.patch(self.path, {"first_message": first}, self.client.etag(self.path))

    def leave(
        self,
        lead_id: str = LEAD,
        ticked: tuple[str, ...] = ("offers",),
        ago: timedelta = timedelta(0),
        **answers: str,
    ) -> None:
        said = answered(**(answers or {"phone_number": PHONE, "full_name": "Ana Lima"}))
        self.world.leads.add(Lead(lead_id, FORM, self.world.clock.now - ago, said, ticked=ticked), shape())
        self.world.lead(self.page, lead_id)
        self.world.work("fetch_lead")
        self.world.work("automation")
        self.world.work("send_message")

    def shown(self, lead_id: str = LEAD) -> dict[str, Any]:
        return self.client.get(f"/v1/leads/{the_lead(self.world, lead_id)['id']}")[1]


@pytest.fixture
def desk(world: World, page: MetaLine, client: Client) -> Desk:  # noqa: F811
    return Desk(world, page, client)


class TestSent:
    def test_by_sms_to_whoever_ticked_with_the_way_out(self, world: World, line: Line, desk: Desk):
        assert desk.set({"channel_id": str(line.id), "text": HELLO})[0] == 200
        desk.leave()
        (sent,) = world.sender.texts
        assert (sent.recipient, sent.body) == (
            PHONE,
            "Hi Ana, when would a test ride suit you?\nReply STOP to opt out.",
        )
        shown = desk.shown()
        assert shown["first_message_trouble"] is None
        stored = world.message(UUID(shown["first_message_id"]))
        assert (stored["purpose"], stored["status"]) == ("marketing", "accepted")

    def test_by_whatsapp_a_template_with_gaps_in_its_values(self, world: World, org: Org, desk: Desk):
        number = world.whatsapp_line(org)
        have(world, number, READY)
        body = {"1": "{{first_name|you}}", "2": "test ride"}
        assert desk.set({"channel_id": str(number.id), "template": "ready", "body": body})[0] == 200
        desk.leave()
        (sent,) = world.meta_sender.texts
        assert sent.recipient == PHONE
        assert (
            world.message(UUID(desk.shown()["first_message_id"]))["body"]
            == "Hi Ana, your test ride is ready."
        )

    def test_whoever_did_not_agree_gets_nothing_and_the_thread_says_so(
        self, world: World, line: Line, desk: Desk
    ):
        desk.set({"channel_id": str(line.id), "text": HELLO})
        desk.leave(ticked=())
        assert world.sender.texts == []
        stored = world.message(UUID(desk.shown()["first_message_id"]))
        assert (stored["status"], stored["verdict"]["rule"]) == ("refused", "no_marketing_consent")

    def test_whoever_said_stop_before_gets_nothing(self, world: World, line: Line, desk: Desk):
        desk.set({"channel_id": str(line.id), "text": HELLO})
        world.text(line, "STOP", sender=PHONE)
        desk.leave()
        assert world.sender.texts == []

    def test_a_lead_of_each_of_two_forms_is_answered_in_one_thread(
        self, world: World, line: Line, desk: Desk
    ):
        desk.set({"channel_id": str(line.id), "text": HELLO})
        desk.leave()
        desk.leave("8000000000002")
        assert len(world.sender.texts) == 2
        assert world.value("SELECT count(*) FROM conversations") == 1


class TestNotSent:
    def test_where_nothing_is_set(self, world: World, line: Line, desk: Desk):
        desk.leave()
        assert world.sender.texts == []
        assert (desk.shown()["first_message_id"], desk.shown()["first_message_trouble"]) == (None, None)

    def test_when_it_was_taken_back(self, world: World, line: Line, desk: Desk):
        desk.set({"channel_id": str(line.id), "text": HELLO})
        assert desk.set(None)[1]["first_message"] is None
        desk.leave()
        assert world.sender.texts == []

    @pytest.mark.parametrize(
        ("ago", "sent"), [(timedelta(hours=23, minutes=59, seconds=59), 1), (timedelta(days=1), 0)]
    )
    def test_to_a_lead_of_yesterday(self, world: World, line: Line, desk: Desk, ago: timedelta, sent: int):
        desk.set({"channel_id": str(line.id), "text": HELLO})
        desk.leave(ago=ago)
        assert len(world.sender.texts) == sent

    def test_to_a_trial_of_the_form(self, world: World, line: Line, desk: Desk):
        desk.set({"channel_id": str(line.id), "text": HELLO})
        world.leads.tests.add(LEAD)
        said = answered(phone_number=PHONE)
        world.leads.add(Lead(LEAD, FORM, world.clock.now, said, ticked=("offers",), organic=True), shape())
        world.lead(desk.page, LEAD)
        world.work("fetch_lead")
        assert world.due("automation") == []

    @pytest.mark.parametrize(
        ("text", "answers", "code"),
        [
            ("Hi {{first_name}}", {"phone_number": PHONE}, "merge_field_missing"),
            (HELLO, {"email": "ana@example.test", "full_name": "Ana"}, "no_number"),
        ],
    )
    def test_what_stands_in_the_way_is_said_with_the_lead(
        self, world: World, line: Line, desk: Desk, text: str, answers: dict[str, str], code: str
    ):
        desk.set({"channel_id": str(line.id), "text": text})
        desk.leave(**answers)
        shown = desk.shown()
        assert (shown["state"], shown["first_message_id"]) == ("fetched", None)
        assert shown["first_message_trouble"]["code"] == code
        assert shown["first_message_trouble"]["remedy"]
        assert world.value("SELECT count(*) FROM conversations") == 0

    def test_by_a_number_that_is_gone(self, world: World, line: Line, desk: Desk):
        desk.set({"channel_id": str(line.id), "text": HELLO})
        world.execute("UPDATE channels SET state = 'disconnected' WHERE id = %(id)s", id=line.id)
        desk.leave()
        assert desk.shown()["first_message_trouble"]["code"] == "channel_disconnected"


class TestTakenOver:
    """Product item 43: where a person answers, nothing goes out by itself."""

    def test_what_still_waits_is_taken_back_and_no_more(self, world: World, line: Line, desk: Desk):
        desk.set({"channel_id": str(line.id), "text": HELLO})
        thread = world.conversation(line, sender=PHONE)
        world.clock.pass_(seconds=1)
        by_hand = world.reply(line, thread, "I'll be with you in a minute")
        said = answered(phone_number=PHONE)
        world.leads.add(Lead(LEAD, FORM, world.clock.now, said, ticked=("offers",)), shape())
        world.lead(desk.page, LEAD)
        world.work("fetch_lead")
        world.work("automation")
        waiting = UUID(desk.shown()["first_message_id"])
        assert desk.client.post(f"/v1/conversations/{thread}/takeover", {})[0] == 200
        world.work("send_message")
        assert [sent.body for sent in world.sender.texts] == ["I'll be with you in a minute"]
        assert (world.message(waiting)["status"], world.message(by_hand)["status"]) == (
            "canceled",
            "accepted",
        )

    def test_none_is_queued_and_the_lead_says_why(self, world: World, line: Line, desk: Desk):
        desk.set({"channel_id": str(line.id), "text": HELLO})
        thread = world.conversation(line, sender=PHONE)
        desk.client.post(f"/v1/conversations/{thread}/takeover", {})
        desk.leave()
        assert world.sender.texts == []
        assert desk.shown()["first_message_trouble"]["code"] == "taken_over"

    def test_run_again_after_a_takeover_the_message_that_went_stays_named(
        self, world: World, line: Line, desk: Desk
    ):
        desk.set({"channel_id": str(line.id), "text": HELLO})
        desk.leave()
        went = desk.shown()["first_message_id"]
        thread = world.value("SELECT id FROM conversations")
        desk.client.post(f"/v1/conversations/{thread}/takeover", {})
        payload = {"lead_id": str(the_lead(world)["id"])}
        answer_lead(
            runtime.of("automation").answer_desk,
            Job(uuid4(), line.organization_id, "automation", "first_message", payload, 1, 5, None),
        )
        assert (desk.shown()["first_message_id"], desk.shown()["first_message_trouble"]) == (went, None)


class TestOnce:
    def test_Q6_run_by_four_at_once_it_is_one_message(self, world: World, line: Line, desk: Desk):
        desk.set({"channel_id": str(line.id), "text": HELLO})
        desk.leave()
        payload = {"lead_id": str(the_lead(world)["id"])}
        again = Job(uuid4(), line.organization_id, "automation", "first_message", payload, 1, 5, None)
        answers = runtime.of("automation").answer_desk
        threads = [threading.Thread(target=answer_lead, args=(answers, again)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        world.work("send_message")
        assert len(world.sender.texts) == 1
        assert world.value("SELECT count(*) FROM messages") == 1


class TestSet:
    def test_it_is_shown_as_it_was_set(self, line: Line, desk: Desk):
        _, form = desk.set({"channel_id": str(line.id), "text": HELLO})
        assert form["first_message"] == {
            "channel_id": str(line.id), "text": HELLO, "template": None, "language": None, "body": {}, "header": {},
        }  # fmt: skip

    @pytest.mark.parametrize(
        ("first", "status", "code"),
        [
            ({"text": "Hi {{nobody}}"}, 422, "merge_field"),
            ({"text": "Hi {{"}, 422, "merge_field"),
            ({"text": "  "}, 422, "empty_body"),
            ({}, 422, "text_or_template"),
            ({"text": "a", "template": "b"}, 422, "text_or_template"),
            ({"template": "ready"}, 422, "text_or_template"),
        ],
    )
    def test_what_cannot_be_sent_is_refused(
        self, line: Line, desk: Desk, first: dict[str, Any], status: int, code: str
    ):
        problem(desk.set({"channel_id": str(line.id), **first}), status, code)

    def test_by_whatsapp_only_a_template_that_there_is(self, world: World, org: Org, desk: Desk):
        number = str(world.whatsapp_line(org).id)
        problem(desk.set({"channel_id": number, "text": "Hi"}), 422, "text_or_template")
        problem(desk.set({"channel_id": number, "template": "no"}), 404, "template_not_found")

    def test_a_page_sends_nothing(self, desk: Desk):
        problem(desk.set({"channel_id": str(desk.page.id), "text": "Hi"}), 404, "channel_not_found")

    def test_T2_a_foreign_number(self, desk: Desk, rival: Rival):  # noqa: F811
        problem(desk.set({"channel_id": str(rival.line.id), "text": "Hi"}), 404, "channel_not_found")

    def test_a_viewer_may_not(self, world: World, org: Org, line: Line, desk: Desk):
        desk.client = person(world, org, "viewer")
        assert desk.set({"channel_id": str(line.id), "text": "Hi"})[0] == 403
