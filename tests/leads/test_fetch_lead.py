"""From the word to the contact, and what happens when Meta does not hand the lead over."""

from datetime import timedelta
from typing import Any

import pytest

from leadsrally.kit.errors import Limited, Unavailable
from leadsrally.messaging.leads.store import TRIES
from leadsrally.messaging.leads.types import Advertising, Lead, TokenRefused, Withheld
from tests.fakes import answered
from tests.leads.conftest import FORM, LEAD, arrive, left, people, the_lead, values
from tests.world import MetaLine, Org, World


def job(world: World) -> dict[str, Any]:
    return world.row("SELECT state, attempts, error, run_at FROM jobs WHERE queue = 'fetch_lead'")


class TestFetched:
    def test_a_lead_is_a_contact_with_its_answers(self, world: World, page: MetaLine):
        arrive(
            world,
            page,
            full_name="Ana Lima",
            email="ana@example.test",
            phone_number="(202) 555-0171",
            colour="red",
        )
        assert people(world) == [("Ana Lima", "+12025550171", "ana@example.test")]
        lead = the_lead(world)
        assert (lead["state"], lead["failure"], lead["test"]) == ("fetched", None, False)
        assert lead["contact_id"] == world.value("SELECT id FROM contacts")
        assert {"key": "colour", "values": ["red"]} in lead["answers"]  # mapped nowhere, and kept
        assert world.rows("SELECT 1 FROM jobs") == []

    def test_where_it_came_from_is_kept(self, world: World, page: MetaLine):
        ad = Advertising("ig", "1", "Ad", "2", "Set", "3", "Spring")
        world.leads.add(
            Lead(LEAD, FORM, world.clock.now, answered(email="a@b.test"), organic=False, advertising=ad)
        )
        world.lead(page, LEAD)
        world.work("fetch_lead")
        lead = the_lead(world)
        assert (lead["platform"], lead["ad_id"], lead["adset_name"], lead["campaign_name"]) == (
            "ig",
            "1",
            "Set",
            "Spring",
        )
        assert lead["organic"] is False
        assert world.leads.asked == [f"lead {LEAD}", f"form {FORM}"]  # nobody asks whether it is a test

    def test_the_form_is_asked_for_once(self, world: World, page: MetaLine):
        for number in range(3):
            arrive(world, page, f"800000000000{number}", email=f"a{number}@b.test")
        assert world.leads.asked.count(f"form {FORM}") == 1

    def test_the_same_person_in_two_forms_is_one_contact_with_two_leads(self, world: World, page: MetaLine):
        arrive(world, page, LEAD, "9000000000001", phone_number="+12025550171", first_name="Ana")
        arrive(world, page, "8000000000002", "9000000000002", phone="202-555-0171", email="ana@example.test")
        assert people(world) == [("Ana", "+12025550171", "ana@example.test")]
        assert world.value("SELECT count(DISTINCT contact_id) FROM leads") == 1
        assert world.value("SELECT count(*) FROM leads WHERE contact_id IS NOT NULL") == 2

    def test_killed_between_fetch_and_store_nothing_is_lost_and_nobody_twice(
        self, world: World, page: MetaLine
    ):
        """Q2 for leads: reading is harmless to repeat, so the second try is the remedy."""
        left(world, email="ana@example.test")
        world.lead(page, LEAD)
        ids = world.due("fetch_lead")

        def die(_id: str) -> None:
            raise SystemExit

        world.leads.on_lead = die
        with pytest.raises(SystemExit):
            world.ring("fetch_lead", ids)
        assert (the_lead(world)["state"], job(world)["state"]) == ("queued", "leased")
        world.leads.on_lead = lambda _id: None
        world.clock.pass_(minutes=10)
        world.functions["tick"].handler()({}, _context(world, "tick"))
        world.work("fetch_lead")
        assert people(world) == [("", None, "ana@example.test")]
        assert the_lead(world)["state"] == "fetched"

    def test_Q6_rung_twice_at_once_it_is_fetched_once(self, world: World, page: MetaLine):
        left(world, email="ana@example.test")
        world.lead(page, LEAD)
        ids = world.due("fetch_lead")
        world.leads.on_lead = lambda _id: _ignore(world.ring("fetch_lead", ids))
        world.ring("fetch_lead", ids)
        assert world.leads.asked.count(f"lead {LEAD}") == 1
        assert len(people(world)) == 1

    def test_an_answer_that_is_no_number_is_kept_with_the_lead_and_leads_to_nobody(
        self, world: World, page: MetaLine
    ):
        arrive(world, page, phone_number="call me", full_name="Ana")
        assert people(world) == []
        lead = the_lead(world)
        assert (lead["state"], lead["contact_id"]) == ("fetched", None)
        assert lead["answers"] == values(*answered(phone_number="call me", full_name="Ana"))

    def test_answers_of_several_values_are_kept_as_they_are(self, world: World, page: MetaLine):
        from leadsrally.messaging.leads.types import Answer

        several = (Answer("bikes", ("city", "cargo")), Answer("empty", ()), *answered(email="a@b.test"))
        world.leads.add(Lead(LEAD, FORM, world.clock.now, several))
        world.lead(page, LEAD)
        world.work("fetch_lead")
        assert the_lead(world)["answers"] == values(*several)


