"""STOP in a WhatsApp message, WhatsApp's own "stop promotions", and what either does to the other channel."""

from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest

from leadsrally import runtime
from leadsrally.consent import suppressions
from leadsrally.consent.change import address_hashes
from tests.world import MetaLine, Org, World

PHONE = "+12025550101"


@pytest.fixture
def number(world: World, org: Org) -> MetaLine:
    return world.whatsapp_line(org)


def standings(world: World) -> dict[tuple[str, str], str]:
    rows = world.rows("SELECT channel_kind, purpose, state FROM consent_states")
    return {(row["channel_kind"], row["purpose"]): row["state"] for row in rows}


def events(world: World) -> list[tuple[Any, ...]]:
    rows = world.rows("SELECT purpose, action, source FROM consent_events ORDER BY recorded_at, id")
    return [tuple(row.values()) for row in rows]


def suppressed(
    world: World, line: MetaLine, address: str, kind: Any = "whatsapp", purpose: str = "all"
) -> bool:
    door = runtime.of("api")
    known_as = address_hashes(door.hashes, line.organization_id, [address])
    with door.db.tenant(line.organization_id) as tx:
        return suppressions.suppressed(tx, line.organization_id, kind, known_as, purpose)


def queued(world: World) -> list[str]:
    return [
        row["body"]
        for row in world.rows("SELECT body FROM messages WHERE direction = 'outbound' ORDER BY id")
    ]


