"""WhatsApp in the inbox: every kind of message so that a page can show it, and what stands on each channel."""

from datetime import timedelta
from typing import Any

import pytest

from tests.api.conftest import Client
from tests.world import MetaLine, Org, World


@pytest.fixture
def number(world: World, org: Org) -> MetaLine:
    return world.whatsapp_line(org)


def conversation(client: Client) -> dict[str, Any]:
    (row,) = client.get("/v1/conversations")[1]["items"]
    status, found = client.get(f"/v1/conversations/{row['id']}")
    assert status == 200
    return found


def thread(client: Client) -> list[dict[str, Any]]:
    status, page = client.get(f"/v1/conversations/{conversation(client)['id']}/messages")
    assert status == 200, page
    return page["items"]


def told(content: dict[str, Any] | None) -> dict[str, Any]:
    """Without the parts that are not there."""
    return {name: part for name, part in (content or {}).items() if part is not None}


class TestThread:
    def test_a_person_without_a_number_has_none(self, world: World, client: Client, number: MetaLine):
        world.whatsapp(number, "hi", sender=None, from_user_id="US.7")
        shown = conversation(client)
        assert (shown["phone"], shown["name"], shown["channel"]) == (None, "Sheena Nelson", "whatsapp")
        assert shown["our_number"] == number.number

    @pytest.mark.parametrize(
        ("message", "kind", "body", "content"),
        [
            (
                {"type": "location", "location": {"latitude": 1.5, "longitude": 2.5, "name": "Quay"}},
                "location",
                "Quay",
                {
                    "location": {
                        "latitude": 1.5,
                        "longitude": 2.5,
                        "name": "Quay",
                        "address": None,
                        "url": None,
                    }
                },
            ),
            (
                {
                    "type": "contacts",
                    "contacts": [{"name": {"formatted_name": "Ada"}, "phones": [{"phone": "1"}]}],
                },
                "contacts",
                "Ada",
                {"contacts": [{"name": "Ada", "organization": "", "phones": ["1"], "emails": []}]},
            ),
            (
                {"type": "button", "button": {"text": "Yes", "payload": "y"}},
                "button",
                "Yes",
                {"button": {"text": "Yes", "payload": "y"}},
            ),
            (
                {
                    "type": "interactive",
                    "interactive": {"type": "list_reply", "list_reply": {"id": "b", "title": "Blue"}},
                },
                "list",
                "Blue",
                {"list": {"id": "b", "title": "Blue", "description": None}},
            ),
            (
                {
                    "type": "interactive",
                    "interactive": {
                        "type": "nfm_reply",
                        "nfm_reply": {"name": "f", "body": "Sent", "response_json": '{"size": "L"}'},
                    },
                },
                "form",
                "Sent",
                {"form": {"name": "f", "answers": {"size": "L"}}},
            ),
            (
                {
                    "type": "order",
                    "order": {
                        "catalog_id": "1",
                        "product_items": [{"product_retailer_id": "B", "quantity": 2}],
                    },
                },
                "order",
                "",
                {
                    "order": {
                        "catalog_id": "1",
                        "items": [{"product": "B", "quantity": 2.0, "price": None, "currency": ""}],
                    }
                },
            ),
            (
                {"type": "unsupported", "unsupported": {"type": "poll"}, "errors": [{"code": 131051}]},
                "unsupported",
                "",
                {"unsupported": {"type": "poll", "codes": ["131051"]}},
            ),
            (
                {"type": "audio", "audio": {"id": "1", "mime_type": "audio/ogg", "voice": True}},
                "audio",
                "",
                {"audio": {"voice": True}},
            ),
        ],
        ids=["location", "contacts", "button", "list", "form", "order", "unsupported", "voice"],
    )
    def test_each_kind_with_what_is_in_it(
        self,
        world: World,
        client: Client,
        number: MetaLine,
        message: dict[str, Any],
        kind: str,
        body: str,
        content: dict[str, Any],
    ):
        assert world.whatsapp(number, **message).status == 200
        (shown,) = thread(client)
        assert (shown["kind"], shown["body"], told(shown["content"])) == (kind, body, content)
        assert conversation(client)["preview_kind"] == kind

    def test_where_it_came_from_and_what_it_answers(self, world: World, client: Client, number: MetaLine):
        world.whatsapp(number, "first", wamid="wamid.1", referral={"source_id": "ad-1", "headline": "Bikes"})
        world.clock.pass_(seconds=5)
        world.whatsapp(number, "second", context={"id": "wamid.1", "forwarded": True})
        second, first = thread(client)
        assert second["reply_to"] == first["id"]
        assert told(second["content"])["context"]["forwarded"] is True
        referral = told(told(first["content"])["referral"])
        assert referral == {"source_id": "ad-1", "headline": "Bikes"}

    def test_a_file_is_beside_its_caption(self, world: World, client: Client, number: MetaLine):
        picture = {"id": "1", "mime_type": "image/png", "caption": "this one"}
        world.whatsapp(number, type="image", image=picture)
        (shown,) = thread(client)
        assert (shown["kind"], shown["body"], shown["content"]) == ("image", "this one", None)
        assert [(file["state"], file["content_type"]) for file in shown["media"]] == [
            ("pending", "image/png")
        ]

    def test_what_was_changed_or_taken_back(self, world: World, client: Client, number: MetaLine):
        world.whatsapp(number, "one", wamid="wamid.1")
        world.clock.pass_(seconds=1)
        world.whatsapp(number, "two", wamid="wamid.2")
        world.clock.pass_(seconds=1)
        words = {"type": "text", "text": {"body": "one, better"}}
        world.whatsapp(number, type="edit", edit={"original_message_id": "wamid.1", "message": words})
        world.whatsapp(number, type="revoke", revoke={"original_message_id": "wamid.2"})
        world.whatsapp(number, type="reaction", reaction={"message_id": "wamid.1", "emoji": "\U0001f44d"})
        at = world.clock.now.isoformat().replace("+00:00", "Z")
        two, one = thread(client)
        assert (one["body"], one["edited_at"], one["reaction"]) == ("one, better", at, "\U0001f44d")
        assert (two["body"], two["revoked_at"], two["content"]) == ("", at, None)

    def test_it_is_read_in_the_order_in_which_it_was_written(
        self, world: World, client: Client, number: MetaLine
    ):
        for minutes in (1, 5, 3, 4, 2):
            world.whatsapp(number, f"{minutes}", at=world.clock.now - timedelta(minutes=minutes))
        assert [shown["body"] for shown in thread(client)] == ["1", "2", "3", "4", "5"]

    def test_pages_of_it_hold_each_once(self, world: World, client: Client, number: MetaLine):
        for minutes in (1, 5, 3, 4, 2):
            world.whatsapp(number, f"{minutes}", at=world.clock.now - timedelta(minutes=minutes))
        path = f"/v1/conversations/{conversation(client)['id']}/messages"
        first = client.get(f"{path}?limit=2")[1]
        second = client.get(f"{path}?limit=2&cursor={first['next']}")[1]
        bodies = [shown["body"] for shown in first["items"] + second["items"]]
        assert bodies == ["1", "2", "3", "4"]

    def test_what_a_message_cost_and_when_it_was_read(self, world: World, client: Client, number: MetaLine):
        world.whatsapp(number, "hi")
        world.clock.pass_(seconds=5)
        world.sent_by_us(number, "wamid.OURS")
        world.whatsapp_status(number, "wamid.OURS", "read", pricing={"billable": True, "category": "service"})
        shown = thread(client)[0]
        assert (shown["status"], shown["pricing"]) == ("read", {"billable": True, "category": "service"})
        assert shown["read_at"] is not None

    def test_a_failure_is_explained_in_metas_terms(self, world: World, client: Client, number: MetaLine):
        world.whatsapp(number, "hi")
        world.clock.pass_(seconds=5)
        world.sent_by_us(number, "wamid.OURS")
        world.whatsapp_status(number, "wamid.OURS", "failed", errors=[{"code": 131047}])
        failure = thread(client)[0]["failure"]
        assert failure["code"] == "131047"
        assert "24" in failure["cause"] + failure["remedy"]

    def test_words_of_a_caption_are_found(self, world: World, client: Client, number: MetaLine):
        world.whatsapp(
            number, type="image", image={"id": "1", "mime_type": "image/png", "caption": "zebra bike"}
        )
        assert [hit["body"] for hit in client.get("/v1/messages?search=zebra")[1]["items"]] == ["zebra bike"]


