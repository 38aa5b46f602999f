"""The inbox: pages that stand still, threads that explain themselves, replies that go once."""

from typing import Any
from unittest import mock
from uuid import UUID, uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leadsrally import runtime
from leadsrally.ai.types import Answer, Intent
from leadsrally.kit.cursor import Place, place_of
from leadsrally.kit.errors import Invalid
from leadsrally.sending.types import Rejected
from tests.api.conftest import Client, Rival, problem
from tests.world import Line, World


def phone(number: int) -> str:
    return f"+1202555{number:04d}"


@pytest.fixture
def ten(world: World, line: Line) -> list[str]:
    """Ten conversations, a minute apart; their phones, newest first."""
    for number in range(10):
        world.clock.pass_(minutes=1)
        world.text(line, f"hello {number}", sender=phone(number))
    return [phone(number) for number in reversed(range(10))]


def pages(client: Client, path: str, limit: int) -> list[list[dict[str, Any]]]:
    """All pages of a list, as a patient reader turns them."""
    found: list[list[dict[str, Any]]] = []
    cursor = ""
    while True:
        joint = "&" if "?" in path else "?"
        status, page = client.get(f"{path}{joint}limit={limit}{cursor}")
        assert status == 200, page
        found.append(page["items"])
        if page["next"] is None:
            return found
        cursor = f"&cursor={page['next']}"
        assert len(found) < 50


class TestList:
    def test_pages_of_any_size_hold_each_once_newest_first(self, client: Client, ten: list[str]):
        for limit in (1, 3, 5, 10, 100):
            turned = pages(client, "/v1/conversations", limit)
            assert [row["phone"] for page in turned for row in page] == ten
            assert all(len(page) <= limit for page in turned)

    def test_what_arrives_meanwhile_shifts_nothing(
        self, world: World, client: Client, line: Line, ten: list[str]
    ):
        _, first = client.get("/v1/conversations?limit=4")
        world.clock.pass_(minutes=1)
        for number in range(50, 53):
            world.text(line, "new", sender=phone(number))
        _, second = client.get(f"/v1/conversations?limit=6&cursor={first['next']}")
        assert [row["phone"] for row in first["items"] + second["items"]] == ten

    def test_equal_times_are_told_apart_by_id(self, world: World, client: Client, line: Line):
        for number in range(6):
            world.text(line, "at once", sender=phone(number))
        turned = [row["id"] for page in pages(client, "/v1/conversations", 2) for row in page]
        assert len(turned) == len(set(turned)) == 6

    def test_a_conversation_as_it_is_listed(self, world: World, client: Client, line: Line):
        world.text(line, "How much is it?")
        (row,) = client.get("/v1/conversations")[1]["items"]
        assert row == {
            "id": str(world.value("SELECT id FROM conversations")),
            "contact_id": str(world.value("SELECT id FROM contacts")),
            "phone": "+12025550101",
            "name": "",
            "channel": "sms",
            "our_number": line.number,
            "last_message_at": world.clock.now.isoformat().replace("+00:00", "Z"),
            "last_inbound_at": None,
            "preview": "How much is it?",
            "preview_kind": "text",
            "unread_count": 1,
            "intent": None,
            "interest": None,
            "attention": None,
            "assignee_id": None,
            "ai_paused_at": None,
            "ai_paused_by": None,
            "consent_state": None,
            "consent_source": None,
            "consent_since": None,
        }

    def test_only_unread(self, world: World, client: Client, ten: list[str]):
        _, page = client.get("/v1/conversations?limit=3")
        for row in page["items"]:
            assert client.post(f"/v1/conversations/{row['id']}/read") == (204, None)
        unread = [row["phone"] for page in pages(client, "/v1/conversations?unread=true", 4) for row in page]
        assert unread == ten[3:]

    def test_a_cursor_that_is_not_ours(self, client: Client):
        for path in ("/v1/conversations?", "/v1/webhook-deliveries?", "/v1/messages?search=a&"):
            for cursor in (
                "x",
                "!!!",
                "MjAyNg",
                "bm90LWEtdGltZSBub3QtYW4taWQ",
                "MjAyNi0xMS0yNCB4",
                "é",
                "a" * 200,
            ):
                problem(client.get(f"{path}cursor={cursor}"), 422, "bad_cursor")

    def test_a_cursor_without_a_zone_is_not_ours(self):
        import base64

        naive = base64.urlsafe_b64encode(f"2026-11-24T00:00:00 {uuid4()}".encode()).decode()
        with pytest.raises(Invalid):
            place_of(naive)

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(at=st.datetimes(timezones=st.timezones()), identifier=st.uuids())
    def test_any_place_in_time_is_a_page_and_no_error(self, client: Client, at: Any, identifier: UUID):
        status, page = client.get(f"/v1/conversations?cursor={Place(at, identifier)}")
        assert (status, page) == (200, {"items": [], "next": None})

    def test_a_limit_out_of_range(self, client: Client):
        for limit in ("0", "101", "-1", "x", "1e3", ""):
            problem(client.get(f"/v1/conversations?limit={limit}"), 422, "malformed")