class TestStop:
    @pytest.mark.parametrize("words", ["STOP", "stop.", "Sair", "baja", "S T O P"])
    def test_S1_a_word_opts_out_at_commit(self, world: World, number: MetaLine, words: str):
        world.whatsapp(number, words)
        assert standings(world) == {("whatsapp", "all"): "revoked"}
        assert suppressed(world, number, PHONE)
        assert world.value("SELECT count(*) FROM jobs WHERE queue = 'ai_score'") == 0

    def test_S2_a_refusal_opts_out_and_is_looked_at(self, world: World, number: MetaLine):
        world.whatsapp(number, "please don't text me anymore")
        assert standings(world) == {("whatsapp", "all"): "revoked"}
        assert world.value("SELECT attention FROM conversations") == "refusal"

    def test_S3_a_doubt_pauses_and_asks(self, world: World, number: MetaLine):
        world.whatsapp(number, "can we stop by on Friday, or should I unsubscribe from the tour?")
        assert standings(world) == {("whatsapp", "all"): "paused"}
        assert world.value("SELECT attention FROM conversations") == "may_want_to_stop"

    @pytest.mark.parametrize(
        "message",
        [
            {"type": "button", "button": {"text": "Stop promotions", "payload": "x"}},
            {
                "type": "interactive",
                "interactive": {"type": "button_reply", "button_reply": {"id": "s", "title": "STOP"}},
            },
            {
                "type": "interactive",
                "interactive": {"type": "list_reply", "list_reply": {"id": "s", "title": "Unsubscribe"}},
            },
            {"type": "image", "image": {"id": "1", "mime_type": "image/png", "caption": "STOP"}},
        ],
        ids=["button of a template", "button", "list", "caption"],
    )
    def test_S1_the_words_count_wherever_they_stand(
        self, world: World, number: MetaLine, message: dict[str, Any]
    ):
        world.whatsapp(number, **message)
        assert standings(world) == {("whatsapp", "all"): "revoked"}

    def test_S1_a_message_edited_into_a_STOP_is_one(self, world: World, number: MetaLine):
        world.whatsapp(number, "hm", wamid="wamid.1")
        edit = {"original_message_id": "wamid.1", "message": {"type": "text", "text": {"body": "STOP"}}}
        world.whatsapp(number, type="edit", edit=edit)
        assert standings(world) == {("whatsapp", "all"): "revoked"}

    def test_S9_one_edited_into_a_START_resumes_nothing(self, world: World, number: MetaLine):
        world.whatsapp(number, "STOP", wamid="wamid.1")
        edit = {"original_message_id": "wamid.1", "message": {"type": "text", "text": {"body": "START"}}}
        world.whatsapp(number, type="edit", edit=edit)
        assert standings(world) == {("whatsapp", "all"): "revoked"}

    def test_S10_it_is_confirmed_once_since_nobody_else_does(self, world: World, number: MetaLine):
        for _ in range(3):
            world.whatsapp(number, "STOP")
        assert [text.partition(":")[0] for text in queued(world)] == ["Harbour Bikes"]

    def test_S10_a_late_delivery_is_obeyed_and_not_answered(self, world: World, number: MetaLine):
        world.whatsapp(number, "STOP", at=world.clock.now - timedelta(minutes=6))
        assert standings(world) == {("whatsapp", "all"): "revoked"}
        assert queued(world) == []

    def test_help_is_answered_without_the_words_of_carriers(self, world: World, number: MetaLine):
        world.whatsapp(number, "HELP")
        (text,) = queued(world)
        assert "help@harbour.example" in text
        assert "data rates" not in text

    def test_START_lifts_it(self, world: World, number: MetaLine):
        world.whatsapp(number, "STOP")
        world.clock.pass_(seconds=5)
        world.whatsapp(number, "START")
        assert standings(world) == {("whatsapp", "all"): "granted"}
        assert not suppressed(world, number, PHONE)

    def test_a_START_from_before_the_STOP_that_comes_late_does_not(self, world: World, number: MetaLine):
        world.whatsapp(number, "STOP")
        world.whatsapp(number, "START", at=world.clock.now - timedelta(minutes=3))
        assert standings(world) == {("whatsapp", "all"): "revoked"}
        assert suppressed(world, number, PHONE)

    @pytest.mark.parametrize("order", [("STOP", "START"), ("START", "STOP")])
    def test_S9_of_one_second_the_no_stands(self, world: World, number: MetaLine, order: tuple[str, str]):
        """Meta tells whole seconds."""
        for word in order:
            world.whatsapp(number, word)
        assert standings(world) == {("whatsapp", "all"): "revoked"}
        assert suppressed(world, number, PHONE)

    def test_S7_somebody_without_a_phone_stays_opted_out_after_erasure(self, world: World, number: MetaLine):
        world.whatsapp(number, "STOP", sender=None, from_user_id="US.7")
        assert suppressed(world, number, "US.7")
        for table in ("consent_states", "consent_events", "jobs", "messages", "conversations"):
            world.execute(f"DELETE FROM {table}")
        world.execute("DELETE FROM contact_identities")
        world.execute("DELETE FROM contacts")
        world.whatsapp(number, "hi", sender=None, from_user_id="US.7")
        world.score()
        assert world.scorer.shown == []  # whoever is suppressed is not read to a model either

    def test_S7_both_ways_to_write_a_number_are_suppressed(self, world: World, number: MetaLine):
        world.whatsapp(number, "SAIR", sender="551187654321")
        assert suppressed(world, number, "+5511987654321")
        assert suppressed(world, number, "+551187654321")

    def test_all_that_the_person_is_reached_by_is_suppressed(self, world: World, number: MetaLine):
        world.whatsapp(number, "hi", from_user_id="US.7")
        world.whatsapp(number, "STOP", sender=None, from_user_id="US.7")
        assert suppressed(world, number, PHONE)
        assert suppressed(world, number, "US.7")


