"""What Meta calls: who is let in, what one delivery may hold, and what is answered."""

import hmac
import json
import threading
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from leadsrally import runtime
from leadsrally.kit.crypto import Vault
from leadsrally.messaging import take_delivery
from leadsrally.messaging.channels.directory import meta_context
from leadsrally.providers.meta.credentials import MetaCredentials
from leadsrally.providers.meta.reading import load
from tests.world import Answer, MetaLine, Org, World


@pytest.fixture
def number(world: World, org: Org) -> MetaLine:
    return world.whatsapp_line(org)


def text(body: str = "Hello", wamid: str | None = None, sender: str = "12025550101") -> dict[str, Any]:
    at = str(int(datetime.now(UTC).timestamp()))
    wamid = wamid or f"wamid.{uuid4().hex}"
    return {"from": sender, "id": wamid, "timestamp": at, "type": "text", "text": {"body": body}}


def status(wamid: str) -> dict[str, Any]:
    return {"id": wamid, "status": "delivered", "timestamp": str(int(datetime.now(UTC).timestamp()))}


def edited(body: str) -> dict[str, Any]:
    """An edit of an earlier message into these words."""
    message = {"type": "text", "text": {"body": body}}
    edit = {"original_message_id": "wamid.EARLIER", "message": message}
    return {**text(), "type": "edit", "edit": edit}


def log(world: World) -> dict[str, Any]:
    return world.row("SELECT kind, outcome, reason, http_status, counts, message_id FROM delivery_log")


def bodies(world: World) -> list[str]:
    return [row["body"] for row in world.rows("SELECT body FROM messages ORDER BY body")]


class TestChallenge:
    def ask(self, world: World, line: MetaLine, token: str, challenge: str = "1158201444") -> Answer:
        query = f"hub.mode=subscribe&hub.challenge={challenge}&hub.verify_token={token}"
        return world.call(f"/webhooks/meta/{line.key}", method="GET", query=query)

    def test_W16_the_right_word_is_answered_with_the_challenge(self, world: World, number: MetaLine):
        answer = self.ask(world, number, number.verify_token)
        seen = world.value("SELECT challenged_at FROM channels WHERE id = %(id)s", id=number.id)
        assert seen == world.clock.now
        assert (answer.status, answer.body) == (200, "1158201444")
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert log(world)["outcome"] == "confirmed"

    def test_W16_the_wrong_word_is_refused(self, world: World, number: MetaLine):
        answer = self.ask(world, number, "guessed")
        assert answer.status == 403
        assert "1158201444" not in answer.body
        assert {key: log(world)[key] for key in ("kind", "outcome", "reason")} == {
            "kind": "challenge",
            "outcome": "refused",
            "reason": "verify_token",
        }

    def test_W16_markup_is_never_reflected(self, world: World, number: MetaLine):
        answer = self.ask(world, number, number.verify_token, "%3Cscript%3Ealert(1)%3C%2Fscript%3E")
        assert answer.status == 403
        assert "script" not in answer.body

    def test_a_page_confirms_its_own_address(self, world: World, org: Org):
        page = world.lead_page(org)
        assert self.ask(world, page, page.verify_token).body == "1158201444"


class TestWhoIsLetIn:
    @pytest.mark.parametrize("signature", ["", "None", "sha256=" + "0" * 64, "sha1=" + "0" * 40])
    def test_W1_without_a_good_signature_nothing_is_stored(
        self, world: World, number: MetaLine, signature: str
    ):
        assert world.meta(number, world.news(number, messages=[text()]), signature=signature).status == 403
        assert bodies(world) == []
        assert log(world)["outcome"] == "refused"

    def test_W2_another_tenants_secret_opens_nothing(self, world: World, number: MetaLine):
        rival = world.whatsapp_line(world.organization("Rival"))
        raw = json.dumps(world.news(number, messages=[text()])).encode()
        signed = sign(rival.app_secret, raw)
        assert world.meta(number, raw, signature=signed).status == 403
        assert bodies(world) == []

    def test_W18_a_rotated_secret_is_noticed_at_once(self, world: World, number: MetaLine):
        """Kept credentials are checked against the row; the old secret is good only while it is listed."""
        assert world.meta(number, world.news(number, messages=[text("one")])).status == 200
        both = MetaCredentials(("fresh-secret", number.app_secret), number.verify_token, "EAAG")
        replace_credentials(world, number, both)
        raw = json.dumps(world.news(number, messages=[text("two")])).encode()
        assert world.meta(number, raw, signature=sign("fresh-secret", raw)).status == 200
        assert world.meta(number, world.news(number, messages=[text("three")])).status == 200
        replace_credentials(world, number, MetaCredentials(("fresh-secret",), number.verify_token, "EAAG"))
        assert world.meta(number, world.news(number, messages=[text("four")])).status == 403
        assert bodies(world) == ["one", "three", "two"]

    def test_a_disconnected_channel_takes_nothing(self, world: World, number: MetaLine):
        assert world.meta(number, world.news(number, messages=[text("one")])).status == 200
        world.execute("UPDATE channels SET state = 'disconnected'")
        assert world.meta(number, world.news(number, messages=[text("two")])).status == 404
        assert bodies(world) == ["one"]

    def test_secrets_that_do_not_open_are_our_fault_and_told(self, world: World, number: MetaLine):
        world.execute("UPDATE channels SET credentials = '\\x01000000'")
        assert world.meta(number, world.news(number, messages=[text()])).status == 500


