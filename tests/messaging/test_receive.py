"""Inbound texts, from signed request to stored row."""

import dataclasses
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from twilio.request_validator import RequestValidator

from leadsrally import runtime
from tests.world import PUBLIC_URL, Line, Org, World


class TestStore:
    def test_a_first_text_becomes_contact_conversation_message_and_scoring_job(
        self, world: World, line: Line
    ):
        answer = world.text(line, "How much is the blue one?", sender="+12025550101")

        assert (answer.status, answer.body, answer.headers["content-type"]) == (
            200,
            "<Response/>",
            "text/xml",
        )
        contact = world.row("SELECT phone, organization_id FROM contacts")
        assert contact == {"phone": "+12025550101", "organization_id": line.organization_id}
        thread = world.row("SELECT unread_count, preview, last_message_id FROM conversations")
        message = world.row("SELECT id, body, status, direction, segments FROM messages")
        assert thread == {
            "unread_count": 1,
            "preview": "How much is the blue one?",
            "last_message_id": message["id"],
        }
        assert message["status"] == "received"
        assert world.value("SELECT count(*) FROM jobs WHERE queue = 'ai_score'") == 1
        log = world.row("SELECT outcome, http_status, host(source_ip) AS ip, message_id FROM delivery_log")
        assert log == {
            "outcome": "stored",
            "http_status": 200,
            "ip": "203.0.113.7",
            "message_id": message["id"],
        }

    def test_a_second_text_joins_the_thread(self, world: World, line: Line):
        world.text(line, "one")
        world.clock.pass_(seconds=5)
        world.text(line, "two")

        assert world.value("SELECT count(*) FROM contacts") == 1
        thread = world.row("SELECT unread_count, preview FROM conversations")
        assert thread == {"unread_count": 2, "preview": "two"}

    def test_media_is_kept_as_references(self, world: World, line: Line):
        answer = world.text(
            line,
            None,
            NumMedia="1",
            MediaUrl0="https://api.twilio.com/2010-04-01/Accounts/AC1/Messages/MM1/Media/ME1",
            MediaContentType0="image/jpeg",
        )
        assert answer.status == 200
        message = world.row("SELECT id, body FROM messages")
        assert message["body"] == ""
        assert world.row("SELECT message_id, place, source, content_type, state FROM media") == {
            "message_id": message["id"],
            "place": 0,
            "source": "https://api.twilio.com/2010-04-01/Accounts/AC1/Messages/MM1/Media/ME1",
            "content_type": "image/jpeg",
            "state": "pending",
        }

    def test_media_of_a_repeat_or_of_a_stop_is_kept_once(self, world: World, line: Line):
        for _ in range(2):
            world.text(
                line,
                "STOP",
                sid="MM" + "1" * 32,
                NumMedia="2",
                **{f"MediaUrl{n}": f"https://api.twilio.com/{n}" for n in range(2)},
            )
        assert [row["source"][-1] for row in world.rows("SELECT source FROM media ORDER BY place")] == [
            "0",
            "1",
        ]
        assert world.value("SELECT state FROM consent_states") == "revoked"

    def test_I1_I2_what_postgres_cannot_hold_is_replaced_not_refused(self, world: World, line: Line):
        assert world.text(line, "a\x00b").status == 200
        message = world.row("SELECT body, altered FROM messages")
        assert "\x00" not in message["body"]
        assert message["altered"]

    def test_unknown_parameters_are_accepted(self, world: World, line: Line):
        assert world.text(line, "hi", SomethingNewOf2027="x", Another="").status == 200

    def test_W7_a_messaging_service_reaches_the_right_tenant(self, world: World, line: Line):
        assert world.text(line, "hi", MessagingServiceSid="MG" + "0" * 32).status == 200
        assert world.value("SELECT organization_id FROM messages") == line.organization_id

    def test_a_short_code_can_write(self, world: World, line: Line):
        assert world.text(line, "your code", sender="72975").status == 200
        assert world.value("SELECT phone FROM contacts") == "72975"

    def test_Q18_a_switch_thrown_between_two_texts_counts_for_the_second(self, world: World, line: Line):
        """The channel is kept between calls; whether its organisation has AI on is not."""
        world.text(line, "first")
        world.execute("DELETE FROM jobs")
        world.execute("UPDATE organizations SET ai_scoring = false, ai_suggestions = false")
        world.text(line, "second")
        assert world.rows("SELECT 1 FROM jobs") == []
        world.execute("UPDATE organizations SET ai_suggestions = true")
        world.text(line, "third")
        assert world.value("SELECT count(*) FROM jobs") == 1

    def test_scoring_off_makes_no_job(self, world: World):
        line = world.line(world.organization(ai_scoring=False, ai_suggestions=False))
        world.text(line, "hi")
        assert world.rows("SELECT 1 FROM jobs") == []


