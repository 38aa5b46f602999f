"""Fields and tags that are deleted: not from under anybody, had back for a day, and gone without a trace after it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg.types.json import Jsonb

from leadsrally import runtime
from leadsrally.accounts.audit import SYSTEM
from leadsrally.contacts import define_fields, tags
from leadsrally.contacts.fields import slot_of
from leadsrally.contacts.merge import split
from tests.api.conftest import problem
from tests.bulk.conftest import EVERYBODY, Bulk, bulk
from tests.world import World

__all__ = ["bulk"]


def the(bulk: Bulk, what: str, name: str) -> str:
    _, page = bulk.client.get(f"/v1/{what}")
    return next(one["id"] for one in page["items"] if name in (one.get("key"), one.get("name")))


def deleted(bulk: Bulk, path: str) -> None:
    status, answer = bulk.client.delete(path)
    assert status == 200, answer
    assert answer["restore_until"]


class TestField:
    def test_it_is_gone_at_once_and_back_with_all_its_values(self, bulk: Bulk):
        bulk.field("city")
        (ada,) = bulk.people(1, fields={"city": "Ulm"})
        path = f"/v1/fields/{the(bulk, 'fields', 'city')}"
        deleted(bulk, path)
        assert bulk.client.get(path)[0] == 404
        assert bulk.client.get(f"/v1/contacts/{ada}")[1]["fields"] == {}
        problem(bulk.client.get("/v1/contacts?field=city&value=Ulm"), 422, "unknown_field")
        _, page = bulk.client.get("/v1/fields")
        assert (page["items"], [one["name"] for one in page["deleted"]]) == ([], ["city"])
        assert bulk.client.post(f"{path}/restore")[0] == 200
        assert bulk.client.get(f"/v1/contacts/{ada}")[1]["fields"] == {"city": "Ulm"}

    def test_its_key_is_free_for_another_one_which_knows_no_old_value(self, bulk: Bulk):
        bulk.field("city")
        (ada,) = bulk.people(1, fields={"city": "Ulm"})
        path = f"/v1/fields/{the(bulk, 'fields', 'city')}"
        deleted(bulk, path)
        bulk.field("city")
        assert bulk.client.get(f"/v1/contacts/{ada}")[1]["fields"] == {}
        problem(bulk.client.post(f"{path}/restore"), 409, "field_exists")

    def test_had_back_it_counts_again(self, bulk: Bulk, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(define_fields, "MAX_FIELDS", 1)
        bulk.field("city")
        path = f"/v1/fields/{the(bulk, 'fields', 'city')}"
        deleted(bulk, path)
        bulk.field("town")
        problem(bulk.client.post(f"{path}/restore"), 409, "too_many_fields")

    @pytest.mark.parametrize("many", [1, 7])
    def test_after_a_day_no_value_is_left_and_others_are_as_they_were(
        self, world: World, bulk: Bulk, bite: int, many: int
    ):
        bulk.field("city")
        bulk.field("size", "number")
        people = bulk.people(many, fields={"city": "Ulm", "size": 3}) + bulk.people(1)
        field_id = UUID(the(bulk, "fields", "city"))
        deleted(bulk, f"/v1/fields/{field_id}")
        world.clock.pass_(hours=23, minutes=59)
        bulk.work()
        slot = slot_of(field_id)
        held = "SELECT count(*) FROM contacts WHERE fields ? %(slot)s"
        assert world.value(held, slot=slot) == many
        world.clock.pass_(minutes=1)
        problem(bulk.client.post(f"/v1/fields/{field_id}/restore"), 404, "field_not_found")
        bulk.work()
        assert world.value(held, slot=slot) == 0
        assert world.value("SELECT count(*) FROM contact_fields") == 1
        assert bulk.values("size") == {**dict.fromkeys(people[:-1], 3), people[-1]: None}
        assert {row["version"] for row in world.rows("SELECT version FROM contacts")} == {1}

    def test_after_a_day_no_merge_that_is_taken_apart_brings_a_value_back(
        self, world: World, bulk: Bulk, bite: int
    ):
        bulk.field("city")
        bulk.field("size", "number")
        winner, *losers = bulk.people(4, fields={"city": "Ulm", "size": 3})
        plain = bulk.contact(phone="+14158679999", name="Plain")
        assert bulk.client.post(f"/v1/contacts/{plain}/merges/{losers.pop()}")[0] == 201  # which fills
        merges: list[Any] = [bulk.client.post(f"/v1/contacts/{winner}/merges/{loser}") for loser in losers]
        assert {status for status, _ in merges} == {201}
        field_id = UUID(the(bulk, "fields", "city"))
        deleted(bulk, f"/v1/fields/{field_id}")
        world.clock.pass_(days=1)
        bulk.work()
        slot = slot_of(field_id)
        kept = "SELECT count(*) FROM contact_merges WHERE loser::text LIKE %(s)s OR filled::text LIKE %(s)s"
        assert world.value(kept, s=f"%{slot}%") == 0
        for row in world.rows("SELECT id FROM contact_merges ORDER BY id DESC"):
            with runtime.of("api").db.tenant(bulk.org.id) as tx:
                split(tx, bulk.org.id, row["id"], actor=SYSTEM, now=world.clock.now)
        assert world.value("SELECT count(*) FROM contacts WHERE fields ? %(slot)s", slot=slot) == 0
        sizes = bulk.values("size")
        assert [sizes[one] for one in (winner, *losers, plain)] == [3, 3, 3, None]

    def test_had_back_and_deleted_again_it_has_another_day(self, world: World, bulk: Bulk):
        bulk.field("city")
        bulk.people(1, fields={"city": "Ulm"})
        path = f"/v1/fields/{the(bulk, 'fields', 'city')}"
        deleted(bulk, path)
        world.clock.pass_(hours=20)
        assert bulk.client.post(f"{path}/restore")[0] == 200
        deleted(bulk, path)
        world.clock.pass_(hours=20)
        bulk.work()
        assert bulk.client.post(f"{path}/restore")[0] == 200
        world.clock.pass_(hours=20)
        bulk.work()
        assert list(bulk.values("city").values()) == ["Ulm"]

    def test_whatever_uses_it_is_named_and_keeps_it(self, world: World, bulk: Bulk):
        bulk.field("city")
        path = f"/v1/fields/{the(bulk, 'fields', 'city')}"
        asks = {"not": {"any": [{"on": "fields.city", "is": "empty", "value": True}]}}
        _, segment = bulk.client.post("/v1/segments", {"name": "Somewhere", "condition": asks})
        import_id = self._import(world, bulk, "ready", "city")
        self._import(world, bulk, "done", "city")
        self._import(world, bulk, "ready", "other")
        form_id = self._form(world, bulk, {"q1": "field:city"})
        self._form(world, bulk, {"q1": "field:town"})
        action_id = bulk.asked("set_fields", fields={"city": "Ulm"}, **EVERYBODY)
        status, uses = bulk.client.get(f"{path}/uses")
        assert status == 200
        assert uses == {
            "segments": [{"id": segment["id"], "name": "Somewhere"}],
            "imports": [{"id": str(import_id), "name": "leads.csv"}],
            "lead_forms": [{"id": str(form_id), "name": "Test ride"}],
            "bulk_actions": [{"id": str(action_id), "name": ""}],
        }
        told = problem(bulk.client.delete(path), 409, "field_in_use")
        assert told["detail"].startswith("1 segment, 1 import, 1 lead form and 1 bulk action use this field.")
        bulk.work()
        bulk.client.delete(f"/v1/segments/{segment['id']}")
        world.execute("DELETE FROM lead_forms; UPDATE imports SET state = 'cancelled'")
        deleted(bulk, path)

    @staticmethod
    def _import(world: World, bulk: Bulk, state: str, key: str) -> UUID:
        import_id = uuid4()
        mapping = [{"column": 1, "to": "field", "field": key, "rule": "fill"}]
        given = {"kind": "contacts", "actor_kind": "system", "bytes": 1, "created_at": world.clock.now}
        told = {"id": import_id, "state": state, "mapping": Jsonb(mapping), "file_name": "leads.csv"}
        world._insert("imports", {"organization_id": bulk.org.id, **given, **told})
        return import_id

    @staticmethod
    def _form(world: World, bulk: Bulk, mapping: Mapping[str, Any]) -> UUID:
        form_id, page = uuid4(), world.lead_page(bulk.org)
        world._insert(
            "lead_forms",
            {
                "organization_id": bulk.org.id,
                "id": form_id,
                "channel_id": page.id,
                "provider_form_id": str(form_id.int)[:12],
                "name": "Test ride",
                "locale": "en_US",
                "state": "active",
                "questions": Jsonb([]),
                "mapping": Jsonb(dict(mapping)),
                "consents": Jsonb({}),
                "created_at": world.clock.now,
                "synced_at": world.clock.now,
            },
        )
        return form_id


class TestTag:
    def test_it_is_gone_at_once_and_back_on_whom_it_was(self, bulk: Bulk):
        ada, _ = bulk.people(2)
        bulk.run("tag", tag=["VIP"], contact_ids=[str(ada)])
        path = f"/v1/tags/{the(bulk, 'tags', 'VIP')}"
        deleted(bulk, path)
        assert bulk.client.get(path)[0] == 404
        assert bulk.client.get(f"/v1/contacts/{ada}")[1]["tags"] == []
        action_id, _ = bulk.run("export", **EVERYBODY)
        assert [row["tags"] for row in bulk.table(action_id)] == ["", ""]
        _, page = bulk.client.get("/v1/tags")
        assert (page["items"], [one["name"] for one in page["deleted"]]) == ([], ["VIP"])
        assert bulk.client.post(f"{path}/restore")[1]["name"] == "VIP"
        assert [one["name"] for one in bulk.client.get(f"/v1/contacts/{ada}")[1]["tags"]] == ["VIP"]

    def test_its_name_is_free_for_another_one(self, bulk: Bulk):
        ada, bob = bulk.people(2)
        bulk.run("tag", tag=["VIP"], contact_ids=[str(ada)])
        path = f"/v1/tags/{the(bulk, 'tags', 'VIP')}"
        deleted(bulk, path)
        bulk.run("tag", tag=["vip"], contact_ids=[str(bob)])
        assert bulk.tagged("vip") == {bob}
        problem(bulk.client.post(f"{path}/restore"), 409, "tag_exists")

    def test_had_back_it_counts_again(self, bulk: Bulk, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(tags, "MAX_TAGS", 1)
        (ada,) = bulk.people(1, tags=["VIP"])
        path = f"/v1/tags/{the(bulk, 'tags', 'VIP')}"
        deleted(bulk, path)
        assert bulk.client.post(f"/v1/contacts/{ada}/tags", {"names": ["lead"]})[0] == 200
        problem(bulk.client.post(f"{path}/restore"), 409, "too_many_tags")

    def test_after_a_day_nobody_has_it(self, world: World, bulk: Bulk, bite: int):
        people = bulk.people(5)
        bulk.run("tag", tag=["VIP", "other"], **EVERYBODY)
        deleted(bulk, f"/v1/tags/{the(bulk, 'tags', 'VIP')}")
        world.clock.pass_(hours=24)
        bulk.work()
        assert bulk.tagged("other") == set(people)
        assert world.value("SELECT count(*) FROM contact_tags") == len(people)
        assert [row["name"] for row in world.rows("SELECT name FROM tags")] == ["other"]

    def test_whatever_uses_it_is_named_and_keeps_it(self, bulk: Bulk):
        (ada,) = bulk.people(1)
        bulk.run("tag", tag=["VIP"], contact_ids=[str(ada)])
        tag_id = the(bulk, "tags", "VIP")
        asks = {"on": "tag", "is": "set", "value": tag_id.upper()}
        _, segment = bulk.client.post("/v1/segments", {"name": "VIPs", "condition": asks})
        _, uses = bulk.client.get(f"/v1/tags/{tag_id}/uses")
        assert uses["segments"] == [{"id": segment["id"], "name": "VIPs"}]
        problem(bulk.client.delete(f"/v1/tags/{tag_id}"), 409, "tag_in_use")
        bulk.client.delete(f"/v1/segments/{segment['id']}")
        action_id = bulk.asked("untag", untag=[tag_id], **EVERYBODY)
        _, uses = bulk.client.get(f"/v1/tags/{tag_id}/uses")
        assert uses["bulk_actions"] == [{"id": str(action_id), "name": ""}]
        problem(bulk.client.delete(f"/v1/tags/{tag_id}"), 409, "tag_in_use")
        bulk.work()
        deleted(bulk, f"/v1/tags/{tag_id}")

    def test_a_deleted_one_can_neither_be_renamed_nor_put_on(self, bulk: Bulk):
        (ada,) = bulk.people(1)
        bulk.run("tag", tag=["VIP"], contact_ids=[str(ada)])
        path = f"/v1/tags/{the(bulk, 'tags', 'VIP')}"
        etag = bulk.client.etag(path)
        deleted(bulk, path)
        assert bulk.client.patch(path, {"name": "new"}, etag)[0] == 404
        body = {"kind": "untag", "untag": [path.rpartition("/")[2]], **EVERYBODY}
        problem(bulk.client.post("/v1/contacts/bulk", body), 404, "tag_not_found")


def test_what_is_deleted_is_written_down(world: World, bulk: Bulk):
    bulk.field("city")
    bulk.people(1, tags=["vip"])
    for path in (f"/v1/fields/{the(bulk, 'fields', 'city')}", f"/v1/tags/{the(bulk, 'tags', 'vip')}"):
        deleted(bulk, path)
        assert bulk.client.post(f"{path}/restore")[0] == 200
    log = {row["action"] for row in world.rows("SELECT action FROM audit_log")}
    assert {"field.deleted", "field.restored", "tag.deleted", "tag.restored"} <= log


@pytest.fixture(params=[2, 1000])
def bite(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, bulk: Bulk) -> int:
    door = runtime.of("bulk_contacts")
    monkeypatch.setitem(vars(door), "bulk_desk", replace(door.bulk_desk, bite=request.param))
    return request.param
