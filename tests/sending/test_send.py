"""Sending, at most once: what each answer of a provider comes to, and what a crash at each point leaves."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from leadsrally import runtime
from leadsrally.jobs.enqueue import enqueue
from leadsrally.kit.errors import Conflict, Invalid, Misconfigured, Unavailable
from leadsrally.sending import gate
from leadsrally.sending.types import Accepted, Addressee, NotProcessed, OutboundMessage, Rejected, Unclear
from tests.world import PUBLIC_URL, Line, Org, World

SID = "SM" + "a" * 32
OTHER_SID = "SM" + "b" * 32


@pytest.fixture
def thread(world: World, line: Line) -> UUID:
    return world.conversation(line)


@pytest.fixture
def message(world: World, line: Line, thread: UUID) -> UUID:
    """A reply that waits to be sent."""
    return world.reply(line, thread, "We open at nine")


def jobs(world: World, kind: str) -> list[dict[str, Any]]:
    return world.rows(
        "SELECT * FROM jobs WHERE kind = %(kind)s AND state <> 'dead' ORDER BY number", kind=kind
    )


def claim(world: World, line: Line, message_id: UUID) -> None:
    """A worker claims the message, and is gone before it has called or recorded anything."""
    door = runtime.of("send_message")
    with door.db.tenant(line.organization_id) as tx:
        cleared = gate.claim(tx, door.hashes, line.organization_id, message_id, now=world.clock.now)
    assert isinstance(cleared, gate.Cleared)


class TestAccepted:
    def test_it_is_recorded_with_the_providers_id_and_its_segments(self, world: World, message: UUID):
        world.sender.outcomes = [Accepted(SID, 3)]
        world.work("send_message")
        stored = world.message(message)
        assert (stored["status"], stored["provider_message_id"], stored["segments"]) == ("accepted", SID, 3)
        assert world.rows("SELECT 1 FROM jobs WHERE queue = 'send_message'") == []

    def test_the_provider_gets_the_text_and_a_callback_that_names_the_message(
        self, world: World, line: Line, message: UUID
    ):
        world.work("send_message")
        (text,) = world.sender.texts
        assert (text.recipient, text.sender, text.body) == ("+12025550101", line.number, "We open at nine")
        assert text.status_callback == f"{PUBLIC_URL}/webhooks/twilio/{line.key}/status?message={message}"

    def test_no_transaction_is_open_while_the_provider_is_called(self, world: World, message: UUID):
        def look(_text: OutboundMessage) -> None:
            open_ones = world.value(
                """SELECT count(*) FROM pg_stat_activity
                    WHERE datname = %(name)s AND state LIKE 'idle in transaction%%'""",
                name=world.database.name,
            )
            statuses.append((open_ones, world.message(message)["status"]))

        statuses: list[tuple[int, str]] = []
        world.sender.on_send = look
        world.work("send_message")
        assert statuses == [(0, "claimed")]

    def test_replies_of_a_conversation_go_in_order(self, world: World, line: Line, thread: UUID):
        for number in range(5):
            world.reply(line, thread, f"part {number}")
        world.work("send_message")
        assert [text.body for text in world.sender.texts] == [f"part {number}" for number in range(5)]

    def test_a_second_job_for_the_same_message_is_harmless(self, world: World, line: Line, message: UUID):
        """Q6."""
        self._second_job(world, line, message)
        world.work("send_message")
        self._second_job(world, line, message)
        world.work("send_message")
        assert len(world.sender.texts) == 1
        assert world.message(message)["status"] == "accepted"

    def test_Q6_a_second_job_while_the_first_is_calling(self, world: World, line: Line, message: UUID):
        """It takes the first for dead, which costs a look-up and no second text."""

        def meanwhile(_text: OutboundMessage) -> None:
            world.sender.on_send = lambda _: None
            (second,) = jobs(world, "send")[1:]
            world.ring("send_message", [second["id"]])
            assert world.message(message)["status"] == "unknown"

        self._second_job(world, line, message)
        world.sender.on_send = meanwhile
        world.ring("send_message", [jobs(world, "send")[0]["id"]])
        assert len(world.sender.texts) == 1
        assert world.message(message)["status"] == "accepted"

    def _second_job(self, world: World, line: Line, message: UUID) -> None:
        with runtime.of("api").db.tenant(line.organization_id) as tx:
            payload = {"message_id": str(message)}
            enqueue(tx, line.organization_id, "send_message", "send", payload, now=world.clock.now)


class TestEarlyReport:
    """W10: the provider's reports may overtake its answer."""

    def test_W10_a_report_that_names_our_message_before_our_record(
        self, world: World, line: Line, message: UUID
    ):
        world.sender.outcomes = [Accepted(SID, 1)]
        world.sender.on_send = lambda _: world.report(line, SID, "delivered", message_id=message)
        world.work("send_message")
        stored = world.message(message)
        assert (stored["status"], stored["provider_message_id"], stored["segments"]) == ("delivered", SID, 1)
        assert stored["delivered_at"] == world.clock.now
        assert world.rows("SELECT 1 FROM early_reports") == []

    def test_W10_a_report_by_the_providers_id_alone_is_parked_and_applied(
        self, world: World, line: Line, message: UUID
    ):
        def early(_text: OutboundMessage) -> None:
            assert world.report(line, SID, "delivered").status == 200
            assert world.report(line, SID, "sent").status == 200
            assert world.value("SELECT count(*) FROM early_reports") == 2

        world.sender.outcomes, world.sender.on_send = [Accepted(SID, 1)], early
        world.work("send_message")
        assert world.message(message)["status"] == "delivered"
        assert world.rows("SELECT 1 FROM early_reports") == []

    def test_a_broken_answer_after_a_report_is_no_doubt(self, world: World, line: Line, message: UUID):
        world.sender.outcomes = [Unclear("HTTP 500")]
        world.sender.on_send = lambda _: world.report(line, SID, "sent", message_id=message)
        world.work("send_message")
        assert world.message(message)["status"] == "sent"

    def test_S5_an_early_report_that_the_person_has_opted_out_counts(
        self, world: World, line: Line, thread: UUID, message: UUID
    ):
        world.sender.outcomes = [Accepted(SID, 1)]
        world.sender.on_send = lambda _: world.report(line, SID, "undelivered", ErrorCode="21610")
        world.work("send_message")
        assert world.message(message)["status"] == "undelivered"
        _is_opted_out(world, line, thread)


