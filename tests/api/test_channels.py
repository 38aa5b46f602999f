"""Channels as their people look after them: connect, test, configure, edit, disconnect, search, buy, release."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest

from leadsrally.messaging.channels.directory import twilio_context
from leadsrally.providers.twilio.signature import TwilioCredentials
from tests.api.conftest import Client, person, problem
from tests.switchboard import FREE, Switchboard
from tests.world import PUBLIC_URL, Line, Org, World

SID, TOKEN = "AC" + "d" * 32, "canary-token-0123456789abcdef"
NUMBER = "+15005550123"
NEW = {"account_sid": SID, "auth_token": TOKEN, "number": NUMBER, "name": "Sales"}
OWN = {"account_sid": SID, "auth_token": TOKEN}


@pytest.fixture
def board(switchboard: Switchboard) -> Switchboard:
    switchboard.account(SID, TOKEN, NUMBER)
    return switchboard


@pytest.fixture
def connected(client: Client, board: Switchboard) -> dict[str, Any]:
    """A channel that was connected and tested."""
    status, body = client.post("/v1/channels", NEW)
    assert status == 201, body
    board.work()
    return client.get(f"/v1/channels/{body['channel']['id']}")[1]


def done(client: Client, board: Switchboard, answer: tuple[int, Any]) -> dict[str, Any]:
    """The task that was asked for, after it was done."""
    status, task = answer
    assert status == 202, task
    assert task["state"] == "waiting"
    board.work()
    return client.get(f"/v1/channels/tasks/{task['id']}")[1]


def states(checks: list[dict[str, Any]]) -> dict[str, str]:
    return {check["check"]: check["state"] for check in checks}


def edited(
    client: Client, channel_id: str, body: Any, version: int, method: str = "PATCH"
) -> tuple[int, Any]:
    headers = {"if-match": f'"{version}"'}
    return client.world.api(method, f"/v1/channels/{channel_id}", client.token, body, **headers)


class TestConnect:
    def test_it_is_active_at_once_and_says_where_texts_must_be_sent(self, client: Client, board: Switchboard):
        status, body = client.post("/v1/channels", NEW)
        assert status == 201
        channel = body["channel"]
        assert (channel["state"], channel["number"], channel["name"]) == ("active", NUMBER, "Sales")
        assert channel["webhook_url"].startswith(f"{PUBLIC_URL}/webhooks/twilio/")
        assert channel["webhook_url"].endswith("/inbound")
        assert (body["test"]["kind"], body["test"]["state"]) == ("test", "waiting")
        assert board.log() == [], "the provider is asked by another function, later"

    def test_what_was_entered_is_sealed_for_its_place(self, client: Client, board: Switchboard, world: World):
        client.post("/v1/channels", NEW)
        row = world.row("SELECT * FROM channels")
        opened = world.vault.open(row["credentials"], twilio_context(client.org.id, row["id"]))
        assert TwilioCredentials.from_json(opened) == TwilioCredentials(SID, (TOKEN,))

    def test_it_receives(self, client: Client, board: Switchboard, world: World):
        _, body = client.post("/v1/channels", NEW)
        key = body["channel"]["webhook_url"].split("/")[-2]
        line = Line(client.org.id, UUID(body["channel"]["id"]), key, NUMBER, SID, TOKEN)
        assert world.text(line, "hello").status == 200

    def test_the_test_that_follows_tells_what_is_missing(self, connected: dict[str, Any]):
        assert states(connected["checks"]) == {
            "sign_in": "passed",
            "account": "passed",
            "number": "passed",
            "texting": "passed",
            "webhook": "failed",
            "registration": "advice",
        }
        (webhook,) = [check for check in connected["checks"] if check["check"] == "webhook"]
        assert webhook["trouble"]["code"] == "webhook_elsewhere"
        assert "Configure" in webhook["trouble"]["remedy"]

    def test_twice_is_refused(self, client: Client, connected: dict[str, Any]):
        problem(client.post("/v1/channels", NEW), 409, "already_connected")

    def test_Q16_a_double_click_connects_once(self, client: Client, board: Switchboard, world: World):
        answers = [client.post("/v1/channels", NEW, **{"idempotency-key": "k"}) for _ in range(2)]
        assert answers[0] == answers[1]
        assert answers[0][0] == 201
        assert world.value("SELECT count(*) FROM channels") == 1

    def test_T9_two_organisations_may_enter_the_same_number(
        self, world: World, client: Client, connected: dict[str, Any]
    ):
        other = person(world, world.organization("Rival"))
        assert other.post("/v1/channels", NEW)[0] == 201

    def test_it_is_audited_without_a_value(self, client: Client, connected: dict[str, Any], world: World):
        row = world.row("SELECT * FROM audit_log WHERE action = 'channel.connected'")
        assert (row["actor_id"], row["target_kind"], str(row["target_id"]), row["details"]) == (
            client.user_id,
            "channel",
            connected["id"],
            {},
        )

    @pytest.mark.parametrize(
        "change",
        [
            {"account_sid": "AC1"},
            {"account_sid": "SK" + "d" * 32},
            {"number": "15005550123"},
            {"number": "+1500555"[:4]},
            {"auth_token": "short"},
            {"auth_token": "t" * 129},
            {"auth_token": "töken-0123456789abcdef"},
            {"auth_token": "token\n0123456789abcdef"},
            {"state": "active"},
            {"name": "n" * 101},
        ],
    )
    def test_what_cannot_be_is_refused_and_repeated_nowhere(
        self, client: Client, board: Switchboard, change: dict[str, str]
    ):
        body = problem(client.post("/v1/channels", {**NEW, **change}), 422, "malformed")
        assert TOKEN not in json.dumps(body)
        assert next(iter(change.values())) not in json.dumps(body["errors"])

    @pytest.mark.parametrize("role", ["agent", "viewer"])
    def test_T11_not_by_everybody(self, world: World, org: Org, board: Switchboard, role: str):
        problem(person(world, org, role).post("/v1/channels", NEW), 403, "forbidden")
        assert world.value("SELECT count(*) FROM channels") == 0


class TestRead:
    def test_everybody_of_the_organisation_reads_and_nobody_a_credential(
        self, world: World, org: Org, connected: dict[str, Any]
    ):
        for role in ("owner", "admin", "agent", "viewer"):
            status, page = person(world, org, role).get("/v1/channels")
            assert status == 200
            assert [channel["id"] for channel in page["items"]] == [connected["id"]]
            assert TOKEN not in json.dumps(page)
            assert "credential" not in json.dumps(page)

    def test_pages(self, client: Client, world: World):
        lines = []
        for _ in range(5):
            lines.append(world.line(client.org))
            world.clock.pass_(seconds=1)
        _, first = client.get("/v1/channels?limit=3")
        _, second = client.get(f"/v1/channels?limit=3&cursor={first['next']}")
        shown = [item["id"] for item in (*first["items"], *second["items"])]
        assert shown == [str(line.id) for line in reversed(lines)]

    def test_channels_of_other_kinds_are_shown_too(self, client: Client, world: World):
        page, number = world.lead_page(client.org), world.whatsapp_line(client.org)
        shown = {item["id"]: item for item in client.get("/v1/channels")[1]["items"]}
        assert shown[str(page.id)]["number"] is None
        assert shown[str(number.id)]["webhook_url"] == f"{PUBLIC_URL}/webhooks/meta/{number.key}"
        answer = client.post(f"/v1/channels/{number.id}/release", {"confirm": number.number})
        problem(answer, 404, "channel_not_found")


class TestEdit:
    def test_a_name_and_who_answers_keywords(self, client: Client, connected: dict[str, Any]):
        change = {"name": "Support", "provider_answers_keywords": False}
        status, body = edited(client, connected["id"], change, connected["version"])
        assert (status, body["name"], body["provider_answers_keywords"]) == (200, "Support", False)
        assert body["version"] == connected["version"] + 1
        assert edited(client, connected["id"], {"name": "Again"}, body["version"])[1]["name"] == "Again"

    def test_what_is_left_out_stays(self, client: Client, connected: dict[str, Any]):
        _, body = edited(client, connected["id"], {"provider_answers_keywords": False}, connected["version"])
        assert body["name"] == "Sales"

    def test_two_people_lose_nothing(self, client: Client, connected: dict[str, Any]):
        assert edited(client, connected["id"], {"name": "A"}, connected["version"])[0] == 200
        problem(edited(client, connected["id"], {"name": "B"}, connected["version"]), 412, "stale")
        answer = client.world.api("PATCH", f"/v1/channels/{connected['id']}", client.token, {"name": "B"})
        problem(answer, 428, "if_match_missing")

    def test_the_etag_is_the_version(self, client: Client, connected: dict[str, Any]):
        answer = client.raw("GET", f"/v1/channels/{connected['id']}")
        assert answer.headers["etag"] == f'"{connected["version"]}"'

    def test_a_test_is_no_edit(self, client: Client, board: Switchboard, connected: dict[str, Any]):
        done(client, board, client.post(f"/v1/channels/{connected['id']}/test"))
        assert client.get(f"/v1/channels/{connected['id']}")[1]["version"] == connected["version"]


class TestDisconnect:
    def disconnect(self, client: Client, connected: dict[str, Any]) -> None:
        assert edited(client, connected["id"], None, connected["version"], "DELETE") == (204, None)

    def test_the_token_is_forgotten_and_the_number_is_kept(
        self, client: Client, board: Switchboard, connected: dict[str, Any], world: World
    ):
        self.disconnect(client, connected)
        row = world.row("SELECT state, credentials, credentials_version FROM channels")
        assert row == {"state": "disconnected", "credentials": None, "credentials_version": 2}
        _, shown = client.get(f"/v1/channels/{connected['id']}")
        assert (shown["state"], shown["checks"]) == ("disconnected", None)
        assert shown["disconnected_at"] is not None
        assert board.simulator.accounts[SID].number(NUMBER) is not None
        assert world.value("SELECT count(*) FROM audit_log WHERE action = 'channel.disconnected'") == 1

    def test_twice_and_stale(self, client: Client, connected: dict[str, Any]):
        stale = edited(client, connected["id"], None, connected["version"] + 1, "DELETE")
        problem(stale, 412, "stale")
        self.disconnect(client, connected)
        again = edited(client, connected["id"], None, connected["version"] + 1, "DELETE")
        problem(again, 409, "channel_disconnected")

    def test_nothing_comes_in_or_goes_out_any_more(
        self, client: Client, board: Switchboard, connected: dict[str, Any], world: World
    ):
        key = connected["webhook_url"].split("/")[-2]
        line = Line(client.org.id, UUID(connected["id"]), key, NUMBER, SID, TOKEN)
        thread = world.conversation(line)
        message = world.reply(line, thread, "hi")
        self.disconnect(client, connected)
        assert world.text(line, "hello").status == 404
        world.work("send_message")
        assert world.message(message)["verdict"]["rule"] == "channel_disconnected"
        for path in ("test", "configure", "credentials", "release"):
            body = {"credentials": {"auth_token": TOKEN}, "release": {"confirm": NUMBER}}.get(path)
            answer = client.post(f"/v1/channels/{connected['id']}/{path}", body)
            problem(answer, 409, "channel_disconnected")

    def test_a_message_in_doubt_when_it_was_disconnected_is_put_before_a_person(
        self, client: Client, board: Switchboard, connected: dict[str, Any], world: World
    ):
        """Its token is gone, so the provider cannot be asked what became of it."""
        from leadsrally import runtime
        from leadsrally.sending.types import Unclear

        key = connected["webhook_url"].split("/")[-2]
        line = Line(client.org.id, UUID(connected["id"]), key, NUMBER, SID, TOKEN)
        world.sender.outcomes = [Unclear("a test")]
        message = world.reply(line, world.conversation(line), "hi")
        world.work("send_message")
        self.disconnect(client, connected)
        runtime.of("send_message")._senders = None
        world.clock.pass_(seconds=40)
        for _ in range(12):
            world.work("send_message")
            world.clock.pass_(hours=2)
        assert world.message(message)["status"] == "unknown"
        assert world.value("SELECT attention FROM conversations") == "delivery_unknown"

    def test_it_comes_back_to_its_conversations_under_a_new_address(
        self, client: Client, board: Switchboard, connected: dict[str, Any], world: World
    ):
        old = connected["webhook_url"].split("/")[-2]
        thread = world.conversation(Line(client.org.id, UUID(connected["id"]), old, NUMBER, SID, TOKEN))
        self.disconnect(client, connected)
        status, body = client.post("/v1/channels", {**NEW, "name": ""})
        assert status == 201
        channel = body["channel"]
        assert (channel["id"], channel["state"], channel["name"]) == (connected["id"], "active", "Sales")
        new = channel["webhook_url"].split("/")[-2]
        assert new != old
        line = Line(client.org.id, UUID(channel["id"]), new, NUMBER, SID, TOKEN)
        assert world.conversation(line) == thread
        assert world.text(line, "back again").status == 200


class TestCheck:
    """Each thing that can be wrong, with what to do about it."""

    @pytest.fixture
    def checked(self, client: Client, board: Switchboard, connected: dict[str, Any]) -> Any:
        def check() -> dict[str, tuple[str, str | None]]:
            task = done(client, board, client.post(f"/v1/channels/{connected['id']}/test"))
            assert task["state"] == "done"
            _, channel = client.get(f"/v1/channels/{connected['id']}")
            assert channel["checks"] == task["checks"]
            for found in task["checks"]:
                if found["trouble"]:
                    assert found["trouble"]["cause"].endswith(".")
                    assert found["trouble"]["remedy"].endswith(".")
            return {
                found["check"]: (found["state"], found["trouble"] and found["trouble"]["code"])
                for found in task["checks"]
            }

        return check

    def test_all_well_after_configuring(
        self, client: Client, board: Switchboard, connected: dict[str, Any], checked: Any
    ):
        done(client, board, client.post(f"/v1/channels/{connected['id']}/configure"))
        assert checked() == {
            "sign_in": ("passed", None),
            "account": ("passed", None),
            "number": ("passed", None),
            "texting": ("passed", None),
            "webhook": ("passed", None),
            "registration": ("advice", "30034"),
        }

    def test_a_token_that_twilio_refuses(self, board: Switchboard, checked: Any):
        board.simulator.accounts[SID].auth_token = "another-one-altogether"
        assert checked() == {"sign_in": ("failed", "20003")}

    def test_an_account_that_is_suspended(self, board: Switchboard, checked: Any):
        board.simulator.accounts[SID].status = "suspended"
        assert checked()["account"] == ("failed", "30002")

    def test_an_account_on_trial(self, board: Switchboard, checked: Any):
        board.simulator.accounts[SID].type = "Trial"
        assert checked()["account"] == ("advice", "21608")

    def test_a_number_that_is_not_there(self, board: Switchboard, checked: Any):
        board.simulator.accounts[SID].numbers.clear()
        assert checked()["number"] == ("failed", "number_not_owned")

    def test_a_number_that_cannot_text(self, board: Switchboard, checked: Any):
        board.simulator.accounts[SID].numbers[0].sms = False
        assert checked()["texting"] == ("failed", "21606")

    def test_an_application_before_the_webhook(self, board: Switchboard, checked: Any):
        board.simulator.accounts[SID].numbers[0].application_sid = "AP1"
        assert checked()["webhook"] == ("failed", "webhook_application")

    def test_the_webhook_by_GET(
        self, client: Client, board: Switchboard, connected: dict[str, Any], checked: Any
    ):
        number = board.simulator.accounts[SID].numbers[0]
        number.sms_url, number.sms_method = connected["webhook_url"], "GET"
        assert checked()["webhook"] == ("failed", "webhook_method")

    def test_a_toll_free_number(self, client: Client, board: Switchboard):
        board.account(SID, TOKEN, "+18885550199")
        _, body = client.post("/v1/channels", {**NEW, "number": "+18885550199"})
        board.work()
        _, channel = client.get(f"/v1/channels/{body['channel']['id']}")
        assert channel["checks"][-1]["trouble"]["code"] == "30032"

    def test_a_number_outside_north_america(self, client: Client, board: Switchboard):
        board.account(SID, TOKEN, "+447700900123")
        _, body = client.post("/v1/channels", {**NEW, "number": "+447700900123"})
        board.work()
        _, channel = client.get(f"/v1/channels/{body['channel']['id']}")
        assert "registration" not in states(channel["checks"])

    def test_a_provider_that_does_not_answer_changes_no_result(
        self, client: Client, board: Switchboard, connected: dict[str, Any]
    ):
        board.simulator.recorder.faults.add({"do": "status", "status": 503})
        task = done(client, board, client.post(f"/v1/channels/{connected['id']}/test"))
        assert (task["state"], task["trouble"]["code"]) == ("failed", "twilio")
        assert client.get(f"/v1/channels/{connected['id']}")[1]["checks"] == connected["checks"]

    def test_it_changes_nothing_there(self, board: Switchboard, checked: Any):
        before = list(board.simulator.accounts[SID].numbers)
        checked()
        assert board.simulator.accounts[SID].numbers == before
        assert board.log("POST") == []

    def test_a_channel_disconnected_meanwhile_fails_and_asks_nobody(
        self, client: Client, board: Switchboard, connected: dict[str, Any]
    ):
        _, task = client.post(f"/v1/channels/{connected['id']}/test")
        asked = len(board.log())
        assert edited(client, connected["id"], None, connected["version"], "DELETE")[0] == 204
        board.work()
        _, after = client.get(f"/v1/channels/tasks/{task['id']}")
        assert (after["state"], after["trouble"]["code"]) == ("failed", "channel_disconnected")
        assert len(board.log()) == asked


class TestConfigure:
    def test_texts_are_sent_to_us_from_then_on(
        self, client: Client, board: Switchboard, connected: dict[str, Any], world: World
    ):
        board.simulator.accounts[SID].numbers[0].application_sid = "AP1"
        task = done(client, board, client.post(f"/v1/channels/{connected['id']}/configure"))
        assert task["state"] == "done"
        number = board.simulator.accounts[SID].numbers[0]
        assert (number.sms_url, number.sms_method, number.application_sid) == (
            connected["webhook_url"],
            "POST",
            "",
        )
        _, channel = client.get(f"/v1/channels/{connected['id']}")
        assert states(channel["checks"])["webhook"] == "passed"
        assert world.value("SELECT count(*) FROM audit_log WHERE action = 'number.configured'") == 1

    def test_a_number_of_somebody_else(self, client: Client, board: Switchboard, connected: dict[str, Any]):
        board.simulator.accounts[SID].numbers.clear()
        task = done(client, board, client.post(f"/v1/channels/{connected['id']}/configure"))
        assert (task["state"], task["trouble"]["code"]) == ("failed", "number_not_owned")
        assert board.log("POST") == []


class TestSearch:
    @pytest.mark.parametrize("own", [True, False])
    def test_with_a_channels_account_or_with_one_of_ones_own(
        self, client: Client, board: Switchboard, connected: dict[str, Any], own: bool
    ):
        using = OWN if own else {"channel_id": connected["id"]}
        wanted = {"using": using, "country": "US", "area_code": "415"}
        task = done(client, board, client.post("/v1/channels/number-searches", wanted))
        assert task["state"] == "done"
        assert len(task["numbers"]) == 20
        assert task["numbers"][0] == {
            "number": FREE,
            "locality": "San Francisco",
            "region": "CA",
            "mms": True,
            "voice": True,
            "address_required": False,
        }

    def test_a_secret_that_was_brought_is_gone_with_the_task(
        self, client: Client, board: Switchboard, world: World
    ):
        _, task = client.post("/v1/channels/number-searches", {"using": OWN, "country": "US"})
        assert board.task(task["id"])["secret"] is not None
        board.work()
        assert board.task(task["id"])["secret"] is None
        assert world.value("SELECT count(*) FROM channels") == 0

    def test_what_twilio_refuses_is_explained(self, client: Client, board: Switchboard):
        wrong = {**OWN, "auth_token": "wrong-token-0123456789"}
        task = done(
            client, board, client.post("/v1/channels/number-searches", {"using": wrong, "country": "US"})
        )
        assert (task["state"], task["trouble"]["code"]) == ("failed", "20003")
        assert board.task(task["id"])["secret"] is None

    @pytest.mark.parametrize(
        "change",
        [
            {"country": "us"},
            {"country": "../U"},
            {"kind": "pager"},
            {"contains": "a/b"},
            {"area_code": "4a5"},
            {"using": {}},
            {"using": {**OWN, "channel_id": str(uuid4())}},
            {"using": {"account_sid": SID}},
        ],
    )
    def test_what_cannot_be_is_refused(self, client: Client, change: dict[str, Any]):
        body = {"using": {"channel_id": str(uuid4())}, "country": "US", **change}
        told = problem(client.post("/v1/channels/number-searches", body), 422, "malformed")
        assert TOKEN not in json.dumps(told)


class TestRelease:
    def test_only_when_its_number_is_typed(
        self, client: Client, board: Switchboard, connected: dict[str, Any], world: World
    ):
        path = f"/v1/channels/{connected['id']}/release"
        for confirm in ("", "yes", NUMBER[1:], f"{NUMBER} "):
            problem(client.post(path, {"confirm": confirm}), 422, "confirmation")
        problem(client.post(path, {}), 422, "malformed")
        assert board.simulator.accounts[SID].number(NUMBER) is not None

        task = done(client, board, client.post(path, {"confirm": NUMBER}))
        assert task["state"] == "done"
        assert board.simulator.accounts[SID].number(NUMBER) is None
        row = world.row("SELECT state, credentials FROM channels")
        assert row == {"state": "disconnected", "credentials": None}
        assert world.value("SELECT count(*) FROM audit_log WHERE action = 'number.released'") == 1

    def test_one_that_is_gone_already_is_released(
        self, client: Client, board: Switchboard, connected: dict[str, Any], world: World
    ):
        board.simulator.accounts[SID].numbers.clear()
        path = f"/v1/channels/{connected['id']}/release"
        assert done(client, board, client.post(path, {"confirm": NUMBER}))["state"] == "done"
        assert board.log("DELETE") == []
        assert world.value("SELECT state FROM channels") == "disconnected"

    def test_an_answer_that_is_lost_leaves_the_channel_and_may_be_tried_again(
        self, client: Client, board: Switchboard, connected: dict[str, Any], world: World
    ):
        board.fail("accept_then_status", method="DELETE", status=500)
        path = f"/v1/channels/{connected['id']}/release"
        task = done(client, board, client.post(path, {"confirm": NUMBER}))
        assert (task["state"], task["trouble"]["code"]) == ("failed", "twilio")
        assert world.value("SELECT state FROM channels") == "active"
        assert done(client, board, client.post(path, {"confirm": NUMBER}))["state"] == "done"
        assert world.value("SELECT state FROM channels") == "disconnected"


class TestForeign:
    """T16: what belongs to another tenant is not there, and its provider is not asked."""

    @pytest.fixture
    def foreign(self, world: World, board: Switchboard) -> Iterator[Line]:
        line = world.line(world.organization("Rival"))
        board.of(line)
        yield line
        assert board.log() == [], "no outbound call"
        assert world.value("SELECT count(*) FROM channel_tasks") == 0

    @pytest.mark.parametrize(
        ("method", "path", "body"),
        [
            ("GET", "", None),
            ("PATCH", "", {"name": "mine"}),
            ("DELETE", "", None),
            ("POST", "/test", None),
            ("POST", "/configure", None),
            ("POST", "/credentials", {"auth_token": TOKEN}),
            ("POST", "/release", {"confirm": "+15005550001"}),
        ],
    )
    def test_T16_a_channel_of_another_tenant(
        self, client: Client, board: Switchboard, foreign: Line, method: str, path: str, body: Any
    ):
        answers = [
            client.world.api(
                method, f"/v1/channels/{channel_id}{path}", client.token, body, **{"if-match": '"1"'}
            )
            for channel_id in (foreign.id, uuid4())
        ]
        assert answers[0] == answers[1]
        problem(answers[0], 404, "channel_not_found")
        board.work()

    @pytest.mark.parametrize("path", ["number-searches", "number-purchases"])
    def test_T16_a_channel_named_inside_a_request(
        self, client: Client, board: Switchboard, foreign: Line, path: str
    ):
        wanted = {"country": "US"} if path == "number-searches" else {"number": FREE}
        body = {"using": {"channel_id": str(foreign.id)}, **wanted}
        problem(client.post(f"/v1/channels/{path}", body), 404, "channel_not_found")
        board.work()

    def test_T16_a_task_written_for_a_foreign_channel_reaches_nobody(
        self, client: Client, board: Switchboard, foreign: Line, world: World
    ):
        """Past the API: the key itself refuses a task of one tenant with a channel of another."""
        from psycopg.errors import ForeignKeyViolation

        with pytest.raises(ForeignKeyViolation):
            world._insert(
                "channel_tasks",
                {
                    "organization_id": client.org.id,
                    "id": uuid4(),
                    "kind": "test",
                    "channel_id": foreign.id,
                    "actor_kind": "system",
                    "created_at": world.clock.now,
                },
            )


def test_T1_a_task_of_another_tenant(client: Client, board: Switchboard, world: World):
    other = person(world, world.organization("Rival"))
    _, task = other.post("/v1/channels/number-searches", {"using": OWN, "country": "US"})
    problem(client.get(f"/v1/channels/tasks/{task['id']}"), 404, "task_not_found")
    assert other.get(f"/v1/channels/tasks/{task['id']}")[0] == 200


def test_tasks_are_forgotten_after_thirty_days(client: Client, board: Switchboard, world: World):
    for _ in range(3):
        client.post("/v1/channels/number-searches", {"using": OWN, "country": "US"})
    board.work()
    world.clock.pass_(days=29)
    client.post("/v1/channels/number-searches", {"using": OWN, "country": "US"})
    assert world.value("SELECT count(*) FROM channel_tasks") == 4
    board.work()
    world.clock.pass_(days=2)
    client.post("/v1/channels/number-searches", {"using": OWN, "country": "US"})
    assert world.value("SELECT count(*) FROM channel_tasks") == 2
