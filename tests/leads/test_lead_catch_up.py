"""Reading forms: 90 days when a page is connected, and every hour what nobody told us of."""

from datetime import timedelta
from typing import Any

import pytest

from infra.local.context import Context
from leadsrally import runtime
from leadsrally.kit.errors import Limited, Unavailable
from leadsrally.messaging.leads.catch_up import KEPT_FOR, OVERLAP, ask_for_backfill
from leadsrally.messaging.leads.types import Lead, TokenRefused, Withheld
from tests.fakes import answered
from tests.leads.conftest import FORM, LEAD, left, people, the_lead
from tests.world import MetaLine, Org, World


def backfill(world: World, page: MetaLine) -> None:
    with runtime.of("api").db.tenant(page.organization_id) as tx:
        ask_for_backfill(tx, page.organization_id, page.id, now=world.clock.now)
    world.work("lead_catch_up")


def catch_up(world: World) -> int:
    function = world.functions["lead_catch_up"]
    asked = function.handler()({}, Context(function))["asked"]
    world.work("lead_catch_up")
    return asked


def filled(
    world: World, count: int, *, ago: timedelta = timedelta(0), form_id: str = FORM, start: int = 0
) -> None:
    for number in range(start, start + count):
        at = world.clock.now - ago - timedelta(minutes=count - number)
        answers = answered(email=f"person{form_id[-1]}{number}@example.test")
        world.leads.add(Lead(f"8{form_id[-2:]}000000{number:04d}", form_id, at, answers))


def read_through(world: World) -> object:
    return world.value("SELECT read_through FROM lead_forms WHERE provider_form_id = %(id)s", id=FORM)


class TestBackfill:
    def test_every_lead_of_every_form_page_by_page(self, world: World, page: MetaLine):
        filled(world, 5, ago=timedelta(days=30))
        filled(world, 3, ago=timedelta(days=80), form_id="9000000000002")
        backfill(world, page)
        assert world.value("SELECT count(*) FROM leads WHERE state = 'fetched'") == 8
        assert len(people(world)) == 8
        assert {row["found_by"] for row in world.rows("SELECT found_by FROM leads")} == {"backfill"}
        assert world.value("SELECT bool_and(backfilled) FROM leads") is True
        assert read_through(world) == world.clock.now
        # Nothing is sent, and nothing is waiting to be.
        assert world.rows("SELECT 1 FROM jobs") == []
        assert world.rows("SELECT 1 FROM messages") == []

    def test_many_pages_take_turns_with_others(self, world: World, page: MetaLine):
        filled(world, 27)
        backfill(world, page)
        assert world.value("SELECT count(*) FROM leads WHERE state = 'fetched'") == 27
        assert [asked for asked in world.leads.asked if asked.startswith("leads ")][-1] == f"leads {FORM} 26"

    def test_what_is_older_than_ninety_days_is_not_asked_for(self, world: World, page: MetaLine):
        filled(world, 1, ago=KEPT_FOR + timedelta(hours=1))
        backfill(world, page)
        assert world.value("SELECT count(*) FROM leads") == 0

    def test_asked_for_twice_it_is_done_once(self, world: World, page: MetaLine):
        for _ in range(2):
            with runtime.of("api").db.tenant(page.organization_id) as tx:
                ask_for_backfill(tx, page.organization_id, page.id, now=world.clock.now)
        assert world.value("SELECT count(*) FROM jobs") == 1

    def test_again_later_it_makes_nobody_twice(self, world: World, page: MetaLine):
        filled(world, 3)
        backfill(world, page)
        world.clock.pass_(days=1)
        backfill(world, page)
        assert len(people(world)) == world.value("SELECT count(*) FROM leads") == 3

    def test_a_lead_that_was_told_of_is_no_backfilled_one(self, world: World, page: MetaLine):
        left(world, email="ana@example.test")
        world.lead(page, LEAD)
        backfill(world, page)
        lead = the_lead(world)
        assert (lead["state"], lead["found_by"], lead["backfilled"]) == ("fetched", "webhook", False)
        assert world.work("fetch_lead") == 1  # its own job finds nothing left to do
        assert len(people(world)) == 1

    def test_a_lead_of_a_page_that_was_not_connected_is_taken_once_it_is(
        self, world: World, org: Org, page: MetaLine
    ):
        left(world, email="ana@example.test")
        world.lead(page, LEAD, page_id="123456")
        assert the_lead(world)["state"] == "refused_page"
        later = world.lead_page(org)
        world.execute("UPDATE channels SET page_id = '123456' WHERE id = %(id)s", id=later.id)
        backfill(world, later)
        assert (the_lead(world)["state"], the_lead(world)["channel_id"]) == ("fetched", later.id)


