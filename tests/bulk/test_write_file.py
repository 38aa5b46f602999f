"""Contacts as a file: safe to open (I7), read again by an import as they were (E13), whole or not at all (E15)."""

import csv
import io
import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from leadsrally import runtime
from leadsrally.accounts.audit import SYSTEM
from leadsrally.contacts import people
from leadsrally.contacts.bulk import write_file as write_module
from leadsrally.contacts.bulk.types import file_of
from leadsrally.contacts.define_fields import define_field
from leadsrally.contacts.imports.rows import MAX_TAG, MAX_TAGS
from leadsrally.contacts.tags import cell_of_names, names_in, tag_contact
from leadsrally.jobs.types import Job
from tests.api.conftest import person
from tests.bulk.conftest import EVERYBODY, Bulk
from tests.imports.conftest import Importer
from tests.world import World

TYPES = {
    "note": "text",
    "size": "number",
    "since": "date",
    "vip": "boolean",
    "colour": "choice",
    "mobile": "text",
}
CHOICES = ("Red", "=Sky, blue", "Grün")

line = st.text(
    st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]) | st.sampled_from("=+-@'\",;|ü🦊\u200d＝"),
    max_size=30,
)
texts = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("=+-@'\"\n\r\t,;ü🦊"), max_size=40)
values = st.fixed_dictionaries(
    {},
    optional={
        "note": texts,
        "mobile": texts,
        "size": st.integers(-(10**15) + 1, 10**15 - 1) | st.decimals(-1000, 1000, places=6).map(float),
        "since": st.dates().map(lambda day: day.isoformat()),
        "vip": st.booleans(),
        "colour": st.sampled_from(CHOICES),
    },
)
somebody = st.fixed_dictionaries(
    {
        "name": line,
        "email": st.sampled_from(["", "ada@example.test", "o'hara+1@mail.example.test", "-x=@ex-ample.test"]),
        "time_zone": st.sampled_from([None, "Europe/Berlin", "America/New_York"]),
        "fields": values,
        "tags": st.lists(line.map(str.strip).filter(bool), max_size=4, unique_by=str.lower),
    }
)


