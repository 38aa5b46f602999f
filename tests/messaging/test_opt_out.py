"""STOP, and everything people say instead, from the provider's call to the next send that is refused."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from leadsrally import runtime
from leadsrally.consent import words
from leadsrally.consent.change import address_hashes
from leadsrally.sending.types import OutboundMessage
from tests.world import Line, Org, World

PHONE = "+12025550101"
WORDS = sorted({*words.FCC, *words.TWILIO, *words.CARRIER})
REFUSALS = [
    "please don't text me anymore",
    "take me off your list",
    "No quiero recibir más mensajes, gracias",
    "I revoke my consent",
]
UNCLEAR = ["don't stop", "don't text me before 9", "end of month works", "cancel my 3pm", "not interested"]
DISGUISED = [
    " Stop. ",
    "«STOP»",
    "\uff33\uff34\uff2f\uff30",  # full width
    "s t o p",
    "ST\u200bOP",
    "STOP\nSent from my iPhone",
]


@pytest.fixture
def self_answering(world: World, org: Org) -> Line:
    """A channel whose provider answers no keyword, so that we do."""
    return world.line(org, provider_answers_keywords=False)


def state(world: World, phone: str = PHONE) -> str | None:
    """What stands about all purposes for this phone."""
    found = world.rows(
        """SELECT s.state FROM consent_states s JOIN contacts p ON p.id = s.contact_id
            WHERE p.phone = %(phone)s AND s.channel_kind = 'sms' AND s.purpose = 'all'""",
        phone=phone,
    )
    assert len(found) <= 1
    return found[0]["state"] if found else None


def events(world: World) -> list[tuple[Any, ...]]:
    found = world.rows("SELECT action, source, word FROM consent_events ORDER BY recorded_at, id")
    return [tuple(row.values()) for row in found]


def attention(world: World, line: Line) -> str | None:
    return world.value("SELECT attention FROM conversations WHERE channel_id = %(id)s", id=line.id)


def suppressed(world: World, org_id: UUID, phone: str = PHONE) -> bool:
    """Whether the keyed hash of this number is on the organisation's list."""
    (kept,) = address_hashes(runtime.of("api").hashes, org_id, [phone])
    found = world.rows(
        "SELECT 1 FROM suppressions WHERE organization_id = %(org)s AND number_hash = %(hash)s",
        org=org_id,
        hash=kept,
    )
    return len(found) == 1


def try_to_send(world: World, line: Line, **options: Any) -> tuple[str, str]:
    """Queue a message for the phone and let the gate decide; returns its status and the rule."""
    thread = world.conversation(line)
    message_id = world.reply(line, thread, "Shall we say nine?", **options)
    world.work("send_message")
    message = world.message(message_id)
    return message["status"], message["verdict"]["rule"]


def bodies(world: World) -> list[str]:
    return [text.body for text in world.sender.texts]