def _ignore(_answer: Any) -> None:
    return None


def _context(world: World, name: str) -> Any:
    from infra.local.context import Context

    return Context(world.functions[name])


class TestNotFetched:
    def test_a_missing_lead_fails_with_its_cause_and_is_tried_again(self, world: World, page: MetaLine):
        world.lead(page, LEAD)
        world.work("fetch_lead")
        assert (the_lead(world)["state"], the_lead(world)["failure"]) == ("failed", "100")
        assert (job(world)["state"], job(world)["attempts"], job(world)["error"]) == ("queued", 1, "100")
        left(world, email="ana@example.test")
        world.clock.pass_(seconds=10)
        world.work("fetch_lead")
        assert the_lead(world)["state"] == "fetched"
        assert the_lead(world)["failure"] is None

    def test_after_the_last_try_the_job_is_dead_and_can_be_replayed(self, world: World, page: MetaLine):
        world.lead(page, LEAD)
        for _ in range(TRIES):
            world.work("fetch_lead")
            world.clock.pass_(hours=2)
        assert (job(world)["state"], job(world)["attempts"]) == ("dead", TRIES)
        assert the_lead(world)["state"] == "failed"

    def test_a_lead_that_is_withheld_stops_no_other(self, world: World, page: MetaLine):
        world.leads.held[LEAD] = Withheld("Leads Access Manager.", code="10")
        left(world, "8000000000002", email="ana@example.test")
        world.lead(page, LEAD)
        world.lead(page, "8000000000002")
        world.work("fetch_lead")
        assert (the_lead(world)["failure"], the_lead(world, "8000000000002")["state"]) == ("10", "fetched")
        assert world.value("SELECT trouble FROM channels WHERE id = %(id)s", id=page.id) is None

    def test_a_token_that_is_over_is_a_channel_in_trouble_and_its_leads_wait(
        self, world: World, page: MetaLine
    ):
        for lead_id in (LEAD, "8000000000002"):
            left(world, lead_id, email="ana@example.test")
            world.lead(page, lead_id)
        world.leads.failures = [TokenRefused("Over.", code="190")]
        world.work("fetch_lead")
        channel = world.row("SELECT trouble, trouble_since FROM channels WHERE id = %(id)s", id=page.id)
        assert channel == {"trouble": "190", "trouble_since": world.clock.now}
        assert world.value("SELECT kind FROM jobs WHERE queue = 'notify'") == "channel_trouble"
        assert len(world.leads.asked) == 1  # the second one did not ask
        waiting = world.rows("SELECT state, attempts, error FROM jobs WHERE queue = 'fetch_lead'")
        assert waiting == [{"state": "queued", "attempts": 0, "error": "channel_in_trouble"}] * 2
        assert the_lead(world)["state"] == "queued"

        world.execute("UPDATE channels SET trouble = NULL, trouble_since = NULL")  # connected again
        world.clock.pass_(minutes=11)
        world.work("fetch_lead")
        assert {row["state"] for row in world.rows("SELECT state FROM leads")} == {"fetched"}

    def test_Q4_a_page_that_is_asked_too_often_is_left_alone_and_no_other(
        self, world: World, org: Org, page: MetaLine
    ):
        other = world.lead_page(org)
        left(world, email="ana@example.test")
        left(world, "8000000000002", email="ben@example.test")
        world.lead(page, LEAD)
        world.leads.failures = [Limited("Too often.", code="rate_limited", retry_after=600)]
        world.work("fetch_lead")
        assert world.value("SELECT quiet_until FROM channels WHERE id = %(id)s", id=page.id) == (
            world.clock.now + timedelta(seconds=600)
        )
        assert (job(world)["attempts"], job(world)["error"]) == (0, "rate_limited")
        world.lead(other, "8000000000002")
        world.work("fetch_lead")
        assert the_lead(world, "8000000000002")["state"] == "fetched"
        world.clock.pass_(seconds=599)
        world.work("fetch_lead")
        assert the_lead(world)["state"] == "queued"
        world.clock.pass_(seconds=32)
        world.work("fetch_lead")
        assert the_lead(world)["state"] == "fetched"

    def test_a_silence_is_tried_again_by_itself(self, world: World, page: MetaLine):
        left(world, email="ana@example.test")
        world.leads.failures = [Unavailable("No answer.", code="not_answered")]
        world.lead(page, LEAD)
        world.work("fetch_lead")
        assert (the_lead(world)["state"], the_lead(world)["failure"]) == ("queued", "not_answered")
        world.clock.pass_(seconds=6)
        world.work("fetch_lead")
        assert the_lead(world)["state"] == "fetched"

    def test_a_page_that_was_disconnected_is_asked_nothing(self, world: World, page: MetaLine):
        left(world, email="ana@example.test")
        world.lead(page, LEAD)
        world.execute("UPDATE channels SET state = 'disconnected' WHERE id = %(id)s", id=page.id)
        world.work("fetch_lead")
        assert world.leads.asked == []
        assert (the_lead(world)["state"], the_lead(world)["failure"]) == ("failed", "channel_disconnected")