class Pair:
    """An organisation that writes files, and another one, empty, that imports them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.numbers = itertools.count(5000)
        self.bulk, self.other = self._with_fields("Harbour Bikes"), self._with_fields("Copy")

    def _with_fields(self, name: str) -> Bulk:
        org = self.world.organization(name)
        with runtime.of("api").db.tenant(org.id) as tx:
            for key, type_ in TYPES.items():
                define_field(
                    tx,
                    org.id,
                    key=key,
                    label=key.title(),
                    type_=type_,  # pyright: ignore[reportArgumentType]
                    choices=CHOICES if type_ == "choice" else (),
                    actor=SYSTEM,
                    now=self.world.clock.now,
                )
        return Bulk(self.world, org, person(self.world, org))

    def write_down(self, told: dict[str, Any]) -> None:
        org = self.bulk.org.id
        with runtime.of("api").db.tenant(org) as tx:
            new = {**told, "phone": f"+1415867{next(self.numbers)}"}
            made = people.create(tx, org, new, actor=SYSTEM, now=self.world.clock.now)
            if told["tags"]:
                tag_contact(tx, org, made.id, told["tags"], actor=SYSTEM, now=self.world.clock.now)

    def copied(self) -> Bulk:
        """The other one, when it has imported the file with the columns as they are suggested."""
        action_id, _ = self.bulk.run("export", **EVERYBODY)
        importer = Importer(self.world, self.other.org, self.other.client)
        import_id = importer.ready(self.bulk.file(action_id))
        shown = importer.go(import_id)
        assert shown["counts"]["reasons"] == {}, shown
        return self.other

    def held(self, bulk: Bulk) -> list[dict[str, Any]]:
        """All that can be carried over, without ids and times."""
        _, page = bulk.client.get("/v1/contacts?limit=100")
        kept = ("phone", "name", "email", "time_zone", "fields")
        told = [
            {**{name: one[name] for name in kept}, "tags": [tag["name"] for tag in one["tags"]]}
            for one in page["items"]
        ]
        return sorted(told, key=lambda one: one["phone"])


@pytest.fixture
def pair(world: World) -> Pair:
    return Pair(world)


class TestRoundTrip:
    @given(st.lists(somebody, min_size=1, max_size=4))
    @settings(
        max_examples=40,
        deadline=None,
        phases=[Phase.generate],  # shrinking would import hundreds of files
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    def test_E13_an_import_of_the_file_brings_everybody_back(
        self, pair: Pair, everybody: list[dict[str, Any]]
    ):
        pair.world.execute("DELETE FROM contact_tags; DELETE FROM tags; DELETE FROM contacts")
        for told in everybody:
            pair.write_down(told)
        copy = pair.copied()
        assert pair.held(copy) == pair.held(pair.bulk)

    def test_E13_what_stands_about_permission_comes_along_and_is_never_looser(self, world: World, pair: Pair):
        line = world.line(pair.bulk.org)
        for phone, words in (("+14158675310", ["STOP"]), ("+14158675311", []), ("+14158675312", [])):
            for word in ["Hello", *words]:
                world.text(line, word, sender=phone)
        world.agrees(line, "+14158675311")
        action_id, _ = pair.bulk.run("export", **EVERYBODY)
        said = {row["phone"]: row["consent_sms"] for row in pair.bulk.table(action_id)}
        assert said == {"+14158675310": "no", "+14158675311": "yes", "+14158675312": ""}
        copy = pair.copied()
        states = world.rows(
            "SELECT p.phone, c.state FROM consent_states AS c JOIN contacts AS p ON p.id = c.contact_id"
            " WHERE p.organization_id = %(id)s",
            id=copy.org.id,
        )
        assert states == [{"phone": "+14158675310", "state": "revoked"}]

    def test_S7_a_number_of_the_list_is_a_no_whoever_has_it(self, bulk: Bulk):
        listed = {"phone": "+14158675310", "channels": ["sms"]}
        assert bulk.client.post("/v1/suppressions", listed)[0] == 201
        bulk.contact(phone="+14158675310")
        bulk.contact(phone="+14158675311")
        action_id, _ = bulk.run("export", **EVERYBODY)
        said = {row["phone"]: (row["consent_sms"], row["consent_whatsapp"]) for row in bulk.table(action_id)}
        assert said == {"+14158675310": ("no", ""), "+14158675311": ("", "")}

    @given(st.lists(line.map(str.strip).filter(bool), max_size=MAX_TAGS))
    def test_tags_of_any_name_stand_in_one_cell(self, names: list[str]):
        assert names_in(cell_of_names(names)) == names

    @pytest.mark.parametrize(
        ("cell", "names"),
        [
            ("a, b;c|d\ne", ["a", "b", "c", "d", "e"]),
            (' "a, b" ; c', ["a, b", "c"]),
            ('6" pipe, x', ['6" pipe', "x"]),
            ('"open, x', ['"open', "x"]),
            ('"say ""hi"""', ['say "hi"']),
            ('""', []),
            (" , ,", []),
        ],
    )
    def test_how_people_write_tags(self, cell: str, names: list[str]):
        assert names_in(cell) == names
        assert all(len(name) <= MAX_TAG for name in names)