class TestThread:
    def test_score_verdict_and_failure_are_explained(self, world: World, client: Client, line: Line):
        world.scorer.answer = Answer(
            Intent.PRICING, 80, "asks for a price", ("It is 20.",), wants_to_stop=False, language="en"
        )
        world.text(line, "How much is it?")
        world.score()
        thread = world.conversation(line)
        world.clock.pass_(seconds=1)
        world.sender.outcomes = [Rejected("30003")]
        world.reply(line, thread, "It is 20 euros", author_id=client.user_id)
        world.work("send_message")
        world.clock.pass_(seconds=1)
        world.execute("UPDATE organizations SET state = 'paused'")
        world.reply(line, thread, "one more thing")
        world.work("send_message")

        _, page = client.get(f"/v1/conversations/{thread}/messages")
        refused, failed, inbound = page["items"]
        assert (refused["status"], refused["verdict"]["rule"]) == ("refused", "organization_paused")
        assert (failed["status"], failed["verdict"]["rule"]) == ("failed", "permitted")
        assert failed["author_id"] == str(client.user_id)
        assert failed["failure"]["code"] == "30003"
        assert failed["failure"]["cause"]
        assert failed["failure"]["remedy"]
        assert refused["failure"] is None
        assert (inbound["direction"], inbound["status"], inbound["verdict"]) == ("inbound", "received", None)
        assert inbound["score"]["reason"] == "asks for a price"
        assert inbound["score"]["suggestions"] == ["It is 20."]
        assert failed["score"] is None

    def test_pages_hold_each_message_once(self, world: World, client: Client, line: Line):
        for number in range(7):
            world.text(line, f"text {number}")
            world.clock.pass_(seconds=1)
        thread = world.conversation(line)
        turned = pages(client, f"/v1/conversations/{thread}/messages", 3)
        assert [row["body"] for page in turned for row in page] == [f"text {n}" for n in reversed(range(7))]

    def test_media_is_listed(self, world: World, client: Client, line: Line):
        world.text(
            line, None, NumMedia="1", MediaUrl0="https://api.twilio.com/m", MediaContentType0="image/png"
        )
        thread = world.conversation(line)
        _, page = client.get(f"/v1/conversations/{thread}/messages")
        assert page["items"][0]["media"] == [
            {
                "id": str(world.value("SELECT id FROM media")),
                "state": "pending",
                "reason": None,
                "content_type": "image/png",
                "bytes": None,
                "file_name": "",
            }
        ]


@pytest.fixture
def thread(world: World, line: Line) -> UUID:
    return world.conversation(line)