class TestStop:
    def test_S1_each_word_of_law_and_carriers_opts_out_at_the_commit(self, world: World, line: Line):
        """The answer to the provider is sent after the commit, so what stands then is what counts."""
        for number, word in enumerate(WORDS):
            phone = f"+1202555{number:04d}"
            assert world.text(line, word.upper(), sender=phone).status == 200
            assert state(world, phone) == "revoked", word
            assert suppressed(world, line.organization_id, phone), word
        assert sorted(events(world)) == [("revoke", "keyword", word) for word in WORDS]
        assert world.rows("SELECT 1 FROM jobs WHERE queue <> 'send_message'") == []

    def test_S1_a_disguise_changes_nothing(self, world: World, line: Line):
        for number, text in enumerate(DISGUISED):
            phone = f"+1202555{number:04d}"
            world.text(line, text, sender=phone)
            assert state(world, phone) == "revoked", text

    def test_S1_the_next_send_is_refused_and_says_why(self, world: World, line: Line):
        world.text(line, "STOP")
        assert try_to_send(world, line) == ("refused", "opted_out_by_keyword")
        assert try_to_send(world, line, purpose="marketing") == ("refused", "opted_out_by_keyword")
        assert world.sender.texts == []

    def test_it_takes_effect_on_what_is_queued_already(self, world: World, line: Line):
        thread = world.conversation(line)
        queued = [world.reply(line, thread, f"offer {n}", purpose="marketing") for n in range(3)]
        world.text(line, "STOP")
        world.work("send_message")
        assert {world.message(message)["status"] for message in queued} == {"refused"}
        assert world.sender.texts == []

    def test_it_takes_effect_on_what_waits_for_the_morning(self, world: World):
        line = world.line(world.organization())
        thread = world.conversation(line)
        world.agrees(line)
        world.execute("UPDATE contacts SET time_zone = 'Pacific/Guam'")  # 1 a.m. there
        message = world.reply(line, thread, "offer", purpose="marketing", lifetime=timedelta(days=1))
        world.work("send_message")
        assert world.message(message)["verdict"]["decision"] == "defer"
        world.text(line, "STOP")
        world.clock.pass_(hours=8)
        world.work("send_message")
        assert world.message(message)["verdict"]["rule"] == "opted_out_by_keyword"

    def test_the_word_is_evidence_and_the_text_is_not(self, world: World, line: Line):
        """Source, word, message and time are kept; the contact's own text is in the message alone."""
        world.text(line, "Stop!!\nSent from my iPhone")
        event = world.row("SELECT * FROM consent_events")
        message = world.row("SELECT id, created_at FROM messages WHERE direction = 'inbound'")
        assert (event["source"], event["word"], event["scope"]) == ("keyword", "stop", "organization")
        assert event["message_id"] == message["id"]
        assert event["occurred_at"] == event["recorded_at"] == world.clock.now
        assert event["actor_id"] is None
        standing = world.row("SELECT event_id, source, since FROM consent_states")
        assert standing == {"event_id": event["id"], "source": "keyword", "since": world.clock.now}

    def test_a_repeated_delivery_of_one_STOP_is_one_event(self, world: World, line: Line):
        for _ in range(3):
            world.text(line, "STOP", sid="SM" + "2" * 32)
        assert len(events(world)) == 1

    def test_staff_cannot_lift_it(self, world: World, org: Org, line: Line):
        thread = world.conversation(line)
        world.text(line, "STOP")
        token = world.token(world.user(org), org)
        status, shown = world.api("POST", f"/v1/conversations/{thread}/review", token, {"decision": "resume"})
        assert (status, shown["consent_state"]) == (200, "revoked")
        assert state(world) == "revoked"
        assert try_to_send(world, line)[0] == "refused"

    def test_the_inbox_shows_who_opted_out_and_when(self, world: World, org: Org, line: Line):
        thread = world.conversation(line)
        world.text(line, "STOP")
        token = world.token(world.user(org), org)
        _, shown = world.api("GET", f"/v1/conversations/{thread}", token)
        assert (shown["consent_state"], shown["consent_source"]) == ("revoked", "keyword")
        assert shown["consent_since"] == world.clock.now.isoformat().replace("+00:00", "Z")


class TestRefusal:
    @pytest.mark.parametrize("text", REFUSALS)
    def test_S2_a_refusal_in_other_words_opts_out_and_is_shown_to_a_person(
        self, world: World, line: Line, text: str
    ):
        world.text(line, text)
        assert state(world) == "revoked"
        assert suppressed(world, line.organization_id)
        assert attention(world, line) == "refusal"
        ((action, source, word),) = events(world)
        assert (action, source) == ("revoke", "phrase")
        assert word
        assert word != text
        assert try_to_send(world, line) == ("refused", "opted_out_by_phrase")

    def test_S2_it_works_with_AI_off(self, world: World):
        line = world.line(world.organization(ai_scoring=False, ai_suggestions=False))
        world.text(line, REFUSALS[0])
        assert state(world) == "revoked"
        assert world.scorer.shown == []

    def test_S2_no_confirmation_is_sent_for_what_a_rule_understood(self, world: World, self_answering: Line):
        """A person reviews it; a text that says "you are opted out" may answer something else."""
        world.text(self_answering, REFUSALS[0])
        world.work("send_message")
        assert world.sender.texts == []

    def test_S2_it_reaches_no_model(self, world: World, line: Line):
        world.text(line, REFUSALS[0])
        assert world.rows("SELECT 1 FROM jobs") == []


