"""Sending over WhatsApp through the same gate: the 24 hours, whom to address, and what waits for whom."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from leadsrally import runtime
from leadsrally.consent.types import Evidence
from leadsrally.contacts.opt_out import opt_out
from leadsrally.contacts.types import Identity
from leadsrally.kit.errors import Invalid
from leadsrally.sending import gate
from leadsrally.sending.types import Accepted, NotProcessed, Rejected, Unclear
from tests.sending.test_stop_race import until_one_waits
from tests.sending.whatsapp import contact_of, known_as, thread, wrote_at
from tests.world import MetaLine, Org, World

MICROSECOND = timedelta(microseconds=1)
WAMID = "wamid.HBgLMTIwMjU1NTAxMTEVAgARGBI="


@pytest.fixture
def wa(world: World, org: Org) -> MetaLine:
    return world.whatsapp_line(org)


def sent(world: World) -> list[str]:
    return [message.body for message in world.meta_sender.texts]


def jobs(world: World) -> list[dict[str, Any]]:
    return world.rows("SELECT * FROM jobs WHERE queue = 'send_message' AND state <> 'dead' ORDER BY number")


def stop(world: World, line: MetaLine, contact_id: UUID, kind: Any = "whatsapp") -> None:
    door = runtime.of("webhook_twilio")
    with door.db.tenant(line.organization_id) as tx:
        evidence = Evidence("keyword", world.clock.now, word="stop")
        opt_out(tx, door.hashes, line.organization_id, contact_id, kind, evidence, now=world.clock.now)


class TestWindow:
    """Free text goes for 24 hours after the person last wrote, by Meta's clock."""

    @pytest.mark.parametrize(
        ("ago", "status"),
        [
            (timedelta(0), "accepted"),
            (timedelta(hours=23, minutes=59, seconds=59), "accepted"),
            (timedelta(hours=24) - MICROSECOND, "accepted"),
            (timedelta(hours=24), "refused"),
            (timedelta(hours=24) + MICROSECOND, "refused"),
            (timedelta(days=400), "refused"),
            (None, "refused"),
        ],
    )
    def test_the_boundary(self, world: World, wa: MetaLine, ago: timedelta | None, status: str):
        message_id = world.reply(wa, thread(world, wa, wrote=ago), "Hello")
        world.work("send_message")
        stored = world.message(message_id)
        assert stored["status"] == status
        assert stored["verdict"]["rule"] == ("permitted" if status == "accepted" else "window_closed")
        assert sent(world) == (["Hello"] if status == "accepted" else [])

    def test_it_counts_when_the_turn_comes_and_not_when_it_was_written(self, world: World, wa: MetaLine):
        conversation = thread(world, wa, wrote=timedelta(hours=23, minutes=50))
        world.execute(
            "UPDATE channels SET quiet_until = %(until)s", until=world.clock.now + timedelta(minutes=20)
        )
        message_id = world.reply(wa, conversation, "Hello")
        world.work("send_message")
        assert world.message(message_id)["status"] == "queued"
        world.clock.pass_(minutes=21)
        world.work("send_message")
        assert world.message(message_id)["verdict"]["rule"] == "window_closed"

    def test_a_new_message_of_theirs_opens_it_again(self, world: World, wa: MetaLine):
        conversation = thread(world, wa, wrote=timedelta(days=3))
        wrote_at(world, conversation, world.clock.now)
        world.reply(wa, conversation, "Hello")
        world.work("send_message")
        assert sent(world) == ["Hello"]

    def test_sms_knows_no_window(self, world: World, org: Org):
        line = world.line(org)
        message_id = world.reply(line, world.conversation(line), "Hello")
        world.clock.pass_(hours=9)
        world.work("send_message")
        assert world.message(message_id)["status"] == "accepted"


