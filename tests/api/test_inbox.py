"""What a customer reads and writes through the API."""

import json
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leadsrally import runtime
from leadsrally.jobs.enqueue import enqueue
from tests.world import Line, Org, World


@pytest.fixture
def token(world: World, org: Org) -> str:
    return world.token(world.user(org), org)


@pytest.fixture
def rival(world: World) -> tuple[Line, str]:
    """Another organisation's line and an owner's token of it."""
    org = world.organization("Rival")
    return world.line(org), world.token(world.user(org), org)


class TestConversations:
    def test_newest_first_with_contact_and_permission(self, world: World, line: Line, token: str):
        world.text(line, "first", sender="+12025550101")
        world.clock.pass_(seconds=1)
        world.text(line, "STOP", sender="+12025550102")
        status, page = world.api("GET", "/v1/conversations", token)
        assert status == 200
        assert [(c["phone"], c["consent_state"], c["unread_count"]) for c in page["items"]] == [
            ("+12025550102", "revoked", 1),
            ("+12025550101", None, 1),
        ]
        assert page["next"] is None

    def test_pages_are_stable_while_texts_arrive(self, world: World, line: Line, token: str):
        for number in range(7):
            world.clock.pass_(seconds=1)
            world.text(line, f"text {number}", sender=f"+1202555010{number}")
        _, first = world.api("GET", "/v1/conversations?limit=3", token)
        world.clock.pass_(seconds=1)
        world.text(line, "a new one", sender="+12025550199")
        seen = [c["phone"] for c in first["items"]]
        cursor = first["next"]
        while cursor:
            _, page = world.api("GET", f"/v1/conversations?limit=3&cursor={cursor}", token)
            seen += [c["phone"] for c in page["items"]]
            cursor = page["next"]
        assert seen == [f"+1202555010{number}" for number in range(6, -1, -1)]

    def test_unread_only(self, world: World, line: Line, token: str):
        read = world.conversation(line, "+12025550101")
        world.conversation(line, "+12025550102")
        assert world.api("POST", f"/v1/conversations/{read}/read", token)[0] == 204
        _, page = world.api("GET", "/v1/conversations?unread=true", token)
        assert [c["phone"] for c in page["items"]] == ["+12025550102"]

    @pytest.mark.parametrize("cursor", ["x", "%00", "QUJD", "MjAyNi0wMS0wMSBhYmM", "a" * 190])
    def test_a_foreign_cursor_is_refused(self, world: World, token: str, cursor: str):
        status, problem = world.api("GET", f"/v1/conversations?cursor={cursor}", token)
        assert (status, problem["code"]) == (422, "bad_cursor")

    @pytest.mark.parametrize("limit", ["0", "101", "-1", "many"])
    def test_an_impossible_limit_is_refused(self, world: World, token: str, limit: str):
        assert world.api("GET", f"/v1/conversations?limit={limit}", token)[0] == 422


class TestThread:
    def test_score_verdict_and_failure_are_explained(self, world: World, line: Line, token: str):
        conversation = world.conversation(line)
        world.score()
        sent = world.reply(line, conversation, "It is 20.")
        world.work("send_message")
        world.report(
            line, world.message(sent)["provider_message_id"], "failed", message_id=sent, ErrorCode="30005"
        )
        _, page = world.api("GET", f"/v1/conversations/{conversation}/messages", token)
        reply, text = page["items"]
        assert (text["score"]["intent"], text["score"]["interest"]) == ("pricing", 80)
        assert text["score"]["suggestions"] == ["It is 20."]
        assert (reply["status"], reply["verdict"]["rule"]) == ("failed", "permitted")
        assert (reply["failure"]["code"], reply["failure"]["final"]) == ("30005", True)
        assert reply["failure"]["remedy"]


class TestReply:
    def test_it_is_queued_and_committed_before_the_answer(self, world: World, line: Line, token: str):
        conversation = world.conversation(line)
        status, queued = world.api(
            "POST", f"/v1/conversations/{conversation}/messages", token, {"body": "Hello"}
        )
        assert (status, queued["status"]) == (202, "queued")
        assert world.value("SELECT body FROM messages WHERE id = %(id)s", id=queued["id"]) == "Hello"
        assert [queue for queue, _ in world.rung][-1:] == ["send_message"]

    def test_Q16_the_same_key_sends_once(self, world: World, line: Line, token: str):
        conversation = world.conversation(line)
        path = f"/v1/conversations/{conversation}/messages"
        key = {"idempotency-key": "k-1"}
        first = world.api("POST", path, token, {"body": "Hello"}, **key)
        assert world.api("POST", path, token, {"body": "Hello"}, **key) == first
        status, problem = world.api("POST", path, token, {"body": "Other"}, **key)
        assert (status, problem["code"]) == (409, "idempotency_key_reused")
        assert world.value("SELECT count(*) FROM messages WHERE direction = 'outbound'") == 1

    @pytest.mark.parametrize(
        "body", ["", "   \n", "x" * 1601, "nul\x00", 7, None, ["x"]], ids=lambda body: repr(body)[:12]
    )
    def test_a_bad_text_is_refused_and_nothing_is_queued(
        self, world: World, line: Line, token: str, body: object
    ):
        conversation = world.conversation(line)
        status, problem = world.api(
            "POST", f"/v1/conversations/{conversation}/messages", token, {"body": body}
        )
        assert (status, problem["status"]) == (422, 422)
        assert world.value("SELECT count(*) FROM messages WHERE direction = 'outbound'") == 0

    def test_T11_a_viewer_only_reads(self, world: World, org: Org, line: Line):
        viewer = world.token(world.user(org, "viewer"), org)
        conversation = world.conversation(line)
        assert world.api("GET", f"/v1/conversations/{conversation}", viewer)[0] == 200
        for path, body in (("messages", {"body": "x"}), ("review", {"decision": "seen"})):
            status, problem = world.api("POST", f"/v1/conversations/{conversation}/{path}", viewer, body)
            assert (status, problem["code"]) == (403, "read_only")