class TestUnclear:
    @pytest.mark.parametrize("text", UNCLEAR)
    def test_S3_an_unclear_text_pauses_and_asks_a_person(self, world: World, line: Line, text: str):
        world.text(line, text)
        assert state(world) == "paused"
        assert not suppressed(world, line.organization_id)
        assert attention(world, line) == "may_want_to_stop"
        assert try_to_send(world, line) == ("refused", "paused_for_review")
        assert world.sender.texts == []

    def test_S3_ordinary_text_changes_nothing(self, world: World, line: Line):
        for text in ("What a day. See you at the bus station", "The weekend works", "no worries"):
            world.text(line, text)
        assert events(world) == []
        assert attention(world, line) is None

    def test_S3_a_person_resumes_through_the_api(self, world: World, org: Org, line: Line):
        thread = world.conversation(line)
        world.text(line, "cancel my 3pm")
        person = world.user(org, "agent")
        token = world.token(person, org)
        status, shown = world.api("POST", f"/v1/conversations/{thread}/review", token, {"decision": "resume"})
        assert status == 200
        assert shown["attention"] is None
        assert try_to_send(world, line) == ("accepted", "permitted")
        assert world.value("SELECT actor_id FROM consent_events WHERE action = 'resume'") == person

    def test_S3_a_person_opts_the_contact_out_through_the_api(self, world: World, org: Org, line: Line):
        thread = world.conversation(line)
        world.text(line, "cancel my 3pm")
        token = world.token(world.user(org, "agent"), org)
        status, shown = world.api(
            "POST", f"/v1/conversations/{thread}/review", token, {"decision": "opt_out"}
        )
        assert (status, shown["consent_state"], shown["consent_source"]) == (200, "revoked", "staff")
        assert suppressed(world, org.id)
        assert try_to_send(world, line) == ("refused", "opted_out_by_staff")

    def test_S3_seen_takes_the_mark_away_and_leaves_the_hold(self, world: World, org: Org, line: Line):
        thread = world.conversation(line)
        world.text(line, "cancel my 3pm")
        token = world.token(world.user(org, "agent"), org)
        world.api("POST", f"/v1/conversations/{thread}/review", token, {"decision": "seen"})
        assert attention(world, line) is None
        assert state(world) == "paused"

    def test_S9_a_lifted_hold_makes_no_consent_where_there_was_none(self, world: World, org: Org, line: Line):
        thread = world.conversation(line)
        world.text(line, "cancel my 3pm")
        token = world.token(world.user(org, "agent"), org)
        world.clock.pass_(seconds=1)
        world.api("POST", f"/v1/conversations/{thread}/review", token, {"decision": "resume"})
        assert state(world) is None
        assert [action for action, *_ in events(world)] == ["pause", "resume"]

    def test_a_lifted_hold_brings_back_the_consent_that_was_there(self, world: World, org: Org, line: Line):
        thread = world.conversation(line)
        for text in ("STOP", "START", "cancel my 3pm"):
            world.clock.pass_(seconds=1)
            world.text(line, text)
        token = world.token(world.user(org, "agent"), org)
        world.clock.pass_(seconds=1)
        world.api("POST", f"/v1/conversations/{thread}/review", token, {"decision": "resume"})
        assert state(world) == "granted"

    def test_it_never_weakens_an_opt_out(self, world: World, line: Line):
        world.text(line, "STOP")
        world.text(line, "cancel my 3pm")
        assert state(world) == "revoked"
        assert attention(world, line) is None

    def test_a_STOP_after_it_is_a_STOP(self, world: World, line: Line):
        world.text(line, "cancel my 3pm")
        world.text(line, "STOP")
        assert state(world) == "revoked"

    def test_what_was_queued_is_held_too(self, world: World, line: Line):
        message = world.reply(line, world.conversation(line), "offer")
        world.text(line, "don't stop")
        world.work("send_message")
        assert world.message(message)["verdict"]["rule"] == "paused_for_review"


