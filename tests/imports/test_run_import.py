"""Contacts from a file: created, updated, unchanged, refused, each counted once, and foreseen by a trial."""

import csv
import io
import time
from threading import Thread
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leadsrally.contacts.fields import Field, check_values
from leadsrally.contacts.imports import store
from leadsrally.contacts.imports.rows import Reader, Row
from leadsrally.contacts.imports.types import Mapped, file_of, problems_of
from leadsrally.kit.spreadsheet import plain
from tests.api.conftest import problem
from tests.imports.conftest import PROOF, Importer, batched
from tests.world import START, World, days

HEAD = "Phone,Name,Email\n"
ADA, BOB, CY = "+14158675310", "+14158675311", "+14158675312"


def counted(counts: dict[str, Any]) -> dict[str, Any]:
    """What is not nothing."""
    return {name: count for name, count in counts.items() if count}


def mapping(*columns: tuple[int, str], rule: str = "fill") -> list[dict[str, Any]]:
    return [{"column": column, "to": to, "rule": rule} for column, to in columns]


class TestRun:
    def test_a_file_becomes_contacts(self, importer: Importer):
        counts = importer.run(f"{HEAD}{ADA},Ada Lovelace,ada@example.test\n(415) 867-5311,Bob,\n")
        assert counted(counts) == {"created": 2}
        ada, bob = importer.contacts().values()
        assert (ada["phone"], ada["name"], ada["email"]) == (ADA, "Ada Lovelace", "ada@example.test")
        assert (bob["phone"], bob["name"], bob["email"]) == (BOB, "Bob", "")

    def test_again_it_changes_nothing(self, world: World, importer: Importer):
        file = f"{HEAD}{ADA},Ada,ada@example.test\n{BOB},Bob,\n{ADA},Somebody else,\n"
        assert counted(importer.run(file)) == {"created": 2, "duplicates": 1, "reasons": {"duplicate": 1}}
        before = importer.contacts()
        world.clock.pass_(hours=1)
        assert counted(importer.run(file)) == {"unchanged": 2, "duplicates": 1, "reasons": {"duplicate": 1}}
        assert importer.contacts() == before
        assert world.value("SELECT count(*) FROM import_changes") == 0

    def test_the_first_row_of_a_number_counts_however_it_is_written(self, importer: Importer):
        counts = importer.run(f"{HEAD}(415) 867-5310,Ada,\n001 415 867 5310,Bea,\n{ADA},Cy,\n")
        assert counted(counts) == {"created": 1, "duplicates": 2, "reasons": {"duplicate": 2}}
        assert importer.contacts()[ADA]["name"] == "Ada"

    @pytest.mark.parametrize("above", ["\n", "\n\n", ",,\n", '" ", ,\n'])
    def test_rows_with_nothing_in_them_count_nowhere(self, importer: Importer, above: str):
        """Above the names, which are then not taken for somebody, or anywhere else."""
        counts = importer.run(f"{above}{HEAD}{ADA},Ada,\n{above}{BOB},Bob,\n{above}")
        assert counted(counts) == {"created": 2}

    @pytest.mark.parametrize("rows", [1, 100])
    @pytest.mark.parametrize(
        "pair", [("+541123456789", "+5491123456789"), ("+525512345678", "+5215512345678")]
    )
    def test_two_spellings_of_one_number_are_one_person(
        self, importer: Importer, monkeypatch: pytest.MonkeyPatch, rows: int, pair: tuple[str, str]
    ):
        batched(monkeypatch, rows)
        counts = importer.run(f"{HEAD}{pair[0]},Ada,\n{pair[1]},Ada again,\n")
        assert counted(counts) == {"created": 1, "duplicates": 1, "reasons": {"duplicate": 1}}
        assert [row["name"] for row in importer.contacts().values()] == ["Ada"]

    @pytest.mark.parametrize("rows", [1, 2, 3, 100])
    def test_batches_of_any_size_come_to_the_same(
        self, importer: Importer, monkeypatch: pytest.MonkeyPatch, rows: int
    ):
        batched(monkeypatch, rows)
        importer.run(f"{HEAD}{BOB},Old name,\n")
        lines = [
            f"{ADA},Ada,",
            "nonsense,,",
            f"{BOB},,bob@example.test",
            "",
            f"{ADA},,",
            f"{CY},Cy,not a mail",
        ]
        shown = importer.go(importer.ready(HEAD + "\n".join(lines)))
        assert counted(shown["counts"]) == {
            "created": 2,
            "updated": 1,
            "duplicates": 1,
            "rejected": 1,
            "incomplete": 1,
            "reasons": {"phone_no_digits": 1, "duplicate": 1, "email_invalid": 1},
        }
        assert shown["progress"]["done"] == shown["progress"]["rows"] == 7
        bob = importer.contacts()[BOB]
        assert (bob["name"], bob["email"], bob["version"]) == ("Old name", "bob@example.test", 2)

    def test_progress_has_a_rate(self, world: World, importer: Importer):
        import_id = importer.ready(f"{HEAD}{ADA},Ada,\n")
        importer.client.post(f"/v1/imports/{import_id}/run")
        assert importer.shown(import_id)["progress"] == {
            "rows": 2,
            "done": 0,
            "rows_per_second": None,
            "seconds_left": None,
        }
        world.clock.pass_(seconds=4)
        importer.work()
        assert importer.shown(import_id)["progress"]["rows_per_second"] == 0.5