def sign(secret: str, raw: bytes) -> str:
    return "sha256=" + hmac.digest(secret.encode(), raw, "sha256").hex()


def replace_credentials(world: World, line: MetaLine, credentials: MetaCredentials) -> None:
    vault: Vault = world.vault
    world.execute(
        "UPDATE channels SET credentials = %(sealed)s, credentials_version = credentials_version + 1"
        " WHERE id = %(id)s",
        sealed=vault.seal(credentials.to_json(), meta_context(line.organization_id, line.id)),
        id=line.id,
    )


class TestBytes:
    def test_W12_too_large_is_refused_unread(self, world: World, number: MetaLine):
        raw = b'{"object":"page","x":"' + b"x" * 6_000_000 + b'"}'
        assert world.meta(number, raw).status == 413
        assert log(world)["reason"] == "body_too_large"

    @pytest.mark.parametrize(
        "raw", [b"[" * 100_000, b"{", b"\xff", b"[]"], ids=["nested", "cut", "no text", "list"]
    )
    def test_W12_no_document_is_refused(self, world: World, number: MetaLine, raw: bytes):
        assert world.meta(number, raw).status == 422
        assert log(world)["reason"] == "json"

    def test_W12_deep_inside_a_piece_only_that_piece_is_put_aside(self, world: World, number: MetaLine):
        deep: Any = "x"
        for _ in range(400):
            deep = [deep]
        form = {"name": "f", "body": "Sent", "response_json": json.dumps(deep)}
        odd = {**text(), "type": "interactive", "interactive": {"type": "nfm_reply", "nfm_reply": form}}
        assert world.meta(number, world.news(number, messages=[odd, text("fine")])).status == 200
        assert bodies(world) == ["Sent", "fine"]

    @pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data; boundary=x"])
    def test_W13_another_type_is_refused(self, world: World, number: MetaLine, kind: str):
        answer = world.meta(number, world.news(number, messages=[text()]), headers={"content-type": kind})
        assert answer.status == 415

    def test_the_gateway_may_bring_base64(self, world: World, number: MetaLine):
        assert world.meta(number, world.news(number, messages=[text("ä")]), base64_body=True).status == 200
        assert bodies(world) == ["ä"]


