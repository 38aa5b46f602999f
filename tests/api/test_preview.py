"""What staff see before they send, and that what they saw is what goes."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from tests.api.conftest import Client, Rival, problem
from tests.api.examples import Tenant
from tests.sending.whatsapp import thread
from tests.world import Line, World


@pytest.fixture
def conversation(world: World, line: Line) -> UUID:
    made = world.conversation(line)
    world.execute("UPDATE contacts SET name = 'Ada Lovelace'")
    return made


def preview(client: Client, conversation: UUID, body: str, **draft: Any) -> tuple[int, Any]:
    return client.post(f"/v1/conversations/{conversation}/messages/preview", {"body": body, **draft})


class TestSms:
    def test_parts_price_and_the_words_as_they_will_be(self, client: Client, conversation: UUID):
        status, told = preview(client, conversation, "Hi {{first_name|there}}, " + "x" * 152)
        assert status == 200
        assert told == {
            "channel": "sms",
            "body": "Hi Ada, " + "x" * 152,
            "characters": 160,
            "sms": {"encoding": "GSM-7", "parts": 1, "places": 160, "left": 0, "forcing": []},
            "window": None,
            "price": {
                "micros": 8300,
                "currency": "USD",
                "estimate": True,
                "as_of": "2026-07-01",
                "source": "https://www.twilio.com/en-us/sms/pricing",
            },
        }

    def test_one_smart_quote_doubles_it_and_is_named(self, client: Client, conversation: UUID):
        told = preview(
            client, conversation, "Hi {{first_name}}, it\N{RIGHT SINGLE QUOTATION MARK}s " + "x" * 90
        )[1]
        assert (told["sms"]["encoding"], told["sms"]["parts"]) == ("UCS-2", 2)
        assert told["sms"]["forcing"] == [
            {"position": 10, "character": "\N{RIGHT SINGLE QUOTATION MARK}", "instead": "'"}
        ]
        assert (
            told["body"][10] == "\N{RIGHT SINGLE QUOTATION MARK}"
        )  # counted in what is sent, not in what was typed
        assert told["price"]["micros"] == 2 * 8300

    def test_the_persons_own_name_may_be_what_forces_it(
        self, world: World, client: Client, conversation: UUID
    ):
        world.execute("UPDATE contacts SET name = 'Zo\N{LATIN SMALL LETTER E WITH DIAERESIS} X'")
        told = preview(client, conversation, "Hi {{first_name}}")[1]
        assert told["sms"]["forcing"] == [{"position": 5, "character": "ë", "instead": None}]

    def test_of_a_thousand_fifty_are_named(self, client: Client, conversation: UUID):
        told = preview(client, conversation, "\N{BICYCLE}" * 800)[1]
        assert len(told["sms"]["forcing"]) == 50

    def test_where_no_price_is_known_none_is_guessed(self, world: World, client: Client, line: Line):
        told = preview(client, world.conversation(line, "+447400123456"), "Hello")[1]
        assert (told["price"], told["sms"]["parts"]) == (None, 1)

    def test_with_files_it_is_an_MMS(self, client: Client, conversation: UUID):
        told = preview(client, conversation, "", files=1)[1]
        assert (told["sms"], told["price"]["micros"]) == (None, 22_000)


class TestWhatsApp:
    def test_inside_the_24_hours(self, world: World, client: Client):
        conversation = thread(world, world.whatsapp_line(client.org), wrote=timedelta(hours=1))
        told = preview(client, conversation, "Hello")[1]
        closes = (world.clock.now + timedelta(hours=23)).isoformat().replace("+00:00", "Z")
        assert told["window"] == {"open": True, "closes_at": closes, "templates": []}
        assert (told["price"]["micros"], told["sms"]) == (0, None)

    def test_after_them_templates_are_named(self, world: World, client: Client):
        tenant = Tenant(world, client.org, client, world.line(client.org))
        conversation = tenant.whatsapp_conversation()
        world.clock.pass_(days=2)
        told = preview(client, conversation, "Hello")[1]
        assert told["window"]["open"] is False
        assert told["window"]["templates"] == ["ready (en_US)"]
        assert told["price"] is None


class TestGaps:
    def test_what_was_shown_is_stored_and_sent(self, world: World, client: Client, conversation: UUID):
        body = "Hi {{first_name|there}}!"
        shown = preview(client, conversation, body)[1]["body"]
        status, queued = client.post(f"/v1/conversations/{conversation}/messages", {"body": body})
        assert (status, world.message(queued["id"])["body"]) == (202, shown)
        world.execute("UPDATE contacts SET name = 'Somebody Else'")
        world.work("send_message")
        assert [text.body for text in world.sender.texts] == ["Hi Ada!"]

    def test_a_field_of_the_customers_own(self, world: World, client: Client, conversation: UUID):
        field_id = UUID("01a20e12-2580-7426-8de5-a1b2c3d4e5f6")
        world._insert(
            "contact_fields",
            {
                "organization_id": client.org.id,
                "id": field_id,
                "key": "frame_size",
                "label": "Frame size",
                "type": "number",
                "created_at": world.clock.now,
            },
        )
        problem(preview(client, conversation, "{{frame_size}}"), 422, "merge_field_missing")
        world.execute("""UPDATE contacts SET fields = '{"a1b2c3d4e5f6": 58}'""")
        assert preview(client, conversation, "Size {{frame_size}}")[1]["body"] == "Size 58"

    @pytest.mark.parametrize("way", ["messages", "messages/preview"])
    @pytest.mark.parametrize(
        ("body", "code"),
        [
            ("Hi {{email}},", "merge_field_missing"),
            ("Hi {{nickname|you}}", "merge_field"),
            ("{{first_name.__class__}}", "merge_field"),
        ],
    )
    def test_what_cannot_be_filled_is_not_sent(
        self, world: World, client: Client, conversation: UUID, way: str, body: str, code: str
    ):
        problem(client.post(f"/v1/conversations/{conversation}/{way}", {"body": body}), 422, code)
        assert world.value("SELECT count(*) FROM messages WHERE direction = 'outbound'") == 0

    def test_filled_it_may_be_too_long(self, world: World, client: Client, conversation: UUID):
        body = "{{first_name}}" + "x" * 1_590
        world.execute("UPDATE contacts SET name = 'Maximiliane'")
        problem(
            client.post(f"/v1/conversations/{conversation}/messages", {"body": body}), 422, "body_too_long"
        )

    def test_above_buttons_too(self, world: World, client: Client):
        conversation = thread(world, world.whatsapp_line(client.org))
        draft = {"body": "{{first_name|You}}, which?", "buttons": [{"id": "a", "title": "A"}]}
        _, queued = client.post(f"/v1/conversations/{conversation}/choices", draft)
        assert world.message(queued["id"])["body"] == "You, which?"

    def test_T1_of_another_tenant(self, client: Client, rival: Rival):
        problem(preview(client, rival.conversation, "{{name}}"), 404, "conversation_not_found")
