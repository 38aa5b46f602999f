"""The Graph API as simulated: who may call, what is answered, what is refused and under which status."""

import base64
import hashlib
import hmac
import time
from typing import ClassVar

import httpx
import pytest

from infra.simulators.meta import MetaSimulator, Token
from infra.simulators.meta.webhook import Delivery, on_the_wire, sign
from infra.simulators.running import Running
from tests.simulators.doors import Stand, eventually
from tests.simulators.meta import (
    APP_ID,
    FORM_ID,
    NUMBER,
    NUMBER_ID,
    PAGE_ID,
    PERSON,
    SECRET,
    TOKEN,
    VERIFY,
    WA_ID,
    WABA_ID,
    Graph,
    Webhook,
    app,
    code,
)


@pytest.fixture(scope="module")
def servers():
    hook, meta = Stand(), Stand()
    with Running(hook) as hook_server, Running(meta) as meta_server:
        yield hook, hook_server, meta, meta_server


@pytest.fixture
def webhook(servers):
    stand, *_ = servers
    webhook = Webhook()
    stand.app = webhook.app
    return webhook


@pytest.fixture
def made(servers, webhook):
    _, server, *_ = servers
    return app(f"{server.base_url}{webhook.path}")


@pytest.fixture
def simulator(servers, made):
    *_, stand, server = servers
    stand.app = simulator = MetaSimulator(
        [made], [PERSON], status_delay=0.0, delivery=Delivery((0.0, 0.0), 2.0), base=server.base_url
    )
    return simulator


@pytest.fixture
def graph(servers, simulator):
    *_, server = servers
    with httpx.Client(base_url=server.base_url, trust_env=False, verify=False, timeout=5) as http:
        yield Graph(http)


class TestWhoCalls:
    def test_a_token_is_wanted(self, graph):
        for token in ("none", "wrong"):
            graph.token = token
            assert code(graph.get(NUMBER_ID)) == 190

    def test_one_that_has_expired_or_was_taken_back(self, graph, made):
        made.tokens[0].expires_at = int(time.time()) - 1
        assert code(graph.send()) == 190
        made.tokens[0] = Token(TOKEN, revoked=True)
        assert code(graph.send()) == 190
        assert graph.get("debug_token", input_token=TOKEN, access_token="").status_code in (400, 401)

    def test_it_must_have_the_scope(self, graph, made):
        made.tokens[0] = Token(TOKEN, scopes=("whatsapp_business_management",))
        assert code(graph.send()) == 10
        made.tokens[0] = Token(TOKEN, scopes=("whatsapp_business_messaging",))
        assert code(graph.get(NUMBER_ID)) == 200

    def test_the_proof_of_the_secret(self, graph, made):
        # The known answer of the wire contract.
        proof = hmac.new(SECRET.encode(), TOKEN.encode(), hashlib.sha256).hexdigest()
        assert proof == "44ce8ae20e7f2bc38a58165c6881a5de3c6f7cfa7b25bfe00e6c47ea2a3d5bf4"
        made.require_proof = True
        assert code(graph.get(NUMBER_ID)) == 100
        assert code(graph.get(NUMBER_ID, appsecret_proof="0" * 64)) == 100
        assert graph.get(NUMBER_ID, appsecret_proof=proof).status_code == 200

    def test_what_a_token_is_worth(self, graph):
        told = graph.get("debug_token", input_token=TOKEN).json()["data"]
        assert (told["app_id"], told["is_valid"], told["expires_at"]) == (APP_ID, True, 0)
        assert "whatsapp_business_messaging" in told["scopes"]
        assert told["granular_scopes"][0]["target_ids"] == [WABA_ID]
        assert graph.get("debug_token", input_token="other").json()["data"]["is_valid"] is False

    def test_what_the_app_listens_to_is_told_to_the_app_alone(self, graph):
        assert code(graph.get(f"{APP_ID}/subscriptions")) == 100
        graph.token = f"{APP_ID}|{SECRET}"
        (told,) = graph.get(f"{APP_ID}/subscriptions").json()["data"]
        assert {one["name"] for one in told["fields"]} >= {"messages", "user_preferences"}

    def test_an_address_is_challenged_before_it_is_kept(self, graph, made):
        graph.token = f"{APP_ID}|{SECRET}"
        order = {
            "object": "whatsapp_business_account",
            "callback_url": made.callback_url,
            "fields": "messages",
        }
        assert code(graph.post(f"{APP_ID}/subscriptions", {**order, "verify_token": "wrong"})) == 100
        assert graph.post(f"{APP_ID}/subscriptions", {**order, "verify_token": VERIFY}).json() == {
            "success": True
        }
        assert made.fields == ("messages",)

    def test_news_of_pages_has_an_address_of_its_own(self, graph, made):
        graph.token = f"{APP_ID}|{SECRET}"
        before = (made.callback_url, made.fields)
        order = {
            "object": "page",
            "callback_url": made.callback_url,
            "fields": "leadgen",
            "verify_token": VERIFY,
        }
        assert graph.post(f"{APP_ID}/subscriptions", order).json() == {"success": True}
        told = {one["object"]: one for one in graph.get(f"{APP_ID}/subscriptions").json()["data"]}
        assert [field["name"] for field in told["page"]["fields"]] == ["leadgen"]
        assert (made.callback_url, made.fields) == before
        assert code(graph.post(f"{APP_ID}/subscriptions", {**order, "object": "user"})) == 100

    def test_a_token_of_a_page(self, graph, made):
        made.tokens.append(Token("EAAGpage", page_id=PAGE_ID, data_access_expires_at=1_900_000_000))
        told = graph.get("debug_token", input_token="EAAGpage").json()["data"]
        assert (told["type"], told["profile_id"]) == ("PAGE", PAGE_ID)
        assert told["data_access_expires_at"] == 1_900_000_000


