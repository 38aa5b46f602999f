"""Several people at one inbox: whose a conversation is, who is looking at it, and taking back what still waits."""

from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from leadsrally import runtime
from leadsrally.kit.errors import Conflict, Unavailable
from leadsrally.messaging.cancel import cancel_message
from tests.api.conftest import Client, Rival, person, problem
from tests.world import Line, World


@pytest.fixture
def thread(world: World, line: Line) -> UUID:
    return world.conversation(line)


@pytest.fixture
def ada(world: World, client: Client) -> Client:
    return person(world, client.org, "agent")


def listed(client: Client, query: str) -> list[str]:
    status, page = client.get(f"/v1/conversations?{query}")
    assert status == 200, page
    return [one["phone"] for one in page["items"]]


class TestAssignment:
    def test_a_conversation_is_given_to_a_colleague_and_to_nobody_again(
        self, client: Client, ada: Client, thread: UUID
    ):
        path = f"/v1/conversations/{thread}/assign"
        assert client.get(f"/v1/conversations/{thread}")[1]["assignee_id"] is None
        status, told = client.post(path, {"user_id": str(ada.user_id)})
        assert (status, told["assignee_id"]) == (200, str(ada.user_id))
        assert client.post(path, {"user_id": None})[1]["assignee_id"] is None

    def test_whoever_leaves_leaves_it_to_nobody(
        self, world: World, client: Client, ada: Client, thread: UUID
    ):
        client.post(f"/v1/conversations/{thread}/assign", {"user_id": str(ada.user_id)})
        ada.confirm()
        assert ada.delete("/v1/me")[0] == 204
        assert world.value("SELECT assignee_id FROM conversations") is None

    def test_T2_no_other_tenants_person_and_no_other_tenants_conversation(
        self, client: Client, thread: UUID, rival: Rival
    ):
        theirs = {"user_id": str(rival.client.user_id)}
        problem(client.post(f"/v1/conversations/{thread}/assign", theirs), 422, "assignee_unknown")
        problem(
            client.post(f"/v1/conversations/{rival.conversation}/assign", {"user_id": None}),
            404,
            "conversation_not_found",
        )
        assert listed(client, f"assignee={rival.client.user_id}") == []