class TestPieces:
    """W11: each piece of a delivery for itself."""

    def test_W11_a_broken_and_a_foreign_piece_do_not_lose_the_others(
        self, world: World, org: Org, number: MetaLine
    ):
        other = world.whatsapp_line(org)
        rival = world.whatsapp_line(world.organization("Rival"))
        delivery = world.news(number, messages=[text("mine"), {"type": "text"}, text("mine too")])
        delivery["entry"] += world.news(other, messages=[text("at our other number")])["entry"]
        delivery["entry"] += world.news(rival, messages=[text("not ours")])["entry"]
        assert world.meta(number, delivery).status == 200
        assert bodies(world) == ["at our other number", "mine", "mine too"]
        assert (
            world.value(
                "SELECT count(*) FROM messages WHERE organization_id = %(o)s", o=rival.organization_id
            )
            == 0
        )
        row = log(world)
        assert (row["outcome"], row["counts"]) == ("mixed", {"stored": 3, "quarantined": 2})
        aside = world.rows("SELECT reason, piece, organization_id FROM quarantine ORDER BY reason")
        assert [piece["reason"] for piece in aside] == ["foreign_number", "message_id"]
        assert all(piece["organization_id"] == org.id for piece in aside)
        (change,) = json.loads(bytes(aside[0]["piece"]))["entry"][0]["changes"]
        assert [message["text"]["body"] for message in change["value"]["messages"]] == ["not ours"]

    def test_W11_each_number_has_its_own_thread(self, world: World, org: Org, number: MetaLine):
        other = world.whatsapp_line(org)
        delivery = world.news(number, messages=[text("one")])
        delivery["entry"] += world.news(other, messages=[text("two")])["entry"]
        world.meta(number, delivery)
        threads = world.rows(
            "SELECT c.channel_id, m.body FROM messages m JOIN conversations c ON c.id = m.conversation_id ORDER BY 2"
        )
        assert [(row["channel_id"], row["body"]) for row in threads] == [
            (number.id, "one"),
            (other.id, "two"),
        ]
        assert world.value("SELECT count(*) FROM contacts") == 1

    def test_W11_a_number_that_was_disconnected_is_foreign(self, world: World, org: Org, number: MetaLine):
        other = world.whatsapp_line(org, state="disconnected")
        world.meta(number, world.news(other, messages=[text("late")]))
        assert bodies(world) == []
        assert world.value("SELECT reason FROM quarantine") == "foreign_number"
        assert world.rows("SELECT 1 FROM suppressions") == []

    @pytest.mark.parametrize("said", ["stop", "edit", "preference"])
    def test_S6_a_no_to_a_number_that_was_disconnected_is_heeded(
        self, world: World, org: Org, number: MetaLine, said: str
    ):
        """The app stays subscribed for the account's other number, from which the business goes on writing."""
        gone = world.whatsapp_line(org, state="disconnected")
        world.whatsapp(number, "Hello there")
        if said == "preference":
            preference = {
                "wa_id": "12025550101",
                "category": "marketing_messages",
                "value": "stop",
                "timestamp": int(world.clock.now.timestamp()),
            }
            news = world.news(gone, field="user_preferences", user_preferences=[preference])
        elif said == "edit":
            news = world.news(gone, messages=[edited("Please stop texting me")])
        else:
            news = world.news(gone, messages=[text("STOP")])
        assert world.meta(number, news).status == 200
        assert world.value("SELECT count(*) FROM quarantine") == 1
        wanted = world.rows("SELECT channel_kind, purpose FROM suppressions")
        purpose = "marketing" if said == "preference" else "all"
        assert wanted == [{"channel_kind": "whatsapp", "purpose": purpose}]
        if purpose == "all":
            thread = world.value("SELECT id FROM conversations")
            late = world.reply(number, thread, "Still there?")
            world.work("send_message")
            assert world.message(late)["verdict"]["rule"] == "suppressed"

    def test_S6_the_same_delivery_again_does_not_undo_a_start(self, world: World, org: Org, number: MetaLine):
        gone = world.whatsapp_line(org, state="disconnected")
        news = world.news(gone, messages=[text("STOP")])
        world.meta(number, news)
        world.clock.pass_(seconds=1)  # of one second the no would stand
        world.whatsapp(number, "START")
        world.meta(number, news)
        assert world.rows("SELECT 1 FROM suppressions") == []

    def test_T8_a_no_to_another_tenants_number_says_nothing_here(self, world: World, number: MetaLine):
        rival = world.whatsapp_line(world.organization("Rival"), state="disconnected")
        world.meta(number, world.news(rival, messages=[text("STOP")]))
        assert world.value("SELECT reason FROM quarantine") == "foreign_number"
        assert world.rows("SELECT 1 FROM suppressions") == []

    def test_what_breaks_something_of_ours_is_put_aside_and_told_once(
        self, world: World, number: MetaLine, monkeypatch: pytest.MonkeyPatch
    ):
        real, told = take_delivery.receive_piece, []

        def breaks(db: Any, hashes: Any, channel: Any, inbound: Any, now: Any) -> Any:
            if "boom" in inbound.body:
                raise ZeroDivisionError
            return real(db, hashes, channel, inbound, now)

        monkeypatch.setattr(take_delivery, "receive_piece", breaks)
        monkeypatch.setattr(runtime.of("webhook_meta"), "surprised", told.append)
        delivery = world.news(number, messages=[text("boom 1"), text("fine"), text("boom 2")])
        assert world.meta(number, delivery).status == 200
        assert bodies(world) == ["fine"]
        assert log(world)["counts"] == {"stored": 1, "quarantined": 2}
        assert [type(error) for error in told] == [ZeroDivisionError]
        assert {row["reason"] for row in world.rows("SELECT reason FROM quarantine")} == {"broken"}

    def test_the_same_poison_again_is_kept_once(self, world: World, number: MetaLine):
        delivery = world.news(number, messages=[{"type": "text", "from": "12025550101"}])
        for _ in range(3):
            assert world.meta(number, delivery).status == 200
        assert world.value("SELECT count(*) FROM quarantine") == 1
        assert world.value("SELECT count(*) FROM delivery_log") == 3

    def test_E1_what_is_put_aside_can_be_found_for_its_person(self, world: World, number: MetaLine):
        from leadsrally.consent.change import address_hashes

        world.meta(number, world.news(number, messages=[{"type": "text", "from": "551187654321"}]))
        hashes = runtime.of("api").hashes
        (known_as,) = address_hashes(hashes, number.organization_id, ["+5511987654321"])
        assert world.value("SELECT person_hash FROM quarantine") == known_as

    def test_a_piece_too_long_to_keep_is_named_only(self, world: World, number: MetaLine):
        world.meta(number, world.news(number, messages=[{"type": "text", "text": {"body": "x" * 70_000}}]))
        assert world.row("SELECT reason, piece FROM quarantine") == {"reason": "message_id", "piece": None}

    def test_other_news_is_logged_and_left(self, world: World, number: MetaLine):
        assert world.meta(number, world.news(number, field="smb_message_echoes")).status == 200
        assert log(world)["outcome"] == "ignored"
        assert world.value("SELECT count(*) FROM quarantine") == 0

    def test_an_empty_delivery_is_taken(self, world: World, number: MetaLine):
        assert world.meta(number, {"object": "whatsapp_business_account", "entry": []}).status == 200
        assert log(world)["outcome"] == "ignored"