class TestOrders:
    """What Meta has is set otherwise, as a test or a person at the page wishes."""

    def order(self, graph, **order):
        return graph.http.post("/_sim/accounts", json=order)

    def test_an_expired_token_a_scope_that_is_missing_and_nobody_subscribed(self, graph, made):
        assert self.order(graph, token={"scopes": ["whatsapp_business_messaging"]}).status_code == 200
        assert code(graph.get(NUMBER_ID)) == 200
        self.order(graph, waba={"subscribed": False}, page={"subscribed_fields": []})
        assert (made.wabas[0].subscribed, made.pages[0].subscribed_fields) == (False, ())
        self.order(graph, token={"expires_at": 1})
        assert code(graph.get(NUMBER_ID)) == 190
        assert self.order(graph, token={"colour": "red"}).status_code == 400

    def test_a_number_that_falls_in_quality_is_told_of(self, graph, webhook):
        answer = self.order(graph, number={"quality_rating": "RED", "messaging_limit": "TIER_250"}).json()
        assert answer["answer"]["status"] == 200
        (told,) = webhook.wait_for(1)
        assert told.document["entry"][0]["changes"][0]["field"] == "phone_number_quality_update"
        assert told.value == {
            "display_phone_number": "15005550020",
            "event": "FLAGGED",
            "current_limit": "TIER_250",
        }

    def test_what_blocks_a_number(self, graph):
        self.order(graph, number={"health": "BLOCKED", "health_errors": [131042]}, silent=True)
        told = graph.get(NUMBER_ID, fields="health_status").json()["health_status"]
        assert told["can_send_message"] == "BLOCKED"
        assert told["entities"][0]["errors"][0]["error_code"] == 131042


