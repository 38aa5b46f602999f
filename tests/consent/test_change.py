"""Permission changes, held against a small model: no order of words makes consent or weakens an opt-out."""

from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leadsrally import runtime
from leadsrally.consent import change, store, suppressions, unsubscribe
from leadsrally.consent.types import Action, Evidence, State
from leadsrally.consent.unsubscribe_link import Link
from leadsrally.kit.db import Database, Tx
from leadsrally.kit.errors import Unavailable
from tests.world import Line, World

Way = Action | Literal["link", "undo"]
WAYS: list[Way] = ["grant", "revoke", "pause", "resume", "link", "undo"]


@pytest.fixture
def db(world: World) -> Database:
    return runtime.of("webhook_twilio").db


def meet(tx: Tx, line: Line, world: World) -> UUID:
    contact_id = uuid4()
    tx.run(
        """INSERT INTO contacts (organization_id, id, phone, created_at, updated_at)
           VALUES (%(org)s, %(id)s, %(phone)s, %(now)s, %(now)s)""",
        {
            "org": line.organization_id,
            "id": contact_id,
            "phone": str(contact_id),
            "now": world.clock.now,
        },
    )
    return contact_id


def do(tx: Tx, line: Line, contact_id: UUID, way: Way, world: World, said_at: datetime | None = None) -> bool:
    """Returns whether something changed; what the link does, it does not tell."""
    world.clock.pass_(seconds=1)
    now, org_id, number = world.clock.now, line.organization_id, [contact_id.bytes]
    evidence = Evidence("keyword", said_at or now)
    match way:
        case "link":
            unsubscribe.stop(tx, link_of(line, contact_id), "all", now=now)
            return False
        case "undo":
            unsubscribe.undo(tx, link_of(line, contact_id), now=now)
            return False
        case "revoke":
            return change.revoke(tx, org_id, contact_id, "sms", number, evidence, now=now)
        case "grant":
            return change.restore(tx, org_id, contact_id, "sms", number, evidence, now=now)
        case "pause":
            return change.pause(tx, org_id, contact_id, "sms", evidence, now=now)
        case "resume":
            return change.resume(tx, org_id, contact_id, "sms", evidence, now=now)
        case _:
            raise AssertionError(way)


def link_of(line: Line, contact_id: UUID) -> Link:
    """As it was in a text to this contact."""
    return Link(line.organization_id, contact_id, "sms", [contact_id.bytes], "Harbour Bikes", "en", "channel")


def standing(tx: Tx, line: Line, contact_id: UUID) -> State | None:
    found = store.standings(tx, line.organization_id, contact_id, "sms")
    return found[0].state if found else None


class Model:
    """What must stand: a word of the person, over it perhaps a hold, and over both what the link stopped."""

    def __init__(self) -> None:
        self.said: State | None = None
        self.held = False
        self.by_link = False

    def do(self, way: Way) -> bool:
        """Returns whether something changed."""
        refused, changed = self.stands == "revoked", False
        match way:
            case "revoke":
                changed, self.said = not refused, "revoked"
                self.held = self.by_link = False
            case "grant":
                changed = refused or self.held
                self.said = "granted" if refused else self.said
                self.held = self.by_link = False
            case "pause":
                changed = not refused
                self.held = self.held or changed
            case "resume":
                changed = self.held and not refused
                self.held = self.held and refused
            case "link":
                self.by_link = self.by_link or not refused
            case _:
                self.by_link = False
        return changed

    @property
    def stands(self) -> State | None:
        if self.by_link:
            return "revoked"
        return "paused" if self.held else self.said


