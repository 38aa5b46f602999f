"""Reports about what we sent: late, twice, out of order, about nobody we know."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leadsrally.messaging.types import RANK, Status
from leadsrally.providers.twilio.inbound import STATUS
from leadsrally.sending.types import Accepted
from tests.world import Line, Org, World

WORDS = ["queued", "sent", "delivered", "read", "failed"]


def sent(world: World, line: Line, sid: str | None = None) -> tuple[UUID, str]:
    """A message that the provider has; returns our id and its."""
    sid = sid or f"SM{uuid4().hex}"
    world.sender.outcomes = [Accepted(sid, 1)]
    world.execute("UPDATE organizations SET contact_daily_messages = 1000000")
    message_id = world.reply(line, world.conversation(line), "Hello")
    world.work("send_message")
    return message_id, sid


class TestOrder:
    @given(words=st.lists(st.sampled_from(WORDS), min_size=1, max_size=12), named=st.booleans())
    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_W10_any_order_with_repeats_ends_at_the_highest(
        self, world: World, line: Line, words: list[str], named: bool
    ):
        message_id, sid = sent(world, line)
        for word in words:
            answer = world.report(line, sid, word, message_id=message_id if named else None)
            assert answer.status == 200
        highest = max((STATUS[word] for word in words), key=lambda status: RANK[status])
        stored = world.message(message_id)
        assert stored["status"] == highest
        assert stored["status_rank"] == RANK[highest]

    @pytest.mark.parametrize(
        ("first", "then"),
        [
            ("delivered", "sent"),
            ("delivered", "queued"),
            ("read", "delivered"),
            ("delivered", "failed"),
            ("delivered", "undelivered"),
            ("undelivered", "sent"),
            ("failed", "undelivered"),
            ("undelivered", "failed"),
        ],
    )
    def test_W10_a_late_report_never_takes_anything_back(
        self, world: World, line: Line, first: str, then: str
    ):
        message_id, sid = sent(world, line)
        world.report(line, sid, first, message_id=message_id)
        world.clock.pass_(seconds=5)
        world.report(line, sid, then, message_id=message_id)
        assert world.message(message_id)["status"] == first

    def test_proof_of_delivery_beats_a_failure_and_takes_its_code_away(self, world: World, line: Line):
        message_id, sid = sent(world, line)
        world.report(line, sid, "undelivered", message_id=message_id, ErrorCode="30003")
        assert world.message(message_id)["error_code"] == "30003"
        world.report(line, sid, "delivered", message_id=message_id)
        stored = world.message(message_id)
        assert (stored["status"], stored["error_code"]) == ("delivered", None)

    def test_the_times_are_those_of_the_first_report(self, world: World, line: Line):
        message_id, sid = sent(world, line)
        times = []
        for word in ("sent", "delivered", "delivered", "read", "sent"):
            world.clock.pass_(seconds=10)
            times.append(world.clock.now)
            world.report(line, sid, word, message_id=message_id)
        stored = world.message(message_id)
        assert (stored["sent_at"], stored["delivered_at"]) == (times[0], times[1])

    def test_delivered_without_sent_was_sent(self, world: World, line: Line):
        message_id, sid = sent(world, line)
        world.report(line, sid, "read", message_id=message_id)
        stored = world.message(message_id)
        assert stored["sent_at"] == stored["delivered_at"] == world.clock.now

    def test_every_word_of_the_provider_has_a_meaning_and_a_rank(self):
        assert all(STATUS[word] in RANK for word in STATUS)
        assert all(status in RANK for status in Status)


class TestRepeats:
    """A delivery that got no answer comes again hours later; what its error asked for was done."""

    def test_S5_a_block_that_is_reported_again_does_not_undo_a_start(self, world: World, line: Line):
        message_id, sid = sent(world, line)
        world.report(line, sid, "undelivered", message_id=message_id, ErrorCode="21610")
        world.clock.pass_(minutes=5)
        world.text(line, "START")
        world.clock.pass_(hours=1)
        world.report(line, sid, "undelivered", message_id=message_id, ErrorCode="21610")
        events = world.rows("SELECT action FROM consent_events ORDER BY occurred_at, id")
        assert [event["action"] for event in events][:1] == ["revoke"]
        assert sum(event["action"] == "revoke" for event in events) == 1
        assert world.rows("SELECT 1 FROM suppressions") == []

    def test_S5_another_reason_for_the_same_failure_counts(self, world: World, line: Line):
        message_id, sid = sent(world, line)
        world.report(line, sid, "undelivered", message_id=message_id, ErrorCode="30003")
        world.report(line, sid, "undelivered", message_id=message_id, ErrorCode="21610")
        assert world.value("SELECT count(*) FROM suppressions") == 1

    def test_Q5_an_account_that_is_suspended_is_told_once(self, world: World, line: Line):
        message_id, sid = sent(world, line)
        for _ in range(2):
            world.report(line, sid, "failed", message_id=message_id, ErrorCode="30002")
        assert world.value("SELECT trouble FROM channels") == "30002"
        assert world.value("SELECT count(*) FROM jobs WHERE kind = 'channel_trouble'") == 1


class TestWhoseMessage:
    def test_an_unknown_word_is_logged_and_changes_nothing(self, world: World, line: Line):
        message_id, sid = sent(world, line)
        assert world.report(line, sid, "teleported", message_id=message_id).status == 200
        assert world.message(message_id)["status"] == "accepted"
        log = world.row("SELECT outcome, http_status FROM delivery_log WHERE kind = 'status'")
        assert log == {"outcome": "ignored", "http_status": 200}

    def test_each_report_leaves_its_row_in_the_log(self, world: World, line: Line):
        message_id, sid = sent(world, line)
        world.report(line, sid, "sent", message_id=message_id)
        world.report(line, f"SM{uuid4().hex}", "sent")
        rows = world.rows(
            "SELECT outcome, message_id FROM delivery_log WHERE kind = 'status' ORDER BY outcome"
        )
        assert rows == [
            {"outcome": "applied", "message_id": message_id},
            {"outcome": "parked", "message_id": None},
        ]

    @pytest.mark.parametrize("with_our_id", [True, False])
    def test_another_organisations_channel_touches_nothing(self, world: World, line: Line, with_our_id: bool):
        message_id, sid = sent(world, line)
        rival = world.line(world.organization("Rival"))
        named: dict[str, Any] = {"message_id": message_id} if with_our_id else {}
        assert world.report(rival, sid, "delivered", **named).status == 200
        assert world.message(message_id)["status"] == "accepted"
        parked = world.row("SELECT organization_id FROM early_reports")
        assert parked == {"organization_id": rival.organization_id}

    def test_another_channel_of_the_same_organisation_touches_nothing(
        self, world: World, org: Org, line: Line
    ):
        message_id, sid = sent(world, line)
        world.report(world.line(org), sid, "delivered", message_id=message_id)
        assert world.message(message_id)["status"] == "accepted"

    def test_a_report_about_another_message_at_the_provider_is_not_ours(self, world: World, line: Line):
        """The id in our callback's address can be copied; the provider's own id must fit as well."""
        message_id, _ = sent(world, line)
        world.report(line, f"SM{uuid4().hex}", "delivered", message_id=message_id)
        assert world.message(message_id)["status"] == "accepted"

    def test_a_report_about_an_inbound_message_changes_nothing(self, world: World, line: Line):
        sid = f"SM{uuid4().hex}"
        world.text(line, "hi", sid=sid)
        world.report(line, sid, "delivered")
        assert world.row("SELECT status FROM messages")["status"] == "received"

    def test_W10_a_report_about_nobody_waits_without_the_providers_id_in_clear(
        self, world: World, line: Line
    ):
        sid = f"SM{uuid4().hex}"
        for _ in range(3):
            assert world.report(line, sid, "sent").status == 200
        (parked,) = world.rows("SELECT * FROM early_reports")
        assert parked["status"] == "sent"
        assert sid.encode() not in parked["provider_hash"]
        assert sid not in str(parked)

    def test_an_id_of_ours_that_is_none_is_overlooked(self, world: World, line: Line):
        message_id, sid = sent(world, line)
        form = {"MessageSid": sid, "MessageStatus": "sent", "AccountSid": line.account_sid}
        assert world.post(line, "status", form, query="message=not-an-id").status == 200
        assert world.message(message_id)["status"] == "sent"


class TestOptOut:
    @pytest.mark.parametrize("word", ["failed", "undelivered"])
    def test_S5_blocked_at_the_provider_is_an_opt_out_here(self, world: World, line: Line, word: str):
        message_id, sid = sent(world, line)
        assert world.report(line, sid, word, message_id=message_id, ErrorCode="21610").status == 200
        event = world.row("SELECT action, source, word, message_id FROM consent_events")
        assert event == {
            "action": "revoke",
            "source": "provider_error",
            "word": "21610",
            "message_id": message_id,
        }
        later = world.reply(line, world.conversation(line), "Hello?")
        world.work("send_message")
        assert world.message(later)["verdict"]["rule"] == "opted_out_by_provider_error"

    @pytest.mark.parametrize("code", ["30003", "30007", "30005", "99999"])
    def test_other_failures_say_nothing_about_the_person(self, world: World, line: Line, code: str):
        message_id, sid = sent(world, line)
        world.report(line, sid, "undelivered", message_id=message_id, ErrorCode=code)
        assert world.message(message_id)["error_code"] == code
        assert world.rows("SELECT 1 FROM consent_events") == []

    def test_S5_a_stranger_cannot_opt_anybody_out(self, world: World, line: Line):
        """A rival's genuine report about our message reaches neither the message nor the person."""
        message_id, sid = sent(world, line)
        rival = world.line(world.organization("Rival"))
        world.report(rival, sid, "failed", message_id=message_id, ErrorCode="21610")
        assert world.rows("SELECT 1 FROM consent_events") == []


class TestContradiction:
    def test_a_report_that_names_one_message_and_anothers_sid_touches_neither(self, world: World, line: Line):
        conversation = world.conversation(line)
        known = world.reply(line, conversation, "one")
        world.work("send_message")
        sid = world.message(known)["provider_message_id"]
        other = world.reply(line, conversation, "two")
        assert world.report(line, sid, "delivered", message_id=other).status == 200
        assert world.message(other)["status"] == "queued"
        assert world.message(known)["status"] == "accepted"