class TestCatchUp:
    def test_the_word_that_never_came_is_made_up_for_within_the_hour(self, world: World, page: MetaLine):
        backfill(world, page)
        world.clock.pass_(hours=1)
        left(world, email="ana@example.test")
        world.clock.pass_(minutes=10)
        assert catch_up(world) == 1
        lead = the_lead(world)
        assert (lead["state"], lead["found_by"], lead["backfilled"]) == ("fetched", "catch_up", False)

    def test_it_goes_back_an_overlap_and_no_further(self, world: World, page: MetaLine):
        filled(world, 1, ago=timedelta(days=3))
        backfill(world, page)
        since = world.clock.now
        world.clock.pass_(hours=8)
        seen: list[object] = []
        ask = world.leads.leads
        world.leads.leads = lambda form, at, after: seen.append(at) or ask(form, at, after)  # type: ignore[method-assign]
        catch_up(world)
        assert seen == [since - OVERLAP]

    def test_every_page_of_every_tenant_is_asked_and_no_disconnected_one(
        self, world: World, org: Org, page: MetaLine
    ):
        world.lead_page(world.organization("Rival"))
        gone = world.lead_page(org)
        world.execute("UPDATE channels SET state = 'disconnected' WHERE id = %(id)s", id=gone.id)
        assert catch_up(world) == 2
        asked = [what for what in world.leads.asked if what.startswith("forms")]
        assert len(asked) == 2
        assert f"forms {gone.page_id}" not in asked

    def test_a_new_form_is_found_and_read_from_its_beginning(self, world: World, page: MetaLine):
        filled(world, 1)
        backfill(world, page)
        world.clock.pass_(days=2)
        filled(world, 2, ago=timedelta(days=1), form_id="9000000000002")
        catch_up(world)
        found = world.rows("SELECT found_by, backfilled FROM leads WHERE provider_form_id = '9000000000002'")
        assert found == [{"found_by": "catch_up", "backfilled": False}] * 2

    def test_a_form_that_is_gone_is_read_no_more_and_kept(self, world: World, page: MetaLine):
        filled(world, 1)
        backfill(world, page)
        world.leads.shapes.clear()
        world.leads.asked.clear()
        catch_up(world)
        assert world.leads.asked == [f"forms {page.page_id}"]
        assert world.value("SELECT state FROM lead_forms") == "deleted"