class TestNodes:
    def test_a_number_and_its_health(self, graph, made):
        wanted = "display_phone_number,quality_rating,whatsapp_business_manager_messaging_limit,health_status"
        told = graph.get(NUMBER_ID, fields=wanted).json()
        assert told["id"] == NUMBER_ID
        assert told["display_phone_number"] == "+1 500-555-0020"
        assert (told["quality_rating"], told["whatsapp_business_manager_messaging_limit"]) == (
            "GREEN",
            "TIER_2K",
        )
        assert told["health_status"]["can_send_message"] == "AVAILABLE"
        made.wabas[0].numbers[0].status = "DISCONNECTED"
        told = graph.get(NUMBER_ID, fields="health_status").json()
        assert told["health_status"]["can_send_message"] == "BLOCKED"

    def test_fields_that_nobody_asked_for_are_not_told(self, graph):
        assert graph.get(NUMBER_ID).json().keys() == {"id", "verified_name", "display_phone_number"}

    def test_templates_come_in_pages(self, graph):
        names, after = [], None
        for _ in range(4):
            page = graph.get(
                f"{WABA_ID}/message_templates", limit=2, **({"after": after} if after else {})
            ).json()
            names += [one["name"] for one in page["data"]]
            after = page["paging"]["cursors"]["after"]
            if "next" not in page["paging"]:
                break
        assert len(names) == 7
        (paused,) = graph.get(f"{WABA_ID}/message_templates", status="PAUSED").json()["data"]
        assert (paused["name"], paused["category"], paused["components"][0]["type"]) == (
            "paused",
            "MARKETING",
            "BODY",
        )

    def test_subscribing(self, graph, made):
        assert graph.http.delete(
            f"/v26.0/{WABA_ID}/subscribed_apps", headers={"Authorization": f"Bearer {TOKEN}"}
        ).json() == {"success": True}
        assert graph.get(f"{WABA_ID}/subscribed_apps").json() == {"data": []}
        graph.post(f"{WABA_ID}/subscribed_apps")
        told = graph.get(f"{WABA_ID}/subscribed_apps").json()["data"]
        assert told[0]["whatsapp_business_api_data"]["id"] == APP_ID

    def test_what_is_not_there(self, graph):
        assert code(graph.get("999")) == 100
        assert code(graph.post("999/messages")) == 100


class TestSending:
    def test_an_accepted_text(self, graph, webhook):
        graph.write()
        answer = graph.send(biz_opaque_callback_data="ours-1").json()
        (contact,), (message,) = answer["contacts"], answer["messages"]
        assert (contact["input"], contact["wa_id"]) == (PERSON, WA_ID)
        assert message["id"].startswith("wamid.")
        assert webhook.statuses(3) == ["sent", "delivered"]
        value = webhook.told[1].value
        assert value["metadata"]["phone_number_id"] == NUMBER_ID
        (status,) = value["statuses"]
        assert (status["id"], status["biz_opaque_callback_data"]) == (message["id"], "ours-1")
        assert status["pricing"] == {
            "billable": False,
            "pricing_model": "PMP",
            "type": "free_customer_service",
            "category": "service",
        }
        assert graph.phone()["messages"][-1]["body"] == "Hello"

    def test_to_a_business_scoped_id(self, graph, webhook):
        graph.write()
        user_id = graph.phone()["user_id"]
        answer = graph.send(to=None, recipient=user_id).json()
        assert answer["contacts"] == [{"input": user_id, "user_id": user_id}]
        assert code(graph.send(to=None, recipient="US.404")) == 131026

    def test_outside_the_24_hours_free_text_fails_late_or_at_once(self, graph, webhook, made):
        graph.send()
        (status,) = webhook.wait_for(1)[0].value["statuses"]
        assert (status["status"], status["errors"][0]["code"]) == ("failed", 131047)
        assert graph.phone()["messages"] == []
        made.wabas[0].numbers[0].window_refusal = "sync"
        assert code(graph.send()) == 131047

    def test_a_text_of_yesterday_opens_no_window(self, graph, made):
        made.wabas[0].numbers[0].window_refusal = "sync"
        graph.write({"ago": 24 * 3600})
        assert code(graph.send()) == 131047
        graph.write({"ago": 24 * 3600 - 60})
        assert graph.send().status_code == 200
        graph.write({"ago": 48 * 3600})  # late and out of order: it closes nothing
        assert graph.send().status_code == 200

    @pytest.mark.parametrize(
        ("body", "expected"),
        [
            ({"messaging_product": "sms"}, 100),
            ({"to": None}, 100),
            ({"to": "nobody"}, 131009),
            ({"to": NUMBER}, 131021),
            ({"recipient": "not-an-id", "to": None}, 131009),
            ({"text": {"body": ""}}, 100),
            ({"text": {"body": "x" * 4097}}, 100),
            ({"text": None}, 131008),
            ({"type": "hologram", "hologram": {"x": 1}}, 131051),
            ({"type": "image", "image": {"id": "404"}}, 131053),
            ({"type": "location", "location": {"latitude": 1}}, 131008),
            ({"biz_opaque_callback_data": "x" * 513}, 100),
        ],
    )
    def test_what_is_refused_at_once(self, graph, body, expected):
        graph.write()
        whole = {
            "messaging_product": "whatsapp",
            "to": PERSON,
            "type": "text",
            "text": {"body": "Hi"},
            **body,
        }
        sent = {name: value for name, value in whole.items() if value is not None}
        assert code(graph.post(f"{NUMBER_ID}/messages", sent)) == expected

    def test_the_same_code_comes_under_several_statuses(self, graph):
        answers = [graph.send(to="+15001304291") for _ in range(2)]
        assert [code(answer) for answer in answers] == [130429, 130429]
        assert {answer.status_code for answer in answers} == {403, 429}

    def test_numbers_that_stand_for_a_code(self, graph, webhook):
        assert code(graph.send(to="+15001310261")) == 131026
        graph.template("ready", "en_US", "Ana", "bike", to="+15001310490")
        (status,) = webhook.wait_for(1)[0].value["statuses"]
        assert status["errors"][0]["code"] == 131049

    def test_one_message_in_six_seconds_to_one_person_beyond_a_burst(self, graph, made, simulator):
        made.wabas[0].numbers[0].pair_burst = 2
        now = time.time()
        simulator.sender.clock = lambda: now
        graph.write()
        assert [graph.send().status_code for _ in range(2)] == [200, 200]
        assert code(graph.send()) == 131056
        assert graph.template("ready", "en_US", "Ana", "bike", to="+12025550119").status_code == 200
        now += 6.01
        assert graph.send().status_code == 200

    def test_a_number_that_is_not_registered(self, graph, made):
        made.wabas[0].numbers[0].status = "DISCONNECTED"
        assert code(graph.send()) == 133010
        graph.post(f"{NUMBER_ID}/register", {"messaging_product": "whatsapp", "pin": "123456"})
        assert graph.send().status_code == 200

    def test_marking_as_read(self, graph):
        message = graph.write()["message_id"]
        order = {"messaging_product": "whatsapp", "status": "read", "message_id": message}
        assert graph.post(f"{NUMBER_ID}/messages", order).json() == {"success": True}

    def test_buttons_and_lists(self, graph):
        graph.write()
        buttons = [{"type": "reply", "reply": {"id": f"b{n}", "title": f"Choice {n}"}} for n in range(3)]
        part = {"type": "button", "body": {"text": "Which?"}, "action": {"buttons": buttons}}
        assert graph.send(kind="interactive", part=part).status_code == 200
        part["action"]["buttons"] = [*buttons, {"type": "reply", "reply": {"id": "b3", "title": "Choice 3"}}]
        assert code(graph.send(kind="interactive", part=part)) == 131009
        part["action"]["buttons"] = [{"type": "reply", "reply": {"id": "b", "title": "x" * 21}}]
        assert code(graph.send(kind="interactive", part=part)) == 100
        rows = [{"id": f"r{n}", "title": f"Row {n}"} for n in range(10)]
        part = {
            "type": "list",
            "body": {"text": "Which?"},
            "action": {"button": "Choose", "sections": [{"rows": rows}]},
        }
        assert graph.send(kind="interactive", part=part).status_code == 200
        part["action"]["sections"].append({"rows": [{"id": "r10", "title": "Row 10"}]})
        assert code(graph.send(kind="interactive", part=part)) == 131009