class TestAddressee:
    def test_a_number(self, world: World, wa: MetaLine):
        world.reply(wa, thread(world, wa), "Hello")
        world.work("send_message")
        (message,) = world.meta_sender.texts
        assert (message.recipient, message.sender) == ("+12025550111", wa.phone_number_id)
        assert message.status_callback == ""

    def test_what_meta_calls_the_person(self, world: World, wa: MetaLine):
        """A Brazilian number without its ninth digit is what WhatsApp gave, so it is what WhatsApp gets."""
        world.reply(wa, thread(world, wa, "+5511987654321", address="551187654321"), "Oi")
        world.reply(wa, thread(world, wa, None, address="US.1614804640375180"), "Hello")
        world.work("send_message")
        assert {message.recipient for message in world.meta_sender.texts} == {
            "551187654321",
            "US.1614804640375180",
        }

    def test_somebody_without_any_address(self, world: World, wa: MetaLine):
        message_id = world.reply(wa, thread(world, wa, None), "Hello")
        world.work("send_message")
        assert world.message(message_id)["verdict"]["rule"] == "no_address"

    def test_an_answer_names_the_message_that_it_answers(self, world: World, wa: MetaLine):
        conversation = thread(world, wa)
        first = world.reply(wa, conversation, "One")
        world.meta_sender.outcomes = [Accepted(WAMID)]
        world.work("send_message")
        world.reply(wa, conversation, "Two", reply_to=first)
        other = thread(world, wa, "+12025550112")
        world.reply(wa, other, "Three", reply_to=first)
        world.work("send_message")
        assert {message.body: message.reply_to for message in world.meta_sender.texts} == {
            "One": None,
            "Two": WAMID,
            "Three": None,  # it is no message of that conversation
        }

    def test_what_meta_calls_them_in_its_answer_is_remembered(self, world: World, wa: MetaLine):
        conversation = thread(world, wa)
        contact = contact_of(world, wa.organization_id, "+12025550111")
        names = (Identity("bsuid", "US.1"), Identity("wa_id", "12025550111"))
        world.meta_sender.outcomes = [Accepted(WAMID, recipient=names)] * 2
        for _ in range(2):
            world.reply(wa, conversation, "Hello")
        world.work("send_message")
        found = world.rows("SELECT kind, value, contact_id FROM contact_identities ORDER BY kind")
        assert [(row["kind"], row["value"]) for row in found] == [("bsuid", "US.1"), ("wa_id", "12025550111")]
        assert {row["contact_id"] for row in found} == {contact}

    def test_a_name_that_is_somebody_elses_stays_theirs(self, world: World, wa: MetaLine):
        owner = contact_of(world, wa.organization_id, "+12025550177")
        known_as(world, wa, owner, "bsuid", "US.1")
        world.meta_sender.outcomes = [Accepted(WAMID, recipient=(Identity("bsuid", "US.1"),))]
        world.reply(wa, thread(world, wa), "Hello")
        world.work("send_message")
        assert world.value("SELECT contact_id FROM contact_identities") == owner

    def test_up_to_4096_characters(self, world: World, wa: MetaLine):
        conversation = thread(world, wa)
        world.reply(wa, conversation, "x" * 4_096)
        with pytest.raises(Invalid, match="4096"):
            world.reply(wa, conversation, "x" * 4_097)