class TestRepeat:
    def test_W8_the_same_delivery_fifty_times_at_once_is_one_message(self, world: World, line: Line):
        world.close()
        world.__post_init__()
        world.open(connections=10)
        start = threading.Barrier(50)

        def deliver() -> int:
            start.wait()
            return world.text(line, "hello", sid="SM" + "8" * 32).status

        with ThreadPoolExecutor(50) as pool:
            statuses = [f.result() for f in [pool.submit(deliver) for _ in range(50)]]

        assert statuses == [200] * 50
        assert world.value("SELECT count(*) FROM messages") == 1
        assert world.value("SELECT unread_count FROM conversations") == 1
        assert world.value("SELECT count(*) FROM jobs") == 1
        outcomes = world.rows("SELECT outcome, count(*) AS n FROM delivery_log GROUP BY 1 ORDER BY 1")
        assert outcomes == [{"outcome": "duplicate", "n": 49}, {"outcome": "stored", "n": 1}]

    def test_different_first_texts_at_once_make_one_contact(self, world: World, line: Line):
        start = threading.Barrier(8)

        def deliver(number: int) -> int:
            start.wait()
            return world.text(line, f"text {number}").status

        with ThreadPoolExecutor(8) as pool:
            assert set(pool.map(deliver, range(8))) == {200}
        assert world.value("SELECT count(*) FROM contacts") == 1
        assert world.value("SELECT unread_count FROM conversations") == 8

    def test_W9_a_replay_after_erasure_brings_nobody_back(self, world: World, line: Line):
        """Sixty days on, the contact is erased; only the keyed receipt of the message is left."""
        world.text(line, "my old text", sid="SM" + "9" * 32)
        for table in ("jobs", "messages", "conversations", "contacts"):
            world.execute(f"DELETE FROM {table}")
        world.clock.pass_(days=10)

        assert world.text(line, "my old text", sid="SM" + "9" * 32).status == 200
        assert world.rows("SELECT 1 FROM contacts") == []
        assert world.rows("SELECT 1 FROM messages") == []

    def test_receipts_cannot_be_read(self, world: World, line: Line):
        sid = "SM" + "7" * 32
        world.text(line, "hi", sid=sid)
        assert sid.encode() not in world.value("SELECT provider_hash FROM message_receipts")

    def test_two_channels_do_not_share_message_ids(self, world: World, org: Org, line: Line):
        other = world.line(org)
        world.text(line, "hi", sid="SM" + "6" * 32)
        world.text(other, "hi", sid="SM" + "6" * 32)
        assert world.value("SELECT count(*) FROM messages") == 2


FORM = {
    "MessageSid": "SM" + "1" * 32,
    "From": "+12025550101",
    "To": "+15005550001",
    "Body": "hi",
    "NumMedia": "0",
}