class TestTemplates:
    def test_rendered_as_the_phone_shows_it(self, graph, webhook):
        assert (
            graph.template("ready", "es", "Ana", "bici").json()["messages"][0]["message_status"] == "accepted"
        )
        assert webhook.statuses(2) == ["sent", "delivered"]
        assert graph.phone()["messages"][0]["body"] == "Hola Ana, tu bici está lista."
        assert webhook.told[0].value["statuses"][0]["pricing"]["billable"] is True

    @pytest.mark.parametrize(
        ("name", "language", "values", "expected"),
        [
            ("ready", "en_US", (), 132000),
            ("ready", "en_US", ("Ana",), 132000),
            ("ready", "en_US", ("Ana", "bike", "more"), 132000),
            ("ready", "fr", ("Ana", "bike"), 132001),
            ("absent", "en_US", ("Ana", "bike"), 132001),
            ("pending", "en_US", ("Ana", "bike"), 132001),
            ("paused", "en_US", ("Ana", "bike"), 132015),
            ("disabled", "en_US", ("Ana", "bike"), 132016),
            ("ready", "en_US", ("Ana\nbike", "bike"), 132012),
            ("ready", "en_US", ("x" * 1100, "bike"), 132005),
            ("ready", "en_US", ("", "bike"), 131008),
        ],
    )
    def test_what_is_refused(self, graph, name, language, values, expected):
        assert code(graph.template(name, language, *values)) == expected

    def test_named_parameters(self, graph):
        def part(*names):
            parameters = [{"type": "text", "text": name, "parameter_name": name} for name in names]
            return {
                "name": "visit",
                "language": {"code": "en_US"},
                "components": [{"type": "body", "parameters": parameters}],
            }

        assert graph.send(kind="template", part=part("first_name", "day")).status_code == 200
        eventually(lambda: graph.phone()["messages"])
        assert graph.phone()["messages"][0]["body"] == "See you on day, first_name!"
        assert code(graph.send(kind="template", part=part("day", "hour"))) == 100

    def test_headers_and_buttons(self, graph):
        header = {
            "type": "header",
            "parameters": [{"type": "image", "image": {"link": "https://x.example/a.png"}}],
        }
        url = {
            "type": "button",
            "sub_type": "url",
            "index": "1",
            "parameters": [{"type": "text", "text": "sale"}],
        }

        def send(*components):
            part = {"name": "sale", "language": {"code": "en_US"}, "components": list(components)}
            return graph.send(kind="template", part=part)

        assert code(send()) == 132012
        assert code(send(header)) == 131008
        wrong = {
            "type": "header",
            "parameters": [{"type": "video", "video": {"link": "https://x.example/a"}}],
        }
        assert code(send(wrong, url)) == 132012
        assert send(header, url).status_code == 200
        eventually(lambda: graph.phone()["messages"])
        buttons = graph.phone()["messages"][0]["parts"]["buttons"]
        assert [one.get("url") or one["payload"] for one in buttons] == [
            "Stop promotions",
            "https://harbour.example/sale",
        ]

    def test_who_has_stopped_marketing_gets_no_marketing(self, graph, webhook):
        graph.stage(f"phones/{PERSON}/preference", {"value": "stop"})
        (told,) = webhook.wait_for(1)[0].value["user_preferences"]
        assert (told["value"], told["category"], told["wa_id"]) == ("stop", "marketing_messages", WA_ID)
        assert isinstance(told["timestamp"], int)
        header = {
            "type": "header",
            "parameters": [{"type": "image", "image": {"link": "https://x.example/a.png"}}],
        }
        url = {
            "type": "button",
            "sub_type": "url",
            "index": "1",
            "parameters": [{"type": "text", "text": "sale"}],
        }
        part = {"name": "sale", "language": {"code": "en_US"}, "components": [header, url]}
        graph.send(kind="template", part=part)
        assert webhook.wait_for(2)[1].value["statuses"][0]["errors"][0]["code"] == 131050
        graph.template("ready", "en_US", "Ana", "bike")
        assert webhook.statuses(4)[-2:] == ["sent", "delivered"]

    def test_a_change_of_state_is_told(self, graph, webhook):
        graph.stage("templates", {"name": "ready", "language": "es", "status": "PAUSED"})
        told = webhook.wait_for(1)[0].document["entry"][0]
        (change,) = told["changes"]
        assert (told["id"], change["field"]) == (WABA_ID, "message_template_status_update")
        assert (change["value"]["event"], change["value"]["message_template_language"]) == ("PAUSED", "es")
        assert code(graph.template("ready", "es", "Ana", "bici")) == 132015