class TestReach:
    def test_S6_a_STOP_to_one_number_holds_on_all_of_the_tenants(self, world: World, org: Org):
        lines = [world.line(org) for _ in range(3)]
        threads = [world.conversation(line) for line in lines]
        world.text(lines[0], "STOP")
        assert [try_to_send(world, line) for line in lines] == [("refused", "opted_out_by_keyword")] * 3
        assert len(set(threads)) == 3
        assert world.value("SELECT count(*) FROM contacts") == 1

    def test_S6_another_tenant_is_not_told(self, world: World, line: Line):
        rival = world.line(world.organization("Rival"))
        world.conversation(line)
        world.conversation(rival)
        world.text(line, "STOP")
        assert try_to_send(world, line)[0] == "refused"
        assert try_to_send(world, rival) == ("accepted", "permitted")
        assert not suppressed(world, rival.organization_id)

    def test_S6_two_tenants_keep_the_same_number_as_different_hashes(self, world: World, line: Line):
        rival = world.line(world.organization("Rival"))
        world.text(line, "STOP")
        world.text(rival, "STOP")
        hashes = world.rows("SELECT number_hash FROM suppressions")
        assert hashes[0]["number_hash"] != hashes[1]["number_hash"]
        assert all(PHONE.encode() not in row["number_hash"] for row in hashes)

    def test_S6_another_phone_is_not_touched(self, world: World, line: Line):
        world.conversation(line)
        world.text(line, "STOP", sender="+12025550199")
        assert try_to_send(world, line) == ("accepted", "permitted")


def erase(world: World) -> None:
    """What an erasure takes: everything about the person but the keyed hashes."""
    for table in (
        "jobs",
        "disclosures",
        "consent_states",
        "consent_events",
        "messages",
        "conversations",
        "contacts",
    ):
        world.execute(f"DELETE FROM {table}")


class TestAfterErasure:
    def test_S7_met_again_the_person_is_still_suppressed(self, world: World, line: Line):
        world.text(line, "STOP")
        erase(world)
        world.text(line, "Do you have the blue one?")
        assert state(world) is None
        assert try_to_send(world, line) == ("refused", "suppressed")
        assert try_to_send(world, line, purpose="marketing") == ("refused", "suppressed")

    def test_S7_and_no_model_is_asked(self, world: World, line: Line):
        world.text(line, "STOP")
        erase(world)
        world.text(line, "Do you have the blue one?")
        world.score()
        assert world.scorer.shown == []

    def test_S10_a_second_STOP_is_not_confirmed_again(self, world: World, self_answering: Line):
        world.text(self_answering, "STOP")
        world.work("send_message")
        erase(world)
        world.text(self_answering, "STOP")
        world.work("send_message")
        assert len(world.sender.texts) == 1

    def test_HELP_is_not_answered(self, world: World, self_answering: Line):
        world.text(self_answering, "STOP")
        world.work("send_message")
        erase(world)
        world.text(self_answering, "HELP")
        world.work("send_message")
        assert len(world.sender.texts) == 1

    def test_a_hold_that_staff_lift_does_not_lift_it(self, world: World, org: Org, line: Line):
        world.text(line, "STOP")
        erase(world)
        world.text(line, "cancel my 3pm")
        thread = world.conversation(line)
        token = world.token(world.user(org, "agent"), org)
        world.api("POST", f"/v1/conversations/{thread}/review", token, {"decision": "resume"})
        assert try_to_send(world, line) == ("refused", "suppressed")

    def test_START_by_the_person_lifts_it(self, world: World, line: Line):
        world.text(line, "STOP")
        erase(world)
        world.text(line, "START")
        assert state(world) == "granted"
        assert not suppressed(world, line.organization_id)
        assert try_to_send(world, line) == ("accepted", "permitted")