class TestRefuse:
    """Each refusal is clear, stores nothing, and leaves a row in the delivery log."""

    def _refused(self, world: World, status: int, reason: str) -> None:
        assert world.rows("SELECT 1 FROM messages") == []
        assert world.rows("SELECT 1 FROM contacts") == []
        log = world.row("SELECT outcome, reason, http_status FROM delivery_log")
        assert log == {"outcome": "refused", "reason": reason, "http_status": status}

    @pytest.mark.parametrize("headers", [{}, {"x-twilio-signature": ""}], ids=["missing", "empty"])
    def test_W1_no_signature(self, world: World, line: Line, headers: dict[str, str]):
        answer = world.call(
            f"/webhooks/twilio/{line.key}/inbound",
            headers={"content-type": "application/x-www-form-urlencoded", **headers},
            body=b"MessageSid=SM1&From=%2B12025550101&To=%2B1&Body=hi",
        )
        assert answer.status == 403
        assert answer.headers["content-type"] == "application/problem+json"
        self._refused(world, 403, "signature_missing")

    def test_W2_another_tenants_valid_secret(self, world: World, line: Line):
        other = world.line(world.organization("Rival"))
        url = f"{PUBLIC_URL}/webhooks/twilio/{line.key}/inbound"
        signature = RequestValidator(other.auth_token).compute_signature(url, FORM)
        assert world.post(line, "inbound", FORM, signature=signature).status == 403
        assert world.value("SELECT organization_id FROM delivery_log") == line.organization_id
        self._refused(world, 403, "signature")

    def test_W4_a_shifted_parameter_boundary_is_no_stop(self, world: World, line: Line):
        """`Body=STOP` and `BodySTOP=` have the same signature; only one of them is a message."""
        url = f"{PUBLIC_URL}/webhooks/twilio/{line.key}/inbound"
        genuine = {**FORM, "Body": "STOP"}
        signature = RequestValidator(line.auth_token).compute_signature(url, genuine)
        shifted = {name: value for name, value in genuine.items() if name != "Body"} | {"BodySTOP": ""}
        answer = world.post(line, "inbound", shifted, signature=signature)
        assert answer.status in (403, 422)
        assert world.rows("SELECT 1 FROM consent_events") == []
        assert world.rows("SELECT 1 FROM messages") == []

    def test_W5_a_json_body_without_its_hash(self, world: World, line: Line):
        answer = world.call(
            f"/webhooks/twilio/{line.key}/inbound",
            headers={"content-type": "application/json", "x-twilio-signature": "x"},
            body=b"{}",
        )
        assert 400 <= answer.status < 500
        assert world.value("SELECT count(*) FROM delivery_log") == 1

    def test_W12_a_body_above_64_kib(self, world: World, line: Line):
        answer = world.post(line, "inbound", {**FORM, "Body": "x" * 70_000})
        assert answer.status == 413
        self._refused(world, 413, "body_too_large")

    @pytest.mark.parametrize("content_type", ["multipart/form-data; boundary=x", "text/plain", ""])
    def test_W13_another_content_type(self, world: World, line: Line, content_type: str):
        answer = world.call(
            f"/webhooks/twilio/{line.key}/inbound",
            headers={"content-type": content_type, "x-twilio-signature": "x"},
            body=b"--x\r\n",
        )
        assert answer.status == 415

    def test_an_unknown_address_is_logged_for_nobody(self, world: World):
        answer = world.call("/webhooks/twilio/" + "k" * 32 + "/inbound", body=b"a=b")
        assert answer.status == 404
        log = world.row("SELECT organization_id, channel_id, reason FROM delivery_log")
        assert log == {"organization_id": None, "channel_id": None, "reason": "channel_unknown"}

    def test_required_parameters_missing(self, world: World, line: Line):
        answer = world.post(line, "inbound", {"From": "+12025550101", "To": "+15005550001", "Body": "hi"})
        assert answer.status == 422
        assert world.rows("SELECT 1 FROM messages") == []