class TestMedia:
    def test_there_and_back(self, graph):
        picture = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
        answer = graph.http.post(
            f"/v26.0/{NUMBER_ID}/media",
            data={"messaging_product": "whatsapp", "type": "image/png"},
            files={"file": ("bike.png", picture, "image/png")},
            headers={"Authorization": f"Bearer {TOKEN}"},
        )
        media_id = answer.json()["id"]
        told = graph.get(media_id).json()
        assert (told["mime_type"], told["file_size"], told["sha256"]) == (
            "image/png",
            len(picture),
            hashlib.sha256(picture).hexdigest(),
        )
        assert graph.http.get(told["url"]).status_code == 401
        got = graph.http.get(told["url"], headers={"Authorization": f"Bearer {TOKEN}"})
        assert (got.content, got.headers["content-type"]) == (picture, "image/png")
        graph.write()
        assert graph.send(kind="image", part={"id": media_id, "caption": "The blue one"}).status_code == 200
        graph.http.delete(f"/v26.0/{media_id}", headers={"Authorization": f"Bearer {TOKEN}"})
        assert code(graph.get(media_id)) == 100

    @pytest.mark.parametrize(
        ("content", "kind", "expected"),
        [
            (b"x" * 5_000_001, "image/png", 131053),
            (b"x", "application/x-msdownload", 100),
            (b"", "image/png", 131053),
        ],
        ids=["too large", "no such type", "empty"],
    )
    def test_what_is_refused(self, graph, content, kind, expected):
        answer = graph.http.post(
            f"/v26.0/{NUMBER_ID}/media",
            data={"messaging_product": "whatsapp"},
            files={"file": ("a", content, kind)},
            headers={"Authorization": f"Bearer {TOKEN}"},
        )
        assert code(answer) == expected

    def test_a_picture_from_a_phone(self, graph, webhook):
        picture = base64.b64encode(b"picture").decode()
        graph.write(
            {"type": "image", "caption": "look", "media": {"content": picture, "content_type": "image/jpeg"}}
        )
        (message,) = webhook.wait_for(1)[0].value["messages"]
        image = message["image"]
        assert (message["type"], image["caption"], image["mime_type"]) == ("image", "look", "image/jpeg")
        assert base64.b64decode(image["sha256"]) == hashlib.sha256(b"picture").digest()
        assert (
            graph.http.get(image["url"], headers={"Authorization": f"Bearer {TOKEN}"}).content == b"picture"
        )
        assert graph.http.get(f"/_sim/media/{image['id']}").content == b"picture"