class TestTakeover:
    def test_a_person_takes_over_and_anybody_gives_it_back(
        self, world: World, client: Client, ada: Client, thread: UUID
    ):
        path = f"/v1/conversations/{thread}"
        assert client.get(path)[1]["ai_paused_at"] is None
        status, told = ada.post(f"{path}/takeover", {})
        now = world.clock.now.isoformat().replace("+00:00", "Z")
        assert (status, told["ai_paused_at"], told["ai_paused_by"]) == (200, now, str(ada.user_id))
        world.clock.pass_(minutes=1)
        assert client.post(f"{path}/takeover", {})[1]["ai_paused_by"] == str(
            ada.user_id
        )  # the first stays named
        (listed_one,) = client.get("/v1/conversations")[1]["items"]
        assert (listed_one["ai_paused_at"], listed_one["ai_paused_by"]) == (now, str(ada.user_id))
        status, told = client.post(f"{path}/handback", {})
        assert (status, told["ai_paused_at"], told["ai_paused_by"]) == (200, None, None)
        assert client.post(f"{path}/handback", {})[0] == 200

    def test_each_change_is_on_record_once(self, world: World, client: Client, thread: UUID):
        for verb in ("takeover", "takeover", "handback", "handback"):
            world.clock.pass_(seconds=1)
            client.post(f"/v1/conversations/{thread}/{verb}", {})
        written = world.rows(
            "SELECT action, actor_id, target_id FROM audit_log WHERE target_kind = 'conversation'"
            " ORDER BY occurred_at"
        )
        assert [(row["action"], row["actor_id"], row["target_id"]) for row in written] == [
            ("conversation.taken_over", client.user_id, thread),
            ("conversation.handed_back", client.user_id, thread),
        ]

    def test_P4_3_suggestions_go_at_once_and_come_back_with_the_model(
        self, world: World, client: Client, line: Line, thread: UUID
    ):
        world.clock.pass_(seconds=1)
        world.text(line, "How much is it?")
        world.score()

        def suggested() -> list[str]:
            page = client.get(f"/v1/conversations/{thread}/messages")[1]
            return page["items"][0]["score"]["suggestions"]

        before = suggested()
        assert before
        client.post(f"/v1/conversations/{thread}/takeover", {})
        assert suggested() == []
        client.post(f"/v1/conversations/{thread}/handback", {})
        assert suggested() == before

    def test_a_reply_by_hand_takes_nothing_over(self, world: World, client: Client, line: Line, thread: UUID):
        world.reply(line, thread, "We open at nine")
        world.work("send_message")
        assert client.get(f"/v1/conversations/{thread}")[1]["ai_paused_at"] is None

    def test_it_stays_taken_over_when_whoever_did_it_leaves(self, client: Client, ada: Client, thread: UUID):
        ada.post(f"/v1/conversations/{thread}/takeover", {})
        ada.confirm()
        assert ada.delete("/v1/me")[0] == 204
        told = client.get(f"/v1/conversations/{thread}")[1]
        assert told["ai_paused_at"] is not None
        assert told["ai_paused_by"] is None

    def test_it_says_whether_a_model_reads_at_all(self, world: World, client: Client, thread: UUID):
        assert client.get(f"/v1/conversations/{thread}")[1]["ai_on"] is True
        world.execute("UPDATE organizations SET ai_scoring = false, ai_suggestions = false")
        assert client.get(f"/v1/conversations/{thread}")[1]["ai_on"] is False

    @pytest.mark.parametrize("verb", ["takeover", "handback"])
    def test_T1_no_other_tenants_conversation(self, world: World, client: Client, rival: Rival, verb: str):
        rival.client.post(f"/v1/conversations/{rival.conversation}/takeover", {})
        problem(
            client.post(f"/v1/conversations/{rival.conversation}/{verb}", {}), 404, "conversation_not_found"
        )
        assert (
            world.value("SELECT ai_paused_by FROM conversations WHERE id = %(id)s", id=rival.conversation)
            == rival.client.user_id
        )


class TestFilters:
    @pytest.fixture
    def three(self, world: World, client: Client, ada: Client, line: Line) -> list[dict[str, Any]]:
        for number, (intent, interest, attention) in enumerate(
            [("pricing", 80, None), ("support", 20, "may_want_to_stop"), ("pricing", None, None)]
        ):
            world.clock.pass_(minutes=1)
            thread = world.conversation(line, sender=f"+1202555010{number}")
            world.execute(
                "UPDATE conversations SET intent = %(intent)s, interest = %(interest)s, attention = %(attention)s"
                " WHERE id = %(id)s",
                intent=intent,
                interest=interest,
                attention=attention,
                id=thread,
            )
        _, page = client.get("/v1/conversations")
        client.post(f"/v1/conversations/{page['items'][0]['id']}/assign", {"user_id": str(ada.user_id)})
        client.post(f"/v1/conversations/{page['items'][1]['id']}/read")
        return page["items"]

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("intent=pricing", "20"),
            ("interest=20", "10"),
            ("interest=21", "0"),
            ("attention=true", "1"),
            ("attention=false", "20"),
            ("channel=sms", "210"),
            ("channel=whatsapp", ""),
            ("assignee=nobody", "10"),
            ("assignee=me", ""),
            ("unread=true", "20"),
            ("unread=true&intent=support", ""),
            ("intent=pricing&interest=50&channel=sms&assignee=nobody", "0"),
        ],
    )
    def test_each_leaves_what_fits_newest_first(
        self, client: Client, three: list[dict[str, Any]], query: str, found: str
    ):
        assert len(three) == 3
        assert listed(client, query) == [f"+1202555010{number}" for number in found]

    def test_of_a_colleague_and_of_oneself(self, client: Client, ada: Client, three: list[dict[str, Any]]):
        assert len(three) == 3
        assert listed(client, f"assignee={ada.user_id}") == listed(ada, "assignee=me") == ["+12025550102"]
        assert listed(ada, "assignee=me&unread=true&limit=1") == ["+12025550102"]
        assert listed(ada, "assignee=me&interest=1") == []