class TestRules:
    def test_fill_keeps_what_is_there_and_overwrite_replaces_it(self, importer: Importer):
        importer.run(f"{HEAD}{ADA},Ada,\n")
        importer.run(
            f"{HEAD}{ADA},Bea,a@example.test\n", mapping=mapping((0, "phone"), (1, "name"), (2, "email"))
        )
        ada = importer.contacts()[ADA]
        assert (ada["name"], ada["email"]) == ("Ada", "a@example.test")
        over = [*mapping((0, "phone")), *mapping((1, "name"), (2, "email"), rule="overwrite")]
        assert counted(importer.run(f"{HEAD}{ADA},Bea,b@example.test\n", mapping=over)) == {"updated": 1}
        ada = importer.contacts()[ADA]
        assert (ada["name"], ada["email"]) == ("Bea", "b@example.test")

    def test_an_empty_cell_erases_nothing(self, importer: Importer):
        importer.run(f"{HEAD}{ADA},Ada,a@example.test\n")
        over = [*mapping((0, "phone")), *mapping((1, "name"), (2, "email"), rule="overwrite")]
        assert counted(importer.run(f"{HEAD}{ADA}, ,\n", mapping=over)) == {"unchanged": 1}
        assert importer.contacts()[ADA]["name"] == "Ada"

    def test_columns_that_are_not_mapped_are_left_out(self, importer: Importer):
        importer.run(f"{HEAD}{ADA},Ada,a@example.test\n", mapping=mapping((0, "phone")))
        assert importer.contacts()[ADA]["name"] == ""

    def test_first_and_last_names_are_put_together(self, importer: Importer):
        importer.run(f"Nachname;Vorname;Handy\nLovelace;Ada;{ADA}\n;Bob;{BOB}\n")
        assert [one["name"] for one in importer.contacts().values()] == ["Ada Lovelace", "Bob"]


