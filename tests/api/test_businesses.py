"""WhatsApp numbers and pages as their people look after them: connect, test, configure, replace, let go."""

import json
from typing import Any
from uuid import UUID, uuid4

import pytest

from leadsrally.messaging.channels.directory import meta_context
from leadsrally.providers.meta.credentials import MetaCredentials
from tests.api.conftest import Client, person, problem
from tests.graphboard import (
    APP_ID,
    APP_SECRET,
    LEAD_ADS,
    NUMBER,
    NUMBER_ID,
    PAGE_ID,
    TOKEN,
    WABA_ID,
    WHATSAPP,
    Graphboard,
)
from tests.world import PUBLIC_URL, MetaLine, Org, World

NEW_TOKEN, NEW_SECRET = "EAAG-another-0123456789abcdef", "another-secret-0123456789abcdef"


def connect(client: Client, board: Graphboard, body: dict[str, str] = WHATSAPP) -> dict[str, Any]:
    """A channel that was connected, and what was left to do at Meta done."""
    path = "/v1/channels/whatsapp" if "waba_id" in body else "/v1/channels/lead-ads"
    status, answer = client.post(path, body)
    assert status == 201, answer
    board.work()
    return {**client.get(f"/v1/channels/{answer['channel']['id']}")[1], "word": answer["verify_token"]}


@pytest.fixture
def connected(client: Client, graphboard: Graphboard) -> dict[str, Any]:
    return connect(client, graphboard)


@pytest.fixture
def configured(client: Client, graphboard: Graphboard, connected: dict[str, Any]) -> dict[str, Any]:
    """As `connected`, with its news sent to us."""
    done(client, graphboard, client.post(f"/v1/channels/{connected['id']}/configure"))
    return connected | client.get(f"/v1/channels/{connected['id']}")[1]


def done(client: Client, board: Graphboard, answer: tuple[int, Any]) -> dict[str, Any]:
    """The task that was asked for, after it was done."""
    status, body = answer
    assert status == 202, body
    task = body.get("task", body)
    assert task["state"] == "waiting"
    board.work()
    return client.get(f"/v1/channels/tasks/{task['id']}")[1]


def states(channel: dict[str, Any]) -> dict[str, str]:
    return {check["check"]: check["state"] for check in channel["checks"]}


def failed(channel: dict[str, Any]) -> dict[str, str]:
    """The reasons of what failed."""
    return {
        check["check"]: check["trouble"]["code"] for check in channel["checks"] if check["state"] == "failed"
    }


def disconnect(client: Client, channel: dict[str, Any]) -> tuple[int, Any]:
    path = f"/v1/channels/{channel['id']}"
    headers = {"if-match": client.etag(path)}
    return client.world.api("DELETE", path, client.token, **headers)


def challenge(world: World, channel: dict[str, Any], word: str) -> int:
    """What our webhook answers when Meta asks whether the address is ours."""
    query = f"hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token={word}"
    path = channel["webhook_url"].removeprefix(PUBLIC_URL)
    return world.call(path, method="GET", query=query).status


def line_of(client: Client, channel: dict[str, Any], secret: str = APP_SECRET) -> MetaLine:
    """The channel as the world speaks for it."""
    key = channel["webhook_url"].split("/")[-1]
    return MetaLine(
        client.org.id,
        UUID(channel["id"]),
        key,
        NUMBER,
        WABA_ID,
        NUMBER_ID,
        None,
        APP_ID,
        secret,
        channel["word"],
        TOKEN,
    )


