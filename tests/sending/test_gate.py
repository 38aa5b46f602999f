"""The send gate: facts in, verdict out; and what a claim leaves behind."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from leadsrally import runtime
from leadsrally.consent.quiet_hours import Reckoning
from leadsrally.consent.types import Standing, Suppression
from leadsrally.consent.whereabouts import Whereabouts
from leadsrally.sending import gate
from leadsrally.sending.gate import RULES, Cleared, Facts, Verdict, decide
from tests.world import Line, MetaLine, Org, World, days

NOON = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)  # twelve o'clock in New York
SECOND = timedelta(seconds=1)
MICROSECOND = timedelta(microseconds=1)
FINE = Facts(
    now=NOON,
    purpose="service",
    organization_active=True,
    organization_leaving=False,
    channel_active=True,
    channel_quiet_until=None,
    reachable=True,
    expires_at=NOON + timedelta(hours=1),
    suppressions=(),
    standings=(),
    sent_today=0,
    daily_cap=20,
    offers_cap=3,
)
HELD = [Suppression("all", "keyword", NOON)]
SEND = Verdict("send", "permitted")


def standing(state: Any, purpose: Any = "all", source: Any = "keyword") -> Standing:
    return Standing(purpose, state, source, NOON)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


OFFER: dict[str, Any] = {"purpose": "marketing", "standings": [standing("granted", "marketing")]}


def refused(rule: str) -> Verdict:
    return Verdict("refuse", rule)


class TestDecide:
    """One row for each thing that can be said for or against a message."""

    @pytest.mark.parametrize(
        ("changes", "verdict"),
        [
            ({}, SEND),
            # Offers need a yes (P3.2); what informs somebody who is in touch needs none.
            ({"purpose": "marketing"}, refused("no_marketing_consent")),
            ({"purpose": "marketing", "standings": [standing("granted")]}, SEND),
            ({"purpose": "marketing", "standings": [standing("granted", "marketing")]}, SEND),
            (
                {"purpose": "marketing", "standings": [standing("granted", "service")]},
                refused("no_marketing_consent"),
            ),
            ({"purpose": "marketing", "standings": [standing("paused")]}, refused("paused_for_review")),
            (
                {"purpose": "marketing", "standings": [standing("paused"), standing("revoked", "marketing")]},
                refused("opted_out_by_keyword"),
            ),
            ({"purpose": "keyword"}, SEND),
            ({"organization_active": False}, refused("organization_paused")),
            ({"organization_active": False, "purpose": "keyword"}, refused("organization_paused")),
            ({"restricted": True}, refused("restricted")),
            ({"restricted": True, "purpose": "keyword"}, refused("restricted")),
            ({"channel_active": False}, refused("channel_disconnected")),
            ({"reachable": False}, refused("no_address")),
            ({"suppressions": HELD}, refused("suppressed")),
            ({"suppressions": HELD, "standings": [standing("granted")]}, refused("suppressed")),
            ({"standings": [standing("granted")]}, SEND),
            ({"standings": [standing("revoked")]}, refused("opted_out_by_keyword")),
            ({"standings": [standing("revoked", source="phrase")]}, refused("opted_out_by_phrase")),
            ({"standings": [standing("revoked", source="provider")]}, refused("opted_out_by_provider")),
            (
                {"standings": [standing("revoked", source="provider_error")]},
                refused("opted_out_by_provider_error"),
            ),
            ({"standings": [standing("revoked", source="staff")]}, refused("opted_out_by_staff")),
            ({"standings": [standing("paused", source="ai")]}, refused("paused_for_review")),
            # Consent is asked for by purpose; `all` covers every one.
            ({"standings": [standing("revoked", "marketing")]}, SEND),
            (
                {"standings": [standing("revoked", "marketing")], "purpose": "marketing"},
                refused("opted_out_by_keyword"),
            ),
            (
                {
                    "standings": [standing("revoked", "service"), standing("granted", "marketing")],
                    "purpose": "marketing",
                },
                SEND,
            ),
            (
                {
                    "standings": [standing("granted"), standing("revoked", "marketing")],
                    "purpose": "marketing",
                },
                refused("opted_out_by_keyword"),
            ),
            # The confirmation of a STOP, and HELP, go to whoever asked for them.
            ({"standings": [standing("revoked")], "suppressions": HELD, "purpose": "keyword"}, SEND),
            ({"sent_today": 500, "purpose": "keyword"}, SEND),
            ({"daily_cap": 0}, refused("daily_cap")),
        ],
    )
    def test_facts_and_verdict(self, changes: dict[str, Any], verdict: Verdict):
        assert decide(replace(FINE, **changes)) == verdict

    @pytest.mark.parametrize(
        ("past", "verdict"),
        [
            (-SECOND, SEND),
            (-MICROSECOND, SEND),
            (timedelta(0), refused("expired")),
            (SECOND, refused("expired")),
        ],
    )
    def test_S13_the_instant_of_expiry_is_too_late(self, past: timedelta, verdict: Verdict):
        assert decide(replace(FINE, expires_at=NOON - past)) == verdict

    def test_a_message_without_an_end_does_not_expire(self):
        assert decide(replace(FINE, expires_at=None)) == SEND

    @pytest.mark.parametrize(
        ("sent", "verdict"), [(18, SEND), (19, SEND), (20, refused("daily_cap")), (21, refused("daily_cap"))]
    )
    def test_the_daily_cap_is_a_count_of_messages(self, sent: int, verdict: Verdict):
        assert decide(replace(FINE, sent_today=sent)) == verdict

    @pytest.mark.parametrize("left", [MICROSECOND, SECOND, timedelta(hours=3)])
    def test_Q4_a_quiet_channel_waits_for_its_end(self, left: timedelta):
        until = NOON + left
        assert decide(replace(FINE, channel_quiet_until=until)) == Verdict(
            "defer", "provider_asked_to_slow_down", until
        )

    @pytest.mark.parametrize("past", [timedelta(0), MICROSECOND, timedelta(days=9)])
    def test_Q4_a_quiet_channel_is_quiet_no_longer(self, past: timedelta):
        assert decide(replace(FINE, channel_quiet_until=NOON - past)) == SEND


def closed_until(opens_at: datetime) -> Reckoning:
    somewhere = Whereabouts(("America/New_York",), "US-NY", "number")
    return Reckoning(somewhere, (), opens_at, opens_at + timedelta(hours=12), opens_at)


class TestOrderOfRules:
    """What cannot be cured is said first, and what time cures is deferred only when nothing else objects."""

    AGAINST: tuple[tuple[str, dict[str, Any]], ...] = (
        (
            "organization_leaving",
            {"organization_leaving": True},
        ),  # nothing is decided then: it may stay after all
        ("organization_paused", {"organization_active": False}),
        ("restricted", {"restricted": True}),
        ("channel_disconnected", {"channel_active": False}),
        ("no_address", {"reachable": False}),
        ("expired", {"expires_at": NOON}),
        ("opted_out_by_keyword", {"standings": [standing("revoked")]}),
        ("window_closed", {"window_closes": NOON}),
        ("template_paused", {"template_trouble": "template_paused"}),
        ("file_gone", {"files_there": False}),
        ("daily_cap", {"sent_today": 20}),
        ("offers_cap", {**OFFER, "offers_cap": 0}),
        ("provider_asked_to_slow_down", {"channel_quiet_until": NOON + SECOND}),
        ("too_many_to_one_person", {"pair_quiet_until": NOON + SECOND}),
        ("withheld_by_whatsapp", {**OFFER, "marketing_quiet_until": NOON + SECOND}),
        ("quiet_hours", {**OFFER, "hours": closed_until(NOON + SECOND)}),
    )

    def test_every_rule_has_its_row(self):
        assert len(RULES) == len(self.AGAINST)

    @pytest.mark.parametrize("first", range(len(AGAINST)))
    def test_the_first_that_objects_decides(self, first: int):
        changes: dict[str, Any] = {}
        for _, change in reversed(self.AGAINST[first:]):
            changes |= change
        assert decide(replace(FINE, **changes)).rule == self.AGAINST[first][0]

    def test_no_deferral_hides_a_refusal(self):
        held = {"channel_quiet_until": NOON + SECOND, **OFFER, "hours": closed_until(NOON + SECOND)}
        for rule, change in self.AGAINST[1:12]:
            verdict = decide(replace(FINE, **{**held, **change}))
            assert (verdict.decision, verdict.rule) == ("refuse", rule)


class TestOffersCap:
    """The ceiling for each person and day over all campaigns: one more waits until there is room."""

    def _offer(self, **facts: Any) -> Verdict:
        return decide(replace(FINE, **OFFER, **{"expires_at": None, **facts}))

    def test_it_waits_until_the_oldest_is_a_day_old(self):
        until = NOON + timedelta(hours=2)
        assert self._offer(offers_full_until=until) == Verdict("defer", "offers_cap", until)
        assert self._offer(offers_full_until=NOON) == SEND
        assert decide(replace(FINE, offers_full_until=until)) == SEND  # no offer

    def test_what_would_be_too_old_by_then_is_refused_now(self):
        until = NOON + timedelta(hours=2)
        assert self._offer(offers_full_until=until, expires_at=until) == refused("offers_cap")

    def test_23_one_day_over_all_conversations(self, world: World):
        org = world.organization(contact_daily_marketing=2, time_zone="America/New_York")
        lines = [world.line(org), world.line(org)]
        world.clock.now = at("2026-11-23T10:00:00-05:00")
        threads = [world.conversation(line) for line in lines]
        world.agrees(lines[0])
        sent: list[UUID] = []
        for place in (0, 1, 0, 1):
            offer = world.reply(lines[place], threads[place], "Sale!", purpose="marketing", lifetime=days(3))
            sent.append(offer)
            world.work("send_message")
            world.clock.pass_(minutes=1)
        answer = world.reply(lines[0], threads[0], "Your answer")
        world.work("send_message")
        stored = [world.message(message) for message in [*sent, answer]]
        assert [row["status"] for row in stored] == ["accepted", "accepted", "queued", "queued", "accepted"]
        assert stored[2]["verdict"]["rule"] == "offers_cap"
        assert stored[2]["verdict"]["until"] == at("2026-11-24T10:00:00-05:00").isoformat()
        world.clock.now = at("2026-11-24T10:00:30-05:00")
        world.work("send_message")
        assert [world.message(message)["status"] for message in sent[2:]] == ["accepted", "queued"]


class TestQuietHours:
    """S12: offers between 8 a.m. and 9 p.m. by the clock on the recipient's wall (tests/consent for all the rest)."""

    def test_an_answer_to_somebody_who_wrote_is_no_solicitation(self, world: World):
        line = world.line(world.organization(time_zone="America/New_York"))
        thread = world.conversation(line)
        world.clock.now = at("2026-11-23T23:00:00-05:00")
        answer = world.reply(line, thread, "Your answer")
        world.work("send_message")
        assert world.message(answer)["status"] == "accepted"

    def test_S12_where_it_is_never_day_for_all_it_is_refused(self):
        never = replace(closed_until(NOON), opens_at=None, release_at=None)
        assert decide(replace(FINE, **OFFER, hours=never)) == refused("never_open")

    @pytest.mark.parametrize(
        ("worth_until", "rule"),
        [(-SECOND, "opens_too_late"), (timedelta(0), "opens_too_late"), (SECOND, "quiet_hours")],
    )
    def test_S12_what_would_be_too_old_at_the_opening_is_refused_now(self, worth_until: timedelta, rule: str):
        opening = NOON + timedelta(hours=3)
        facts = replace(FINE, **OFFER, hours=closed_until(opening), expires_at=opening + worth_until)
        verdict = decide(facts)
        assert (verdict.rule, verdict.decision) == (rule, "defer" if rule == "quiet_hours" else "refuse")

    def test_S12_held_overnight_and_released_at_the_next_open_minute(self, world: World):
        line = world.line(world.organization(time_zone="America/New_York"))
        thread = world.conversation(line)
        world.agrees(line)
        world.clock.now = at("2026-11-23T20:59:59-05:00") + SECOND
        message_id = world.reply(line, thread, "Sale!", purpose="marketing", lifetime=timedelta(hours=24))
        world.work("send_message")
        stored = world.message(message_id)
        assert (stored["status"], stored["verdict"]["rule"]) == ("queued", "quiet_hours")
        opening = at("2026-11-24T08:00:00-05:00")
        assert stored["verdict"]["basis"]["hours"]["opens_at"] == opening.isoformat()
        release = datetime.fromisoformat(stored["verdict"]["until"])
        assert opening <= release < opening + timedelta(minutes=30)

        world.clock.now = release - SECOND
        world.work("send_message")
        assert world.sender.texts == []
        world.clock.now = release
        world.work("send_message")
        sent = world.message(message_id)
        assert sent["status"] == "accepted"
        assert [(held["rule"], held["until"]) for held in sent["verdict"]["held"]] == [
            ("quiet_hours", release.isoformat())
        ]

    @pytest.mark.parametrize(
        ("kind", "provider_address"), [("sms", "+18085550101"), ("whatsapp", "18085550101")]
    )
    def test_S12_the_number_it_goes_to_counts_beside_that_of_the_record(
        self, world: World, kind: str, provider_address: str
    ):
        """The record has a number of New York; they wrote from one of Honolulu, where it is three in the morning."""
        org = world.organization(time_zone="America/New_York")
        line = world.line(org) if kind == "sms" else world.whatsapp_line(org)
        if isinstance(line, Line):
            world.text(line, "Hello there", sender="+12125550101")
        else:
            world.whatsapp(line, "Hello there", sender="12125550101")
        world.agrees(line, "+12125550101")
        thread = world.value("SELECT id FROM conversations")
        world.execute("UPDATE conversations SET address = %(address)s", address=provider_address)
        world.clock.now = at("2026-11-23T03:00:00-10:00")
        message_id = world.reply(line, thread, "Sale!", purpose="marketing", lifetime=timedelta(hours=24))
        _claim(world, line, message_id)
        hours = world.message(message_id)["verdict"]["basis"]["hours"]
        assert (hours["zones"], hours["regions"]) == (
            ["Pacific/Honolulu", "America/New_York"],
            ["US-HI", "US-NY"],
        )
        assert hours["opens_at"] == at("2026-11-23T08:00:00-10:00").isoformat()

    def test_S12_a_contact_who_moved_is_asked_about_where_they_are_now(self, world: World):
        """The zone counts when the turn comes, not when the message was written."""
        line = world.line(world.organization(time_zone="America/New_York"))
        thread = world.conversation(line)
        world.agrees(line)
        world.execute("UPDATE contacts SET time_zone = 'America/New_York'")
        world.clock.now = at("2026-11-23T09:00:00-05:00")
        message_id = world.reply(line, thread, "Sale!", purpose="marketing", lifetime=timedelta(hours=24))
        world.execute("UPDATE contacts SET time_zone = 'America/Los_Angeles'")
        world.work("send_message")
        hours = world.message(message_id)["verdict"]["basis"]["hours"]
        assert (hours["known_by"], hours["zones"]) == ("contact", ["America/Los_Angeles"])
        assert hours["opens_at"] == at("2026-11-23T08:00:00-08:00").isoformat()


