"""One person, two channels: what belongs together, what is kept apart, and what staff are told of it."""

from typing import Any
from uuid import UUID

import pytest
from psycopg.types.json import Jsonb

from leadsrally import runtime
from leadsrally.messaging.templates.compose import TemplateWanted, queue_template
from leadsrally.messaging.templates.values import Values
from tests.api.conftest import Client, person
from tests.api.examples import Tenant
from tests.world import Line, MetaLine, Org, World

PHONE = "+12025550101"
WA_ID = "12025550101"


@pytest.fixture
def client(world: World, org: Org) -> Client:
    return person(world, org)


@pytest.fixture
def number(world: World, org: Org) -> MetaLine:
    return world.whatsapp_line(org)


def threads(client: Client) -> dict[str, Any]:
    """The inbox, by channel."""
    return {one["channel"]: one for one in client.get("/v1/conversations")[1]["items"]}


class TestOnePerson:
    def test_who_texts_and_writes_by_whatsapp_is_one_contact_with_two_threads(
        self, world: World, client: Client, line: Line, number: MetaLine
    ):
        world.text(line, "Do you have it in blue?", sender=PHONE)
        world.clock.pass_(minutes=1)
        world.whatsapp(number, "It is me again, by WhatsApp", sender=WA_ID, from_user_id="US.42")
        inbox = threads(client)
        assert set(inbox) == {"sms", "whatsapp"}
        assert inbox["sms"]["contact_id"] == inbox["whatsapp"]["contact_id"]
        assert {one["phone"] for one in inbox.values()} == {PHONE}
        assert inbox["whatsapp"]["our_number"] == number.number
        # The one who hides the number later is still the same person, known by the id.
        world.clock.pass_(minutes=1)
        world.whatsapp(number, "Now without my number", sender=None, from_user_id="US.42")
        after = threads(client)
        assert after["whatsapp"]["contact_id"] == inbox["sms"]["contact_id"]
        assert after["whatsapp"]["unread_count"] == 2
        assert world.value("SELECT count(*) FROM contacts") == 1

    def test_each_answer_goes_back_the_way_it_came(
        self, world: World, client: Client, line: Line, number: MetaLine
    ):
        world.text(line, "Hello", sender=PHONE)
        world.whatsapp(number, "Hello", sender=WA_ID)
        for channel, conversation in threads(client).items():
            client.post(f"/v1/conversations/{conversation['id']}/messages", {"body": f"by {channel}"})
        world.work("send_message")
        assert [text.body for text in world.sender.texts] == ["by sms"]
        assert [text.body for text in world.meta_sender.texts] == ["by whatsapp"]
        assert {text.recipient for text in (*world.sender.texts, *world.meta_sender.texts)} == {PHONE, WA_ID}


class TestStop:
    """47 CFR 64.1200(a)(10) and WhatsApp's policy speak of the channel that was used; staff see which one."""

    @pytest.mark.parametrize("stopped", ["sms", "whatsapp"])
    def test_a_STOP_on_one_channel_leaves_the_other_and_staff_see_why(
        self, world: World, client: Client, line: Line, number: MetaLine, stopped: str
    ):
        world.text(line, "Hello", sender=PHONE)
        world.whatsapp(number, "Hello", sender=WA_ID)
        if stopped == "sms":
            world.text(line, "STOP", sender=PHONE)
        else:
            world.whatsapp(number, "STOP", sender=WA_ID)
        world.work("send_message")  # whatever confirms it
        goes_on = "whatsapp" if stopped == "sms" else "sms"

        inbox = threads(client)
        sent = {}
        for channel, conversation in inbox.items():
            status, queued = client.post(
                f"/v1/conversations/{conversation['id']}/messages", {"body": "We open at nine"}
            )
            assert status == 202
            sent[channel] = queued["id"]
        world.work("send_message")

        def shown(channel: str) -> Any:
            thread = client.get(f"/v1/conversations/{inbox[channel]['id']}/messages")[1]["items"]
            return next(message for message in thread if message["id"] == sent[channel])

        assert shown(goes_on)["status"] == "accepted"
        refused = shown(stopped)
        assert refused["status"] == "refused"
        assert refused["verdict"]["rule"] == "opted_out_by_keyword"
        # And each thread says how both channels stand, so that nobody wonders why one goes and one does not.
        for conversation in inbox.values():
            full = client.get(f"/v1/conversations/{conversation['id']}")[1]
            standing = {(one["channel"], one["purpose"]): one for one in full["permissions"]}
            assert standing[stopped, "all"]["state"] == "revoked"
            assert standing[stopped, "all"]["source"] == "keyword"
            assert standing.get((goes_on, "all"), {"state": None})["state"] != "revoked"


class TestWithdrawnInsideTheWindow:
    def test_S14_no_template_and_no_word_of_the_AI(
        self, world: World, client: Client, org: Org, number: MetaLine
    ):
        world.whatsapp(number, "Hello", sender=WA_ID)
        world.score()
        conversation = UUID(threads(client)["whatsapp"]["id"])
        tenant = Tenant(world, org, client, world.line(org))
        form = {"body": {"text": "Hi {{1}}", "values": ["1"]}, "header": None, "footer": "", "buttons": []}
        tenant.template(waba_id=number.waba_id, name="ready", form=Jsonb({**form, "named": False}))
        world.scorer.shown.clear()
        with runtime.of("api").db.tenant(org.id) as tx:
            wanted = TemplateWanted("ready", None, Values(body={"1": "Ada"}))
            template = queue_template(tx, org.id, conversation, wanted, now=world.clock.now).message_id
        assert world.whatsapp(number, "Stop", sender=WA_ID).status == 200
        world.score()
        assert world.scorer.shown == []  # nobody reads on what was said with a STOP
        world.work("send_message")
        assert world.message(template)["verdict"]["rule"] == "opted_out_by_keyword"
        kept = [text for text in world.meta_sender.texts if text.kind == "template"]
        assert kept == []


class TestTwice:
    def test_Q6_the_same_bell_twice_at_once_sends_by_whatsapp_once(
        self, world: World, client: Client, number: MetaLine
    ):
        world.whatsapp(number, "Hello", sender=WA_ID)
        (conversation,) = threads(client).values()
        client.post(f"/v1/conversations/{conversation['id']}/messages", {"body": "Hi"})
        ids = world.due("send_message")
        world.meta_sender.on_send = lambda _text: world.ring("send_message", ids) and None
        world.ring("send_message", ids)
        world.clock.pass_(minutes=10)
        world.ring("send_message", ids)
        assert [text.body for text in world.meta_sender.texts] == ["Hi"]