class TestPermission:
    def test_S14_consent_withdrawn_inside_the_window(self, world: World, wa: MetaLine):
        conversation = thread(world, wa)
        message_id = world.reply(wa, conversation, "Hello")
        stop(world, wa, contact_of(world, wa.organization_id, "+12025550111"))
        world.work("send_message")
        assert sent(world) == []
        assert world.message(message_id)["verdict"]["rule"] == "opted_out_by_keyword"

    def test_a_stop_on_one_channel_leaves_the_other(self, world: World, org: Org, wa: MetaLine):
        """One contact, two channels: each has a permission of its own, and the verdict says which one spoke."""
        line = world.line(org)
        by_sms = world.conversation(line, "+12025550111")
        by_whatsapp = thread(world, wa)
        world.text(line, "STOP", sender="+12025550111")
        one, two = world.reply(line, by_sms, "by SMS"), world.reply(wa, by_whatsapp, "by WhatsApp")
        world.work("send_message")
        assert world.message(one)["verdict"]["rule"] == "opted_out_by_keyword"
        assert world.message(two)["status"] == "accepted"
        assert world.value("SELECT count(*) FROM contacts") == 1

    def test_S7_a_suppression_follows_the_person_to_any_address(self, world: World, org: Org, wa: MetaLine):
        """Stopped by number; erased; back as a business-scoped id that is known to have this number."""
        conversation = thread(world, wa)
        contact = contact_of(world, wa.organization_id, "+12025550111")
        stop(world, wa, contact)
        for table in ("consent_states", "consent_events", "jobs", "messages", "conversations", "contacts"):
            world.execute(f"DELETE FROM {table}")
        conversation = thread(world, wa, None, address="US.1")
        back = world.value("SELECT id FROM contacts")
        known_as(world, wa, back, "bsuid", "US.1")
        known_as(world, wa, back, "wa_id", "12025550111")
        message_id = world.reply(wa, conversation, "Welcome back")
        world.work("send_message")
        assert world.message(message_id)["verdict"]["rule"] == "suppressed"

    def test_S11_no_marketing_leaves_answers(self, world: World, wa: MetaLine):
        conversation = thread(world, wa)
        contact = contact_of(world, wa.organization_id, "+12025550111")
        event = UUID(int=1)
        world.execute(
            """INSERT INTO consent_events (organization_id, id, contact_id, channel_kind, purpose, action, source,
                                           scope, occurred_at, recorded_at)
               VALUES (%(org)s, %(event)s, %(contact)s, 'whatsapp', 'marketing', 'revoke', 'provider',
                       'organization', %(now)s, %(now)s)""",
            org=wa.organization_id,
            event=event,
            contact=contact,
            now=world.clock.now,
        )
        world.execute(
            """INSERT INTO consent_states (organization_id, contact_id, channel_kind, purpose, state, source,
                                           event_id, since)
               VALUES (%(org)s, %(contact)s, 'whatsapp', 'marketing', 'revoked', 'provider', %(event)s, %(now)s)""",
            org=wa.organization_id,
            event=event,
            contact=contact,
            now=world.clock.now,
        )
        sale = world.reply(wa, conversation, "Sale!", purpose="marketing")
        answer = world.reply(wa, conversation, "Your answer")
        world.work("send_message")
        assert world.message(sale)["verdict"]["rule"] == "opted_out_by_provider"
        assert world.message(answer)["status"] == "accepted"

    def test_S4_a_stop_waits_for_the_claim_in_flight_and_a_claim_for_the_stop(
        self, world: World, wa: MetaLine
    ):
        conversation, door = thread(world, wa), runtime.of("send_message")
        contact = contact_of(world, wa.organization_id, "+12025550111")
        first, second = world.reply(wa, conversation, "One"), world.reply(wa, conversation, "Two")
        with ThreadPoolExecutor(1) as pool:
            with door.db.tenant(wa.organization_id) as tx:
                claim = gate.claim(tx, door.hashes, wa.organization_id, first, now=world.clock.now)
                stopping = pool.submit(stop, world, wa, contact)
                until_one_waits(world)
                assert not stopping.done()
            stopping.result(10)
        assert isinstance(claim, gate.Cleared)
        with door.db.tenant(wa.organization_id) as tx:
            after = gate.claim(tx, door.hashes, wa.organization_id, second, now=world.clock.now)
        assert after == gate.Verdict("refuse", "opted_out_by_keyword")

    def test_who_is_told_what(self, world: World, wa: MetaLine):
        message_id = world.reply(wa, thread(world, wa), "Hello")
        world.work("send_message")
        told = world.row("SELECT * FROM disclosures")
        assert (told["subprocessor"], told["purpose"], told["message_id"]) == (
            "meta",
            "deliver_message",
            message_id,
        )