def _claim(world: World, line: Line | MetaLine, message_id: UUID) -> gate.Claim:
    door = runtime.of("send_message")
    with door.db.tenant(line.organization_id) as tx:
        return gate.claim(tx, door.hashes, line.organization_id, message_id, now=world.clock.now)


class TestClaim:
    def test_a_yes_is_stored_with_its_rule_and_with_who_is_told_what(self, world: World, line: Line):
        message_id = world.reply(line, world.conversation(line), "We open at nine")
        claim = _claim(world, line, message_id)
        assert isinstance(claim, Cleared)
        stored = world.message(message_id)
        assert (stored["status"], stored["claimed_at"]) == ("claimed", world.clock.now)
        verdict = stored["verdict"]
        assert (verdict["decision"], verdict["rule"], verdict["at"]) == (
            "send",
            "permitted",
            world.clock.now.isoformat(),
        )
        basis = {key: verdict["basis"][key] for key in ("purpose", "consent", "suppressed", "sent_today")}
        assert basis == {"purpose": "service", "consent": [], "suppressed": [], "sent_today": 0}
        told = world.row("SELECT * FROM disclosures")
        assert (told["subprocessor"], told["purpose"]) == ("twilio", "deliver_message")
        assert set(told["data_kinds"]) == {"phone", "message_text"}
        assert (told["message_id"], told["contact_id"]) == (message_id, claim.to.contact_id)
        assert told["disclosed_at"] == world.clock.now

    @pytest.mark.parametrize(
        ("sql", "rule"),
        [
            ("UPDATE organizations SET state = 'paused'", "organization_paused"),
            ("UPDATE contacts SET restricted_at = created_at", "restricted"),
            ("UPDATE channels SET state = 'disconnected'", "channel_disconnected"),
            ("UPDATE messages SET expires_at = created_at WHERE direction = 'outbound'", "expired"),
            ("UPDATE organizations SET contact_daily_messages = 0", "daily_cap"),
        ],
    )
    def test_a_no_is_stored_with_its_rule_and_tells_nobody(
        self, world: World, line: Line, sql: str, rule: str
    ):
        message_id = world.reply(line, world.conversation(line), "Hello")
        world.execute(sql)
        assert _claim(world, line, message_id) == refused(rule)
        stored = world.message(message_id)
        assert (stored["status"], stored["verdict"]["decision"]) == ("refused", "refuse")
        assert (stored["verdict"]["rule"], stored["claimed_at"]) == (rule, None)
        assert world.rows("SELECT 1 FROM disclosures") == []

    def test_a_deferral_stays_queued_and_tells_nobody(self, world: World, line: Line):
        message_id = world.reply(line, world.conversation(line), "Hello")
        until = world.clock.now + timedelta(seconds=9)
        world.execute("UPDATE channels SET quiet_until = %(until)s", until=until)
        assert _claim(world, line, message_id) == Verdict("defer", "provider_asked_to_slow_down", until)
        stored = world.message(message_id)
        assert (stored["status"], stored["claimed_at"]) == ("queued", None)
        assert stored["verdict"]["until"] == until.isoformat()
        assert world.rows("SELECT 1 FROM disclosures") == []

    def test_a_claim_that_is_not_committed_leaves_nothing(self, world: World, line: Line):
        message_id = world.reply(line, world.conversation(line), "Hello")
        door = runtime.of("send_message")

        def fail_after_claiming() -> None:
            with door.db.tenant(line.organization_id) as tx:
                gate.claim(tx, door.hashes, line.organization_id, message_id, now=world.clock.now)
                raise RuntimeError

        with pytest.raises(RuntimeError):
            fail_after_claiming()
        assert world.message(message_id)["status"] == "queued"
        assert world.rows("SELECT 1 FROM disclosures") == []

    def test_the_daily_cap_holds_between_two_channels_at_once(self, world: World, org: Org, line: Line):
        """Two claims for the same person do not both see room for the last message of the day."""
        world.execute("UPDATE organizations SET contact_daily_messages = 1")
        other = world.line(org)
        first = world.reply(line, world.conversation(line), "Hello")
        second = world.reply(other, world.conversation(other), "Hello")
        door = runtime.of("send_message")
        with ThreadPoolExecutor(1) as pool:
            with door.db.tenant(org.id) as tx:
                one = gate.claim(tx, door.hashes, org.id, first, now=world.clock.now)
                racing = pool.submit(_claim, world, other, second)
                _until_somebody_waits(world)
            two = racing.result(10)
        assert isinstance(one, Cleared)
        assert two == refused("daily_cap")