class TestOwnFields:
    @pytest.fixture
    def fields(self, world: World, importer: Importer) -> dict[str, str]:
        """Two fields of the customer's, and the slots under which their values stand."""
        slots = {}
        for place, (key, kind) in enumerate({"city": "text", "score": "number"}.items(), 1):
            values = {
                "organization_id": importer.org.id,
                "id": UUID(int=place),
                "key": key,
                "label": key.title(),
            }
            world._insert("contact_fields", {**values, "type": kind, "created_at": world.clock.now})
            slots[key] = f"{place:012x}"
        return slots

    def test_they_are_suggested_typed_and_merged(self, importer: Importer, fields: dict[str, str]):
        importer.run(f"Phone,City,Score\n{ADA},Rome,7\n{BOB},Bonn,many\n")
        ada, bob = importer.contacts().values()
        assert ada["fields"] == {fields["city"]: "Rome", fields["score"]: 7}
        assert bob["fields"] == {fields["city"]: "Bonn"}
        told = [
            {"column": 0, "to": "phone"},
            {"column": 1, "to": "field", "field": "city", "rule": "overwrite"},
            {"column": 2, "to": "field", "field": "score"},
        ]
        counts = importer.run(f"Phone,City,Score\n{ADA},Oslo,9\n{BOB},,3\n", mapping=told)
        assert counted(counts) == {"updated": 2}
        ada, bob = importer.contacts().values()
        assert ada["fields"] == {fields["city"]: "Oslo", fields["score"]: 7}
        assert bob["fields"] == {fields["city"]: "Bonn", fields["score"]: 3}

    def test_a_field_that_does_not_exist_is_refused(self, importer: Importer):
        import_id = importer.ready(f"Phone,X\n{ADA},y\n")
        path = f"/v1/imports/{import_id}"
        told = {"mapping": [{"column": 0, "to": "phone"}, {"column": 1, "to": "field", "field": "nope"}]}
        problem(importer.client.patch(path, told, importer.client.etag(path)), 422, "field_unknown")


class TestTags:
    def test_of_the_file_and_of_a_cell(self, world: World, importer: Importer):
        importer.run(f'Phone,Tags\n{ADA},"VIP; hot, hot"\n{BOB},\n', tags=["fair"])
        assert counted(importer.run(f"Phone,Tags\n{BOB},vip\n", tags=["fair"])) == {"updated": 1}
        found = world.rows(
            """SELECT c.phone, t.name FROM contact_tags x JOIN tags t ON t.id = x.tag_id
                 JOIN contacts c ON c.id = x.contact_id ORDER BY 1, 2"""
        )
        assert [(row["phone"], row["name"]) for row in found] == [
            (ADA, "VIP"),
            (ADA, "fair"),
            (ADA, "hot"),
            (BOB, "VIP"),
            (BOB, "fair"),
        ]

    def test_a_trial_foresees_them(self, importer: Importer):
        importer.run(f"Phone,Tags\n{ADA},vip\n{BOB},\n")
        import_id = importer.ready(f"Phone,Tags\n{ADA},VIP\n{BOB},vip\n")
        assert counted(importer.check(import_id)) == {"updated": 1, "unchanged": 1}
        assert counted(importer.go(import_id)["counts"]) == {"updated": 1, "unchanged": 1}


class TestCheck:
    def test_it_foresees_the_run_and_changes_nothing(self, world: World, importer: Importer):
        importer.run(f"{HEAD}{ADA},Ada,\n{BOB},Bob,b@example.test\n")
        before = importer.contacts()
        lines = [f"{ADA},,a@example.test", f"{BOB},Bob,", f"{CY},Cy,", f"{CY},,", "12,,", "1.2E+10,,"]
        import_id = importer.ready(HEAD + "\n".join(lines), attestation=PROOF)
        foreseen = importer.check(import_id)
        assert importer.contacts() == before
        assert world.value("SELECT count(*) FROM consent_events") == 0
        assert counted(foreseen) == {
            "created": 1,
            "updated": 1,
            "unchanged": 1,
            "duplicates": 1,
            "rejected": 2,
            "permitted": 3,
            "reasons": {"duplicate": 1, "phone_too_short": 1, "phone_rounded": 1},
        }
        assert importer.go(import_id)["counts"] == foreseen

    @pytest.mark.parametrize("told", [{"tags": ["fair"]}, {"country": "DE"}, {"attestation": PROOF}])
    def test_what_it_counted_is_forgotten_with_the_plan(self, importer: Importer, told: Any):
        import_id = importer.ready(f"{HEAD}{ADA},Ada,\n")
        assert importer.check(import_id)
        path = f"/v1/imports/{import_id}"
        assert importer.client.patch(path, told, importer.client.etag(path))[0] == 200
        assert importer.shown(import_id)["checked"] is None

    def test_a_trial_may_be_repeated_and_cancelled(self, importer: Importer):
        import_id = importer.ready(f"{HEAD}{ADA},Ada,\n")
        assert importer.check(import_id) == importer.check(import_id)
        assert importer.client.post(f"/v1/imports/{import_id}/cancel")[1] == {"state": "cancelled"}
        problem(importer.client.post(f"/v1/imports/{import_id}/run"), 409, "import_cancelled")