class TestConnect:
    def test_a_number_is_active_at_once_and_asks_nobody(self, client: Client, graphboard: Graphboard):
        status, body = client.post("/v1/channels/whatsapp", WHATSAPP)
        assert status == 201
        channel = body["channel"]
        assert (channel["kind"], channel["state"], channel["name"]) == ("whatsapp", "active", "Sales")
        assert (channel["app_id"], channel["waba_id"], channel["phone_number_id"]) == (
            APP_ID,
            WABA_ID,
            NUMBER_ID,
        )
        assert channel["number"] is None
        assert channel["webhook_url"].startswith(f"{PUBLIC_URL}/webhooks/meta/")
        assert len(body["verify_token"]) >= 32
        assert (body["task"]["kind"], body["task"]["state"]) == ("connect", "waiting")
        assert graphboard.log() == [], "Meta is asked by another function, later"

    def test_the_address_answers_the_challenge_from_the_first_moment(self, client: Client, world: World):
        _, body = client.post("/v1/channels/whatsapp", WHATSAPP)
        assert challenge(world, body["channel"], "wrong") == 403
        assert challenge(world, body["channel"], body["verify_token"]) == 200
        _, channel = client.get(f"/v1/channels/{body['channel']['id']}")
        assert channel["challenged_at"] is not None

    def test_what_was_entered_is_sealed_for_its_place(self, client: Client, world: World):
        _, body = client.post("/v1/channels/whatsapp", WHATSAPP)
        row = world.row("SELECT * FROM channels")
        opened = world.vault.open(row["credentials"], meta_context(client.org.id, row["id"]))
        assert MetaCredentials.from_json(opened) == MetaCredentials(
            (APP_SECRET,), body["verify_token"], TOKEN
        )

    def test_a_number_its_app_is_installed_and_it_is_tested(
        self, client: Client, graphboard: Graphboard, connected: dict[str, Any], world: World
    ):
        assert graphboard.waba.subscribed
        assert connected["number"] == NUMBER
        assert (connected["health"], connected["quality"]) == ("available", "green")
        assert (connected["messaging_limit"], connected["name_status"]) == ("TIER_2K", "APPROVED")
        assert connected["token_expires_at"] is None
        assert failed(connected) == {"callback": "callback_missing", "challenge": "not_challenged"}
        assert states(connected)["fields"] == "skipped"
        asked = world.row("SELECT payload FROM jobs WHERE queue = 'template_sync'")
        assert asked["payload"] == {"channel_id": connected["id"]}

    def test_who_is_still_setting_it_up_is_not_told_what_is_missing(
        self, connected: dict[str, Any], world: World
    ):
        assert connected["trouble"] is None
        assert world.value("SELECT count(*) FROM jobs WHERE queue = 'notify'") == 0

    def test_a_page(self, client: Client, graphboard: Graphboard, world: World):
        channel = connect(client, graphboard, LEAD_ADS)
        assert (channel["kind"], channel["page_id"], channel["number"]) == ("lead_ads", PAGE_ID, None)
        assert graphboard.page.subscribed_fields == ("leadgen",)
        asked = world.row("SELECT payload FROM jobs WHERE kind = 'lead_backfill'")
        assert asked["payload"] == {"channel_id": channel["id"]}
        assert failed(channel) == {"callback": "callback_missing", "challenge": "not_challenged"}
        assert {name for name, state in states(channel).items() if state == "passed"} >= {
            "app",
            "token",
            "leads_retrieval",
            "pages_manage_metadata",
            "page",
            "forms",
            "subscribed",
        }

    def test_it_receives(self, client: Client, connected: dict[str, Any], world: World):
        assert world.whatsapp(line_of(client, connected), "hello").status == 200
        assert world.value("SELECT count(*) FROM messages") == 1

    def test_a_token_that_meta_refuses_stops_nothing_but_says_so(
        self, client: Client, graphboard: Graphboard, world: World
    ):
        graphboard.token.revoked = True
        channel = connect(client, graphboard)
        assert failed(channel) == {"token": "190"}
        assert channel["number"] is None
        assert world.value("SELECT count(*) FROM jobs WHERE queue = 'template_sync'") == 0

    @pytest.mark.parametrize("body", [WHATSAPP, LEAD_ADS], ids=["number", "page"])
    def test_twice_is_refused(self, client: Client, graphboard: Graphboard, body: dict[str, str]):
        connect(client, graphboard, body)
        path = "/v1/channels/whatsapp" if "waba_id" in body else "/v1/channels/lead-ads"
        problem(client.post(path, body), 409, "already_connected")

    def test_Q16_a_double_click_connects_once_and_shows_the_word_once(self, client: Client, world: World):
        first, second = (
            client.post("/v1/channels/whatsapp", WHATSAPP, **{"idempotency-key": "k"}) for _ in range(2)
        )
        assert first[0] == 201
        assert second[0] == 409
        assert first[1]["verify_token"] not in json.dumps(second[1])
        assert world.value("SELECT count(*) FROM channels") == 1
        kept = world.row("SELECT answer::text FROM idempotency_keys")["answer"] or ""
        assert first[1]["verify_token"] not in kept

    def test_T9_two_organisations_may_enter_the_same_number(
        self, client: Client, connected: dict[str, Any], world: World
    ):
        other = person(world, world.organization("Rival"))
        assert other.post("/v1/channels/whatsapp", WHATSAPP)[0] == 201

    def test_it_is_audited_without_a_value(self, client: Client, connected: dict[str, Any], world: World):
        row = world.row("SELECT * FROM audit_log WHERE action = 'channel.connected'")
        assert (row["actor_id"], str(row["target_id"]), row["details"]) == (
            client.user_id,
            connected["id"],
            {},
        )

    @pytest.mark.parametrize(
        "change",
        [
            {"waba_id": "me"},
            {"phone_number_id": "1/2"},
            {"app_id": "67084388743384x"},
            {"app_secret": "short"},
            {"access_token": "t" * 1025},
            {"access_token": "tökenn-0123456789abcdef"},
            {"access_token": "token\n0123456789abcdef"},
            {"page_id": PAGE_ID},
            {"verify_token": "mine"},
        ],
    )
    def test_what_cannot_be_is_refused_and_repeated_nowhere(self, client: Client, change: dict[str, str]):
        body = problem(client.post("/v1/channels/whatsapp", {**WHATSAPP, **change}), 422, "malformed")
        assert TOKEN not in json.dumps(body)
        assert next(iter(change.values())) not in json.dumps(body["errors"])

    @pytest.mark.parametrize("role", ["agent", "viewer"])
    def test_T11_not_by_everybody(self, world: World, org: Org, role: str):
        problem(person(world, org, role).post("/v1/channels/whatsapp", WHATSAPP), 403, "forbidden")
        assert world.value("SELECT count(*) FROM channels") == 0