def _until_somebody_waits(world: World) -> None:
    sql = """SELECT count(*) FROM pg_stat_activity
              WHERE datname = %(name)s AND wait_event_type = 'Lock'"""
    deadline = time.monotonic() + 2
    while time.monotonic() < deadline and not world.value(sql, name=world.database.name):
        time.sleep(0.005)


class TestPermission:
    """What a contact has said decides at the claim, whatever was queued before."""

    def _refusal(self, world: World, message_id: UUID) -> str:
        world.work("send_message")
        assert world.sender.texts == []
        stored = world.message(message_id)
        assert stored["status"] == "refused"
        return stored["verdict"]["rule"]

    def test_the_contacts_own_word(self, world: World, line: Line):
        message_id = world.reply(line, world.conversation(line), "Hello")
        world.text(line, "STOP")
        assert self._refusal(world, message_id) == "opted_out_by_keyword"

    def test_the_word_that_the_provider_saw(self, world: World, line: Line):
        message_id = world.reply(line, world.conversation(line), "Hello")
        world.text(line, "ARRET", OptOutType="STOP")
        assert self._refusal(world, message_id) == "opted_out_by_provider"

    def test_an_unclear_wish_holds_everything(self, world: World, line: Line):
        message_id = world.reply(line, world.conversation(line), "Hello")
        world.text(line, "don't stop")
        assert self._refusal(world, message_id) == "paused_for_review"

    def test_S6_a_stop_to_one_number_counts_for_all_of_the_organisation_and_no_other(
        self, world: World, org: Org, line: Line
    ):
        other_line, rival_line = world.line(org), world.line(world.organization("Rival"))
        here = world.reply(other_line, world.conversation(other_line), "Hello")
        world.text(line, "STOP")
        assert self._refusal(world, here) == "opted_out_by_keyword"
        there = world.reply(rival_line, world.conversation(rival_line), "Hello")
        world.work("send_message")
        assert world.message(there)["status"] == "accepted"

    def test_S7_a_number_that_comes_back_as_a_new_contact_is_still_suppressed(
        self, world: World, org: Org, line: Line
    ):
        """The person was erased after a STOP; an import brings the number back, and the hash remembers."""
        world.text(line, "STOP")
        for table in (
            "disclosures",
            "consent_states",
            "consent_events",
            "jobs",
            "messages",
            "conversations",
            "contacts",
        ):
            world.execute(f"DELETE FROM {table}")
        contact, thread = UUID(int=1), UUID(int=2)
        world.execute(
            """INSERT INTO contacts (organization_id, id, phone, created_at, updated_at)
               VALUES (%(org)s, %(contact)s, '+12025550101', %(now)s, %(now)s)""",
            org=org.id,
            contact=contact,
            now=world.clock.now,
        )
        world.execute(
            """INSERT INTO conversations (organization_id, id, contact_id, channel_id, last_message_at,
                                          last_message_id, created_at)
               VALUES (%(org)s, %(thread)s, %(contact)s, %(channel)s, %(now)s, %(thread)s, %(now)s)""",
            org=org.id,
            thread=thread,
            contact=contact,
            channel=line.id,
            now=world.clock.now,
        )
        message_id = world.reply(line, thread, "Welcome back!")
        assert self._refusal(world, message_id) == "suppressed"
        assert "2025550101" not in str(world.rows("SELECT * FROM suppressions"))

    def test_after_START_the_next_message_goes(self, world: World, line: Line):
        world.text(line, "STOP")
        world.text(line, "START")
        message_id = world.reply(line, world.conversation(line), "Welcome back")
        world.work("send_message")
        assert world.message(message_id)["status"] == "accepted"