class TestResume:
    def test_S9_without_a_STOP_no_consent_is_made(self, world: World, line: Line):
        for word in ("START", "Yes", "UNSTOP", "resume"):
            world.text(line, word)
        assert state(world) is None
        assert events(world) == []

    def test_S9_YES_to_a_survey_is_no_consent(self, world: World, line: Line):
        world.reply(line, world.conversation(line), "Would you recommend us?")
        world.work("send_message")
        world.text(line, "YES")
        assert state(world) is None
        assert events(world) == []

    @pytest.mark.parametrize("word", ["UNSTOP", "start."])
    def test_a_resuming_word_restores(self, world: World, line: Line, word: str):
        world.text(line, "STOP")
        world.clock.pass_(minutes=1)
        world.text(line, word)
        assert state(world) == "granted"
        assert not suppressed(world, line.organization_id)
        assert try_to_send(world, line) == ("accepted", "permitted")
        assert [action for action, *_ in events(world)] == ["revoke", "grant"]

    def test_YES_restores_when_nothing_was_asked(self, world: World, line: Line):
        world.reply(line, world.conversation(line), "Your bike is ready.")
        world.work("send_message")
        world.text(line, "STOP")
        world.text(line, "YES")
        assert state(world) == "granted"

    def test_YES_does_not_restore_while_our_question_is_open(self, world: World, line: Line):
        world.reply(line, world.conversation(line), "Shall we book you in?")
        world.work("send_message")
        world.text(line, "STOP")
        world.text(line, "YES")
        assert state(world) == "revoked"
        assert suppressed(world, line.organization_id)

    def test_START_restores_even_then(self, world: World, line: Line):
        world.reply(line, world.conversation(line), "Shall we book you in?")
        world.work("send_message")
        world.text(line, "STOP")
        world.text(line, "START")
        assert state(world) == "granted"

    def test_a_question_that_was_never_sent_is_not_open(self, world: World, line: Line):
        world.conversation(line)
        world.text(line, "STOP")
        assert try_to_send(world, line)[0] == "refused"  # "Shall we say nine?"
        world.text(line, "YES")
        assert state(world) == "granted"

    def test_a_word_of_the_person_takes_a_hold_away_and_makes_no_consent(self, world: World, line: Line):
        world.text(line, "cancel my 3pm")
        world.text(line, "START")
        assert state(world) is None
        assert try_to_send(world, line) == ("accepted", "permitted")

    def test_any_other_text_restores_nothing(self, world: World, line: Line):
        for text in ("STOP", "ok", "sure, go on", "yes please", "how much is it?"):
            world.text(line, text)
        assert state(world) == "revoked"

    def test_a_STOP_after_it_holds_again(self, world: World, line: Line):
        for text in ("STOP", "START", "STOP"):
            world.clock.pass_(seconds=1)
            world.text(line, text)
        assert state(world) == "revoked"
        assert suppressed(world, line.organization_id)


