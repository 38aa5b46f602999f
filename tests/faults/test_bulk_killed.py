"""Bulk actions killed with SIGKILL between and within their bites: the next worker goes on, and every count is exact."""

import signal
from typing import Any

import pytest

from leadsrally import runtime
from leadsrally.contacts.bulk.types import file_of
from tests.api.conftest import person
from tests.bulk.conftest import EVERYBODY, Bulk
from tests.faults.conftest import Mortals
from tests.world import World

KILLED = -signal.SIGKILL


def prepared(world: World) -> tuple[Bulk, list[Any]]:
    """Eleven people, of whom one has the tag already and one is restricted."""
    org = world.organization()
    bulk = Bulk(world, org, person(world, org))
    people = bulk.people(11)
    bulk.run("tag", tag=["vip"], contact_ids=[str(people[4])])
    world.execute("UPDATE contacts SET restricted_at = created_at WHERE id = %(id)s", id=people[7])
    return bulk, people


@pytest.mark.parametrize("commits", [0, 1, 2, 3, 4])
def test_Q9_a_run_that_died_at_any_commit_is_gone_on_with(world: World, mortals: Mortals, commits: int):
    """Commits are: the claim, one for each bite of four, the job's own."""
    bulk, people = prepared(world)
    action_id = bulk.asked("tag", tag=["vip"], **EVERYBODY)
    ended = mortals.run("work", queue="bulk_contacts", batch=4, die="before_commit", commits=commits)
    assert ended == KILLED
    half = bulk.shown(action_id)
    assert half["counts"]["changed"] == len(bulk.tagged("vip")) - 1  # what is counted is what is done

    mortals.later("bulk_contacts", minutes=30)
    shown = bulk.shown(action_id)
    assert shown["state"] == "done"
    assert shown["counts"] == {"changed": 9, "unchanged": 1, "restricted": 1, "missing": 0}
    assert bulk.tagged("vip") == set(people) - {people[7]}
    assert world.value("SELECT count(*) FROM bulk_changes WHERE action_id = %(id)s", id=action_id) == 9


@pytest.mark.parametrize("commits", [1, 2, 3])
def test_an_undo_that_died_is_gone_on_with(world: World, mortals: Mortals, commits: int):
    bulk, people = prepared(world)
    action_id, _ = bulk.run("tag", tag=["vip"], **EVERYBODY)
    assert bulk.client.post(f"/v1/contacts/bulk/{action_id}/undo")[0] == 202
    assert mortals.run("work", queue="bulk_contacts", batch=4, die="before_commit", commits=commits) == KILLED
    mortals.later("bulk_contacts", minutes=30)
    shown = bulk.shown(action_id)
    assert (shown["state"], shown["undone"]) == ("undone", {"restored": 9})
    assert bulk.tagged("vip") == {people[4]}


@pytest.mark.parametrize("commits", [1, 2, 4, 5])
def test_E15_of_a_file_that_died_half_nothing_is_offered_and_then_all(
    world: World, mortals: Mortals, commits: int
):
    """Commits are: the claim, reading the action, one for each page, the end, the job's own."""
    bulk, people = prepared(world)
    action_id = bulk.asked("export", **EVERYBODY)
    assert mortals.run("work", queue="bulk_contacts", batch=4, die="before_commit", commits=commits) == KILLED
    assert bulk.client.get(f"/v1/contacts/bulk/{action_id}/file")[0] == 404
    if commits < 5:
        assert runtime.of("bulk_contacts").storage.find(file_of(bulk.org.id, action_id)) is None
    mortals.later("bulk_contacts", minutes=30)
    shown = bulk.shown(action_id)
    assert (shown["state"], shown["counts"]) == (
        "done",
        {"changed": 10, "unchanged": 0, "restricted": 1, "missing": 0},
    )
    assert [row["id"] for row in bulk.table(action_id)] == [
        str(one) for one in reversed(people) if one != people[7]
    ]


@pytest.mark.parametrize("commits", [0, 1, 2, 3])
def test_Q9_erasing_many_that_died_asks_for_each_once(world: World, mortals: Mortals, commits: int):
    """Commits are: the claim, one for each bite of four."""
    bulk, people = prepared(world)
    world.clock.pass_(seconds=1)
    bulk.client.confirm()
    status, begun = bulk.client.post("/v1/contacts/erasures", {"people": len(people), **EVERYBODY})
    assert status == 202, begun
    assert mortals.run("work", queue="bulk_contacts", batch=4, die="before_commit", commits=commits) == KILLED
    half = bulk.shown(begun["id"])["counts"].get("changed", 0)
    assert world.value("SELECT count(*) FROM erasures") == half  # what is counted is what is asked for

    mortals.later("bulk_contacts", minutes=30)
    world.clock.pass_(minutes=31)
    world.work("erase")
    world.work("bulk_contacts")
    shown = bulk.shown(begun["id"])
    assert (shown["state"], shown["counts"]) == (
        "done",
        {"changed": 10, "unchanged": 0, "restricted": 1, "missing": 0},
    )
    assert world.value("SELECT count(*) FROM erasures WHERE state = 'done'") == 10
    left = world.rows("SELECT id FROM contacts WHERE organization_id = %(o)s", o=bulk.org.id)
    assert [row["id"] for row in left] == [people[7]]
