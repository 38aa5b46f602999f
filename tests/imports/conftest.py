"""An import as a customer does it: through the API, with a file in the storage, and a worker that is rung."""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest

from leadsrally import runtime
from leadsrally.contacts.imports.desk import ImportDesk
from leadsrally.contacts.imports.types import file_of, problems_of, undone_of
from leadsrally.kit.spreadsheet import plain
from leadsrally.kit.storage import Key
from tests.api.conftest import Client, person
from tests.world import Org, World

NOTHING_CLAIMED: Mapping[str, Any] = {"permissions": []}
PROOF: Mapping[str, Any] = {
    "permissions": [{"channel": "sms", "purpose": "marketing"}],
    "wording": "Text me offers of Harbour Bikes.",
    "method": "web_form",
    "reference": "form 7",
}


@dataclass
class Importer:
    """One person who imports."""

    world: World
    org: Org
    client: Client

    def begin(self, file: bytes, **options: Any) -> UUID:
        """Announce a file and put it where its address leads."""
        status, begun = self.client.post("/v1/imports", {"bytes": len(file) or 1, **options})
        assert status == 201, begun
        import_id = UUID(begun["id"])
        self.storage.put(file_of(self.org.id, import_id), [file], content_type="text/csv")
        return import_id

    def look(
        self, file: bytes, shape: Mapping[str, Any] | None = None, **options: Any
    ) -> tuple[UUID, dict[str, Any]]:
        import_id = self.begin(file, **options)
        status, answer = self.client.post(f"/v1/imports/{import_id}/look", dict(shape or {}))
        assert status == 202, answer
        self.work()
        return import_id, self.shown(import_id)

    def ready(self, file: bytes | str, **told: Any) -> UUID:
        """Looked at and described, with no permission claimed unless something else is told."""
        raw = file.encode() if isinstance(file, str) else file
        import_id, seen = self.look(raw)
        assert seen["state"] == "ready", seen
        path = f"/v1/imports/{import_id}"
        status, answer = self.client.patch(
            path, {"attestation": NOTHING_CLAIMED, **told}, self.client.etag(path)
        )
        assert status == 200, answer
        return import_id

    def check(self, import_id: UUID) -> dict[str, Any]:
        status, answer = self.client.post(f"/v1/imports/{import_id}/check")
        assert status == 202, answer
        self.work()
        return self.shown(import_id)["checked"]

    def run(self, file: bytes | str, **told: Any) -> dict[str, Any]:
        """The whole way; returns the counts."""
        return self.go(self.ready(file, **told))["counts"]

    def go(self, import_id: UUID) -> dict[str, Any]:
        status, answer = self.client.post(f"/v1/imports/{import_id}/run")
        assert status == 202, answer
        self.work()
        shown = self.shown(import_id)
        assert shown["state"] == "done", shown
        return shown

    def undo(self, import_id: UUID) -> dict[str, int]:
        status, answer = self.client.post(f"/v1/imports/{import_id}/undo")
        assert status == 202, answer
        self.work()
        shown = self.shown(import_id)
        assert shown["state"] == "undone", shown
        return shown["undone"]

    def work(self) -> None:
        self.world.work("import_contacts")
        assert self.world.rows("SELECT kind, error FROM jobs WHERE error IS NOT NULL") == []

    def shown(self, import_id: UUID) -> dict[str, Any]:
        status, shown = self.client.get(f"/v1/imports/{import_id}")
        assert status == 200, shown
        return shown

    @property
    def storage(self) -> Any:
        return runtime.of("import_contacts").storage

    def problems(self, import_id: UUID) -> list[dict[str, str]]:
        return self._table(problems_of(self.org.id, import_id))

    def undone(self, import_id: UUID) -> list[dict[str, str]]:
        return self._table(undone_of(self.org.id, import_id))

    def _table(self, key: Key) -> list[dict[str, str]]:
        with self.storage.open(key) as chunks:
            text = b"".join(chunks).decode("utf-8-sig")
        rows = csv.DictReader(io.StringIO(text, newline=""))
        return [{name: plain(cell) for name, cell in row.items()} for row in rows]

    def contacts(self) -> dict[str, dict[str, Any]]:
        """Everybody on record, by number."""
        found = self.world.rows(
            "SELECT * FROM contacts WHERE organization_id = %(id)s ORDER BY phone", id=self.org.id
        )
        return {row["phone"]: row for row in found}


@pytest.fixture
def importer(world: World, org: Org) -> Importer:
    return Importer(world, org, person(world, org))


def batched(monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    """Let a batch be small, so that a small file has several."""
    door = runtime.of("import_contacts")
    desk = ImportDesk(door.db, door.clock, door.storage, door.hashes, rows)
    monkeypatch.setitem(vars(door), "import_desk", desk)
