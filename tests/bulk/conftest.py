"""A bulk action as a customer does it: asked for through the API, done by a worker that is rung."""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import pytest

from leadsrally import runtime
from leadsrally.contacts.bulk.types import file_of
from leadsrally.kit.spreadsheet import plain
from tests.api.conftest import Client, person
from tests.world import Org, World

EVERYBODY: Mapping[str, Any] = {"condition": {"all": []}}


@dataclass
class Bulk:
    """One person who does things about many contacts."""

    world: World
    org: Org
    client: Client

    def contact(self, **given: Any) -> UUID:
        status, made = self.client.post("/v1/contacts", given)
        assert status == 201, made
        return UUID(made["id"])

    def people(self, many: int, **columns: Any) -> list[UUID]:
        """So many contacts, the oldest first."""
        before = self.world.value("SELECT count(*) FROM contacts")
        made: list[UUID] = []
        for place in range(before, before + many):
            self.world.clock.pass_(seconds=1)
            made.append(self.contact(phone=f"+1415867{5000 + place}", name=f"Person {place}", **columns))
        return made

    def field(self, key: str, type_: str = "text", **given: Any) -> None:
        status, made = self.client.post("/v1/fields", {"key": key, "label": key, "type": type_, **given})
        assert status == 201, made

    def asked(self, kind: str, **given: Any) -> UUID:
        path = "/v1/contacts/exports" if kind == "export" else "/v1/contacts/bulk"
        body = given if kind == "export" else {"kind": kind, **given}
        status, begun = self.client.post(path, body)
        assert status == 202, begun
        assert (begun["kind"], begun["state"]) == (kind, "running")
        return UUID(begun["id"])

    def run(self, kind: str, **given: Any) -> tuple[UUID, dict[str, int]]:
        """The whole way; returns the counts, but for those that are 0."""
        action_id = self.asked(kind, **given)
        self.work()
        shown = self.shown(action_id)
        assert shown["state"] == "done", shown
        return action_id, {name: count for name, count in shown["counts"].items() if count}

    def undo(self, action_id: UUID) -> dict[str, int]:
        status, answer = self.client.post(f"/v1/contacts/bulk/{action_id}/undo")
        assert status == 202, answer
        self.work()
        shown = self.shown(action_id)
        assert shown["state"] == "undone", shown
        return shown["undone"]

    def work(self) -> None:
        self.world.work("bulk_contacts")
        assert self.world.rows("SELECT kind, error FROM jobs WHERE error IS NOT NULL") == []

    def shown(self, action_id: UUID) -> dict[str, Any]:
        status, shown = self.client.get(f"/v1/contacts/bulk/{action_id}")
        assert status == 200, shown
        return shown

    def tagged(self, name: str) -> set[UUID]:
        found = self.world.rows(
            """SELECT contact_id AS id FROM contact_tags AS ct JOIN tags AS t ON t.id = ct.tag_id
                WHERE t.name = %(name)s AND t.organization_id = %(org)s""",
            name=name,
            org=self.org.id,
        )
        return {row["id"] for row in found}

    def tag_id(self, name: str) -> str:
        return str(self.world.value("SELECT id FROM tags WHERE name = %(name)s", name=name))

    def values(self, key: str) -> dict[UUID, Any]:
        """What contacts have in a field, by contact."""
        shown = [self.client.get(f"/v1/contacts/{row['id']}")[1] for row in self._ids()]
        return {UUID(one["id"]): one["fields"].get(key) for one in shown}

    def _ids(self) -> list[dict[str, Any]]:
        return self.world.rows(
            "SELECT id FROM contacts WHERE organization_id = %(o)s ORDER BY id", o=self.org.id
        )

    def file(self, action_id: UUID) -> bytes:
        with runtime.of("bulk_contacts").storage.open(file_of(self.org.id, action_id)) as chunks:
            return b"".join(chunks)

    def table(self, action_id: UUID) -> list[dict[str, str]]:
        """The rows of a file as somebody reads them who knows our escapes."""
        text = io.StringIO(self.file(action_id).decode("utf-8-sig"), newline="")
        return [{name: plain(cell) for name, cell in row.items()} for row in csv.DictReader(text)]


@pytest.fixture
def bulk(world: World, org: Org) -> Bulk:
    return Bulk(world, org, person(world, org))


@pytest.fixture(params=[1, 3, 1000])
def bite(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, bulk: Bulk) -> int:
    """How many contacts go to a commit."""
    door = runtime.of("bulk_contacts")
    monkeypatch.setitem(vars(door), "bulk_desk", replace(door.bulk_desk, bite=request.param))
    return request.param