class TestRepeats:
    def test_a_repeat_changes_nothing(self, world: World, number: MetaLine):
        delivery = world.news(number, messages=[text("once", "wamid.1")])
        for _ in range(3):
            world.clock.pass_(seconds=1)
            assert world.meta(number, delivery).status == 200
        assert bodies(world) == ["once"]
        assert world.value("SELECT unread_count FROM conversations") == 1
        outcomes = world.rows("SELECT outcome FROM delivery_log ORDER BY id")
        assert [row["outcome"] for row in outcomes] == ["stored", "duplicate", "duplicate"]

    def test_W8_fifty_at_once_store_one_message_of_one_person(self, world: World, number: MetaLine):
        raw = json.dumps(world.news(number, messages=[text("once", "wamid.1")])).encode()
        answers = at_once(lambda _n: world.meta(number, raw).status, 50)
        assert answers == [200] * 50
        assert bodies(world) == ["once"]
        assert world.value("SELECT count(*) FROM contacts") == 1
        assert world.value("SELECT count(*) FROM jobs WHERE queue = 'ai_score'") == 1

    def test_W8_first_messages_of_one_person_at_once_make_one_contact(self, world: World, number: MetaLine):
        """Known by a business-scoped id alone, so no number holds them together."""

        def write(n: int) -> int:
            return world.whatsapp(
                number, f"m{n}", sender=None, from_user_id="US.77", wamid=f"wamid.{n}"
            ).status

        assert at_once(write, 20) == [200] * 20
        assert world.value("SELECT count(*) FROM contacts") == 1
        assert world.value("SELECT count(*) FROM conversations") == 1
        assert len(bodies(world)) == 20

    def test_W8_a_text_and_a_whatsapp_of_one_new_person_at_once(
        self, world: World, org: Org, number: MetaLine
    ):
        sms = world.line(org)

        def write(n: int) -> int:
            if n % 2:
                return world.text(sms, f"m{n}", sender="+12025550177").status
            return world.whatsapp(number, f"m{n}", sender="12025550177", wamid=f"wamid.{n}").status

        assert at_once(write, 12) == [200] * 12
        assert world.value("SELECT count(*) FROM contacts") == 1
        assert world.value("SELECT count(*) FROM conversations") == 2

    def test_W9_a_replay_after_erasure_brings_nobody_back(self, world: World, number: MetaLine):
        """Meta signs no time: a captured delivery verifies for ever."""
        raw = json.dumps(world.news(number, messages=[text("secret", "wamid.1")])).encode()
        world.meta(number, raw)
        for table in ("jobs", "messages", "conversations", "contact_identities", "contacts"):
            world.execute(f"DELETE FROM {table}")
        world.clock.pass_(days=1)
        assert world.meta(number, raw).status == 200
        assert world.value("SELECT count(*) FROM contacts") == 0
        assert bodies(world) == []

    def test_W14_without_the_database_meta_is_asked_to_come_again(
        self, world: World, number: MetaLine, monkeypatch: pytest.MonkeyPatch
    ):
        door = runtime.of("webhook_meta")
        assert world.meta(number, world.news(number, messages=[text("one")])).status == 200
        monkeypatch.setattr(door.db, "_url", "host=127.0.0.1 port=1 dbname=none connect_timeout=1")
        world.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'leadsrally_webhook_meta'"
        )
        assert world.meta(number, world.news(number, messages=[text("two")])).status == 503
        monkeypatch.undo()
        assert bodies(world) == ["one"]

    def test_W14_lost_in_the_middle_the_whole_is_asked_for_again_and_nothing_is_doubled(
        self, world: World, number: MetaLine, monkeypatch: pytest.MonkeyPatch
    ):
        from leadsrally.kit.errors import Unavailable

        real, calls = take_delivery.receive_piece, []

        def lost(db: Any, hashes: Any, channel: Any, inbound: Any, now: Any) -> Any:
            calls.append(inbound.body)
            if inbound.body == "two":
                raise Unavailable("away", code="database")
            return real(db, hashes, channel, inbound, now)

        delivery = world.news(number, messages=[text("one"), text("two"), text("three")])
        monkeypatch.setattr(take_delivery, "receive_piece", lost)
        assert world.meta(number, delivery).status == 503
        assert calls == ["one", "two"] * 2  # a kept connection may have died in our sleep: tried once more
        assert bodies(world) == ["one"]
        monkeypatch.undo()
        world.clock.pass_(seconds=1)
        assert world.meta(number, delivery).status == 200
        assert bodies(world) == ["one", "three", "two"]
        last = world.rows("SELECT counts FROM delivery_log ORDER BY id")[-1]["counts"]
        assert last == {"duplicate": 1, "stored": 2}

    def test_a_day_that_the_log_does_not_have_is_answered_all_the_same(self, world: World, number: MetaLine):
        """The sweep makes days ahead; where it has not run for weeks, the provider still gets its 5xx."""
        world.clock.pass_(days=60)
        assert world.meta(number, world.news(number, messages=[text("one")])).status == 500

    def test_a_connection_that_died_in_our_sleep_is_replaced(self, world: World, number: MetaLine):
        assert world.meta(number, world.news(number, messages=[text("one")])).status == 200
        world.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'leadsrally_webhook_meta'"
        )
        assert world.meta(number, world.news(number, messages=[text("two")])).status == 200
        assert bodies(world) == ["one", "two"]