class TestConfigure:
    def test_its_news_comes_to_us_and_every_line_passes(
        self, client: Client, graphboard: Graphboard, configured: dict[str, Any], world: World
    ):
        assert graphboard.app.callback_url == configured["webhook_url"]
        assert set(states(configured).values()) == {"passed"}
        assert configured["challenged_at"] is not None
        assert configured["trouble"] is None
        assert world.value("SELECT count(*) FROM audit_log WHERE action = 'channel.configured'") == 1

    def test_fields_that_somebody_had_chosen_stay_chosen(
        self, client: Client, graphboard: Graphboard, connected: dict[str, Any]
    ):
        graphboard.app.callback_url = "https://elsewhere.example.test/hook"
        graphboard.app.fields = ("messages", "flows")
        done(client, graphboard, client.post(f"/v1/channels/{connected['id']}/configure"))
        assert {"messages", "flows", "account_update"} <= set(graphboard.app.fields)

    def test_a_page(self, client: Client, graphboard: Graphboard):
        channel = connect(client, graphboard, LEAD_ADS)
        done(client, graphboard, client.post(f"/v1/channels/{channel['id']}/configure"))
        _, channel = client.get(f"/v1/channels/{channel['id']}")
        assert set(states(channel).values()) == {"passed"}
        assert graphboard.app.page_callback_url == channel["webhook_url"]
        assert graphboard.app.callback_url == "", "what the app's other news is sent to is not touched"

    def test_a_second_number_of_the_app_needs_no_address_of_its_own(
        self, client: Client, graphboard: Graphboard, configured: dict[str, Any]
    ):
        """An app sends all its news to one address; whichever of ours it is, both numbers' come through."""
        from infra.simulators.meta import WhatsAppNumber

        graphboard.waba.numbers.append(WhatsAppNumber("106540352242923", "+15005550021"))
        second = connect(client, graphboard, {**WHATSAPP, "phone_number_id": "106540352242923"})
        assert set(states(second).values()) == {"passed"}
        assert graphboard.app.callback_url == configured["webhook_url"]


