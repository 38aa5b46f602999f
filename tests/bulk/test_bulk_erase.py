"""Many people erased at once: whom it reaches, how it is asked for, how it goes on and stops (P7.2)."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from leadsrally.accounts import callers
from leadsrally.privacy.erasure import many
from tests.api.conftest import Client, person, problem
from tests.bulk.conftest import EVERYBODY, Bulk
from tests.erasure.conftest import everything
from tests.world import Line, World


def asked(bulk: Bulk, people: int, **choice: Any) -> UUID:
    bulk.world.clock.pass_(seconds=1)  # whoever came in the same instant may count as later
    bulk.client.confirm()
    status, begun = bulk.client.post("/v1/contacts/erasures", {"people": people, **choice})
    assert status == 202, begun
    assert (begun["kind"], begun["state"], begun["undo_until"]) == ("erase", "running", None)
    return UUID(begun["id"])


def goes_on(bulk: Bulk, *, times: int = 1) -> None:
    """The tick comes round, and each queue does what is due."""
    for _ in range(times):
        bulk.world.work("bulk_contacts")
        bulk.world.clock.pass_(minutes=1)
        bulk.world.work("erase")
    bulk.world.work("bulk_contacts")
    assert (
        bulk.world.rows(
            "SELECT kind, error FROM jobs WHERE error NOT IN ('being_erased', 'goes_on', 'under_way')"
        )
        == []
    )


def ended(bulk: Bulk, action_id: UUID) -> dict[str, int]:
    shown = bulk.shown(action_id)
    assert shown["state"] == "done", shown
    return {name: count for name, count in shown["counts"].items() if count}


def left(bulk: Bulk) -> set[UUID]:
    return {row["id"] for row in bulk._ids()}


class TestErasing:
    def test_P7_2_everybody_of_a_choice_is_erased_and_nobody_else(self, world: World, bulk: Bulk, bite: int):
        bulk.field("city")
        stay = bulk.people(2, fields={"city": "Ulm"})
        bulk.people(5, fields={"city": "Berlin"}, email="somebody@berlin.example")
        berlin = {"on": "fields.city", "is": "equal", "value": "Berlin"}
        action_id = asked(bulk, 5, condition=berlin)
        goes_on(bulk)
        assert ended(bulk, action_id) == {"changed": 5}
        assert left(bulk) == set(stay)
        assert world.value("SELECT count(*) FROM erasures WHERE state = 'done'") == 5
        assert "somebody@berlin.example" not in everything(world)
        assert "Berlin" not in everything(world), "the choice itself goes with them"

    def test_who_opted_out_stays_so_when_they_are_written_down_again(
        self, world: World, bulk: Bulk, line: Line
    ):
        world.text(line, "STOP", sender="+14158675310")
        action_id = asked(bulk, 1, **EVERYBODY)
        goes_on(bulk)
        assert ended(bulk, action_id) == {"changed": 1}
        assert "+14158675310" not in everything(world)
        assert world.value("SELECT count(*) FROM suppressions WHERE channel_kind = 'sms'") == 1

    def test_those_who_are_named_are_erased_and_who_is_not_there_is_missing(self, bulk: Bulk, bite: int):
        ada, bob, cy = bulk.people(3)
        action_id = asked(bulk, 3, contact_ids=[str(ada), str(cy), str(uuid4())])
        goes_on(bulk)
        assert ended(bulk, action_id) == {"changed": 2, "missing": 1}
        assert left(bulk) == {bob}

    def test_E18_a_person_whose_data_is_restricted_stays(self, world: World, bulk: Bulk):
        ada, _ = bulk.people(2)
        world.execute("UPDATE contacts SET restricted_at = created_at WHERE id = %(id)s", id=ada)
        action_id = asked(bulk, 2, **EVERYBODY)
        goes_on(bulk)
        assert ended(bulk, action_id) == {"changed": 1, "restricted": 1}
        assert left(bulk) == {ada}

    def test_it_is_done_when_the_last_is_erased_and_not_when_it_was_asked_for(self, bulk: Bulk):
        bulk.people(2)
        action_id = asked(bulk, 2, **EVERYBODY)
        bulk.world.work("bulk_contacts")
        shown = bulk.shown(action_id)
        assert (shown["state"], shown["progress"]["done"]) == ("running", 2)
        goes_on(bulk)
        assert ended(bulk, action_id) == {"changed": 2}

    def test_T2_nobody_of_another_tenant_is_erased_or_counted(self, world: World, bulk: Bulk):
        rival = world.organization("Rival")
        theirs = Bulk(world, rival, person(world, rival))
        (foreign,) = theirs.people(1)
        _, segment = theirs.client.post("/v1/segments", {"name": "all", "condition": {"all": []}})
        problem(
            bulk.client.post("/v1/contacts/count", {"segment_id": segment["id"]}), 404, "segment_not_found"
        )
        bulk.client.confirm()
        body = {"segment_id": segment["id"], "people": 1}
        problem(bulk.client.post("/v1/contacts/erasures", body), 404, "segment_not_found")
        assert bulk.client.post("/v1/contacts/count", EVERYBODY) == (200, {"contacts": 0})
        action_id = asked(bulk, 1, contact_ids=[str(foreign)])
        goes_on(bulk)
        assert ended(bulk, action_id) == {"missing": 1}
        assert left(theirs) == {foreign}


class TestAsking:
    def test_A13_who_was_not_confirmed_lately_is_asked_to(self, world: World, bulk: Bulk):
        bulk.people(1)
        world.clock.pass_(seconds=callers.CONFIRMED_FOR.total_seconds() + 1)
        body = {"people": 1, **EVERYBODY}
        problem(bulk.client.post("/v1/contacts/erasures", body), 403, "confirmation_needed")

    @pytest.mark.parametrize("people", [1, 3])
    def test_another_number_of_people_than_there_are_is_refused(self, bulk: Bulk, people: int):
        bulk.people(2)
        assert bulk.client.post("/v1/contacts/count", EVERYBODY) == (200, {"contacts": 2})
        bulk.client.confirm()
        body = {"people": people, **EVERYBODY}
        problem(bulk.client.post("/v1/contacts/erasures", body), 409, "count_differs")

    def test_who_may_not_erase_one_may_not_erase_many(self, world: World, bulk: Bulk):
        agent: Client = person(world, bulk.org, role="agent")
        agent.confirm()
        problem(agent.post("/v1/contacts/erasures", {"people": 1, **EVERYBODY}), 403, "forbidden")


class TestStopping:
    def test_who_comes_after_they_were_counted_stays(self, bulk: Bulk):
        bulk.people(2)
        action_id = asked(bulk, 2, **EVERYBODY)
        (late,) = bulk.people(1)
        goes_on(bulk)
        assert ended(bulk, action_id) == {"changed": 2}
        assert left(bulk) == {late}

    def test_it_stops_before_it_erases_more_than_were_counted(self, world: World, bulk: Bulk):
        people = bulk.people(3)
        bulk.client.post(f"/v1/contacts/{people[0]}/tags", {"names": ["old"]})
        old = {"on": "tag", "is": "set", "value": bulk.tag_id("old")}
        action_id = asked(bulk, 1, condition=old)
        for one in people[1:]:
            bulk.client.post(f"/v1/contacts/{one}/tags", {"names": ["old"]})
        goes_on(bulk)
        shown = bulk.shown(action_id)
        assert (shown["state"], shown["reason"]) == ("failed", "more_than_confirmed")
        assert left(bulk) == set(people)

    def test_it_waits_for_those_before_and_who_cancels_it_keeps_the_rest(
        self, monkeypatch: pytest.MonkeyPatch, bulk: Bulk
    ):
        monkeypatch.setattr(many, "AT_WORK", 2)
        people = bulk.people(5)
        action_id = asked(bulk, 5, **EVERYBODY)
        bulk.world.work("bulk_contacts")
        assert bulk.shown(action_id)["counts"]["changed"] == 2
        assert bulk.client.post(f"/v1/contacts/bulk/{action_id}/cancel") == (200, {"state": "cancelled"})
        goes_on(bulk, times=2)
        assert left(bulk) == set(people[:3]), "the newest were first"
        assert bulk.shown(action_id)["counts"]["changed"] == 2

    def test_it_goes_on_by_itself_to_the_end(self, monkeypatch: pytest.MonkeyPatch, bulk: Bulk):
        monkeypatch.setattr(many, "AT_WORK", 2)
        bulk.people(5)
        action_id = asked(bulk, 5, **EVERYBODY)
        goes_on(bulk, times=3)
        assert ended(bulk, action_id) == {"changed": 5}

    def test_it_cannot_be_taken_back(self, bulk: Bulk):
        bulk.people(1)
        action_id = asked(bulk, 1, **EVERYBODY)
        goes_on(bulk)
        problem(bulk.client.post(f"/v1/contacts/bulk/{action_id}/undo"), 409, "not_undoable")

    def test_a_person_who_is_being_erased_already_is_not_asked_for_twice(self, bulk: Bulk):
        (ada,) = bulk.people(1)
        assert bulk.client.post("/v1/erasures", {"kind": "contact", "id": str(ada)})[0] == 202
        action_id = asked(bulk, 1, **EVERYBODY)
        goes_on(bulk)
        assert ended(bulk, action_id) == {"restricted": 1}
        assert left(bulk) == set()


def test_Q9_a_bite_that_was_not_committed_asked_for_nobody(
    monkeypatch: pytest.MonkeyPatch, world: World, bulk: Bulk
):
    """What is asked for and how far it is are one transaction."""
    bulk.people(2)
    action_id = asked(bulk, 2, **EVERYBODY)

    def fall(*_given: Any, **_more: Any) -> None:
        raise ConnectionError

    with monkeypatch.context() as broken:
        broken.setattr(many.store, "advance", fall)
        world.work("bulk_contacts")
    assert world.value("SELECT count(*) FROM erasures") == 0
    assert world.value("SELECT count(*) FROM contacts WHERE restricted_at IS NOT NULL") == 0
    world.execute("UPDATE jobs SET error = NULL WHERE queue = 'bulk_contacts'")
    world.clock.pass_(minutes=1)
    goes_on(bulk)
    assert ended(bulk, action_id) == {"changed": 2}