class TestReply:
    def test_it_is_queued_and_then_sent(self, world: World, client: Client, thread: UUID):
        status, queued = client.post(f"/v1/conversations/{thread}/messages", {"body": "We open at nine"})
        assert (status, queued["status"]) == (202, "queued")
        message = world.message(UUID(queued["id"]))
        assert (message["status"], message["author_id"], message["purpose"]) == (
            "queued",
            client.user_id,
            "service",
        )
        assert ("send_message", world.value("SELECT id FROM jobs WHERE queue = 'send_message'")) in world.rung
        world.work("send_message")
        assert [text.body for text in world.sender.texts] == ["We open at nine"]
        assert client.get("/v1/conversations")[1]["items"][0]["preview"] == "We open at nine"

    def test_Q16_the_same_key_sends_once(self, world: World, client: Client, thread: UUID):
        path = f"/v1/conversations/{thread}/messages"
        answers = [client.post(path, {"body": "hi"}, **{"idempotency-key": "k1"}) for _ in range(3)]
        assert answers[0][0] == 202
        assert answers[1:] == answers[:1] * 2
        world.work("send_message")
        assert len(world.sender.texts) == 1
        assert client.post(path, {"body": "hi"}, **{"idempotency-key": "k1"}) == answers[0]  # sent by now

    def test_Q16_the_same_key_for_other_words_is_a_conflict(self, world: World, client: Client, thread: UUID):
        path = f"/v1/conversations/{thread}/messages"
        client.post(path, {"body": "hi"}, **{"idempotency-key": "k1"})
        problem(client.post(path, {"body": "ho"}, **{"idempotency-key": "k1"}), 409, "idempotency_key_reused")
        assert world.value("SELECT count(*) FROM messages WHERE direction = 'outbound'") == 1

    def test_Q16_or_for_another_conversation(self, world: World, client: Client, line: Line, thread: UUID):
        other = world.conversation(line, sender=phone(7))
        for place, status in ((thread, 202), (other, 409)):
            path = f"/v1/conversations/{place}/messages"
            assert client.post(path, {"body": "hi"}, **{"idempotency-key": "k1"})[0] == status

    def test_Q16_another_tenants_key_is_another_key(self, client: Client, thread: UUID, rival: Rival):
        for who, place in ((client, thread), (rival.client, rival.conversation)):
            path = f"/v1/conversations/{place}/messages"
            assert who.post(path, {"body": "hi"}, **{"idempotency-key": "k1"})[0] == 202

    def test_without_a_key_each_is_a_message(self, world: World, client: Client, thread: UUID):
        for _ in range(2):
            client.post(f"/v1/conversations/{thread}/messages", {"body": "hi"})
        assert world.value("SELECT count(*) FROM messages WHERE direction = 'outbound'") == 2

    @pytest.mark.parametrize("key", ["", "k" * 256])
    def test_a_key_must_be_one(self, client: Client, thread: UUID, key: str):
        path = f"/v1/conversations/{thread}/messages"
        problem(client.post(path, {"body": "hi"}, **{"idempotency-key": key}), 422, "malformed")

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            ("", "empty_body"),
            ("   \n", "empty_body"),
            ("x" * 1601, "body_too_long"),
            ("x" * 4097, "malformed"),
            ("nul\x00", "malformed"),
            (None, "malformed"),
            (7, "malformed"),
            ("\ud800", "malformed"),
        ],
        ids=[
            "empty",
            "blank",
            "too long",
            "too long for anything",
            "NUL",
            "null",
            "number",
            "half a character",
        ],
    )
    def test_I1_what_no_phone_can_show(
        self, world: World, client: Client, thread: UUID, body: Any, code: str
    ):
        problem(client.post(f"/v1/conversations/{thread}/messages", {"body": body}), 422, code)
        assert world.value("SELECT count(*) FROM messages WHERE direction = 'outbound'") == 0

    def test_the_longest_text_goes(self, client: Client, thread: UUID):
        assert client.post(f"/v1/conversations/{thread}/messages", {"body": "é" * 1600})[0] == 202

    def test_T11_a_viewer_may_not(self, world: World, viewer: Client, thread: UUID):
        problem(viewer.post(f"/v1/conversations/{thread}/messages", {"body": "hi"}), 403, "forbidden")
        assert world.value("SELECT count(*) FROM messages WHERE direction = 'outbound'") == 0

    def test_T11_fields_that_are_not_offered_are_refused(self, world: World, client: Client, thread: UUID):
        extra = {
            "purpose": "keyword",
            "status": "delivered",
            "organization_id": str(uuid4()),
            "author_id": None,
        }
        for name, value in extra.items():
            body = {"body": "hi", name: value}
            problem(client.post(f"/v1/conversations/{thread}/messages", body), 422, "malformed")
        assert world.rows("SELECT 1 FROM messages WHERE direction = 'outbound'") == []

    def test_it_commits_before_it_answers(self, world: World, client: Client, thread: UUID):
        """A commit that fails is not answered with a 202 that nothing stands behind."""
        lost = psycopg.OperationalError("lost at commit")
        with mock.patch("leadsrally.kit.db._commit", side_effect=lost):
            answer = client.post(f"/v1/conversations/{thread}/messages", {"body": "hi"})
        problem(answer, 503, "database")
        assert world.value("SELECT count(*) FROM messages WHERE direction = 'outbound'") == 0
        assert world.rung == [ring for ring in world.rung if ring[0] != "send_message"]

    def test_an_error_after_the_insert_leaves_nothing(self, world: World, client: Client, thread: UUID):
        with mock.patch("functions.api.routes.replies.Queued", side_effect=KeyError("PRIVATE")):
            status, body = client.post(f"/v1/conversations/{thread}/messages", {"body": "hi"})
        assert (status, body["code"]) == (500, "broken")
        assert "PRIVATE" not in str(body)
        assert world.value("SELECT count(*) FROM messages WHERE direction = 'outbound'") == 0


class TestRead:
    def test_it_empties_the_count_and_the_next_text_fills_it(
        self, world: World, client: Client, line: Line, thread: UUID
    ):
        assert client.post(f"/v1/conversations/{thread}/read") == (204, None)
        assert client.get(f"/v1/conversations/{thread}")[1]["unread_count"] == 0
        world.text(line, "one more")
        assert client.get(f"/v1/conversations/{thread}")[1]["unread_count"] == 1


class TestReview:
    def test_T11_a_viewer_may_not(self, world: World, line: Line, viewer: Client, thread: UUID):
        world.text(line, "cancel my 3pm")
        problem(viewer.post(f"/v1/conversations/{thread}/review", {"decision": "opt_out"}), 403, "forbidden")
        assert world.value("SELECT state FROM consent_states") == "paused"

    @pytest.mark.parametrize("decision", ["grant", "", None, 1])
    def test_an_unknown_decision(self, client: Client, thread: UUID, decision: Any):
        problem(client.post(f"/v1/conversations/{thread}/review", {"decision": decision}), 422, "malformed")

    def test_resuming_what_is_not_paused_changes_nothing(self, world: World, client: Client, thread: UUID):
        status, row = client.post(f"/v1/conversations/{thread}/review", {"decision": "resume"})
        assert (status, row["consent_state"]) == (200, None)
        assert world.rows("SELECT 1 FROM consent_events") == []


def test_a_lost_database_is_a_503_that_asks_to_come_again(world: World, client: Client):
    from leadsrally.kit.db import Database

    runtime.of("api").__dict__["db"] = Database("postgresql://nobody@127.0.0.1:9/none?connect_timeout=1")
    problem(client.get("/v1/conversations"), 503, "database")
    problem(client.get("/healthz"), 503, "database")