def _is_opted_out(world: World, line: Line, thread: UUID) -> None:
    event = world.row("SELECT action, source, word FROM consent_events")
    assert event == {"action": "revoke", "source": "provider_error", "word": "21610"}
    world.sender.texts.clear()
    later = world.reply(line, thread, "Still there?")
    world.work("send_message")
    assert world.sender.texts == []
    assert world.message(later)["verdict"]["rule"] == "opted_out_by_provider_error"


class TestRejected:
    def test_Q5_S5_blocked_at_the_provider_is_an_opt_out_here(
        self, world: World, line: Line, thread: UUID, message: UUID
    ):
        world.sender.outcomes = [Rejected("21610")]
        world.work("send_message")
        stored = world.message(message)
        assert (stored["status"], stored["error_code"]) == ("failed", "21610")
        _is_opted_out(world, line, thread)

    @pytest.mark.parametrize("code", ["21211", "21614", "30007", "21408", "http_403"])
    def test_Q5_other_refusals_are_final_and_say_nothing_about_the_person(
        self, world: World, line: Line, thread: UUID, message: UUID, code: str
    ):
        world.sender.outcomes = [Rejected(code)]
        world.work("send_message")
        world.clock.pass_(days=1)
        world.work("send_message")
        stored = world.message(message)
        assert (stored["status"], stored["error_code"]) == ("failed", code)
        assert len(world.sender.texts) == 1
        assert world.rows("SELECT 1 FROM consent_events") == []
        world.reply(line, thread, "Another try")
        world.work("send_message")
        assert len(world.sender.texts) == 2