class TestFile:
    def test_I7_no_cell_and_no_heading_runs(self, bulk: Bulk):
        bulk.contact(phone="+14158675310", name="=1+1", email="-x@example.test", tags=["@sum", "+b"])
        action_id, _ = bulk.run("export", **EVERYBODY)
        text = bulk.file(action_id).decode("utf-8-sig")
        for row in csv.reader(io.StringIO(text, newline="")):
            assert not [cell for cell in row if cell[:1] in "=+-@\t\r" and cell]

    def test_a_field_that_could_be_taken_for_another_column_says_that_it_is_one(self, bulk: Bulk):
        for key in ("city", "mobile", "first_name", "other_numbers"):
            bulk.field(key)
        bulk.contact(phone="+14158675310", fields={"mobile": "no"})
        action_id, _ = bulk.run("export", **EVERYBODY)
        (row,) = bulk.table(action_id)
        said = {name for name in row if "." in name}
        assert said == {"fields.mobile", "fields.first_name", "fields.other_numbers"}
        assert (row["fields.mobile"], row["city"]) == ("no", "")

    def test_E18_a_person_whose_data_is_restricted_is_not_in_it(self, world: World, bulk: Bulk, bite: int):
        ada, bob = bulk.people(2)
        world.execute("UPDATE contacts SET restricted_at = created_at WHERE id = %(id)s", id=ada)
        action_id, counts = bulk.run("export", **EVERYBODY)
        assert counts == {"changed": 1, "restricted": 1}
        assert [row["id"] for row in bulk.table(action_id)] == [str(bob)]

    def test_all_are_in_it_once_whatever_goes_to_a_page(self, bulk: Bulk, bite: int):
        made = bulk.people(7)
        action_id, counts = bulk.run("export", **EVERYBODY)
        assert counts == {"changed": 7}
        assert [row["id"] for row in bulk.table(action_id)] == [str(one) for one in reversed(made)]

    def test_nobody_makes_a_file_of_headings(self, bulk: Bulk):
        action_id, counts = bulk.run("export", search="nobody")
        assert (counts, bulk.table(action_id)) == ({}, [])

    def test_the_link_is_short_and_gone_with_the_file_after_a_day(self, world: World, bulk: Bulk):
        bulk.people(1)
        action_id, _ = bulk.run("export", **EVERYBODY)
        path = f"/v1/contacts/bulk/{action_id}/file"
        status, link = bulk.client.get(path)
        assert status == 200
        assert link["url"].startswith("https://")
        world.clock.pass_(hours=24)
        bulk.work()
        assert bulk.client.get(path)[0] == 404
        assert runtime.of("bulk_contacts").storage.find(file_of(bulk.org.id, action_id)) is None

    def test_of_one_that_is_cancelled_nothing_is_left(self, bulk: Bulk, monkeypatch: pytest.MonkeyPatch):
        bulk.people(4)
        door = runtime.of("bulk_contacts")
        monkeypatch.setitem(vars(door), "bulk_desk", replace(door.bulk_desk, bite=1))
        action_id = bulk.asked("export", **EVERYBODY)
        monkeypatch.setattr(write_module, "choose", self._then(bulk, action_id, at=3))
        bulk.work()
        assert bulk.shown(action_id)["state"] == "cancelled"
        assert runtime.of("bulk_contacts").storage.find(file_of(bulk.org.id, action_id)) is None

    def test_one_that_takes_longer_than_a_worker_lives_says_so(self, bulk: Bulk):
        bulk.people(1)
        action_id = bulk.asked("export", **EVERYBODY)
        job = Job(
            action_id, bulk.org.id, "bulk_contacts", "export", {"action_id": str(action_id)}, 1, 20, None
        )
        write_module.write_file(runtime.of("bulk_contacts").bulk_desk, job, lambda: timedelta(0))
        shown = bulk.shown(action_id)
        assert (shown["state"], shown["reason"]) == ("failed", "too_large")

    @staticmethod
    def _then(bulk: Bulk, action_id: UUID, *, at: int) -> Callable[..., Any]:
        genuine, calls = write_module.choose, itertools.count(1)

        def choose(*given: Any) -> Any:
            if next(calls) == at:
                # From elsewhere, as a customer does: the worker's own transaction has not begun to write.
                assert bulk.client.post(f"/v1/contacts/bulk/{action_id}/cancel")[0] == 200
            return genuine(*given)

        return choose