class TestPeopleWhoAreKnown:
    def test_brazils_ninth_digit_finds_the_same_person(self, world: World, importer: Importer):
        world.execute(
            """INSERT INTO contacts (organization_id, id, phone, name, created_at, updated_at)
               VALUES (%(org)s, gen_random_uuid(), '+551187654321', 'Rita', now(), now())""",
            org=importer.org.id,
        )
        counts = importer.run("Phone,Email\n+5511987654321,rita@example.test\n")
        assert counted(counts) == {"updated": 1}
        assert list(importer.contacts()) == ["+551187654321"]

    def test_a_further_number_leads_to_its_person_once(self, world: World, importer: Importer):
        importer.run(f"{HEAD}{ADA},Ada,\n")
        world._insert(
            "contact_identities",
            {
                "organization_id": importer.org.id,
                "kind": "number",
                "value": BOB,
                "contact_id": importer.contacts()[ADA]["id"],
                "created_at": world.clock.now,
            },
        )
        counts = importer.run(f"{HEAD}{BOB},,b@example.test\n{ADA},,a@example.test\n")
        assert counted(counts) == {"updated": 1, "duplicates": 1}
        assert importer.contacts()[ADA]["email"] == "b@example.test"

    def test_E18_a_restricted_person_is_left_as_they_are(self, world: World, importer: Importer):
        importer.run(f"{HEAD}{ADA},Ada,\n")
        world.execute("UPDATE contacts SET restricted_at = %(now)s", now=world.clock.now)
        before = importer.contacts()
        counts = importer.run(f"{HEAD}{ADA},,a@example.test\n", tags=["x"], attestation=PROOF)
        assert counted(counts) == {"restricted": 1}
        assert importer.contacts() == before
        assert world.value("SELECT count(*) FROM contact_tags") == 0

    def test_T9_another_tenants_people_are_not_met(self, world: World, importer: Importer):
        other = world.organization("Rival")
        world.execute(
            """INSERT INTO contacts (organization_id, id, phone, name, created_at, updated_at)
               VALUES (%(org)s, gen_random_uuid(), %(phone)s, 'Theirs', now(), now())""",
            org=other.id,
            phone=ADA,
        )
        assert counted(importer.run(f"{HEAD}{ADA},Ours,\n")) == {"created": 1}
        assert world.value("SELECT name FROM contacts WHERE organization_id = %(o)s", o=other.id) == "Theirs"


class TestProblems:
    def test_each_is_told_with_row_column_reason_and_the_cells(self, importer: Importer):
        import_id = importer.ready(f'{HEAD}1.2E+10,"=cmd()",x\n\n{ADA},Ada,not a mail\n0014158675311,Bob,\n')
        importer.go(import_id)
        told = importer.problems(import_id)
        assert [(one["row"], one["outcome"], one["column"], one["reason"]) for one in told] == [
            ("2", "not taken", "Phone", "phone_rounded"),
            ("4", "taken without", "Email", "email_invalid"),
            ("5", "repaired", "Phone", "double_zero_read"),
        ]
        assert (told[0]["Phone"], told[0]["Name"]) == ("1.2E+10", "=cmd()")
        assert all(one["explanation"].endswith(".") for one in told)

    def test_I7_a_formula_is_not_run_by_whoever_opens_the_list(self, importer: Importer):
        import_id = importer.ready('Phone,=Name\nx,"=cmd()"\n')
        importer.go(import_id)
        with importer.storage.open(problems_of(importer.org.id, import_id)) as chunks:
            text = b"".join(chunks).decode("utf-8-sig")
        assert ",'=Name\r\n" in text
        assert ",'=cmd()\r\n" in text

    def test_a_link_leads_to_it(self, importer: Importer):
        import_id = importer.ready(f"{HEAD}x,,\n{ADA},,\n")
        problem(importer.client.get(f"/v1/imports/{import_id}/problems"), 404, "problems_missing")
        importer.go(import_id)
        status, told = importer.client.get(f"/v1/imports/{import_id}/problems")
        assert status == 200
        assert "/files/" in told["url"]


