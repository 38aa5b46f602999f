"""Permission with proof: it never outweighs a later no, and what may end an opt-out is little (decision 0022)."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leadsrally import runtime
from leadsrally.consent import change, store, suppressions
from leadsrally.consent.grant import Outcome, grant
from leadsrally.consent.permission import permission
from leadsrally.consent.types import Evidence, Purpose, Source, Wanted
from leadsrally.kit.db import Database, Tx
from tests.world import Line, World

NUMBERS = [b"n" * 32]
WANTED: tuple[Wanted, ...] = ("service", "marketing")


@pytest.fixture
def db(world: World) -> Database:
    return runtime.of("api").db


def meet(tx: Tx, line: Line, world: World) -> UUID:
    contact_id = uuid4()
    tx_values = {
        "org": line.organization_id,
        "id": contact_id,
        "phone": str(contact_id),
        "now": world.clock.now,
    }
    world.execute(
        """INSERT INTO contacts (organization_id, id, phone, created_at, updated_at)
           VALUES (%(org)s, %(id)s, %(phone)s, %(now)s, %(now)s)""",
        **tx_values,
    )
    return contact_id


class Person:
    """Somebody in one transaction, with a clock that goes on by a second with everything that is said."""

    def __init__(self, world: World, line: Line, tx: Tx) -> None:
        self.world, self.line, self.tx = world, line, tx
        self.id = meet(tx, line, world)
        self.addresses = [self.id.bytes * 2]

    def stops(self, source: Source = "keyword", purpose: Purpose = "all") -> None:
        self.world.clock.pass_(seconds=1)
        now = self.world.clock.now
        evidence = Evidence(source, now, word="stop")
        change.revoke(
            self.tx,
            self.line.organization_id,
            self.id,
            "sms",
            self.addresses,
            evidence,
            now=now,
            purpose=purpose,
        )

    def agrees(self, purpose: Wanted = "marketing", **said: Any) -> Outcome:
        self.world.clock.pass_(seconds=1)
        now = self.world.clock.now
        proof: dict[str, Any] = {
            "source": "staff",
            "occurred_at": now,
            "actor_id": uuid4(),
            "method": "web_form",
            "wording": "I agree.",
            "reference": "form 817",
            **said,
        }
        return grant(
            self.tx,
            self.line.organization_id,
            self.id,
            "sms",
            purpose,
            self.addresses,
            Evidence(**proof),
            now=now,
        )

    def starts(self) -> bool:
        self.world.clock.pass_(seconds=1)
        now = self.world.clock.now
        evidence = Evidence("keyword", now, word="start")
        return change.restore(
            self.tx, self.line.organization_id, self.id, "sms", self.addresses, evidence, now=now
        )

    def may(self, purpose: Wanted) -> bool:
        org_id = self.line.organization_id
        standings = store.standings(self.tx, org_id, self.id, "sms")
        suppressed = suppressions.suppressed(self.tx, org_id, "sms", self.addresses, purpose)
        return permission(standings, suppressed=suppressed, purpose=purpose).permitted

    @property
    def permitted(self) -> tuple[bool, bool]:
        return self.may("service"), self.may("marketing")


class TestGrant:
    def test_a_yes_is_kept_with_who_when_how_and_in_which_words(self, world: World, line: Line, db: Database):
        actor, when = uuid4(), world.clock.now - timedelta(days=3)
        with db.tenant(line.organization_id) as tx:
            person = Person(world, line, tx)
            assert person.permitted == (True, False)
            assert person.agrees(actor_id=actor, occurred_at=when) == "granted"
            assert person.permitted == (True, True)
        event = world.row("SELECT * FROM consent_events")
        assert (event["action"], event["purpose"], event["source"]) == ("grant", "marketing", "staff")
        assert (event["method"], event["reference"], event["actor_id"]) == ("web_form", "form 817", actor)
        assert (event["occurred_at"], event["recorded_at"]) == (when, world.clock.now)
        assert world.row("SELECT id, words FROM consent_wordings") == {
            "id": event["wording_id"],
            "words": "I agree.",
        }

    def test_the_same_words_are_kept_once(self, world: World, line: Line, db: Database):
        with db.tenant(line.organization_id) as tx:
            for wording in ("I agree.", "I agree.", "I agree!"):
                Person(world, line, tx).agrees(wording=wording)
        assert world.value("SELECT count(*) FROM consent_wordings") == 2

    def test_of_two_yeses_the_newer_stands(self, world: World, line: Line, db: Database):
        old = world.clock.now - timedelta(days=9)
        with db.tenant(line.organization_id) as tx:
            person = Person(world, line, tx)
            person.agrees(wording="new")
            person.agrees(wording="old", occurred_at=old)
            (standing,) = store.standings(tx, line.organization_id, person.id, "sms")
            assert standing.since > old
        assert world.value("SELECT count(*) FROM consent_events") == 2

    def test_a_hold_goes_on(self, world: World, line: Line, db: Database):
        with db.tenant(line.organization_id) as tx:
            person = Person(world, line, tx)
            evidence = Evidence("phrase", world.clock.now)
            change.pause(tx, line.organization_id, person.id, "sms", evidence, now=world.clock.now)
            assert person.agrees() == "granted"
            assert person.permitted == (False, False)
            change.resume(tx, line.organization_id, person.id, "sms", evidence, now=world.clock.now)
            assert person.permitted == (True, True)


class TestLift:
    def test_S7_a_newer_full_proof_ends_an_opt_out_for_its_purpose_alone(
        self, world: World, line: Line, db: Database
    ):
        with db.tenant(line.organization_id) as tx:
            person = Person(world, line, tx)
            person.stops()
            assert person.permitted == (False, False)
            assert person.agrees("marketing") == "lifted"
            assert person.permitted == (False, True)
            assert person.agrees("service") == "lifted"
            assert person.permitted == (True, True)

    def test_the_other_purpose_keeps_the_evidence_of_the_opt_out(
        self, world: World, line: Line, db: Database
    ):
        with db.tenant(line.organization_id) as tx:
            person = Person(world, line, tx)
            person.stops()
            (stop,) = store.standings(tx, line.organization_id, person.id, "sms")
            person.agrees("marketing")
            standings = {s.purpose: s for s in store.standings(tx, line.organization_id, person.id, "sms")}
            assert standings.keys() == {"service", "marketing"}
            assert (standings["service"].event_id, standings["service"].since) == (stop.event_id, stop.since)

    @pytest.mark.parametrize(
        "said",
        [
            {"source": "import"},
            {"source": "lead_form", "method": "lead_form"},
            {"source": "api"},
            {"method": "existing_customer"},
            {"method": "other"},
            {"method": None},
            {"wording": None},
            {"reference": None},
            {"actor_id": None},
        ],
        ids=str,
    )
    def test_S7_anything_less_ends_none_and_is_kept_as_evidence(
        self, world: World, line: Line, db: Database, said: dict[str, Any]
    ):
        with db.tenant(line.organization_id) as tx:
            person = Person(world, line, tx)
            person.stops()
            assert person.agrees(**said) == "opted_out"
            assert person.permitted == (False, False)
        assert world.value("SELECT count(*) FROM consent_events WHERE action = 'grant'") == 1

    @pytest.mark.parametrize("before", [timedelta(0), timedelta(microseconds=1), timedelta(days=30)])
    def test_a_proof_that_is_not_newer_ends_none(
        self, world: World, line: Line, db: Database, before: timedelta
    ):
        with db.tenant(line.organization_id) as tx:
            person = Person(world, line, tx)
            person.stops()
            assert person.agrees(occurred_at=world.clock.now - before) == "opted_out"
            assert person.permitted == (False, False)

    @pytest.mark.parametrize("source", ["provider", "provider_error"])
    def test_where_the_provider_blocks_only_the_person_can(
        self, world: World, line: Line, db: Database, source: Source
    ):
        with db.tenant(line.organization_id) as tx:
            person = Person(world, line, tx)
            person.stops(source)
            assert person.agrees() == "blocked_at_provider"
            assert person.permitted == (False, False)
            assert person.starts()
            assert person.permitted == (True, True)

    def test_an_opt_out_that_outlived_its_person_holds_as_well(self, world: World, line: Line, db: Database):
        with db.tenant(line.organization_id) as tx:
            erased, again = Person(world, line, tx), Person(world, line, tx)
            again.addresses = erased.addresses
            erased.stops()
            assert again.agrees(source="import") == "opted_out"
            assert again.agrees(occurred_at=world.clock.now - timedelta(hours=1)) == "opted_out"
            assert again.agrees("marketing") == "lifted"
            assert again.permitted == (False, True)

    def test_start_ends_what_is_left_of_an_opt_out(self, world: World, line: Line, db: Database):
        with db.tenant(line.organization_id) as tx:
            person = Person(world, line, tx)
            person.stops()
            person.agrees("marketing")
            assert person.starts()
            assert person.permitted == (True, True)

    def test_no_offers_but_the_appointment(self, world: World, line: Line, db: Database):
        with db.tenant(line.organization_id) as tx:
            person = Person(world, line, tx)
            person.agrees("marketing")
            person.stops(purpose="marketing")
            assert person.permitted == (True, False)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("stop"), st.sampled_from(["all", "service", "marketing"])),
        st.tuples(st.just("staff"), st.sampled_from(WANTED)),
        st.tuples(st.just("import"), st.sampled_from(WANTED)),
        st.tuples(st.just("start"), st.just("all")),
    ),
    max_size=7,
)


class TestAnyOrder:
    @settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(steps=STEPS)
    def test_S7_nothing_but_the_persons_own_act_ends_a_no(
        self, world: World, line: Line, db: Database, steps: list[tuple[str, Any]]
    ):
        """Against a model of two switches, each `None` (nothing said), yes or no."""
        model: dict[Wanted, bool | None] = dict.fromkeys(WANTED)
        with db.tenant(line.organization_id) as tx:
            person = Person(world, line, tx)
            for act, purpose in steps:
                about: tuple[Wanted, ...] = WANTED if purpose == "all" else (purpose,)
                if act == "stop":
                    person.stops(purpose=purpose)
                    model |= dict.fromkeys(about, False)
                elif act == "staff":
                    person.agrees(purpose)
                    model[purpose] = True
                elif act == "import":
                    outcome = person.agrees(purpose, source="import")
                    assert (outcome == "opted_out") == (model[purpose] is False)
                    model[purpose] = model[purpose] is not False
                else:
                    person.starts()
                    model = {wanted: True if said is False else said for wanted, said in model.items()}
                    if all(said is None for said in model.values()):
                        assert store.standings(tx, line.organization_id, person.id, "sms") == []
                assert person.permitted == (model["service"] is not False, model["marketing"] is True) or (
                    # A START that ended a no about everything said yes to everything.
                    act == "start" and person.permitted == (True, True)
                )
                if act == "start" and person.permitted == (True, True):
                    model = dict.fromkeys(WANTED, True)


class TestLateNo:
    def test_S11_a_no_that_the_provider_tells_late_outweighs_a_file_in_between(
        self, world: World, line: Line, db: Database
    ):
        with db.tenant(line.organization_id) as tx:
            person = Person(world, line, tx)
            told_at = world.clock.now
            assert person.agrees("marketing", source="import") == "granted"
            stands = change.prefer(
                tx,
                line.organization_id,
                person.id,
                "sms",
                person.addresses,
                Evidence("provider", told_at),
                marketing=False,
                now=world.clock.now,
            )
            assert stands
            assert person.permitted == (True, False)

    def test_a_hold_after_a_narrowed_opt_out_ends_without_it(self, world: World, line: Line, db: Database):
        with db.tenant(line.organization_id) as tx:
            person = Person(world, line, tx)
            person.stops()
            person.agrees("marketing")
            evidence = Evidence("phrase", world.clock.now)
            change.pause(tx, line.organization_id, person.id, "sms", evidence, now=world.clock.now)
            assert person.permitted == (False, False)
            change.resume(tx, line.organization_id, person.id, "sms", evidence, now=world.clock.now)
            assert person.permitted == (False, True)
