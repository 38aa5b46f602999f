"""The list of numbers that must not be written to: added, imported, exported, lifted by rule, readable as far as known."""

import csv
import io
import json
from typing import Any
from uuid import UUID

import pytest

from leadsrally.contacts.export_suppressions import Format, file_of
from leadsrally.kit.spreadsheet import plain
from tests.api.conftest import Client, person, problem
from tests.imports.conftest import Importer
from tests.imports.test_run_import import ADA, BOB, CY, counted
from tests.world import Line, World, days


@pytest.fixture
def client(importer: Importer) -> Client:
    return importer.client


def listed(client: Client, query: str = "") -> list[dict[str, Any]]:
    status, page = client.get(f"/v1/suppressions{query}")
    assert status == 200, page
    return page["items"]


def exported(importer: Importer, form: Format) -> bytes:
    status, asked = importer.client.post("/v1/suppressions/exports", {"format": form})
    assert status == 202
    problem(importer.client.get(f"/v1/suppressions/exports/{asked['id']}"), 404, "export_not_found")
    importer.work()
    status, link = importer.client.get(f"/v1/suppressions/exports/{asked['id']}")
    assert (status, "/files/" in link["url"]) == (200, True)
    with importer.storage.open(file_of(importer.org.id, UUID(asked["id"]), form)) as chunks:
        return b"".join(chunks)


def table(raw: bytes) -> list[dict[str, str]]:
    rows = csv.DictReader(io.StringIO(raw.decode("utf-8-sig"), newline=""))
    return [{name: plain(cell) for name, cell in row.items()} for row in rows]


def erase(world: World, phone: str) -> None:
    """Whoever had this number is gone; the suppression stays."""
    for name in ("consent_states", "consent_events", "disclosures", "messages", "conversations", "contacts"):
        world.execute(f"DELETE FROM {name}")
    world.execute("DELETE FROM listed_numbers WHERE phone = %(phone)s", phone=phone)


class TestList:
    def test_a_number_that_was_added_is_shown_and_refused_at_the_gate(
        self, world: World, line: Line, client: Client
    ):
        message = world.reply(line, world.conversation(line, ADA), "Hello")
        assert client.post("/v1/suppressions", {"phone": "(415) 867-5310", "channels": ["sms"]}) == (
            201,
            {"added": 1},
        )
        assert client.post("/v1/suppressions", {"phone": ADA, "channels": ["sms", "whatsapp"]})[1] == {
            "added": 1
        }
        assert sorted((one["channel"], one["phone"], one["source"]) for one in listed(client)) == [
            ("sms", ADA, "list"),
            ("whatsapp", ADA, "list"),
        ]
        world.work("send_message")
        assert world.message(message)["verdict"]["rule"] == "suppressed"

    def test_whoever_opted_out_is_a_hash(self, world: World, line: Line, client: Client):
        world.text(line, "STOP", sender=ADA)
        (one,) = listed(client)
        assert (one["phone"], one["source"], len(one["hash"])) == (None, "keyword", 64)
        assert [found["id"] for found in listed(client, "?phone=%2B14158675310")] == [one["id"]]
        assert listed(client, "?phone=%2B14158675311") == []

    def test_T9_two_tenants_have_different_hashes_of_one_number(self, world: World, client: Client):
        other = person(world, world.organization("Rival"))
        for asking in (client, other):
            assert asking.post("/v1/suppressions", {"phone": ADA, "channels": ["sms"]})[0] == 201
        assert listed(client)[0]["hash"] != listed(other)[0]["hash"]

    def test_what_is_no_number_is_refused(self, client: Client):
        problem(client.post("/v1/suppressions", {"phone": "12", "channels": ["sms"]}), 422, "phone_invalid")


class TestLift:
    def add(self, client: Client, phone: str = ADA) -> str:
        assert client.post("/v1/suppressions", {"phone": phone, "channels": ["sms"]})[0] == 201
        return next(one["id"] for one in listed(client) if one["source"] == "list")

    def test_what_was_listed_can_be_lifted(self, world: World, client: Client):
        added = self.add(client)
        assert client.delete(f"/v1/suppressions/{added}")[0] == 204
        assert listed(client) == []
        assert world.value("SELECT count(*) FROM listed_numbers") == 0

    @pytest.mark.parametrize("how", ["keyword", "keyword after", "keyword before"])
    def test_S7_staff_cannot_lift_what_a_person_said(
        self, world: World, line: Line, client: Client, how: str
    ):
        if how == "keyword before":
            world.text(line, "STOP", sender=ADA)
        if how != "keyword":
            client.post("/v1/suppressions", {"phone": ADA, "channels": ["sms"]})
        if how != "keyword before":
            world.text(line, "STOP", sender=ADA)
        for one in listed(client):
            problem(client.delete(f"/v1/suppressions/{one['id']}"), 409, "opted_out_by_person")
        message = world.reply(line, world.conversation(line, ADA), "Hello")
        world.work("send_message")
        assert world.message(message)["status"] == "refused"

    def test_S7_nor_after_the_person_was_erased(self, world: World, line: Line, client: Client):
        self.add(client)
        world.text(line, "STOP", sender=ADA)
        erase(world, ADA)
        (one,) = listed(client)
        problem(client.delete(f"/v1/suppressions/{one['id']}"), 409, "opted_out_by_person")

    def test_it_takes_an_admin(self, world: World, client: Client):
        added = self.add(client)
        agent = person(world, client.org, "agent")
        assert agent.get("/v1/suppressions")[0] == 200
        problem(agent.delete(f"/v1/suppressions/{added}"), 403, "forbidden")