class TestReplace:
    def credentials(self, world: World, channel: dict[str, Any]) -> MetaCredentials:
        row = world.row("SELECT * FROM channels WHERE id = %(id)s", id=channel["id"])
        context = meta_context(row["organization_id"], row["id"])
        return MetaCredentials.from_json(world.vault.open(row["credentials"], context))

    def test_a_new_token_is_tried_then_used(
        self, client: Client, graphboard: Graphboard, configured: dict[str, Any], world: World
    ):
        from infra.simulators.meta import Token

        graphboard.app.tokens.append(Token(NEW_TOKEN))
        path = f"/v1/channels/{configured['id']}/credentials"
        task = done(client, graphboard, client.post(path, {"access_token": NEW_TOKEN}))
        assert task["state"] == "done"
        held = self.credentials(world, configured)
        assert held == MetaCredentials((APP_SECRET,), configured["word"], NEW_TOKEN)
        assert graphboard.task(task["id"])["secret"] is None
        graphboard.token.revoked = True
        done(client, graphboard, client.post(f"/v1/channels/{configured['id']}/test"))
        assert failed(client.get(f"/v1/channels/{configured['id']}")[1]) == {}

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            ({"access_token": NEW_TOKEN}, "190"),
            ({"app_secret": NEW_SECRET}, "190"),
            ({"access_token": NEW_TOKEN, "app_secret": NEW_SECRET}, "190"),
        ],
        ids=["token", "secret", "both"],
    )
    def test_what_meta_refuses_replaces_nothing(
        self,
        client: Client,
        graphboard: Graphboard,
        configured: dict[str, Any],
        world: World,
        body: dict[str, str],
        code: str,
    ):
        before = self.credentials(world, configured)
        task = done(client, graphboard, client.post(f"/v1/channels/{configured['id']}/credentials", body))
        assert (task["state"], task["trouble"]["code"]) == ("failed", code)
        assert self.credentials(world, configured) == before

    def test_W18_what_the_old_app_secret_signed_is_accepted_for_a_day(
        self, client: Client, graphboard: Graphboard, configured: dict[str, Any], world: World
    ):
        graphboard.app.secret = NEW_SECRET
        path = f"/v1/channels/{configured['id']}/credentials"
        assert done(client, graphboard, client.post(path, {"app_secret": NEW_SECRET}))["state"] == "done"
        old, new = line_of(client, configured), line_of(client, configured, NEW_SECRET)
        assert world.whatsapp(new, "one").status == 200
        assert world.whatsapp(old, "two").status == 200
        world.clock.pass_(hours=23, minutes=59)
        assert world.whatsapp(old, "three").status == 200
        world.clock.pass_(minutes=1)
        assert world.whatsapp(old, "four").status == 403
        assert world.whatsapp(new, "five").status == 200

    def test_an_app_secret_is_every_channels_of_the_app_and_a_token_those_that_had_it(
        self, client: Client, graphboard: Graphboard, configured: dict[str, Any], world: World
    ):
        from infra.simulators.meta import Token

        graphboard.app.tokens += [Token("EAAG-the-pages-own-0123456789"), Token(NEW_TOKEN)]
        page = connect(client, graphboard, {**LEAD_ADS, "access_token": "EAAG-the-pages-own-0123456789"})
        graphboard.app.secret = NEW_SECRET
        body = {"access_token": NEW_TOKEN, "app_secret": NEW_SECRET}
        path = f"/v1/channels/{configured['id']}/credentials"
        assert done(client, graphboard, client.post(path, body))["state"] == "done"
        of_number, of_page = self.credentials(world, configured), self.credentials(world, page)
        assert of_number.access_token == NEW_TOKEN
        assert of_page.access_token == "EAAG-the-pages-own-0123456789"
        assert of_number.app_secrets == of_page.app_secrets == (NEW_SECRET, APP_SECRET)
        assert (of_number.verify_token, of_page.verify_token) == (configured["word"], page["word"])

    def test_a_new_verify_token_is_shown_once_and_counts_then(
        self, client: Client, graphboard: Graphboard, configured: dict[str, Any], world: World
    ):
        _, answer = client.post(f"/v1/channels/{configured['id']}/verify-token")
        word = answer["verify_token"]
        assert challenge(world, configured, word) == 403, "the other function has not done it yet"
        graphboard.work()
        assert challenge(world, configured, word) == 200
        assert challenge(world, configured, configured["word"]) == 403
        for path in (f"/v1/channels/{configured['id']}", f"/v1/channels/tasks/{answer['task']['id']}"):
            assert word not in json.dumps(client.get(path)[1])
        held = self.credentials(world, configured)
        assert (held.app_secrets, held.access_token) == ((APP_SECRET,), TOKEN)

    def test_credentials_of_the_other_provider_are_refused(
        self, client: Client, connected: dict[str, Any], world: World
    ):
        path = f"/v1/channels/{connected['id']}/credentials"
        problem(client.post(path, {"auth_token": "t" * 32}), 422, "other_credentials")
        problem(client.post(path, {}), 422, "nothing_given")
        sms = world.line(client.org)
        answer = client.post(f"/v1/channels/{sms.id}/credentials", {"access_token": NEW_TOKEN})
        problem(answer, 422, "other_credentials")
        problem(client.post(f"/v1/channels/{sms.id}/verify-token"), 404, "channel_not_found")