def at_once(act: Any, count: int) -> list[int]:
    start = threading.Barrier(min(count, 8))

    def go(n: int) -> int:
        if n < 8:
            start.wait(timeout=10)
        return act(n)

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(go, range(count)))


class TestMany:
    def test_W11_what_a_delivery_takes_is_little_beside_itself(self, world: World, number: MetaLine):
        """Five hundred messages and as many statuses: each is read, taken and let go of, one after the other."""
        changes = [
            change
            for n in range(500)
            for change in (
                *world.news(number, messages=[text(f"m{n}")])["entry"][0]["changes"],
                *world.news(number, statuses=[status(f"wamid.{n}")])["entry"][0]["changes"],
            )
        ]
        entry = [{"id": number.waba_id, "changes": changes}]
        delivery = {"object": "whatsapp_business_account", "entry": entry}
        world.meta(number, world.news(number, messages=[text("first")]))  # what is made once is made
        tracemalloc.start()
        document = load(json.dumps(delivery).encode())
        itself = tracemalloc.get_traced_memory()[0]
        del document
        tracemalloc.reset_peak()
        assert world.meta(number, delivery).status == 200
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert most < 2.5 * itself

    def test_a_thousand_pieces_in_one_delivery(self, world: World, number: MetaLine):
        """Messages of many people and statuses, in one call, one log row and one bell."""
        world.rung.clear()
        changes = [
            world.news(number, messages=[text(f"m{n}", sender=f"1202556{n % 100:04d}")])["entry"][0][
                "changes"
            ][0]
            for n in range(1_000)
        ]
        entry = [{"id": number.waba_id, "changes": changes}]
        assert world.meta(number, {"object": "whatsapp_business_account", "entry": entry}).status == 200
        assert len(bodies(world)) == 1_000
        assert world.value("SELECT count(*) FROM contacts") == 100
        assert log(world)["counts"] == {"stored": 1_000}
        assert len(world.rung) == len(set(world.rung)) == 100