class TestNotifications:
    def test_signed_over_the_bytes_with_escaped_unicode(self, graph, webhook):
        graph.write({"body": "äöå 😀 a/b <c>"})
        (told,) = webhook.wait_for(1)
        assert told.raw.isascii()
        assert rb"\u00e4\u00f6\u00e5 \ud83d\ude00 a\/b <c>" in told.raw
        expected = "sha256=" + hmac.new(SECRET.encode(), told.raw, hashlib.sha256).hexdigest()
        assert told.headers["x-hub-signature-256"] == expected
        assert told.value["messages"][0]["text"]["body"] == "äöå 😀 a/b <c>"

    def test_the_known_answers_of_the_wire_contract(self):
        # vectors.md M-1 and M-2
        assert sign(SECRET, b"") == "sha256=03e719fee63ca882a1a8234094c530494bec5eb01961697b3c4298bd998807de"
        body = on_the_wire({"object": "page", "entry": []})
        assert body == b'{"object":"page","entry":[]}'
        assert sign(SECRET, body) == "sha256=bd8e771450daa7bc6e995d14e891f04b2be607655d3dac4f3f8c690b8efe9629"

    def test_tried_again_until_a_200(self, graph, webhook):
        webhook.answers = [500, 503]
        told = graph.write()
        assert (told["answer"]["status"], told["answer"]["attempts"]) == (200, 3)
        assert len({one.raw for one in webhook.told}) == 1
        webhook.answers = [500, 500, 500]
        assert graph.write()["answer"]["status"] == 500

    def test_a_repeat_is_the_same_message(self, graph, webhook):
        told = graph.write({"times": 2})
        ids = [one.value["messages"][0]["id"] for one in webhook.wait_for(2)]
        assert ids == [told["message_id"]] * 2

    @pytest.mark.parametrize("shape", ["messages", "changes", "entries"])
    def test_batches(self, graph, webhook, shape):
        items = [{"from": f"+1202555012{n}", "type": "text", "body": f"number {n}"} for n in range(3)]
        graph.stage(f"phones/{PERSON}/batch", {"shape": shape, "items": items})
        (told,) = webhook.wait_for(1)
        bodies = [
            message["text"]["body"]
            for entry in told.document["entry"]
            for change in entry["changes"]
            for message in change["value"]["messages"]
        ]
        assert bodies == ["number 0", "number 1", "number 2"]

    def test_somebody_whose_number_is_hidden(self, graph, webhook):
        graph.stage("phones", {"number": PERSON, "hides_number": True, "name": "Ana Lima"})
        graph.write()
        value = webhook.wait_for(1)[0].value
        assert "from" not in value["messages"][0]
        assert "wa_id" not in value["contacts"][0]
        assert value["messages"][0]["from_user_id"] == value["contacts"][0]["user_id"]
        assert value["contacts"][0]["profile"]["username"] == "ana.lima"

    @pytest.mark.parametrize(
        ("order", "shape"),
        [
            (
                {"type": "button", "text": "Yes", "payload": "YES"},
                {"button": {"payload": "YES", "text": "Yes"}},
            ),
            (
                {"type": "interactive", "reply": {"id": "b1", "title": "Blue"}},
                {"interactive": {"type": "button_reply", "button_reply": {"id": "b1", "title": "Blue"}}},
            ),
            (
                {"type": "interactive", "reply_type": "list_reply", "reply": {"id": "r1", "title": "Red"}},
                {"interactive": {"type": "list_reply", "list_reply": {"id": "r1", "title": "Red"}}},
            ),
            (
                {"type": "location", "latitude": 1.5, "longitude": 2},
                {"location": {"latitude": 1.5, "longitude": 2}},
            ),
            (
                {"type": "reaction", "message": "wamid.x", "emoji": "👍"},
                {"reaction": {"message_id": "wamid.x", "emoji": "👍"}},
            ),
            ({"type": "reaction", "message": "wamid.x"}, {"reaction": {"message_id": "wamid.x"}}),
            ({"type": "revoke", "message": "wamid.x"}, {"revoke": {"original_message_id": "wamid.x"}}),
            (
                {"type": "edit", "message": "wamid.x", "body": "new"},
                {
                    "edit": {
                        "original_message_id": "wamid.x",
                        "message": {"type": "text", "text": {"body": "new"}},
                    }
                },
            ),
            ({"type": "unsupported", "what": "poll"}, {"unsupported": {"type": "poll"}}),
        ],
        ids=lambda given: given.get("type") if isinstance(given, dict) else None,
    )
    def test_each_thing_that_a_person_can_do(self, graph, webhook, order, shape):
        graph.write(order)
        (message,) = webhook.wait_for(1)[0].value["messages"]
        assert message["type"] == order["type"]
        assert {name: message[name] for name in shape} == shape

    def test_statuses_in_any_order_twice_and_together(self, graph, webhook):
        graph.write()
        graph.stage("statuses", {"order": ["read", "delivered", "sent"], "duplicate": 2})
        graph.send()
        assert webhook.statuses(7) == ["read", "read", "delivered", "delivered", "sent", "sent"]
        graph.stage("statuses", {"order": ["sent", "delivered"], "together": True, "without_recipient": True})
        graph.send()
        entries = webhook.wait_for(8)[7].value["statuses"]
        assert [one["status"] for one in entries] == ["sent", "delivered"]
        assert all("recipient_id" not in one for one in entries)

    def test_whoever_blocks_us_gets_nothing_and_we_hear_nothing_of_it(self, graph, webhook):
        graph.write()
        graph.stage(f"phones/{PERSON}/block", {"blocked": True})
        graph.send()
        assert webhook.statuses(2) == ["sent"]
        assert graph.write()["answer"]["error"] == "blocked"
        assert len(webhook.told) == 2

    def test_reading(self, graph, webhook):
        graph.write()
        graph.send()
        webhook.wait_for(3)
        eventually(lambda: graph.phone()["messages"][-1]["status"] == "delivered")
        graph.stage(f"phones/{PERSON}/read")
        assert webhook.statuses(4) == ["sent", "delivered", "read"]

    def test_a_new_number_is_a_system_message(self, graph, webhook):
        old = graph.phone()["user_id"]
        graph.stage(f"phones/{PERSON}/renumber", {"number": "+12025550199"})
        value = webhook.wait_for(1)[0].value
        (message,) = value["messages"]
        assert "contacts" not in value
        assert (message["from_user_id"], message["system"]["wa_id"]) == (old, "12025550199")
        assert message["system"]["user_id"] != old

    def test_an_app_that_is_not_subscribed_hears_nothing(self, graph, webhook, made):
        made.wabas[0].subscribed = False
        assert "not subscribed" in graph.write()["answer"]["error"]
        assert webhook.told == []

    def test_any_body_can_be_signed_for_us(self, graph, webhook):
        raw = base64.b64encode(b'{"object":"page","entry":[]}\n').decode()
        assert graph.stage("notify", {"raw": raw})["status"] == 200
        # vectors.md M-3
        assert webhook.told[0].headers["x-hub-signature-256"] == (
            "sha256=f8264e1dcbd20d74048e9bbd5a032aa7a2418cb11d023ff42c2925eb078d5c02"
        )