class TestTwoChannels:
    """A STOP counts for its kind of channel. Staff see what stands on each, and why."""

    def test_a_STOP_by_whatsapp_leaves_texts_alone(self, world: World, org: Org, number: MetaLine):
        sms = world.line(org)
        world.text(sms, "hello")
        world.whatsapp(number, "STOP")
        assert standings(world) == {("whatsapp", "all"): "revoked"}
        assert not suppressed(world, number, PHONE, "sms")
        message = world.reply(sms, world.conversation(sms), "We open at nine")
        world.work("send_message")
        assert world.message(message)["status"] == "accepted"

    def test_S6_a_STOP_by_whatsapp_may_hold_on_every_channel(self, world: World):
        org = world.organization(opt_out_scope="every_channel")
        sms, number = world.line(org), world.whatsapp_line(org)
        thread = world.conversation(sms)
        world.whatsapp(number, "STOP")
        assert standings(world) == {(kind, "all"): "revoked" for kind in ("email", "sms", "whatsapp")}
        assert suppressed(world, number, PHONE, "sms")
        message = world.reply(sms, thread, "We open at nine")
        world.work("send_message")
        assert world.sender.texts == []
        assert world.message(message)["verdict"]["rule"] == "opted_out_by_keyword"

    def test_a_STOP_by_text_leaves_whatsapp_alone(self, world: World, org: Org, number: MetaLine):
        sms = world.line(org)
        world.whatsapp(number, "hello")
        world.text(sms, "STOP")
        assert standings(world) == {("sms", "all"): "revoked"}
        assert not suppressed(world, number, PHONE)

    def test_S6_it_holds_on_all_of_the_tenants_numbers(self, world: World, org: Org, number: MetaLine):
        other = world.whatsapp_line(org)
        world.whatsapp(other, "hello")
        world.whatsapp(number, "STOP")
        rows = world.rows("SELECT DISTINCT contact_id FROM conversations")
        assert len(rows) == 1
        assert standings(world) == {("whatsapp", "all"): "revoked"}

    def test_S6_another_tenant_is_not_told(self, world: World, number: MetaLine):
        rival = world.whatsapp_line(world.organization("Rival"))
        world.whatsapp(rival, "hello")
        world.whatsapp(number, "STOP")
        assert not suppressed(world, rival, PHONE)