class TestDisconnect:
    def test_nothing_passes_at_once_and_meta_is_told(
        self, client: Client, graphboard: Graphboard, configured: dict[str, Any], world: World
    ):
        line = line_of(client, configured)
        assert world.whatsapp(line, "hello").status == 200
        thread = world.value("SELECT id FROM conversations")
        message = world.reply(line, thread, "hi")
        assert disconnect(client, configured) == (204, None)
        assert world.whatsapp(line, "again").status == 404
        world.work("send_message")
        assert world.message(message)["verdict"]["rule"] == "channel_disconnected"
        assert graphboard.waba.subscribed
        graphboard.work()
        assert not graphboard.waba.subscribed
        row = world.row("SELECT state, credentials FROM channels")
        assert row == {"state": "disconnected", "credentials": None}
        task = world.row("SELECT state, failure FROM channel_tasks WHERE kind = 'disconnect'")
        assert task == {"state": "done", "failure": None}

    def test_a_page(self, client: Client, graphboard: Graphboard):
        channel = connect(client, graphboard, LEAD_ADS)
        assert disconnect(client, channel)[0] == 204
        graphboard.work()
        assert graphboard.page.subscribed_fields == ()

    def test_another_number_of_the_account_keeps_its_news(
        self, client: Client, graphboard: Graphboard, configured: dict[str, Any], world: World
    ):
        from infra.simulators.meta import WhatsAppNumber

        graphboard.waba.numbers.append(WhatsAppNumber("106540352242923", "+15005550021"))
        connect(client, graphboard, {**WHATSAPP, "phone_number_id": "106540352242923"})
        assert disconnect(client, configured)[0] == 204
        graphboard.work()
        assert graphboard.waba.subscribed
        forgotten = "SELECT credentials FROM channels WHERE id = %(id)s"
        assert world.value(forgotten, id=configured["id"]) is None

    @pytest.mark.parametrize(
        "how",
        [{"do": "status", "status": 503}, {"do": "status", "status": 401}, {"do": "reset"}],
        ids=["away", "refused", "reset"],
    )
    def test_the_credentials_are_forgotten_whatever_meta_says(
        self,
        client: Client,
        graphboard: Graphboard,
        configured: dict[str, Any],
        world: World,
        how: dict[str, Any],
    ):
        assert disconnect(client, configured)[0] == 204
        graphboard.fail(**how)
        graphboard.work()
        assert world.value("SELECT credentials FROM channels") is None
        assert world.value("SELECT state FROM channel_tasks WHERE kind = 'disconnect'") == "failed"

    def test_it_comes_back_to_its_conversations_under_a_new_address(
        self, client: Client, graphboard: Graphboard, configured: dict[str, Any], world: World
    ):
        world.whatsapp(line_of(client, configured), "hello")
        assert disconnect(client, configured)[0] == 204
        again = connect(client, graphboard, {**WHATSAPP, "name": ""})
        assert (again["id"], again["name"], again["number"]) == (configured["id"], "Sales", NUMBER)
        assert again["webhook_url"] != configured["webhook_url"]
        assert world.value("SELECT credentials IS NOT NULL FROM channels"), (
            "what was let go does not take it away"
        )
        assert world.whatsapp(line_of(client, again), "back").status == 200
        assert world.value("SELECT count(*) FROM conversations") == 1

    def test_its_number_may_have_moved_to_another_account(
        self, client: Client, graphboard: Graphboard, configured: dict[str, Any], world: World
    ):
        assert disconnect(client, configured)[0] == 204
        graphboard.work()
        graphboard.number.phone_number_id = "106540352242999"
        moved = connect(client, graphboard, {**WHATSAPP, "phone_number_id": "106540352242999"})
        assert moved["number"] == NUMBER
        assert client.get(f"/v1/channels/{configured['id']}")[1]["number"] is None