class TestConfirmation:
    def test_S10_three_STOPs_are_confirmed_once(self, world: World, self_answering: Line):
        for _ in range(3):
            world.text(self_answering, "STOP")
            world.work("send_message")
        (text,) = world.sender.texts
        assert text.body.startswith("Harbour Bikes: you are opted out")
        assert text.recipient == PHONE
        assert world.value("SELECT count(*) FROM consent_events") == 3  # each sign is on record

    def test_S10_after_HELP_and_STOP_one_text_goes(self, world: World, self_answering: Line):
        world.text(self_answering, "HELP")
        world.text(self_answering, "STOP")
        world.work("send_message")
        (text,) = bodies(world)
        assert text.startswith("Harbour Bikes: you are opted out")
        found = world.rows("SELECT status, body FROM messages WHERE direction = 'outbound'")
        assert {row["status"]: "opted out" in row["body"] for row in found} == {
            "canceled": False,
            "accepted": True,
        }

    def test_S10_help_on_another_number_of_the_kind_does_not_go_either(self, world: World, org: Org):
        one, two = (world.line(org, provider_answers_keywords=False) for _ in range(2))
        whatsapp = world.whatsapp_line(org)
        world.text(one, "HELP")
        world.whatsapp(whatsapp, "HELP")
        world.text(two, "STOP")
        found = world.rows(
            """SELECT ch.kind, m.status FROM messages m JOIN conversations c ON c.id = m.conversation_id
                 JOIN channels ch ON ch.id = c.channel_id WHERE m.direction = 'outbound'"""
        )
        assert sorted(tuple(row.values()) for row in found) == [
            ("sms", "canceled"),
            ("sms", "queued"),
            ("whatsapp", "queued"),
        ]

    def test_S10_three_STOPs_at_once_are_confirmed_once(self, world: World, self_answering: Line):
        world.conversation(self_answering)
        start = threading.Barrier(3)

        def stop(_: int) -> int:
            start.wait()
            return world.text(self_answering, "STOP").status

        with ThreadPoolExecutor(3) as pool:
            assert set(pool.map(stop, range(3))) == {200}
        world.work("send_message")
        assert len(world.sender.texts) == 1

    def test_S10_none_when_the_provider_answers(self, world: World, line: Line):
        for _ in range(3):
            world.text(line, "STOP")
        world.work("send_message")
        assert world.sender.texts == []

    @pytest.mark.parametrize("text", ["BAJA", "ARRET", "Stop.", "S T O P", "AYUDA", "aide"])
    def test_S10_what_the_providers_filter_does_not_know_is_answered_by_us(
        self, world: World, line: Line, text: str
    ):
        world.text(line, text)
        world.work("send_message")
        assert len(world.sender.texts) == 1

    @pytest.mark.parametrize("text", sorted(words.TWILIO_ANSWERS))
    def test_S10_and_what_it_knows_is_not(self, world: World, line: Line, text: str):
        world.text(line, f" {text.upper()}\n")
        world.work("send_message")
        assert world.sender.texts == []

    def test_S10_none_when_the_provider_says_that_it_answered(self, world: World, self_answering: Line):
        world.text(self_answering, "STOP", OptOutType="STOP")
        world.work("send_message")
        assert world.sender.texts == []

    def test_S10_it_passes_the_gate_although_opted_out(self, world: World, self_answering: Line):
        world.text(self_answering, "STOP")
        world.work("send_message")
        message = world.row("SELECT status, purpose, verdict FROM messages WHERE direction = 'outbound'")
        assert (message["status"], message["purpose"]) == ("accepted", "keyword")
        assert message["verdict"]["rule"] == "permitted"
        assert world.value("SELECT count(*) FROM disclosures WHERE subprocessor = 'twilio'") == 1

    @pytest.mark.parametrize(("late", "texts"), [(299, 1), (300, 0), (301, 0)])
    def test_S10_only_within_five_minutes(self, world: World, self_answering: Line, late: int, texts: int):
        world.text(self_answering, "STOP")
        world.clock.pass_(seconds=late)
        world.work("send_message")
        assert len(world.sender.texts) == texts

    def test_S10_the_provider_may_not_deliver_it_later_either(self, world: World, self_answering: Line):
        world.text(self_answering, "STOP")
        world.clock.pass_(seconds=100)
        world.work("send_message")
        assert world.sender.texts[0].validity_seconds == 200

    def test_it_holds_no_marketing_and_says_how_to_come_back(self, world: World, self_answering: Line):
        world.text(self_answering, "STOP")
        world.work("send_message")
        assert bodies(world) == [
            "Harbour Bikes: you are opted out and will get no more messages. Reply START to opt in again."
        ]

    def test_after_a_START_the_next_STOP_is_confirmed(self, world: World, self_answering: Line):
        for text in ("STOP", "START", "STOP"):
            world.clock.pass_(seconds=1)
            world.text(self_answering, text)
            world.work("send_message")
        assert len(world.sender.texts) == 2

    def test_it_does_not_wait_behind_a_queue_of_offers(self, world: World, self_answering: Line):
        thread = world.conversation(self_answering)
        for n in range(3):
            world.reply(self_answering, thread, f"offer {n}", purpose="marketing")
        world.text(self_answering, "STOP")
        world.work("send_message")
        assert len(world.sender.texts) == 1

    def test_no_other_message_can_use_its_way(self, world: World, org: Org, self_answering: Line):
        """A customer's reply is never of the purpose that passes an opt-out."""
        thread = world.conversation(self_answering)
        world.text(self_answering, "STOP", OptOutType="STOP")
        token = world.token(world.user(org), org)
        world.api("POST", f"/v1/conversations/{thread}/messages", token, {"body": "hi", "purpose": "keyword"})
        world.work("send_message")
        assert world.sender.texts == []