class TestImport:
    def suppress(self, importer: Importer, file: str, **told: Any) -> dict[str, Any]:
        import_id, seen = importer.look(file.encode(), kind="suppressions", channels=["sms"])
        assert seen["state"] == "ready", seen
        if told:
            path = f"/v1/imports/{import_id}"
            assert importer.client.patch(path, told, importer.client.etag(path))[0] == 200
        foreseen = importer.check(import_id)
        counts = importer.go(import_id)["counts"]
        assert counts == foreseen
        return counted(counts)

    def test_numbers_alone_in_any_form_before_the_first_campaign(
        self, world: World, line: Line, importer: Importer
    ):
        counts = self.suppress(importer, f"(415) 867-5310\n{BOB}\n{BOB}\nx\n")
        assert counts == {
            "created": 2,
            "duplicates": 1,
            "rejected": 1,
            "reasons": {"duplicate": 1, "phone_no_digits": 1},
        }
        assert importer.contacts() == {}
        assert self.suppress(importer, f"{ADA}\n{CY}\n") == {"created": 1, "unchanged": 1}
        importer.run(f"Phone\n{ADA}\n")
        message = world.reply(line, world.conversation(line, ADA), "Hello")
        world.work("send_message")
        assert world.message(message)["status"] == "refused"

    def test_it_gives_no_permission_and_is_not_undone_as_a_whole(self, importer: Importer):
        import_id, _ = importer.look(f"{ADA}\n".encode(), kind="suppressions")
        path = f"/v1/imports/{import_id}"
        claim = {
            "permissions": [{"channel": "sms", "purpose": "marketing"}],
            "wording": "x",
            "method": "paper",
            "reference": "y",
        }
        told = importer.client.patch(path, {"attestation": claim}, importer.client.etag(path))
        problem(told, 422, "attestation_superfluous")
        importer.go(import_id)
        problem(importer.client.post(f"{path}/undo"), 409, "not_undoable")

    def test_a_persons_own_sign_stays_the_first(self, world: World, line: Line, importer: Importer):
        world.text(line, "STOP", sender=ADA)
        assert self.suppress(importer, f"{ADA}\n") == {"unchanged": 1}
        assert [one["source"] for one in listed(importer.client)] == ["keyword"]


class TestExport:
    def test_the_number_where_it_is_known_and_the_hash_for_everybody(
        self, world: World, line: Line, importer: Importer
    ):
        importer.client.post("/v1/suppressions", {"phone": ADA, "channels": ["sms"]})
        world.text(line, "STOP", sender=BOB)
        rows = table(exported(importer, "csv"))
        assert {(row["phone"], row["source"]) for row in rows} == {(ADA, "list"), (BOB, "keyword")}
        erase(world, BOB)
        rows = json.loads(exported(importer, "json"))
        assert {(row["phone"], row["source"]) for row in rows} == {(ADA, "list"), (None, "keyword")}
        assert all(len(row["hash"]) == 64 for row in rows)

    def test_I7_opened_in_a_spreadsheet_nothing_runs(self, importer: Importer):
        importer.client.post("/v1/suppressions", {"phone": ADA, "channels": ["sms"]})
        assert f",'{ADA}," in exported(importer, "csv").decode("utf-8-sig")

    def test_E13_exported_imported_elsewhere_and_exported_again_it_is_the_same(
        self, world: World, importer: Importer
    ):
        for phone in (ADA, BOB, "+442079460958"):
            importer.client.post("/v1/suppressions", {"phone": phone, "channels": ["sms", "whatsapp"]})
        first = exported(importer, "csv")
        other = world.organization("Elsewhere", country="DE")
        elsewhere = Importer(world, other, person(world, other))
        import_id, seen = elsewhere.look(first, kind="suppressions", channels=["sms", "whatsapp"])
        assert [one["to"] for one in seen["mapping"]] == ["phone"]
        elsewhere.go(import_id)
        again = exported(elsewhere, "csv")

        def told(raw: bytes) -> set[tuple[str, ...]]:
            return {
                tuple(row[name] for name in ("channel", "phone", "purpose", "source")) for row in table(raw)
            }

        assert told(again) == told(first)
        assert len(told(first)) == 6

    def test_the_file_is_gone_a_day_later(self, world: World, importer: Importer):
        status, asked = importer.client.post("/v1/suppressions/exports", {})
        assert status == 202
        importer.work()
        world.clock.now += days(1)
        importer.work()
        problem(importer.client.get(f"/v1/suppressions/exports/{asked['id']}"), 404, "export_not_found")