def patiently(importer: Importer, import_id: UUID, genuine: Any) -> Any:
    """Before each batch but the first two, wait until the click has come."""

    def take(tx: Any, *of: Any, after: int) -> Any:
        deadline = time.monotonic() + 10
        while after == 3 and importer.shown(import_id)["state"] == "running" and time.monotonic() < deadline:
            time.sleep(0.01)
        return genuine(tx, *of, after=after)

    return take


class TestSteering:
    def test_P3_2_nothing_runs_without_a_declaration(self, importer: Importer):
        import_id, _ = importer.look(f"{HEAD}{ADA},Ada,\n".encode())
        problem(importer.client.post(f"/v1/imports/{import_id}/run"), 422, "attestation_missing")

    def test_P3_2_a_permission_needs_its_proof(self, importer: Importer):
        import_id = importer.ready(f"{HEAD}{ADA},Ada,\n")
        path = f"/v1/imports/{import_id}"
        told = {"attestation": {"permissions": PROOF["permissions"], "wording": "Text me."}}
        problem(importer.client.patch(path, told, importer.client.etag(path)), 422, "evidence_missing")

    def test_two_who_describe_at_once_lose_nothing(self, importer: Importer):
        import_id = importer.ready(f"{HEAD}{ADA},Ada,\n")
        path = f"/v1/imports/{import_id}"
        seen = importer.client.etag(path)
        assert importer.client.patch(path, {"country": "DE"}, seen)[0] == 200
        assert importer.client.patch(path, {"country": "FR"}, seen)[0] == 412

    @pytest.mark.parametrize(
        ("told", "code"),
        [
            ({"mapping": [{"column": 9, "to": "phone"}]}, "column_unknown"),
            ({"mapping": [{"column": 0, "to": "phone"}, {"column": 1, "to": "phone"}]}, "mapping_twice"),
            ({"mapping": [{"column": 0, "to": "phone"}, {"column": 0, "to": "name"}]}, "mapping_twice"),
            ({"country": "XX"}, "country_unknown"),
            ({"tags": [" "]}, "tags_too_long"),
        ],
    )
    def test_what_does_not_fit_is_refused(self, importer: Importer, told: dict[str, Any], code: str):
        import_id = importer.ready(f"{HEAD}{ADA},Ada,\n")
        path = f"/v1/imports/{import_id}"
        problem(importer.client.patch(path, told, importer.client.etag(path)), 422, code)

    def test_without_a_number_nothing_begins(self, importer: Importer):
        import_id = importer.ready(f"{HEAD}{ADA},Ada,\n", mapping=mapping((1, "name")))
        problem(importer.client.post(f"/v1/imports/{import_id}/check"), 422, "phone_unmapped")
        problem(importer.client.post(f"/v1/imports/{import_id}/run"), 422, "phone_unmapped")

    def test_cancelled_in_the_middle_it_stops_and_keeps_its_counts(
        self, importer: Importer, monkeypatch: pytest.MonkeyPatch
    ):
        batched(monkeypatch, 1)
        import_id = importer.ready(f"{HEAD}{ADA},,\n{BOB},,\n{CY},,\n")
        importer.client.post(f"/v1/imports/{import_id}/run")
        genuine = store.advance

        def cancelling(tx: Any, organization_id: UUID, *of: Any, last: int, **more: Any) -> None:
            """The customer's click waits for the batch that is being written, and comes before the next."""
            if last == 3:
                Thread(target=importer.client.post, args=(f"/v1/imports/{import_id}/cancel",)).start()
            genuine(tx, organization_id, *of, last=last, **more)

        monkeypatch.setattr(store, "advance", cancelling)
        monkeypatch.setattr(store, "take", patiently(importer, import_id, store.take))
        importer.work()
        shown = importer.shown(import_id)
        assert (shown["state"], shown["progress"]["done"], shown["counts"]["created"]) == ("cancelled", 3, 2)
        assert list(importer.contacts()) == [ADA, BOB]
        assert importer.undo(import_id) == {"removed": 2}

    def test_a_file_that_never_came_is_said(self, importer: Importer):
        status, begun = importer.client.post("/v1/imports", {"bytes": 10})
        assert status == 201
        assert importer.client.post(f"/v1/imports/{begun['id']}/look", {})[0] == 202
        importer.work()
        shown = importer.shown(UUID(begun["id"]))
        assert (shown["state"], shown["reason"]) == ("failed", "missing")
        assert shown["explanation"] == "The file is not there. Upload it first."

    def test_a_file_too_large_is_not_begun(self, importer: Importer):
        problem(importer.client.post("/v1/imports", {"bytes": 2**30}), 413, "file_too_large")

    def test_a_day_after_its_end_the_file_and_what_it_says_are_gone(self, world: World, importer: Importer):
        import_id = importer.ready(f"{HEAD}{ADA},Ada,\nx,,\n")
        importer.go(import_id)
        world.clock.pass_(hours=23)
        importer.work()
        assert importer.storage.find(file_of(importer.org.id, import_id)) is not None
        world.clock.pass_(hours=1)
        importer.work()
        for key in (file_of(importer.org.id, import_id), problems_of(importer.org.id, import_id)):
            assert importer.storage.find(key) is None
        shown = importer.shown(import_id)
        assert (shown["columns"], shown["sample"], shown["file_name"]) == ([], None, "")
        assert counted(shown["counts"])["created"] == 1

    def test_one_that_was_given_up_is_forgotten_after_a_week(self, world: World, importer: Importer):
        import_id = importer.ready(f"{HEAD}{ADA},Ada,\n")
        world.clock.now += days(7)
        importer.work()
        assert importer.storage.find(file_of(importer.org.id, import_id)) is None
        assert importer.shown(import_id)["state"] == "cancelled"

    def test_G6_who_did_what_is_in_the_audit_log(self, importer: Importer):
        import_id = importer.ready(f"{HEAD}{ADA},Ada,\n")
        importer.go(import_id)
        importer.undo(import_id)
        _, log = importer.client.get("/v1/audit-log")
        assert sorted(one["action"] for one in log["items"]) == [
            "import.begun",
            "import.started",
            "import.undone",
        ]
        assert str(import_id) in str(log)