class TestHelp:
    def test_it_is_answered_once_when_we_answer(self, world: World, self_answering: Line):
        world.text(self_answering, "HELP")
        world.work("send_message")
        (text,) = bodies(world)
        assert text.startswith("Harbour Bikes: help. Contact: help@harbour.example. Reply STOP to opt out.")
        assert events(world) == []

    def test_other_words_for_it(self, world: World, self_answering: Line):
        for word in ("INFO", "ayuda"):
            world.text(self_answering, word)
        world.work("send_message")
        assert len(world.sender.texts) == 2

    def test_not_when_the_provider_answers(self, world: World, line: Line):
        world.text(line, "HELP")
        world.work("send_message")
        assert world.sender.texts == []

    def test_not_when_the_provider_says_that_it_answered(self, world: World, self_answering: Line):
        world.text(self_answering, "HELP", OptOutType="HELP")
        world.work("send_message")
        assert world.sender.texts == []

    def test_not_to_an_opted_out_person(self, world: World, self_answering: Line):
        world.text(self_answering, "STOP", OptOutType="STOP")
        world.text(self_answering, "HELP")
        world.work("send_message")
        assert world.sender.texts == []

    def test_without_a_contact_of_the_organisation(self, world: World):
        line = world.line(world.organization(help_contact=""), provider_answers_keywords=False)
        world.text(line, "HELP")
        world.work("send_message")
        assert bodies(world) == ["Harbour Bikes: help. Reply STOP to opt out. Msg & data rates may apply."]

    def test_it_asks_no_model(self, world: World, line: Line):
        world.text(line, "HELP")
        assert world.rows("SELECT 1 FROM jobs WHERE queue = 'ai_score'") == []


class TestProviderSignal:
    """What the provider's own filter acted on is true, whatever the text says."""

    @pytest.mark.parametrize("text", ["hasta luego", "I love your bikes", "start", ""])
    def test_OptOutType_STOP(self, world: World, line: Line, text: str):
        world.text(line, text, OptOutType="STOP")
        assert state(world) == "revoked"
        assert suppressed(world, line.organization_id)
        assert events(world)[0][:2] == ("revoke", "provider")
        assert try_to_send(world, line) == ("refused", "opted_out_by_provider")

    def test_OptOutType_START(self, world: World, line: Line):
        world.text(line, "STOP")
        world.text(line, "otra vez", OptOutType="START")
        assert state(world) == "granted"

    def test_OptOutType_HELP_changes_nothing(self, world: World, line: Line):
        world.text(line, "stop by at five", OptOutType="HELP")
        assert events(world) == []

    def test_an_unknown_OptOutType_leaves_the_text_to_speak(self, world: World, line: Line):
        world.text(line, "STOP", OptOutType="SOMETHING")
        assert events(world) == [("revoke", "keyword", "stop")]

    def test_it_reaches_no_model(self, world: World, line: Line):
        world.text(line, "I love your bikes", OptOutType="STOP")
        assert world.rows("SELECT 1 FROM jobs") == []


class TestModel:
    def test_a_STOP_makes_no_scoring_job(self, world: World, line: Line):
        world.text(line, "STOP")
        world.score()
        assert world.scorer.shown == []

    def test_a_job_from_before_the_STOP_asks_no_model_after_it(self, world: World, line: Line):
        world.text(line, "How much is the blue one?")
        world.clock.pass_(seconds=1)
        world.text(line, "STOP")
        world.score()
        assert world.scorer.shown == []
        assert world.rows("SELECT 1 FROM disclosures WHERE subprocessor = 'anthropic'") == []
        assert world.rows("SELECT 1 FROM jobs") == []  # done, not tried again

    def test_G1_a_STOP_during_the_providers_call_stops_the_next_message(self, world: World, line: Line):
        thread = world.conversation(line)
        first, second = (world.reply(line, thread, body) for body in ("one", "two"))

        def stop(_text: OutboundMessage) -> None:
            world.text(line, "STOP")

        world.sender.on_send = stop
        world.work("send_message")
        assert world.message(first)["status"] == "accepted"
        assert world.message(second)["verdict"]["rule"] == "opted_out_by_keyword"
        assert bodies(world) == ["one"]