class TestPermission:
    """Staff see what stands on each kind of channel, since when, and by what."""

    def test_a_STOP_on_one_channel_and_why(self, world: World, client: Client, org: Org, number: MetaLine):
        sms = world.line(org)
        world.text(sms, "hello")
        world.whatsapp(number, "STOP")
        by_channel = {row["channel"]: row for row in client.get("/v1/conversations")[1]["items"]}
        assert by_channel["whatsapp"]["consent_state"] == "revoked"
        assert by_channel["whatsapp"]["consent_source"] == "keyword"
        assert by_channel["sms"]["consent_state"] is None
        at = world.clock.now.isoformat().replace("+00:00", "Z")
        for row in by_channel.values():
            shown = client.get(f"/v1/conversations/{row['id']}")[1]["permissions"]
            assert shown == [
                {
                    "channel": "whatsapp",
                    "purpose": "all",
                    "state": "revoked",
                    "source": "keyword",
                    "since": at,
                }
            ]

    def test_marketing_alone(self, world: World, client: Client, number: MetaLine):
        world.whatsapp(number, "hi")
        world.prefers(number, "stop")
        shown = conversation(client)
        assert shown["consent_state"] is None
        assert [(row["purpose"], row["state"], row["source"]) for row in shown["permissions"]] == [
            ("marketing", "revoked", "provider")
        ]

    @pytest.mark.parametrize(("decision", "state"), [("resume", None), ("opt_out", "revoked")])
    def test_a_review_is_about_this_kind_of_channel(
        self, world: World, client: Client, org: Org, number: MetaLine, decision: str, state: str | None
    ):
        unclear = "can we stop by on Friday, or should I unsubscribe from the tour?"
        sms = world.line(org)
        world.text(sms, unclear)
        world.whatsapp(number, unclear)
        by_channel = {row["channel"]: row for row in client.get("/v1/conversations")[1]["items"]}
        path = f"/v1/conversations/{by_channel['whatsapp']['id']}/review"
        status, shown = client.post(path, {"decision": decision})
        assert (status, shown["consent_state"], shown["attention"]) == (200, state, None)
        other = client.get(f"/v1/conversations/{by_channel['sms']['id']}")[1]
        assert (other["consent_state"], other["attention"]) == ("paused", "may_want_to_stop")


class TestDeliveries:
    def test_how_many_pieces_came_to_what(self, world: World, client: Client, number: MetaLine):
        world.whatsapp(number, "one", wamid="wamid.1")
        world.clock.pass_(seconds=1)
        at = str(int(world.clock.now.timestamp()))
        messages = [
            {
                "from": "12025550101",
                "id": f"wamid.{n}",
                "timestamp": at,
                "type": "text",
                "text": {"body": "x"},
            }
            for n in (1, 2, 3)
        ]
        world.meta(number, world.news(number, messages=[*messages, {"type": "text"}]))
        newest = client.get("/v1/webhook-deliveries")[1]["items"][0]
        assert newest["counts"] == {"duplicate": 1, "stored": 2, "quarantined": 1}
        assert (newest["outcome"], newest["reason"], newest["message_id"]) == ("mixed", "message_id", None)