class TestCursor:
    """It never passes a lead that has no row."""

    def test_a_reading_that_breaks_off_goes_on_where_it_was(self, world: World, page: MetaLine):
        filled(world, 7)
        ask, calls = world.leads.leads, []

        def fail_once(form: str, at: object, after: str | None) -> object:
            calls.append(after)
            if calls.count("4") == 1 and after == "4":
                raise Unavailable("No answer.", code="not_answered")
            return ask(form, at, after)  # type: ignore[arg-type]

        world.leads.leads = fail_once  # type: ignore[method-assign, assignment]
        backfill(world, page)
        assert world.value("SELECT count(*) FROM leads") == 4
        assert read_through(world) is None
        world.clock.pass_(seconds=10)
        world.work("lead_catch_up")
        assert calls == [None, "2", "4", "4", "6"]
        assert world.value("SELECT count(*) FROM leads WHERE state = 'fetched'") == 7
        assert read_through(world) == world.clock.now - timedelta(seconds=10)

    def test_a_lead_that_breaks_something_gets_a_row_and_a_job_and_holds_up_no_other(
        self, world: World, page: MetaLine, monkeypatch: pytest.MonkeyPatch
    ):
        from leadsrally.messaging.leads import catch_up as verb

        filled(world, 3)
        take = verb.take_lead

        def break_one(*given: Any, **named: Any) -> Any:
            if any(isinstance(one, Lead) and one.id.endswith("0001") for one in given):
                raise ZeroDivisionError
            return take(*given, **named)

        monkeypatch.setattr(verb, "take_lead", break_one)
        backfill(world, page)
        states = [row["state"] for row in world.rows("SELECT state FROM leads ORDER BY provider_lead_id")]
        assert states == ["fetched", "queued", "fetched"]
        world.clock.pass_(seconds=2)
        world.work("fetch_lead")
        assert world.value("SELECT count(*) FROM leads WHERE state = 'fetched'") == 3

    def test_a_cursor_that_has_grown_old_begins_anew(self, world: World, page: MetaLine):
        filled(world, 5)
        backfill(world, page)
        world.execute(
            """UPDATE lead_forms SET reading_since = read_through - interval '1 day', reading_begun_at = read_through,
                                     reading_for = 'catch_up', reading_after = 'old'"""
        )
        ask = world.leads.leads

        def refuse(form: str, at: object, after: str | None) -> object:
            if after == "old":
                raise Withheld("A bad cursor.", code="100")
            return ask(form, at, after)  # type: ignore[arg-type]

        world.leads.leads = refuse  # type: ignore[method-assign, assignment]
        catch_up(world)
        assert world.value("SELECT reading_after FROM lead_forms") is None
        assert world.value("SELECT trouble FROM channels") is None
        world.clock.pass_(seconds=10)
        world.work("lead_catch_up")
        assert world.value("SELECT reading_for FROM lead_forms") is None

    def test_Q14_rung_twice_or_not_for_three_days_it_comes_to_the_same(self, world: World, page: MetaLine):
        backfill(world, page)
        world.clock.pass_(days=3)
        filled(world, 3, ago=timedelta(days=1))
        catch_up(world)
        catch_up(world)
        assert len(people(world)) == 3


class TestNo:
    def test_a_token_that_is_over_is_trouble_until_the_page_can_be_asked_again(
        self, world: World, page: MetaLine
    ):
        world.leads.failures = [TokenRefused("Over.", code="190")]
        catch_up(world)
        assert world.value("SELECT trouble FROM channels") == "190"
        world.clock.pass_(hours=1)
        catch_up(world)
        assert world.row("SELECT trouble, trouble_since FROM channels") == {
            "trouble": None,
            "trouble_since": None,
        }

    def test_a_missing_permission_is_trouble_too(self, world: World, page: MetaLine):
        world.leads.failures = [Withheld("No permission.", code="200")]
        catch_up(world)
        assert world.value("SELECT trouble FROM channels") == "200"

    def test_a_page_that_is_asked_too_often_is_left_alone(self, world: World, page: MetaLine):
        world.leads.failures = [Limited("Too often.", code="rate_limited", retry_after=1200)]
        catch_up(world)
        assert len(world.leads.asked) == 1
        world.clock.pass_(minutes=19)
        world.work("lead_catch_up")
        assert len(world.leads.asked) == 1
        world.clock.pass_(minutes=2)
        world.work("lead_catch_up")
        assert len(world.leads.asked) == 2


class TestTests:
    """Leads that somebody left to try the form are marked, and make nobody."""

    @pytest.mark.parametrize("by", ["webhook", "backfill"])
    def test_a_test_lead_is_flagged_by_what_the_provider_says(self, world: World, page: MetaLine, by: str):
        lead = Lead(LEAD, FORM, world.clock.now, answered(email="test@meta.example"), organic=True)
        world.leads.add(lead)
        world.leads.tests.add(LEAD)
        if by == "webhook":
            world.lead(page, LEAD)
            world.work("fetch_lead")
        else:
            backfill(world, page)
        found = the_lead(world)
        assert (found["state"], found["test"], found["contact_id"]) == ("fetched", True, None)
        assert people(world) == []

    def test_or_by_what_the_testing_tool_fills_in(self, world: World, page: MetaLine):
        left(world, full_name="<test lead: dummy data for full_name>", email="test@meta.example")
        world.lead(page, LEAD)
        world.work("fetch_lead")
        assert the_lead(world)["test"] is True

    def test_what_came_without_an_ad_is_no_test_for_that(self, world: World, page: MetaLine):
        world.leads.add(Lead(LEAD, FORM, world.clock.now, answered(email="ana@example.test"), organic=True))
        world.lead(page, LEAD)
        world.work("fetch_lead")
        assert (the_lead(world)["test"], len(people(world))) == (False, 1)