class TestFaults:
    def test_accepted_and_then_an_error(self, graph, webhook):
        graph.write()
        graph.http.post("/_sim/faults", json={"do": "accept_then_status", "status": 500})
        answer = graph.send()
        assert answer.status_code == 500
        assert webhook.statuses(3) == ["sent", "delivered"]

    def test_a_rate_limit_of_the_providers_own_form(self, graph):
        graph.http.post("/_sim/faults", json={"do": "status", "status": 429})
        assert code(graph.send()) == 130429

    def test_the_log_keeps_what_came(self, graph):
        graph.template("ready", "en_US", "Ana", "bike")
        last = graph.http.get("/_sim/log").json()[-1]
        assert (last["method"], last["path"]) == ("POST", f"/v26.0/{NUMBER_ID}/messages")
        assert "Ana" in last["body"]


class TestLeads:
    ANSWERS: ClassVar = {
        "full_name": "Ana Lima",
        "phone_number": "+12025550131",
        "which_bike": ["blue", "red"],
    }

    def test_the_notification_has_no_answers_and_the_lead_has(self, graph, webhook):
        told = graph.stage("leads", {"form_id": FORM_ID, "answers": self.ANSWERS, "extra": {"ad_id": "77"}})
        document = webhook.wait_for(1)[0].document
        assert document["object"] == "page"
        change = document["entry"][0]["changes"][0]
        assert (change["field"], change["value"]["leadgen_id"]) == ("leadgen", told["lead_id"])
        assert b"Ana" not in webhook.told[0].raw
        lead = graph.get(told["lead_id"], fields="id,created_time,field_data,form_id,ad_id").json()
        answers = {one["name"]: one["values"] for one in lead["field_data"]}
        assert answers == {
            "full_name": ["Ana Lima"],
            "phone_number": ["+12025550131"],
            "which_bike": ["blue", "red"],
        }
        assert lead["created_time"].endswith("+0000")
        assert lead["ad_id"] == "77"
        assert graph.get(told["lead_id"]).json().keys() == {"id", "created_time", "field_data"}

    def test_ids_as_integers_in_older_captures(self, graph, webhook):
        graph.stage("leads", {"form_id": FORM_ID, "answers": self.ANSWERS, "integers": True})
        assert isinstance(webhook.wait_for(1)[0].document["entry"][0]["changes"][0]["value"]["form_id"], int)

    def test_catching_up_by_time_and_page(self, graph, webhook):
        for minutes in (1, 2, 3):
            graph.stage(
                "leads", {"form_id": FORM_ID, "answers": self.ANSWERS, "ago": minutes * 60, "silent": True}
            )
        assert webhook.told == []
        since = f'[{{"field":"time_created","operator":"GREATER_THAN","value":{int(time.time()) - 150}}}]'
        page = graph.get(f"{FORM_ID}/leads", limit=1, filtering=since).json()
        assert len(page["data"]) == 1
        after = page["paging"]["cursors"]["after"]
        assert len(graph.get(f"{FORM_ID}/leads", limit=1, after=after, filtering=since).json()["data"]) == 1

    def test_forms_and_their_questions(self, graph):
        (form,) = graph.get(f"{PAGE_ID}/leadgen_forms", fields="id,name,questions,legal_content").json()[
            "data"
        ]
        assert form["legal_content"]["custom_disclaimer"]["body"]["text"].startswith("I agree")
        assert [one["key"] for one in form["questions"]] == ["full_name", "phone_number", "which_bike"]

    def test_one_test_lead_at_a_time(self, graph):
        lead = graph.post(f"{FORM_ID}/test_leads").json()["id"]
        assert code(graph.post(f"{FORM_ID}/test_leads")) == 100
        assert graph.get(lead, fields="is_organic,field_data").json()["is_organic"] is True
        graph.http.delete(f"/v26.0/{lead}", headers={"Authorization": f"Bearer {TOKEN}"})
        assert graph.post(f"{FORM_ID}/test_leads").status_code == 200

    def test_the_scope_is_asked_for(self, graph, made):
        made.tokens[0] = Token(TOKEN, scopes=("pages_show_list",))
        assert code(graph.get(f"{FORM_ID}/leads")) == 10