class TestNotProcessed:
    def test_Q4_too_many_requests_waits_as_asked_and_sends_once(
        self, world: World, line: Line, message: UUID
    ):
        world.sender.outcomes = [NotProcessed("rate limit", 90.0)]
        world.work("send_message")
        stored = world.message(message)
        assert (stored["status"], stored["claimed_at"]) == ("queued", None)
        quiet = world.value("SELECT quiet_until FROM channels")
        assert quiet == world.clock.now + timedelta(seconds=90)

        world.clock.pass_(seconds=89)
        world.work("send_message")
        assert len(world.sender.texts) == 1
        world.clock.pass_(seconds=1)
        world.work("send_message")
        assert len(world.sender.texts) == 2  # the refused call and the one that counted
        assert world.message(message)["status"] == "accepted"

    def test_Q5_what_somebody_has_to_set_right_waits_and_owners_are_told(self, world: World, message: UUID):
        world.sender.outcomes = [NotProcessed("code 20003", 900.0, trouble="20003")]
        world.work("send_message")
        assert world.message(message)["status"] == "queued"
        assert world.value("SELECT trouble FROM channels") == "20003"
        assert world.value("SELECT count(*) FROM jobs WHERE kind = 'channel_trouble'") == 1
        world.clock.pass_(minutes=15)
        world.work("send_message")
        assert world.message(message)["status"] == "accepted"
        assert world.value("SELECT trouble FROM channels") is None

    def test_Q4_one_quiet_channel_holds_up_no_other(
        self, world: World, org: Org, line: Line, thread: UUID, message: UUID
    ):
        second_line, rival_line = world.line(org), world.line(world.organization("Rival"))
        world.sender.outcomes = [NotProcessed("rate limit", 600.0)]
        world.work("send_message")

        held = world.reply(line, world.conversation(line, "+12025550199"), "held")
        sibling = world.reply(second_line, world.conversation(second_line, "+12025550177"), "sibling")
        rival = world.reply(rival_line, world.conversation(rival_line), "rival")
        world.work("send_message")
        statuses = [world.message(one)["status"] for one in (message, held, sibling, rival)]
        assert statuses == ["queued", "queued", "accepted", "accepted"]
        assert world.message(held)["verdict"]["rule"] == "provider_asked_to_slow_down"

    def test_a_shorter_wish_does_not_end_a_longer_one(self, world: World, line: Line, message: UUID):
        world.execute("UPDATE channels SET quiet_until = %(t)s", t=world.clock.now)
        long = world.clock.now + timedelta(hours=1)

        def other_worker(_text: OutboundMessage) -> None:
            world.execute("UPDATE channels SET quiet_until = %(t)s", t=long)

        world.sender.outcomes, world.sender.on_send = [NotProcessed("rate limit", 5.0)], other_worker
        world.work("send_message")
        assert world.value("SELECT quiet_until FROM channels") == long

    def test_no_connection_is_tried_again_until_the_message_is_too_old(self, world: World, message: UUID):
        world.sender.outcomes = [NotProcessed("no connection")] * 2_000
        for _ in range(25):
            world.work("send_message")
            world.clock.pass_(minutes=30)
        assert world.message(message)["verdict"]["rule"] == "expired"
        assert jobs(world, "send") == []

    def test_P4_7_however_often_it_is_tried_it_is_told_once_to_whom_it_went(
        self, world: World, message: UUID
    ):
        world.sender.outcomes = [NotProcessed("no connection")] * 5
        began = world.clock.now
        for _ in range(6):
            world.work("send_message")
            world.clock.pass_(minutes=1)
        assert world.message(message)["status"] == "accepted"
        assert world.rows("SELECT message_id, disclosed_at FROM disclosures") == [
            {"message_id": message, "disclosed_at": began}
        ]

    def test_what_never_left_does_not_use_up_the_daily_cap(self, world: World, message: UUID):
        world.execute("UPDATE organizations SET contact_daily_messages = 1")
        world.sender.outcomes = [NotProcessed("rate limit", 1.0)]
        world.work("send_message")
        world.clock.pass_(seconds=1)
        world.work("send_message")
        assert world.message(message)["status"] == "accepted"

    def test_a_late_answer_that_nothing_was_sent_does_not_strand_the_message(
        self, world: World, line: Line, message: UUID
    ):
        """The worker was taken for dead meanwhile; its job is gone, so the look-up keeps the message."""

        def taken_for_dead(_text: OutboundMessage) -> None:
            world.sender.on_send = lambda _: None
            (job,) = jobs(world, "send")
            world.execute("UPDATE jobs SET lease_until = %(now)s", now=world.clock.now)
            from infra.local.context import Context

            world.functions["tick"].handler()({}, Context(world.functions["tick"]))
            world.ring("send_message", [job["id"]])
            assert world.message(message)["status"] == "unknown"

        world.sender.outcomes, world.sender.on_send = [NotProcessed("rate limit", 1.0)], taken_for_dead
        world.ring("send_message", world.due("send_message"))
        waiting = jobs(world, "send") + jobs(world, "reconcile")
        assert waiting, "no job would ever touch this message again"
        _until_given_up(world)
        assert world.value("SELECT attention FROM conversations") == "delivery_unknown"

    def test_credentials_that_do_not_open_are_no_doubt_about_a_call(
        self, world: World, line: Line, message: UUID, monkeypatch: pytest.MonkeyPatch
    ):
        """The call was never made: the message waits, and the job is tried again and then shown as dead."""

        def locked(*_: Any) -> Any:
            raise Misconfigured("The channel has no Twilio auth token. Connect it again.")

        with monkeypatch.context() as patched:
            patched.setattr(runtime.of("send_message"), "_sender_for", locked)
            runtime.of("send_message").__dict__.pop("post", None)
            for _ in range(3):
                world.work("send_message")
                world.clock.pass_(minutes=5)
            assert world.message(message)["status"] == "queued"
        runtime.of("send_message").__dict__.pop("post", None)
        world.work("send_message")
        assert world.message(message)["status"] == "accepted"
        assert len(world.sender.texts) == 1

    @pytest.fixture
    def away(self, world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
        """The key service does not answer."""

        def unavailable(*_: Any) -> Any:
            raise Unavailable("The key service does not answer. Try again.", code="key_service")

        with monkeypatch.context() as patched:
            patched.setattr(runtime.of("send_message"), "_sender_for", unavailable)
            runtime.of("send_message").__dict__.pop("post", None)
            yield patched
        runtime.of("send_message").__dict__.pop("post", None)

    def test_Q4_a_key_service_that_is_away_for_hours_loses_nothing(
        self, world: World, message: UUID, away: pytest.MonkeyPatch
    ):
        for _ in range(30):
            world.work("send_message")
            stored = world.message(message)
            assert (stored["status"], stored["claimed_at"]) == ("queued", None)
            world.clock.pass_(minutes=10)
        away.undo()
        runtime.of("send_message").__dict__.pop("post", None)
        world.work("send_message")
        assert world.message(message)["status"] == "accepted"
        assert len(world.sender.texts) == 1

    @pytest.mark.usefixtures("away")
    def test_Q4_what_waited_too_long_for_it_ends_as_expired(self, world: World, message: UUID):
        for _ in range(25):
            world.work("send_message")
            world.clock.pass_(minutes=30)
        assert world.message(message)["verdict"]["rule"] == "expired"
        assert jobs(world, "send") == []

    def test_Q5_what_cannot_be_called_at_all_fails_with_the_last_try(
        self, world: World, message: UUID, away: pytest.MonkeyPatch
    ):
        def locked(*_: Any) -> Any:
            raise Misconfigured("The channel has no Twilio auth token. Connect it again.")

        away.setattr(runtime.of("send_message"), "_sender_for", locked)
        for _ in range(8):
            world.work("send_message")
            world.clock.pass_(hours=1)
        stored = world.message(message)
        assert (stored["status"], stored["error_code"]) == ("failed", "broken")
        assert jobs(world, "send") == []
        assert world.sender.texts == []


def _until_given_up(world: World) -> None:
    for _ in range(20):
        world.clock.pass_(minutes=1)
        world.work("send_message")


class TestUnclear:
    """Q2, Q3: it may have been sent. It is looked up and never sent again."""

    def _unclear(self, world: World) -> None:
        world.sender.outcomes = [Unclear("no answer")]
        world.work("send_message")

    def test_Q3_it_is_unknown_and_a_look_up_is_promised(self, world: World, message: UUID):
        self._unclear(world)
        assert world.message(message)["status"] == "unknown"
        assert jobs(world, "send") == []
        (job,) = jobs(world, "reconcile")
        assert job["run_at"] == world.clock.now + timedelta(seconds=30)

    def test_Q3_the_one_that_fits_is_adopted(self, world: World, message: UUID):
        self._unclear(world)
        world.sender.at_provider = (SID,)
        world.clock.pass_(seconds=30)
        world.work("send_message")
        stored = world.message(message)
        assert (stored["status"], stored["provider_message_id"]) == ("accepted", SID)
        assert jobs(world, "reconcile") == []
        assert len(world.sender.texts) == 1

    def test_Q3_one_that_belongs_to_another_message_is_not(
        self, world: World, line: Line, thread: UUID, message: UUID
    ):
        self._unclear(world)
        world.sender.outcomes = [Accepted(SID, 1)]
        world.reply(line, thread, "We open at nine")
        world.work("send_message")
        world.sender.at_provider = (SID, OTHER_SID)
        world.clock.pass_(seconds=30)
        world.work("send_message")
        assert world.message(message)["provider_message_id"] == OTHER_SID

    def test_Q3_two_that_fit_are_a_question_for_a_person(self, world: World, message: UUID):
        self._unclear(world)
        world.sender.at_provider = (SID, OTHER_SID)
        world.clock.pass_(seconds=30)
        world.work("send_message")
        assert world.message(message)["status"] == "unknown"
        assert world.value("SELECT attention FROM conversations") == "delivery_unknown"
        assert jobs(world, "reconcile") == []

    def test_Q3_two_unknown_messages_with_the_same_words_do_not_guess_whose_it_is(
        self, world: World, line: Line, thread: UUID, message: UUID
    ):
        """Only the second arrived. Had the first adopted it, the second's own report would have no place."""
        world.sender.outcomes = [Unclear("no answer"), Unclear("no answer")]
        second = world.reply(line, thread, "We open at nine")
        world.work("send_message")
        world.sender.at_provider = (SID,)
        world.clock.pass_(seconds=30)
        world.work("send_message")
        assert {world.message(one)["status"] for one in (message, second)} == {"unknown"}

        assert world.report(line, SID, "delivered", message_id=second).status == 200
        assert world.message(second)["status"] == "delivered"
        _until_given_up(world)
        assert world.message(message)["status"] == "unknown"
        assert world.value("SELECT attention FROM conversations") == "delivery_unknown"

    def test_Q3_after_a_quarter_of_an_hour_a_person_is_asked(self, world: World, message: UUID):
        self._unclear(world)
        world.clock.pass_(minutes=14)
        world.work("send_message")
        assert world.value("SELECT attention FROM conversations") is None
        world.clock.pass_(minutes=3)
        world.work("send_message")
        assert world.value("SELECT attention FROM conversations") == "delivery_unknown"
        assert world.message(message)["status"] == "unknown"
        assert world.rows("SELECT 1 FROM jobs WHERE queue = 'send_message'") == []
        assert len(world.sender.texts) == 1

    def test_Q3_a_report_resolves_it_meanwhile(self, world: World, line: Line, message: UUID):
        self._unclear(world)
        world.report(line, SID, "sent", message_id=message)
        world.sender.at_provider = (OTHER_SID,)
        world.clock.pass_(seconds=30)
        world.work("send_message")
        stored = world.message(message)
        assert (stored["status"], stored["provider_message_id"]) == ("sent", SID)
        assert world.value("SELECT attention FROM conversations") is None

    def test_a_report_after_giving_up_still_counts(self, world: World, line: Line, message: UUID):
        self._unclear(world)
        _until_given_up(world)
        world.report(line, SID, "delivered", message_id=message)
        assert world.message(message)["status"] == "delivered"

    def test_a_report_parked_under_the_adopted_id_is_applied(self, world: World, line: Line, message: UUID):
        self._unclear(world)
        world.report(line, SID, "delivered")
        world.sender.at_provider = (SID,)
        world.clock.pass_(seconds=30)
        world.work("send_message")
        assert world.message(message)["status"] == "delivered"

    def test_a_provider_that_cannot_be_asked_is_asked_again_and_then_a_person(
        self, world: World, message: UUID, monkeypatch: pytest.MonkeyPatch
    ):
        """A message whose fate nobody knows must not vanish with its last try."""

        def away(*_: Any) -> Any:
            raise Unavailable("Twilio cannot be asked at the moment.", code="away")

        monkeypatch.setattr(world.sender, "find", away)
        self._unclear(world)
        world.clock.pass_(seconds=30)
        world.work("send_message")
        (job,) = jobs(world, "reconcile")
        assert (job["attempts"], job["error"]) == (1, "away")
        _until_given_up(world)
        assert world.message(message)["status"] == "unknown"
        assert world.value("SELECT attention FROM conversations") == "delivery_unknown"

    def test_reconcile_never_sends(self, world: World, message: UUID):
        self._unclear(world)
        _until_given_up(world)
        assert len(world.sender.texts) == 1


class TestInterrupted:
    """Q2: the worker died between claim and record. Nobody knows whether it had called."""

    def test_Q2_the_next_worker_looks_up_instead_of_sending(self, world: World, line: Line, message: UUID):
        claim(world, line, message)
        world.work("send_message")
        assert world.sender.texts == []
        assert world.message(message)["status"] == "unknown"
        assert len(jobs(world, "reconcile")) == 1

        world.sender.at_provider = (SID,)
        world.clock.pass_(seconds=30)
        world.work("send_message")
        assert world.message(message)["status"] == "accepted"
        assert world.sender.texts == []

    def test_Q2_a_report_that_came_after_the_crash_is_believed(self, world: World, line: Line, message: UUID):
        claim(world, line, message)
        world.report(line, SID, "delivered", message_id=message)
        world.work("send_message")
        assert world.message(message)["status"] == "delivered"
        assert jobs(world, "reconcile") == []

    def test_Q2_an_answer_that_cannot_be_stored_is_looked_up(self, world: World, line: Line, message: UUID):
        """Postgres goes away between the call and the record."""
        name = world.database.name

        def cut(_text: OutboundMessage) -> None:
            world.sender.on_send = lambda _: None
            runtime.of("send_message").db.close()
            world.execute(f"REVOKE CONNECT ON DATABASE {name} FROM leadsrally_send_message")

        world.sender.outcomes, world.sender.on_send = [Accepted(SID, 1)], cut
        try:
            with pytest.raises(Exception, match="Unavailable"):
                world.ring("send_message", world.due("send_message"))
        finally:
            world.execute(f"GRANT CONNECT ON DATABASE {name} TO leadsrally_send_message")
        assert world.message(message)["status"] == "claimed"
        world.clock.pass_(minutes=10)
        from infra.local.context import Context

        world.functions["tick"].handler()({}, Context(world.functions["tick"]))
        world.work("send_message")
        world.sender.at_provider = (SID,)
        world.clock.pass_(seconds=30)
        world.work("send_message")
        assert world.message(message)["status"] == "accepted"
        assert len(world.sender.texts) == 1


class TestExpiry:
    """S13: an old text is worse than none."""

    def test_S13_the_provider_is_told_how_long_the_text_is_good(self, world: World, line: Line, thread: UUID):
        world.reply(line, thread, "Doors close soon", lifetime=timedelta(minutes=30))
        world.clock.pass_(minutes=10)
        world.work("send_message")
        assert world.sender.texts[0].validity_seconds == 20 * 60

    @pytest.mark.parametrize(
        ("lifetime", "validity"), [(timedelta(days=3), 36_000), (timedelta(milliseconds=400), 1)]
    )
    def test_S13_within_what_the_provider_takes(
        self, world: World, line: Line, thread: UUID, lifetime: timedelta, validity: int
    ):
        world.reply(line, thread, "Hello", lifetime=lifetime)
        world.work("send_message")
        assert world.sender.texts[0].validity_seconds == validity

    def test_S13_a_queue_that_was_too_slow_sends_nothing(self, world: World, line: Line, thread: UUID):
        message_id = world.reply(line, thread, "Hello", lifetime=timedelta(minutes=30))
        world.clock.pass_(minutes=30)
        world.work("send_message")
        assert world.sender.texts == []
        assert world.message(message_id)["verdict"]["rule"] == "expired"

    def test_S13_a_campaign_text_is_good_until_the_window_closes(self, world: World):
        """Two minutes to nine, and the provider's own queue is slow: it must not deliver at night."""
        from tests.sending.test_gate import at

        line = world.line(world.organization(time_zone="America/New_York"))
        thread = world.conversation(line)
        world.agrees(line)
        world.clock.now = at("2026-11-23T20:58:00-05:00")
        world.reply(line, thread, "Sale!", purpose="marketing")
        world.reply(line, thread, "Your answer")
        world.work("send_message")
        validity = {text.body: text.validity_seconds for text in world.sender.texts}
        assert validity == {"Sale!": 120, "Your answer": 36_000}


class TestHold:
    def test_an_answer_does_not_wait_behind_a_campaign_that_waits_for_morning(self, world: World):
        from tests.sending.test_gate import at

        line = world.line(world.organization(time_zone="America/New_York"))
        thread = world.conversation(line)
        world.agrees(line)
        world.clock.now = at("2026-11-23T22:00:00-05:00")
        sale = world.reply(line, thread, "Sale!", purpose="marketing", lifetime=timedelta(days=1))
        world.work("send_message")
        answer = world.reply(line, thread, "Here is your answer")
        world.work("send_message")
        assert world.message(sale)["verdict"]["rule"] == "quiet_hours"
        assert world.message(answer)["status"] == "accepted"

    def test_the_confirmation_of_a_stop_does_not_wait_either(self, world: World):
        from tests.sending.test_gate import at

        line = world.line(world.organization(time_zone="America/New_York"), provider_answers_keywords=False)
        thread = world.conversation(line)
        world.agrees(line)
        world.clock.now = at("2026-11-23T22:00:00-05:00")
        sale = world.reply(line, thread, "Sale!", purpose="marketing", lifetime=timedelta(days=1))
        world.work("send_message")
        world.text(line, "STOP")
        world.work("send_message")
        assert ["opted out" in text.body for text in world.sender.texts] == [True]
        world.clock.pass_(hours=12)
        world.work("send_message")
        assert world.message(sale)["verdict"]["rule"] == "opted_out_by_keyword"

    @pytest.mark.parametrize(
        ("sql", "rule"),
        [
            ("UPDATE organizations SET state = 'paused'", "organization_paused"),
            ("UPDATE channels SET state = 'disconnected'", "channel_disconnected"),
        ],
    )
    def test_nothing_leaves(self, world: World, message: UUID, sql: str, rule: str):
        world.execute(sql)
        world.work("send_message")
        assert world.sender.texts == []
        assert world.message(message)["verdict"]["rule"] == rule

    def test_the_daily_cap_counts_a_day_over_all_channels(self, world: World, org: Org, line: Line):
        world.execute("UPDATE organizations SET contact_daily_messages = 3")
        other = world.line(org)
        sent = [
            world.reply(where, world.conversation(where), f"number {number}")
            for number, where in enumerate([line, other, line, other])
        ]
        world.work("send_message")
        statuses = sorted(world.message(one)["status"] for one in sent)
        assert statuses == ["accepted", "accepted", "accepted", "refused"]

        world.clock.pass_(hours=24)
        late = world.reply(line, world.conversation(line), "a day later")
        world.work("send_message")
        assert world.message(late)["status"] == "accepted"


class TestIdempotencyKey:
    def test_the_same_key_and_words_are_the_same_message(self, world: World, line: Line, thread: UUID):
        first = world.reply(line, thread, "Hello", idempotency_key="k")
        assert world.reply(line, thread, "Hello", idempotency_key="k") == first
        world.work("send_message")
        assert world.reply(line, thread, "Hello", idempotency_key="k") == first
        world.work("send_message")
        assert len(world.sender.texts) == 1

    def test_another_text_under_the_same_key_is_a_conflict(self, world: World, line: Line, thread: UUID):
        world.reply(line, thread, "Hello", idempotency_key="k")
        with pytest.raises(Conflict):
            world.reply(line, thread, "Hello!", idempotency_key="k")
        with pytest.raises(Conflict):
            world.reply(line, world.conversation(line, "+12025550177"), "Hello", idempotency_key="k")
        assert world.value("SELECT count(*) FROM messages WHERE direction = 'outbound'") == 1

    def test_two_organisations_may_use_the_same_key(self, world: World, line: Line, thread: UUID):
        rival = world.line(world.organization("Rival"))
        first = world.reply(line, thread, "Hello", idempotency_key="k")
        assert world.reply(rival, world.conversation(rival), "Hello", idempotency_key="k") != first

    def test_Q16_a_double_click_is_one_message(self, world: World, line: Line, thread: UUID):
        start = threading.Barrier(4)

        def click(_: int) -> UUID:
            start.wait()
            return world.reply(line, thread, "Hello", idempotency_key="click")

        with ThreadPoolExecutor(4) as pool:
            assert len(set(pool.map(click, range(4)))) == 1
        world.work("send_message")
        assert len(world.sender.texts) == 1
        assert world.value("SELECT count(*) FROM messages WHERE direction = 'outbound'") == 1

    @pytest.mark.parametrize("body", ["", "  \n", "a\x00b", "x" * 1_601])
    def test_what_no_phone_could_show_is_refused_before_it_is_queued(
        self, world: World, line: Line, thread: UUID, body: str
    ):
        with pytest.raises(Invalid):
            world.reply(line, thread, body)
        assert world.rows("SELECT 1 FROM jobs WHERE queue = 'send_message'") == []


class TestKeptSenders:
    """O6: what was opened is used for a quarter of an hour and no longer."""

    @pytest.fixture(autouse=True)
    def real(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(runtime.of("send_message"), "_senders", None)

    def open(self, world: World, line: Line) -> list[UUID]:
        """Send by this line; returns the channels whose credentials are open then."""
        credentials = world.value("SELECT credentials FROM channels WHERE id = %(id)s", id=line.id)
        to = Addressee(
            UUID(int=1),
            "+12025550101",
            line.id,
            line.key,
            "sms",
            line.number,
            line.account_sid,
            "",
            credentials,
            1,
        )
        door = runtime.of("send_message")
        door._sender_for(line.organization_id, to)
        return [channel_id for channel_id, _ in door._kept_senders]

    def test_O6_one_that_nobody_sends_with_any_more_does_not_stay_open(
        self, world: World, org: Org, line: Line
    ):
        second = world.line(org)
        assert self.open(world, line) == [line.id]
        world.clock.pass_(minutes=14)
        assert self.open(world, second) == [line.id, second.id]
        world.clock.pass_(minutes=1)
        assert self.open(world, second) == [second.id]

    def test_O6_no_more_are_kept_than_a_process_can_bear(
        self, world: World, org: Org, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(runtime, "MOST_KEPT", 3)
        assert max(len(self.open(world, world.line(org))) for _ in range(7)) == 3
