"""Something done about many contacts: whom it reaches, what is counted, how it is stopped and taken back."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from infra.local.context import Context
from leadsrally import runtime
from leadsrally.contacts.bulk import run as run_module
from leadsrally.contacts.bulk.types import MAX_RUNNING
from leadsrally.jobs.types import Job
from tests.api.conftest import person, problem
from tests.bulk.conftest import EVERYBODY, Bulk
from tests.world import World, days


class TestTag:
    def test_everybody_is_tagged_once_and_who_was_so_is_counted_apart(self, bulk: Bulk, bite: int):
        people = bulk.people(7)
        bulk.client.post(f"/v1/contacts/{people[2]}/tags", {"names": ["VIP"]})
        _, counts = bulk.run("tag", tag=["vip"], **EVERYBODY)
        assert counts == {"changed": 6, "unchanged": 1}
        assert bulk.tagged("VIP") == set(people)
        assert bulk.run("tag", tag=["vip"], **EVERYBODY)[1] == {"unchanged": 7}

    def test_several_tags_at_once_make_one_change_of_a_contact(self, bulk: Bulk):
        (ada,) = bulk.people(1)
        assert bulk.run("tag", tag=["red", "blue"], contact_ids=[str(ada)])[1] == {"changed": 1}
        assert bulk.tagged("red") == bulk.tagged("blue") == {ada}

    def test_who_is_named_twice_is_one_and_who_is_not_there_is_missing(self, bulk: Bulk, bite: int):
        ada, bob, cy = bulk.people(3)
        named = [str(one) for one in (bob, uuid4(), ada, bob)]
        assert bulk.run("tag", tag=["vip"], contact_ids=named)[1] == {"changed": 2, "missing": 1}
        assert bulk.tagged("vip") == {ada, bob}
        assert cy not in bulk.tagged("vip")

    def test_E18_a_person_whose_data_is_restricted_is_left_alone(self, world: World, bulk: Bulk, bite: int):
        ada, bob = bulk.people(2)
        world.execute("UPDATE contacts SET restricted_at = created_at WHERE id = %(id)s", id=ada)
        assert bulk.run("tag", tag=["vip"], **EVERYBODY)[1] == {"changed": 1, "restricted": 1}
        assert bulk.tagged("vip") == {bob}

    def test_a_tag_is_taken_off(self, bulk: Bulk, bite: int):
        people = bulk.people(4)
        bulk.run("tag", tag=["vip"], contact_ids=[str(one) for one in people[:2]])
        action_id, counts = bulk.run("untag", untag=[bulk.tag_id("vip")], **EVERYBODY)
        assert counts == {"changed": 2, "unchanged": 2}
        assert bulk.tagged("vip") == set()
        assert bulk.undo(action_id) == {"restored": 2}
        assert bulk.tagged("vip") == set(people[:2])


class TestChoice:
    def test_a_segment_is_taken_as_it_is_when_it_begins(self, world: World, bulk: Bulk, bite: int):
        bulk.field("city")
        people = bulk.people(3, fields={"city": "Berlin"}) + bulk.people(2, fields={"city": "Ulm"})
        berlin = {"on": "fields.city", "is": "equal", "value": "Berlin"}
        _, segment = bulk.client.post("/v1/segments", {"name": "Berlin", "condition": berlin})
        action_id = bulk.asked("tag", tag=["vip"], segment_id=segment["id"])
        bulk.client.delete(f"/v1/segments/{segment['id']}")
        bulk.work()
        assert bulk.tagged("vip") == set(people[:3])
        shown = bulk.shown(action_id)
        assert shown["segment_id"] == segment["id"]
        assert shown["progress"]["expected"] == shown["progress"]["done"] == 3

    def test_a_search_and_a_condition_are_both_true(self, bulk: Bulk):
        bulk.field("city")
        ada = bulk.contact(name="Ada One", phone="+14158675310", fields={"city": "Ulm"})
        bulk.contact(name="Ada Two", phone="+14158675311")
        condition = {"on": "fields.city", "is": "empty", "value": False}
        assert bulk.run("tag", tag=["vip"], search="ada", condition=condition)[1] == {"changed": 1}
        assert bulk.tagged("vip") == {ada}

    def test_what_an_action_does_may_end_that_a_contact_fits(self, bulk: Bulk, bite: int):
        """Each has its turn once, though taking the tag off takes them out of the choice."""
        people = bulk.people(5)
        bulk.run("tag", tag=["vip"], **EVERYBODY)
        vip = {"on": "tag", "is": "set", "value": bulk.tag_id("vip")}
        assert bulk.run("untag", untag=[bulk.tag_id("vip")], condition=vip)[1] == {"changed": len(people)}
        assert bulk.tagged("vip") == set()

    def test_who_comes_later_is_not_reached(self, bulk: Bulk):
        bulk.people(1)
        condition = {"on": "created_at", "is": "within_days", "value": 1}
        action_id = bulk.asked("tag", tag=["vip"], condition=condition)
        bulk.world.clock.pass_(hours=23)
        bulk.work()
        assert bulk.shown(action_id)["counts"]["changed"] == 1

    @pytest.mark.parametrize(
        ("choice", "code"),
        [
            ({}, "choice_unclear"),
            ({"contact_ids": [str(uuid4())], "search": "ada"}, "choice_unclear"),
            ({"condition": {"on": "fields.nope", "is": "empty", "value": True}}, "unknown_field"),
            ({"condition": {"on": "name"}}, "bad_condition"),
        ],
    )
    def test_an_unclear_choice_is_refused(self, bulk: Bulk, choice: dict[str, Any], code: str):
        problem(bulk.client.post("/v1/contacts/exports", choice), 422, code)

    @pytest.mark.parametrize(
        "wanted",
        [
            {"kind": "tag"},
            {"kind": "tag", "untag": [str(uuid4())]},
            {"kind": "tag", "tag": ["a"], "fields": {"city": "Ulm"}},
            {"kind": "set_fields"},
        ],
    )
    def test_an_unclear_action_is_refused(self, bulk: Bulk, wanted: dict[str, Any]):
        problem(bulk.client.post("/v1/contacts/bulk", {**EVERYBODY, **wanted}), 422, "action_unclear")

    def test_T2_nobody_of_another_tenant_is_reached(self, world: World, bulk: Bulk):
        rival = world.organization("Rival")
        theirs = Bulk(world, rival, person(world, rival))
        (foreign,) = theirs.people(1)
        theirs.run("tag", tag=["theirs"], **EVERYBODY)
        _, segment = theirs.client.post("/v1/segments", {"name": "all", "condition": {"all": []}})
        assert bulk.run("tag", tag=["vip"], contact_ids=[str(foreign)])[1] == {"missing": 1}
        assert bulk.run("export", contact_ids=[str(foreign)])[1] == {"missing": 1}
        for path in ("/v1/contacts/bulk", "/v1/contacts/exports"):
            body = {"segment_id": segment["id"]} | ({"kind": "tag", "tag": ["a"]} if "bulk" in path else {})
            problem(bulk.client.post(path, body), 404, "segment_not_found")
        body = {"kind": "untag", "untag": [theirs.tag_id("theirs")], **EVERYBODY}
        problem(bulk.client.post("/v1/contacts/bulk", body), 404, "tag_not_found")
        assert theirs.tagged("vip") == set()


class TestFields:
    def test_values_are_set_and_taken_away_and_others_stay(self, bulk: Bulk, bite: int):
        bulk.field("city")
        bulk.field("size", "number")
        ada, bob = bulk.people(1, fields={"city": "Ulm", "size": 3}) + bulk.people(
            1, fields={"city": "Berlin"}
        )
        _, counts = bulk.run("set_fields", fields={"city": "Berlin"}, **EVERYBODY)
        assert counts == {"changed": 1, "unchanged": 1}
        assert bulk.values("city") == {ada: "Berlin", bob: "Berlin"}
        assert bulk.values("size") == {ada: 3, bob: None}
        assert bulk.run("set_fields", fields={"size": None}, **EVERYBODY)[1] == {"changed": 1, "unchanged": 1}
        assert bulk.values("size") == {ada: None, bob: None}

    def test_what_does_not_fit_is_refused_before_anything_is_done(self, bulk: Bulk):
        bulk.field("size", "number")
        body = {"kind": "set_fields", "fields": {"size": "many"}, **EVERYBODY}
        problem(bulk.client.post("/v1/contacts/bulk", body), 422, "field_not_a_number")

    def test_it_fails_when_what_it_asks_about_is_gone(self, world: World, bulk: Bulk):
        bulk.field("city")
        bulk.people(1)
        condition = {"on": "fields.city", "is": "empty", "value": True}
        action_id = bulk.asked("tag", tag=["vip"], condition=condition)
        world.execute("DELETE FROM contact_fields")
        bulk.work()
        shown = bulk.shown(action_id)
        assert (shown["state"], shown["reason"]) == ("failed", "unknown_field")


class TestUndo:
    def test_only_those_who_were_tagged_by_it_lose_the_tag(self, bulk: Bulk, bite: int):
        people = bulk.people(5)
        bulk.run("tag", tag=["vip"], contact_ids=[str(people[0])])
        action_id, _ = bulk.run("tag", tag=["vip"], **EVERYBODY)
        assert bulk.undo(action_id) == {"restored": 4}
        assert bulk.tagged("vip") == {people[0]}

    def test_values_come_back_unless_they_were_changed_again(self, world: World, bulk: Bulk, bite: int):
        bulk.field("city")
        bulk.field("size", "number")
        people = bulk.people(4, fields={"city": "Ulm"})
        before = bulk.values("city"), bulk.values("size")
        action_id, _ = bulk.run("set_fields", fields={"city": "Berlin", "size": 7}, **EVERYBODY)
        path = f"/v1/contacts/{people[0]}"
        bulk.client.patch(path, {"fields": {"city": "Bonn"}}, bulk.client.etag(path))
        world.execute("UPDATE contacts SET restricted_at = created_at WHERE id = %(id)s", id=people[1])
        world.execute("DELETE FROM contacts WHERE id = %(id)s", id=people[2])
        assert bulk.undo(action_id) == {"kept_changed": 1, "kept_restricted": 1, "gone": 1, "restored": 1}
        del before[0][people[2]], before[1][people[2]]
        kept = {people[0]: "Bonn", people[1]: "Berlin"}
        assert bulk.values("city") == {**before[0], **kept}
        assert bulk.values("size") == {**before[1], people[1]: 7}

    def test_after_a_day_it_is_too_late_and_nothing_of_people_is_left(self, world: World):
        world.clock.now -= days(2)  # the sweep believes the database's own clock too
        org = world.organization()
        bulk = Bulk(world, org, person(world, org))
        bulk.field("city")
        bulk.people(2)
        action_id, _ = bulk.run("set_fields", fields={"city": "Berlin"}, search="Person")
        world.clock.pass_(hours=24)
        problem(bulk.client.post(f"/v1/contacts/bulk/{action_id}/undo"), 409, "too_late_to_undo")
        bulk.work()
        kept = world.row("SELECT contact_ids, condition, fields, counts FROM bulk_actions")
        assert kept == {"contact_ids": None, "condition": None, "fields": {}, "counts": kept["counts"]}
        assert kept["counts"]["changed"] == 2
        world.clock.pass_(hours=1)
        sweep = world.functions["retention_sweep"]
        sweep.handler()({}, Context(sweep))
        assert world.value("SELECT count(*) FROM bulk_changes") == 0

    def test_one_that_failed_half_way_is_taken_back(self, world: World, bulk: Bulk):
        bulk.people(2)
        action_id, _ = bulk.run("tag", tag=["vip"], **EVERYBODY)
        world.execute("UPDATE bulk_actions SET state = 'failed', reason = 'unknown_field'")
        assert bulk.undo(action_id) == {"restored": 2}
        assert bulk.tagged("vip") == set()

    def test_what_cannot_be_undone_is_refused(self, bulk: Bulk):
        bulk.people(1)
        action_id = bulk.asked("tag", tag=["vip"], **EVERYBODY)
        problem(bulk.client.post(f"/v1/contacts/bulk/{action_id}/undo"), 409, "bulk_action_running")
        bulk.work()
        bulk.undo(action_id)
        problem(bulk.client.post(f"/v1/contacts/bulk/{action_id}/undo"), 409, "bulk_action_undone")
        written, _ = bulk.run("export", **EVERYBODY)
        problem(bulk.client.post(f"/v1/contacts/bulk/{written}/undo"), 409, "not_undoable")


class TestSteering:
    def test_cancelled_it_stays_where_it_is_counted_exactly_and_can_be_undone(
        self, world: World, bulk: Bulk, monkeypatch: pytest.MonkeyPatch
    ):
        people = bulk.people(5)
        door = runtime.of("bulk_contacts")
        monkeypatch.setitem(vars(door), "bulk_desk", replace(door.bulk_desk, bite=2))
        action_id = bulk.asked("tag", tag=["vip"], **EVERYBODY)
        genuine, commits = run_module._bite, 0

        def one(*given: Any) -> bool:
            nonlocal commits
            commits += 1
            if commits == 2:
                assert bulk.client.post(f"/v1/contacts/bulk/{action_id}/cancel")[0] == 200
            return genuine(*given)

        monkeypatch.setattr(run_module, "_bite", one)
        bulk.work()
        shown = bulk.shown(action_id)
        assert (shown["state"], shown["counts"]["changed"]) == ("cancelled", 2)
        assert bulk.tagged("vip") == set(people[-2:])
        assert bulk.undo(action_id) == {"restored": 2}
        assert bulk.tagged("vip") == set()

    def test_out_of_time_it_goes_on_where_it_was(self, bulk: Bulk, bite: int):
        people = bulk.people(4)
        action_id = bulk.asked("tag", tag=["vip"], **EVERYBODY)
        door = runtime.of("bulk_contacts")
        job = self.job(bulk, action_id)
        rounds = 0
        while bulk.shown(action_id)["state"] == "running":
            run_module.run_bulk(door.bulk_desk, job, lambda: timedelta(0))
            rounds += 1
        assert bulk.shown(action_id)["counts"]["changed"] == len(people)
        assert rounds >= len(people) / bite
        assert bulk.tagged("vip") == set(people)

    def test_done_again_it_does_nothing(self, bulk: Bulk):
        bulk.people(2)
        action_id, _ = bulk.run("tag", tag=["vip"], **EVERYBODY)
        before = bulk.shown(action_id)
        run_module.run_bulk(runtime.of("bulk_contacts").bulk_desk, self.job(bulk, action_id), lambda: days(1))
        assert bulk.shown(action_id) == before

    def test_asked_twice_with_one_key_it_is_one(self, world: World, bulk: Bulk):
        body = {"kind": "tag", "tag": ["vip"], **EVERYBODY}
        answers = [
            bulk.world.api("POST", "/v1/contacts/bulk", bulk.client.token, body, **{"idempotency-key": "k"})
            for _ in range(2)
        ]
        assert answers[0] == answers[1]
        assert world.value("SELECT count(*) FROM bulk_actions") == 1

    def test_there_is_a_limit_to_how_many_run(self, bulk: Bulk):
        for _ in range(MAX_RUNNING):
            bulk.asked("tag", tag=["vip"], **EVERYBODY)
        body = {"kind": "tag", "tag": ["vip"], **EVERYBODY}
        problem(bulk.client.post("/v1/contacts/bulk", body), 409, "too_many_bulk_actions")

    def test_who_did_it_is_written_down_without_anybodys_name(self, world: World, bulk: Bulk):
        bulk.people(1)
        action_id, _ = bulk.run("tag", tag=["vip"], search="Person")
        world.clock.pass_(seconds=1)
        bulk.undo(action_id)
        world.clock.pass_(seconds=1)
        written, _ = bulk.run("export", search="Person")
        world.clock.pass_(seconds=1)
        assert bulk.client.get(f"/v1/contacts/bulk/{written}/file")[0] == 200
        log = world.rows(
            "SELECT action, details FROM audit_log WHERE target_kind = 'bulk_action' ORDER BY id"
        )
        assert [row["action"] for row in log] == [
            "bulk_action.started",
            "bulk_action.undone",
            "contacts.exported",
            "contacts.export_downloaded",
        ]
        assert log[0]["details"] == {"kind": "tag", "contacts": "1"}

    def test_the_newest_comes_first_in_the_list(self, bulk: Bulk):
        bulk.people(1)
        ids: list[str] = []
        for name in "ab":
            bulk.world.clock.pass_(seconds=1)
            ids.append(str(bulk.run("tag", tag=[name], **EVERYBODY)[0]))
        status, page = bulk.client.get("/v1/contacts/bulk?limit=1")
        assert (status, [one["id"] for one in page["items"]]) == (200, ids[1:])
        _, rest = bulk.client.get(f"/v1/contacts/bulk?limit=1&cursor={page['next']}")
        assert [one["id"] for one in rest["items"]] == ids[:1]

    @staticmethod
    def job(bulk: Bulk, action_id: UUID) -> Any:
        return Job(uuid4(), bulk.org.id, "bulk_contacts", "run", {"action_id": str(action_id)}, 1, 20, None)