class TestLedger:
    """The record of what was said is append-only by grant, not by discipline."""

    @pytest.mark.parametrize(
        "verb",
        [
            "UPDATE consent_events SET source = 'staff'",
            "DELETE FROM consent_events",
            "TRUNCATE consent_events",
        ],
    )
    def test_G6_no_function_may_change_it(self, world: World, line: Line, verb: str):
        rival = world.line(world.organization("Rival"))
        for each in (line, rival):
            world.text(each, "STOP")
        for name in world.functions:
            with psycopg.connect(world.database.url(f"leadsrally_{name}")) as connection:
                connection.execute(
                    "SELECT set_config('leadsrally.organization_id', %s, true)", (str(line.organization_id),)
                )
                if name == "import_contacts" and verb.startswith("DELETE"):
                    # Undoing an import takes back what it wrote itself, and a policy shows it nothing else.
                    assert connection.execute(verb).rowcount == 0
                    continue
                if name == "erase" and verb.startswith("DELETE"):
                    # With its person, and an opt-out stays as a hash (tests/erasure). Never another tenant's.
                    connection.execute("SET CONSTRAINTS ALL DEFERRED; DELETE FROM consent_states")
                    assert connection.execute(verb).rowcount == 1
                    connection.rollback()
                    continue
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(verb)  # pyright: ignore[reportArgumentType]

    def test_G6_each_change_is_one_row(self, world: World, line: Line):
        for text in ("STOP", "START", "cancel my 3pm", "START", "please don't text me anymore"):
            world.clock.pass_(seconds=1)
            world.text(line, text)
        assert [action for action, *_ in events(world)] == ["revoke", "grant", "pause", "resume", "revoke"]

    def test_nothing_outside_the_message_holds_the_number_or_the_text(self, world: World, line: Line):
        world.text(line, "please don't text me anymore, PRIVATE-CANARY")
        kept = str(world.rows("SELECT * FROM consent_events")) + str(world.rows("SELECT * FROM suppressions"))
        assert "CANARY" not in kept
        assert PHONE.removeprefix("+") not in kept


class TestWishes:
    """What an organisation has chosen about opting out."""

    def test_a_no_on_one_channel_may_hold_on_every_one(self, world: World):
        line = world.line(world.organization(opt_out_scope="every_channel"))
        world.text(line, "STOP")
        stands = world.rows("SELECT channel_kind, state FROM consent_states ORDER BY channel_kind")
        assert [tuple(row.values()) for row in stands] == [
            ("email", "revoked"),
            ("sms", "revoked"),
            ("whatsapp", "revoked"),
        ]
        scopes = world.rows("SELECT DISTINCT scope FROM consent_events")
        assert [row["scope"] for row in scopes] == ["every_channel"]

    @pytest.mark.parametrize(
        ("text", "stands"),
        [
            ("STOP", "revoked"),
            ("unsubscribe", "revoked"),
            ("ALTO", "revoked"),
            ("SAIR", "paused"),
            ("ARRETER", "paused"),
            ("não quero receber mensagens", "revoked"),  # a sentence is no word of a list
        ],
    )
    def test_S1_a_word_of_a_language_that_is_off_holds_and_asks(self, world: World, text: str, stands: str):
        line = world.line(world.organization(consent_languages=["es"]))
        world.text(line, text)
        assert state(world) == stands
        assert (attention(world, line) is not None) == (text not in ("STOP", "unsubscribe", "ALTO"))

    @pytest.mark.parametrize(
        ("word", "columns", "expected"),
        [
            (
                "STOP",
                {},
                "Harbour Bikes: you are opted out and will get no more messages. Reply START to opt in again.",
            ),
            (
                "STOP",
                {"language": "de"},
                "Harbour Bikes: Sie sind abgemeldet und erhalten keine Nachrichten mehr.",
            ),
            ("SAIR", {}, "Harbour Bikes: você foi descadastrado e não receberá mais mensagens."),
            (
                "STOP",
                {"stop_confirmation": "No more from us. START undoes it."},
                "No more from us. START undoes it.",
            ),
        ],
    )
    def test_S10_the_confirmation_is_in_the_persons_language_or_the_customers_words(
        self, world: World, word: str, columns: dict[str, Any], expected: str
    ):
        line = world.line(world.organization(**columns), provider_answers_keywords=False)
        world.text(line, word)
        world.work("send_message")
        (confirmation,) = bodies(world)
        assert confirmation.startswith(expected)