class TestRow:
    """Cells are read in a short way where they can be; it is the way of everybody who writes values."""

    @given(
        st.text(st.characters(exclude_characters="\x00", codec="utf-8"), max_size=1100),
        st.sampled_from(["overwrite", "fill"]),
    )
    @settings(max_examples=200, deadline=None)
    def test_a_text_reads_as_check_values_has_it(self, cell: str, rule: Any):
        city = Field(UUID(int=7), "city", "City", "text", (), 1, START)
        mapped = [Mapped(0, "phone"), Mapped(1, "field", "city", rule)]
        row = Reader(mapped, {"city": city}, country="US", width=2).read([ADA, cell])
        assert isinstance(row, Row)
        checked = check_values({"city": city}, {"city": plain(cell)})
        expected = {slot: value for slot, value in checked.values.items() if value is not None}
        assert (row.over if rule == "overwrite" else row.fill) == expected
        assert [one.reason for one in row.problems] == [one.reason for one in checked.complaints]

    @given(st.text(st.characters(exclude_categories=["Cc", "Cs"]) | st.sampled_from("\t\n\\"), max_size=60))
    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_whatever_a_name_holds_it_is_stored_as_it_is(self, importer: Importer, name: str):
        file = io.StringIO(newline="")
        csv.writer(file).writerows([["Phone", "Name"], [ADA, name], [BOB, "Bob"]])
        importer.run(
            file.getvalue(), mapping=[*mapping((0, "phone")), *mapping((1, "name"), rule="overwrite")]
        )
        wanted = " ".join(plain(name).replace("\r\n", "\n").replace("\r", "\n").split())
        assert importer.contacts()[ADA]["name"] == wanted
        importer.world.execute("UPDATE contacts SET name = ''")