class TestAccept:
    """W6: genuine calls in every shape that a gateway brings them."""

    def test_W6_base64_and_plain_bodies(self, world: World, line: Line):
        assert world.post(line, "inbound", FORM, base64_body=True).status == 200
        assert world.post(line, "inbound", {**FORM, "MessageSid": "SM" + "2" * 32}).status == 200
        assert world.value("SELECT count(*) FROM messages") == 2

    def test_W6_a_query_takes_part_as_it_came(self, world: World, line: Line):
        assert world.post(line, "inbound", FORM, query="a=1+2&a=%20b&c").status == 200

    def test_W6_a_stage_in_the_path_changes_nothing(self, world: World, line: Line):
        path = f"/prod/webhooks/twilio/{line.key}/inbound"
        assert world.post(line, "inbound", FORM, raw_path=path).status == 200

    def test_W18_a_rotated_secret(self, world: World, line: Line):
        """The new token works at once, the old one as long as both are kept, and no longer."""
        from leadsrally.messaging.channels.directory import twilio_context
        from leadsrally.providers.twilio.signature import TwilioCredentials

        def keep(*tokens: str) -> None:
            sealed = world.vault.seal(
                TwilioCredentials(line.account_sid, tokens).to_json(),
                twilio_context(line.organization_id, line.id),
            )
            world.execute(
                "UPDATE channels SET credentials = %(sealed)s, credentials_version = credentials_version + 1",
                sealed=sealed,
            )

        def deliver(token: str) -> int:
            form = {**FORM, "MessageSid": f"SM{len(statuses):032d}"}
            url = f"{PUBLIC_URL}/webhooks/twilio/{line.key}/inbound"
            return world.post(
                line, "inbound", form, signature=RequestValidator(token).compute_signature(url, form)
            ).status

        old, new = line.auth_token, "n" * 32
        statuses: list[int] = []
        statuses.append(deliver(old))
        keep(new, old)
        statuses.append(deliver(old))
        statuses.append(deliver(new))
        keep(new)
        statuses.append(deliver(old))
        statuses.append(deliver(new))
        assert statuses == [200, 200, 200, 403, 200]

    def test_W18_a_replaced_secret_works_at_its_first_use(self, world: World, line: Line):
        """The kept channel is out of date when the new token's first call comes."""
        from leadsrally.messaging.channels.directory import twilio_context
        from leadsrally.providers.twilio.signature import TwilioCredentials

        assert world.text(line, "hi").status == 200
        context = twilio_context(line.organization_id, line.id)
        sealed = world.vault.seal(TwilioCredentials(line.account_sid, ("n" * 32,)).to_json(), context)
        world.execute("UPDATE channels SET credentials = %(sealed)s, credentials_version = 2", sealed=sealed)
        url = f"{PUBLIC_URL}/webhooks/twilio/{line.key}/inbound"
        signature = RequestValidator("n" * 32).compute_signature(url, FORM)
        assert world.post(line, "inbound", FORM, signature=signature).status == 200

    def test_a_disconnected_channel_takes_nothing_more(self, world: World, line: Line):
        assert world.text(line, "hi").status == 200
        world.execute("UPDATE channels SET state = 'disconnected'")
        assert world.text(line, "hi again").status == 404
        assert world.value("SELECT count(*) FROM messages") == 1

    def test_sha256_mode(self, world: World, org: Org):
        import hashlib
        import hmac
        from base64 import b64encode

        line = world.line(org, shared_keys={"WK1": "shared-secret"})
        url = f"{PUBLIC_URL}/webhooks/twilio/{line.key}/inbound"
        text = url + "".join(name + FORM[name] for name in sorted(FORM))
        signature = b64encode(hmac.digest(b"shared-secret", text.encode(), hashlib.sha256)).decode()
        from urllib.parse import urlencode

        answer = world.call(
            f"/webhooks/twilio/{line.key}/inbound",
            headers={
                "content-type": "application/x-www-form-urlencoded",
                "x-twilio-signature": signature,
                "x-twilio-webhooks-signature-settings": "key=WK1,algorithm=HMAC_SHA256",
            },
            body=urlencode(FORM).encode(),
        )
        assert answer.status == 200


class TestBroken:
    def test_W14_no_database_means_no_2xx(self, world: World, line: Line):
        """The provider is told to come again, and its retry succeeds once."""
        from leadsrally.kit.db import Database

        door = runtime.of("webhook_twilio")
        assert world.text(line, "before", sid="SM" + "4" * 32).status == 200
        working = door.db
        lost = Database("postgresql://nobody@127.0.0.1:9/none?connect_timeout=1")
        door.__dict__["db"] = lost
        assert world.text(line, "during", sid="SM" + "5" * 32).status == 503
        door.__dict__["db"] = working
        assert world.text(line, "during", sid="SM" + "5" * 32).status == 200
        assert world.value("SELECT count(*) FROM messages") == 2

    def test_a_dead_kept_connection_is_replaced_in_silence(self, world: World, line: Line):
        assert world.text(line, "one").status == 200
        world.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE usename = 'leadsrally_webhook_twilio' AND datname = current_database()"
        )
        assert world.text(line, "two").status == 200
        assert world.value("SELECT count(*) FROM messages") == 2


class TestForged:
    """A call that nobody signed must cost the key service nothing, however often it comes."""

    def test_O6_a_forged_call_opens_no_credentials_again(
        self, world: World, line: Line, monkeypatch: pytest.MonkeyPatch
    ):
        directory = runtime.of("webhook_twilio").twilio_channels
        opened: list[Any] = []
        real = directory._open
        monkeypatch.setattr(directory, "_open", lambda channel: opened.append(channel) or real(channel))
        assert world.text(line, "hi").status == 200
        forged = dataclasses.replace(line, auth_token="guessed")
        assert {world.text(forged, "hi").status for _ in range(5)} == {403}
        assert len(opened) == 1
        world.clock.pass_(minutes=15)
        assert world.text(line, "hi again").status == 200
        assert len(opened) == 2