class TestPresence:
    def test_whoever_looks_learns_who_else_does(
        self, world: World, client: Client, ada: Client, thread: UUID
    ):
        path = f"/v1/conversations/{thread}/presence"
        assert ada.post(path, {"writing": True}) == (200, {"others": []})
        status, seen = client.post(path, {})
        assert status == 200
        email = world.value("SELECT email FROM users WHERE id = %(id)s", id=ada.user_id)
        assert seen["others"] == [{"user_id": str(ada.user_id), "email": email, "writing": True}]
        world.clock.pass_(seconds=16)
        assert client.post(path, {}) == (200, {"others": []})

    def test_one_person_is_in_one_place(
        self, world: World, client: Client, ada: Client, line: Line, thread: UUID
    ):
        other = world.conversation(line, sender="+12025550177")
        for place in (thread, other):
            ada.post(f"/v1/conversations/{place}/presence", {})
        assert client.post(f"/v1/conversations/{thread}/presence", {})[1]["others"] == []
        assert len(client.post(f"/v1/conversations/{other}/presence", {})[1]["others"]) == 1

    def test_T1_nobody_of_another_tenant_and_nowhere_there(self, client: Client, thread: UUID, rival: Rival):
        rival.client.post(f"/v1/conversations/{rival.conversation}/presence", {})
        problem(
            client.post(f"/v1/conversations/{rival.conversation}/presence", {}), 404, "conversation_not_found"
        )
        assert client.post(f"/v1/conversations/{thread}/presence", {})[1]["others"] == []


class TestCancel:
    def test_what_waits_is_taken_back_and_never_goes(
        self, world: World, client: Client, line: Line, thread: UUID
    ):
        world.clock.pass_(seconds=1)
        message = world.reply(line, thread, "A second too soon")
        assert client.post(f"/v1/messages/{message}/cancel")[0] == 204
        world.work("send_message")
        assert world.sender.texts == []
        _, page = client.get(f"/v1/conversations/{thread}/messages")
        assert page["items"][0]["status"] == "canceled"

    def test_what_went_cannot_be_taken_back(self, world: World, client: Client, line: Line, thread: UUID):
        message = world.reply(line, thread, "We open at nine")
        world.work("send_message")
        problem(client.post(f"/v1/messages/{message}/cancel"), 409, "not_waiting")
        assert len(world.sender.texts) == 1

    def test_nothing_that_they_wrote_and_nothing_that_is_not_there(
        self, world: World, client: Client, thread: UUID, rival: Rival
    ):
        theirs = world.value(
            "SELECT id FROM messages WHERE conversation_id = %(id)s AND direction = 'inbound'", id=thread
        )
        elsewhere = world.value(
            "SELECT id FROM messages WHERE conversation_id = %(id)s LIMIT 1", id=rival.conversation
        )
        for message in (theirs, elsewhere, uuid4()):
            problem(client.post(f"/v1/messages/{message}/cancel"), 404, "message_not_found")

    def test_S4_of_two_at_once_one_wins(self, world: World, line: Line, thread: UUID):
        """A claim that is not committed holds the row: taking back waits, and then says that it is too late."""
        message = world.reply(line, thread, "Now or never")
        with psycopg.connect(world.database.url()) as claiming:
            claiming.execute("UPDATE messages SET status = 'claimed' WHERE id = %s", [message])
            with pytest.raises(Unavailable):
                _take_back(line, message)
            claiming.commit()
        with pytest.raises(Conflict):
            _take_back(line, message)


def _take_back(line: Line, message: UUID) -> None:
    with runtime.of("api").db.tenant(line.organization_id) as tx:
        tx.run("SET LOCAL lock_timeout = '50ms'", {})
        cancel_message(tx, line.organization_id, message)