class TestPreferences:
    """S11: the newest word about marketing by Meta's clock; about everything else it says nothing."""

    def test_S11_stop_ends_marketing_and_only_that(self, world: World, number: MetaLine):
        world.whatsapp(number, "hi")
        assert world.prefers(number, "stop").status == 200
        assert standings(world) == {("whatsapp", "marketing"): "revoked"}
        assert events(world) == [("marketing", "revoke", "provider")]
        assert suppressed(world, number, PHONE, purpose="marketing")
        assert not suppressed(world, number, PHONE, purpose="service")

    def test_S11_in_every_order_the_newest_stands(self, world: World, org: Org):
        said = {"stop": 10, "resume": 20, "stop again": 30}
        for arrangement in permutations(said):
            number = world.whatsapp_line(world.organization("Another"))
            world.whatsapp(number, "hi")
            for name in arrangement:
                when = world.clock.now - timedelta(seconds=60 - said[name])
                world.prefers(number, name.partition(" ")[0], at=when)
            found = world.rows(
                "SELECT state, since FROM consent_states WHERE organization_id = %(o)s",
                o=number.organization_id,
            )
            since = world.clock.now - timedelta(seconds=30)
            assert found == [{"state": "revoked", "since": since}], arrangement
            kept = world.value(
                "SELECT count(*) FROM consent_events WHERE organization_id = %(o)s", o=number.organization_id
            )
            assert kept == 3, "each is on record"
            assert suppressed(world, number, PHONE, purpose="marketing")

    @pytest.mark.parametrize("order", [("stop", "resume"), ("resume", "stop")])
    def test_S11_of_one_second_the_no_stands(self, world: World, number: MetaLine, order: tuple[str, str]):
        world.whatsapp(number, "hi")
        for word in order:
            world.prefers(number, word)
        assert standings(world) == {("whatsapp", "marketing"): "revoked"}
        assert suppressed(world, number, PHONE, purpose="marketing")

    def test_S11_an_older_resume_that_comes_late_lifts_nothing(self, world: World, number: MetaLine):
        world.whatsapp(number, "hi")
        world.prefers(number, "stop")
        world.prefers(number, "resume", at=world.clock.now - timedelta(hours=1))
        assert standings(world) == {("whatsapp", "marketing"): "revoked"}
        assert suppressed(world, number, PHONE, purpose="marketing")

    def test_S11_resume_lifts_it(self, world: World, number: MetaLine):
        world.whatsapp(number, "hi")
        world.prefers(number, "stop", at=world.clock.now - timedelta(hours=1))
        world.prefers(number, "resume")
        assert standings(world) == {("whatsapp", "marketing"): "granted"}
        assert not suppressed(world, number, PHONE, purpose="marketing")

    @pytest.mark.parametrize("stopped", [False, True])
    def test_S11_signup_agrees_to_offers_and_to_nothing_else(
        self, world: World, number: MetaLine, stopped: bool
    ):
        world.whatsapp(number, "hi")
        if stopped:
            world.prefers(number, "stop", at=world.clock.now - timedelta(hours=1))
        world.clock.pass_(seconds=1)
        world.prefers(number, "signup", signup_id="s1")
        assert standings(world) == {("whatsapp", "marketing"): "granted"}
        assert events(world)[-1] == ("marketing", "grant", "provider")
        assert not suppressed(world, number, PHONE, purpose="marketing")
        thread = world.value("SELECT id FROM conversations")
        offer = world.reply(number, thread, "Half price today", purpose="marketing")
        world.work("send_message")
        assert world.message(offer)["status"] == "accepted"

    @pytest.mark.parametrize("order", [("STOP", "resume"), ("resume", "STOP")])
    def test_S11_resume_never_lifts_a_STOP(self, world: World, number: MetaLine, order: tuple[str, str]):
        world.whatsapp(number, "hi")
        for word in order:
            world.clock.pass_(seconds=5)
            _ = world.whatsapp(number, word) if word == "STOP" else world.prefers(number, word)
        assert standings(world)["whatsapp", "all"] == "revoked"
        assert suppressed(world, number, PHONE)
        assert suppressed(world, number, PHONE, purpose="marketing")

    def test_S11_START_does_not_bring_marketing_back(self, world: World, number: MetaLine):
        world.whatsapp(number, "hi")
        world.prefers(number, "stop")
        world.whatsapp(number, "STOP")
        world.clock.pass_(seconds=5)
        world.whatsapp(number, "START")
        assert standings(world) == {("whatsapp", "all"): "granted", ("whatsapp", "marketing"): "revoked"}

    def test_a_repeat_is_one_event(self, world: World, number: MetaLine):
        world.whatsapp(number, "hi")
        for _ in range(3):
            world.prefers(number, "stop")
        assert len(events(world)) == 1

    def test_of_somebody_without_a_record_it_holds_once_there_is_one(self, world: World, number: MetaLine):
        world.prefers(number, "stop")
        assert world.value("SELECT count(*) FROM contacts") == 0
        assert suppressed(world, number, PHONE, purpose="marketing")
        world.prefers(number, "resume", at=world.clock.now - timedelta(hours=1))
        assert suppressed(world, number, PHONE, purpose="marketing")
        world.clock.pass_(seconds=5)
        world.prefers(number, "resume")
        assert not suppressed(world, number, PHONE, purpose="marketing")

    def test_S5_metas_refusal_to_deliver_says_the_same(self, world: World, number: MetaLine):
        """131050: the webhook that should have told us never came."""
        world.whatsapp(number, "hi")
        world.sent_by_us(number, "wamid.OURS")
        world.whatsapp_status(number, "wamid.OURS", "failed", errors=[{"code": 131050}])
        assert standings(world) == {("whatsapp", "marketing"): "revoked"}
        assert events(world) == [("marketing", "revoke", "provider_error")]

    def test_other_errors_say_nothing_of_the_person(self, world: World, number: MetaLine):
        world.whatsapp(number, "hi")
        world.sent_by_us(number, "wamid.OURS")
        for code in (131026, 131047, 131049, 130472):
            world.whatsapp_status(number, "wamid.OURS", "failed", errors=[{"code": code}])
        assert standings(world) == {}