class TestPace:
    """What is too fast waits, at exactly the place where it is too fast."""

    @pytest.fixture
    def crowd(self, world: World, org: Org, wa: MetaLine) -> dict[str, UUID]:
        """Messages to one person twice, to another, from another number of the account, and from elsewhere."""
        sibling = world.whatsapp_line(org)
        world.execute(
            "UPDATE channels SET waba_id = %(waba)s WHERE id = %(id)s", waba=wa.waba_id, id=sibling.id
        )
        elsewhere = world.whatsapp_line(org)
        rival = world.whatsapp_line(world.organization("Rival"))
        same = thread(world, wa)
        return {
            "one": world.reply(wa, same, "one"),
            "same person": world.reply(wa, same, "same person"),
            "other person": world.reply(wa, thread(world, wa, "+12025550112"), "other person"),
            "other number": world.reply(sibling, thread(world, sibling, "+12025550113"), "other number"),
            "other account": world.reply(
                elsewhere, thread(world, elsewhere, "+12025550114"), "other account"
            ),
            "rival": world.reply(rival, thread(world, rival), "rival"),
        }

    @pytest.mark.parametrize(
        ("holds", "waiting"),
        [
            ("pair", {"one", "same person"}),
            ("sender", {"one", "same person", "other person"}),
            ("account", {"one", "same person", "other person", "other number"}),
        ],
    )
    def test_Q4_only_what_is_too_fast_waits(
        self, world: World, crowd: dict[str, UUID], holds: Any, waiting: set[str]
    ):
        world.meta_sender.outcomes = [NotProcessed("error", 30.0, holds=holds)]
        world.ring("send_message", [job["id"] for job in jobs(world)][:1])
        world.work("send_message")
        assert set(sent(world)[1:]) == crowd.keys() - waiting
        world.clock.pass_(seconds=29)
        world.work("send_message")
        assert {world.message(crowd[name])["status"] for name in waiting} == {"queued"}
        world.clock.pass_(seconds=2)
        world.work("send_message")
        assert {world.message(one)["status"] for one in crowd.values()} == {"accepted"}

    def test_a_burst_to_one_person_is_bounded_here_already(self, world: World, org: Org, wa: MetaLine):
        world.execute("UPDATE organizations SET contact_daily_messages = 1000")
        conversation = thread(world, wa)
        for number in range(47):
            world.reply(wa, conversation, f"{number}")
        world.reply(wa, thread(world, wa, "+12025550112"), "somebody else")
        world.work("send_message")
        assert len(sent(world)) == 46
        assert "somebody else" in sent(world)
        held = world.rows("SELECT verdict FROM messages WHERE status = 'queued'")
        assert {row["verdict"]["rule"] for row in held if row["verdict"]} == {"too_many_to_one_person"}
        world.clock.pass_(seconds=269)
        world.work("send_message")
        assert len(sent(world)) == 46
        world.clock.pass_(seconds=2)
        world.work("send_message")
        assert len(sent(world)) == 48

    def test_a_channel_in_trouble_is_named_and_its_messages_wait(self, world: World, wa: MetaLine):
        message_id = world.reply(wa, thread(world, wa), "Hello")
        world.meta_sender.outcomes = [NotProcessed("error 190", 900.0, trouble="190")]
        world.work("send_message")
        channel = world.row("SELECT trouble, trouble_since, quiet_until FROM channels")
        assert channel["trouble"] == "190"
        assert channel["trouble_since"] == world.clock.now
        assert channel["quiet_until"] == world.clock.now + timedelta(minutes=15)
        assert world.message(message_id)["status"] == "queued"
        world.clock.pass_(minutes=16)
        world.work("send_message")
        assert world.message(message_id)["status"] == "accepted"


class TestAtMostOnce:
    def test_a_refusal_ends_it(self, world: World, wa: MetaLine):
        message_id = world.reply(wa, thread(world, wa), "Hello")
        world.meta_sender.outcomes = [Rejected("131026")]
        world.work("send_message")
        stored = world.message(message_id)
        assert (stored["status"], stored["error_code"]) == ("failed", "131026")
        assert jobs(world) == []

    def test_held_for_a_look_is_accepted_and_says_so(self, world: World, wa: MetaLine):
        message_id = world.reply(wa, thread(world, wa), "Hello")
        world.meta_sender.outcomes = [Accepted(WAMID, held=True)]
        world.work("send_message")
        stored = world.message(message_id)
        assert (stored["status"], stored["provider_message_id"]) == ("accepted", WAMID)
        assert stored["verdict"]["provider"] == "held_for_quality_assessment"

    def test_Q2_Q3_silence_is_unknown_never_repeated_and_at_last_shown_to_a_person(
        self, world: World, wa: MetaLine
    ):
        """Meta keeps no list: only a status that carries our id could tell, and none comes."""
        conversation = thread(world, wa)
        message_id = world.reply(wa, conversation, "Hello")
        world.meta_sender.outcomes = [Unclear("ReadTimeout")]
        world.work("send_message")
        assert world.message(message_id)["status"] == "unknown"
        for _ in range(10):
            world.clock.pass_(minutes=2)
            world.work("send_message")
        assert sent(world) == ["Hello"]
        assert world.message(message_id)["status"] == "unknown"
        attention = world.value("SELECT attention FROM conversations WHERE id = %(id)s", id=conversation)
        assert attention == "delivery_unknown"
        assert jobs(world) == []


class TestExpiry:
    """S13: an old message is worse than none."""

    @pytest.mark.parametrize(
        ("waited", "status"),
        [(timedelta(minutes=30) - MICROSECOND, "accepted"), (timedelta(minutes=30), "refused")],
    )
    def test_S13_a_queue_that_was_too_slow_sends_nothing(
        self, world: World, wa: MetaLine, waited: timedelta, status: str
    ):
        message_id = world.reply(wa, thread(world, wa), "Doors close soon", lifetime=timedelta(minutes=30))
        world.clock.now += waited
        world.work("send_message")
        stored = world.message(message_id)
        assert (stored["status"], len(sent(world))) == (status, 1 if status == "accepted" else 0)
        assert stored["verdict"]["rule"] == ("permitted" if status == "accepted" else "expired")