class TestOtherTenant:
    @pytest.mark.parametrize(
        ("method", "path", "body"),
        [
            ("GET", "/v1/conversations/{id}", None),
            ("GET", "/v1/conversations/{id}/messages", None),
            ("POST", "/v1/conversations/{id}/messages", {"body": "x"}),
            ("POST", "/v1/conversations/{id}/read", None),
            ("POST", "/v1/conversations/{id}/review", {"decision": "seen"}),
        ],
    )
    def test_T1_a_foreign_conversation_is_like_none(
        self, world: World, line: Line, rival: tuple[Line, str], method: str, path: str, body: object
    ):
        conversation = world.conversation(line)
        foreign = world.api(method, path.format(id=conversation), rival[1], body)
        nobody = world.api(method, path.format(id=uuid4()), rival[1], body)
        assert foreign == nobody
        assert foreign[0] == 404

    def test_T1_lists_show_their_own_only(self, world: World, line: Line, rival: tuple[Line, str]):
        world.conversation(line)
        for path in ("conversations", "webhook-deliveries", "messages?search=hello", "jobs/dead"):
            assert world.api("GET", f"/v1/{path}", rival[1])[1]["items"] == [], path


class TestSearch:
    def test_all_words_newest_first(self, world: World, line: Line, token: str):
        for number, text in enumerate(("a blue bike", "a red bike", "the blue car", "Blue bike again")):
            world.clock.pass_(seconds=number)
            world.text(line, text)
        _, page = world.api("GET", "/v1/messages?search=blue%20BIKE", token)
        assert [hit["body"] for hit in page["items"]] == ["Blue bike again", "a blue bike"]

    def test_the_tenants_word_in_the_index_finds_nobody_elses(
        self, world: World, line: Line, rival: tuple[Line, str]
    ):
        world.text(line, "secret plans")
        for words in (f"org:{line.organization_id}", "secret", f"%22org:{line.organization_id}%22"):
            assert world.api("GET", f"/v1/messages?search={words}", rival[1])[1]["items"] == []

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.text(min_size=1, max_size=60))
    def test_no_search_breaks_it(self, world: World, token: str, words: str):
        from urllib.parse import quote

        query = quote(words.encode("utf-8", "replace"))
        assert world.api("GET", f"/v1/messages?search={query}", token)[0] == 200


class TestDeliveries:
    def test_refused_calls_are_shown_without_content(self, world: World, line: Line, token: str):
        world.text(line, "a secret text")
        world.post(line, "inbound", {"Body": "forged"}, signature="Zm9yZ2Vk")
        _, page = world.api("GET", "/v1/webhook-deliveries", token)
        assert {(entry["outcome"], entry["reason"]) for entry in page["items"]} == {
            ("stored", None),
            ("refused", "signature"),
        }
        assert "secret" not in json.dumps(page)
        assert "2025550101" not in json.dumps(page)


class TestDeadJobs:
    def test_they_are_shown_and_can_be_tried_again(self, world: World, org: Org, token: str):
        with runtime.of("api").db.tenant(org.id) as tx:
            job_id = enqueue(tx, org.id, "send_message", "unheard_of", {}, now=world.clock.now)
        world.work("send_message")
        _, page = world.api("GET", "/v1/jobs/dead", token)
        assert [(job["id"], job["error"]) for job in page["items"]] == [(str(job_id), "unknown_kind")]
        assert world.api("POST", f"/v1/jobs/{job_id}/replay", token)[0] == 202
        assert world.rung[-1] == ("send_message", job_id)
        assert world.api("GET", "/v1/jobs/dead", token)[1]["items"] == []
        assert world.api("POST", f"/v1/jobs/{job_id}/replay", token)[0] == 404


class TestContract:
    def test_every_operation_is_documented(self, world: World):
        status, contract = world.api("GET", "/openapi.json")
        assert status == 200
        operations = [
            (method, path, operation)
            for path, methods in contract["paths"].items()
            for method, operation in methods.items()
        ]
        assert len(operations) >= 12
        for method, path, operation in operations:
            assert operation.get("description"), f"{method} {path}"

    def test_unknown_paths_and_methods_are_problems(self, world: World, token: str):
        for method, path, expected in (("GET", "/v1/nothing", 404), ("DELETE", "/v1/me", 405)):
            status, problem = world.api(method, path, token)
            assert (status, problem["status"]) == (expected, expected)

    def test_health(self, world: World):
        assert world.api("GET", "/healthz") == (200, {"status": "ok"})

    def test_an_unexpected_error_says_nothing(
        self, world: World, token: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ):
        from leadsrally.messaging import inbox

        def broken(*_: object, **__: object) -> None:
            raise RuntimeError("canary +12025550177")

        monkeypatch.setattr(inbox, "conversations", broken)
        status, problem = world.api("GET", "/v1/conversations", token)
        assert (status, problem["code"]) == (500, "broken")
        assert "canary" not in json.dumps(problem)
        assert "2025550177" not in capsys.readouterr().out
