"""Erasing as a customer does it: asked through the API, done by a worker that is rung."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest

from leadsrally import runtime
from leadsrally.kit.storage import HOUSE, Storage
from leadsrally.privacy.erasure.ledger import LEDGER, Entry, entries_since
from tests.api.conftest import Client, person
from tests.world import START, Line, MetaLine, Org, World, days

PHONE = "+12025550101"
PICTURE = b"\x89PNG\r\n\x1a\nof a bicycle"


@dataclass
class Eraser:
    """One person who may erase."""

    world: World
    org: Org
    client: Client

    def ask(self, kind: str, subject_id: UUID) -> UUID:
        status, body = self.client.post("/v1/erasures", {"kind": kind, "id": str(subject_id)})
        assert status == 202, body
        return UUID(body["id"])

    def erase(self, kind: str, subject_id: UUID) -> dict[str, Any]:
        """Ask, and let everything be done."""
        erasure_id = self.ask(kind, subject_id)
        self.work()
        shown = self.shown(erasure_id)
        assert shown["state"] == "done", shown
        return shown

    def work(self) -> None:
        self.world.work("erase")
        self.world.clock.pass_(seconds=1)
        for queue in ("import_contacts", "bulk_contacts", "export"):
            self.world.work(queue)
        self.world.clock.pass_(minutes=1)  # for what waits for an import
        self.world.work("erase")
        left = "SELECT queue, kind, error FROM jobs WHERE queue IN ('erase', 'export', 'import_contacts', 'bulk_contacts')"
        assert [row for row in self.world.rows(left) if row["error"]] == []

    def shown(self, erasure_id: UUID) -> dict[str, Any]:
        status, shown = self.client.get(f"/v1/erasures/{erasure_id}")
        assert status == 200, shown
        return shown

    @property
    def storage(self) -> Storage:
        return runtime.of("erase").storage

    def ledger(self) -> list[Entry]:
        return list(entries_since(self.storage, START - days(60)))

    def contact(self, phone: str = PHONE) -> UUID:
        return self.world.value(
            "SELECT id FROM contacts WHERE organization_id = %(org)s AND phone = %(phone)s",
            org=self.org.id,
            phone=phone,
        )

    def contacts(self) -> list[UUID]:
        found = self.world.rows("SELECT id FROM contacts WHERE organization_id = %(o)s", o=self.org.id)
        return [row["id"] for row in found]


@pytest.fixture
def eraser(world: World, org: Org) -> Eraser:
    return Eraser(world, org, person(world, org))


@pytest.fixture
def whatsapp(world: World, org: Org) -> MetaLine:
    return world.whatsapp_line(org)


def everything(world: World) -> str:
    """What a dump of the database would hold, but for what the tool that migrates has written."""
    tables = world.rows(
        """SELECT c.relname AS name FROM pg_class AS c
            WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relname NOT LIKE '%%yoyo%%'"""
    )
    return "\n".join(
        f"{table['name']}: {row['row']}"
        for table in tables
        for row in world.rows(f"SELECT t::text AS row FROM {table['name']} AS t")
    )


def files_of(storage: Storage) -> str:
    """Every file of every organisation, but for the ledger, which holds hashes."""
    found: list[str] = []
    for organization_id in storage.organizations():
        for purpose in (
            "media",
            "imports",
            "bulk",
            "export",
            *([LEDGER] if organization_id == HOUSE else []),
        ):
            for held in storage.list(organization_id, purpose):
                with storage.open(held.key) as chunks:
                    found.append(f"{held.key}: {b''.join(chunks)!r}")
    return "\n".join(found)


def picture_from(world: World, line: Line, sender: str = PHONE) -> None:
    """A text with a picture, fetched and stored."""
    world.files.kept["https://api.twilio.com/m"] = PICTURE
    world.text(
        line,
        None,
        sender=sender,
        NumMedia="1",
        MediaUrl0="https://api.twilio.com/m",
        MediaContentType0="image/png",
    )
    world.work("fetch_media")