class TestOrder:
    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(ways=st.lists(st.sampled_from(WAYS), max_size=8))
    def test_S9_every_order_of_changes_comes_to_what_the_model_says(
        self, world: World, line: Line, db: Database, ways: list[Way]
    ):
        model = Model()
        with db.tenant(line.organization_id) as tx:
            contact_id = meet(tx, line, world)
            for way in ways:
                assert do(tx, line, contact_id, way, world) == model.do(way)
                assert standing(tx, line, contact_id) == model.stands
                hashed = suppressions.suppressed(tx, line.organization_id, "sms", [contact_id.bytes])
                assert hashed == (model.stands == "revoked")

    def test_what_the_link_took_back_does_not_come_again_with_the_end_of_a_hold(
        self, world: World, line: Line, db: Database
    ):
        with db.tenant(line.organization_id) as tx:
            contact_id = meet(tx, line, world)
            for way in ("link", "undo", "pause", "resume"):
                do(tx, line, contact_id, way, world)
            assert standing(tx, line, contact_id) is None

    @pytest.mark.parametrize(
        ("said", "stands"),
        [
            # Each word with the minute in which it was said, in the order in which they are told.
            ([("revoke", 10), ("revoke", 0), ("grant", 5)], "revoked"),
            ([("revoke", 0), ("revoke", 10), ("grant", 5)], "revoked"),
            ([("pause", 10), ("grant", 5)], "paused"),
            ([("revoke", 0), ("revoke", 10), ("grant", 15)], "granted"),
            ([("pause", 10), ("grant", 15)], None),
        ],
    )
    def test_S9_a_yes_answers_what_was_said_before_it(
        self, world: World, line: Line, db: Database, said: list[tuple[Way, int]], stands: State | None
    ):
        began = world.clock.now
        world.clock.pass_(minutes=30)
        with db.tenant(line.organization_id) as tx:
            contact_id = meet(tx, line, world)
            for way, minute in said:
                do(tx, line, contact_id, way, world, began + timedelta(minutes=minute))
            assert standing(tx, line, contact_id) == stands
            hashed = suppressions.suppressed(tx, line.organization_id, "sms", [contact_id.bytes])
            assert hashed == (stands == "revoked")

    @pytest.mark.parametrize(("told", "out"), [(5, True), (15, False)])
    def test_S7_after_an_erasure_a_yes_from_before_the_no_lifts_nothing(
        self, world: World, line: Line, db: Database, told: int, out: bool
    ):
        began = world.clock.now
        world.clock.pass_(minutes=30)
        with db.tenant(line.organization_id) as tx:
            contact_id = meet(tx, line, world)
            suppressions.suppress(
                tx,
                line.organization_id,
                "sms",
                [contact_id.bytes],
                "all",
                source="keyword",
                since=began + timedelta(minutes=10),
            )
            changed = do(tx, line, contact_id, "grant", world, began + timedelta(minutes=told))
            assert changed != out
            assert suppressions.suppressed(tx, line.organization_id, "sms", [contact_id.bytes]) == out

    def test_S9_nothing_but_an_opt_out_taken_back_is_consent(self, world: World, line: Line, db: Database):
        with db.tenant(line.organization_id) as tx:
            contact_id = meet(tx, line, world)
            for way in ("grant", "pause", "resume", "grant", "pause", "grant"):
                do(tx, line, contact_id, way, world)
            assert standing(tx, line, contact_id) is None


class TestEvidence:
    def test_G6_each_change_leaves_one_event_and_no_change_leaves_none(
        self, world: World, line: Line, db: Database
    ):
        with db.tenant(line.organization_id) as tx:
            contact_id = meet(tx, line, world)
            changed = [do(tx, line, contact_id, way, world) for way in ("resume", "grant", "pause", "resume")]
        assert changed == [False, False, True, True]
        assert world.value("SELECT count(*) FROM consent_events") == 2

    def test_a_repeated_opt_out_is_on_record_though_nothing_changes(
        self, world: World, line: Line, db: Database
    ):
        with db.tenant(line.organization_id) as tx:
            contact_id = meet(tx, line, world)
            assert do(tx, line, contact_id, "revoke", world)
            assert not do(tx, line, contact_id, "revoke", world)
            newest = store.standings(tx, line.organization_id, contact_id, "sms")[0].since
        assert world.value("SELECT count(*) FROM consent_events") == 2
        assert world.value("SELECT since FROM suppressions") == newest == world.clock.now

    def test_other_kinds_of_channel_are_not_touched(self, world: World, line: Line, db: Database):
        with db.tenant(line.organization_id) as tx:
            contact_id = meet(tx, line, world)
            do(tx, line, contact_id, "revoke", world)
            assert store.standings(tx, line.organization_id, contact_id, "email") == []
            assert not suppressions.suppressed(tx, line.organization_id, "email", contact_id.bytes)

    def test_it_does_not_wait_for_another_thread_of_the_person(self, world: World, line: Line, db: Database):
        """Else two first texts at once, to two of our numbers, that both say STOP would wait for each other."""
        with db.tenant(line.organization_id) as tx:
            contact_id = meet(tx, line, world)
        with db.tenant(line.organization_id) as writing:
            writing.run("SELECT 1 FROM contacts WHERE id = %(id)s FOR KEY SHARE", {"id": contact_id})
            with db.tenant(line.organization_id) as tx:
                tx.run("SET LOCAL lock_timeout = '50ms'", {})
                assert do(tx, line, contact_id, "revoke", world)

    def test_it_waits_for_a_send_that_is_being_claimed(self, world: World, line: Line, db: Database):
        """The claim holds the contact; the change comes after it, and only then."""
        with db.tenant(line.organization_id) as tx:
            contact_id = meet(tx, line, world)

        def stop_impatiently() -> None:
            with db.tenant(line.organization_id) as tx:
                tx.run("SET LOCAL lock_timeout = '50ms'", {})
                do(tx, line, contact_id, "revoke", world)

        with db.tenant(line.organization_id) as sending:
            sending.run("SELECT 1 FROM contacts WHERE id = %(id)s FOR NO KEY UPDATE", {"id": contact_id})
            with pytest.raises(Unavailable):
                stop_impatiently()
        with db.tenant(line.organization_id) as tx:
            assert do(tx, line, contact_id, "revoke", world)