class TestForeign:
    """T16: what belongs to another tenant is not there, and Meta is not asked."""

    @pytest.mark.parametrize(
        ("method", "path", "body"),
        [
            ("GET", "", None),
            ("DELETE", "", None),
            ("POST", "/test", None),
            ("POST", "/configure", None),
            ("POST", "/credentials", {"access_token": NEW_TOKEN}),
            ("POST", "/verify-token", None),
        ],
    )
    def test_T16_a_channel_of_another_tenant(
        self, client: Client, graphboard: Graphboard, world: World, method: str, path: str, body: Any
    ):
        foreign = world.whatsapp_line(world.organization("Rival"))
        graphboard.of(foreign)
        answers = [
            world.api(method, f"/v1/channels/{channel_id}{path}", client.token, body, **{"if-match": '"1"'})
            for channel_id in (foreign.id, uuid4())
        ]
        assert answers[0] == answers[1]
        problem(answers[0], 404, "channel_not_found")
        graphboard.work()
        assert graphboard.log() == [], "no outbound call"
        assert world.value("SELECT count(*) FROM channel_tasks") == 0

    @pytest.mark.parametrize("wrong", ["other channel", "other tenant", "cut off"])
    def test_O6_ciphertext_that_was_swapped_fails_closed(
        self, client: Client, graphboard: Graphboard, configured: dict[str, Any], world: World, wrong: str
    ):
        other_org = client.org if wrong == "other channel" else world.organization("Rival")
        other = world.whatsapp_line(other_org)
        swap = "(SELECT credentials FROM channels WHERE id = %(other)s)"
        blob = "substr(credentials, 1, length(credentials) - 1)" if wrong == "cut off" else swap
        asked = len(graphboard.log())
        world.execute(
            f"UPDATE channels SET credentials = {blob} WHERE id = %(id)s", id=configured["id"], other=other.id
        )
        task = done(client, graphboard, client.post(f"/v1/channels/{configured['id']}/test"))
        assert (task["state"], task["trouble"]["code"]) == ("failed", "seal_broken")
        assert len(graphboard.log()) == asked, "nothing was asked with another's token"
        world.clock.pass_(minutes=15)  # so long the webhook keeps what it had opened
        assert world.whatsapp(line_of(client, configured), "hello").status == 500
        assert world.value("SELECT count(*) FROM messages") == 0

    def test_O6_a_tasks_secret_opens_for_that_task_alone(
        self, client: Client, graphboard: Graphboard, configured: dict[str, Any], world: World
    ):
        path = f"/v1/channels/{configured['id']}/credentials"
        _, first = client.post(path, {"access_token": NEW_TOKEN})
        _, second = client.post(path, {"access_token": NEW_TOKEN})
        world.execute(
            """UPDATE channel_tasks SET secret = (SELECT secret FROM channel_tasks WHERE id = %(other)s)
                WHERE id = %(id)s""",
            id=first["id"],
            other=second["id"],
        )
        graphboard.work()
        assert graphboard.task(first["id"])["failure"] == "seal_broken"
