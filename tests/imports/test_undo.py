"""An import taken back for a day: who was made goes, what was replaced comes back, what happened since stays."""

from collections import Counter
from typing import Any

import pytest

from leadsrally.contacts.imports import undo as undo_module
from tests.api.conftest import problem
from tests.imports.conftest import PROOF, Importer
from tests.imports.test_run_import import ADA, BOB, CY, HEAD, mapping
from tests.world import World

DEE = "+14158675313"
OVER = [*mapping((0, "phone")), *mapping((1, "name"), (2, "email"), rule="overwrite")]


@pytest.fixture(params=[1, 2, 1000])
def bite(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(undo_module, "_BITE", request.param)
    return request.param


def ready(importer: Importer, file: str, **told: Any) -> Any:
    import_id = importer.ready(file, **told)
    importer.go(import_id)
    return import_id


class TestUndo:
    def test_everything_is_as_it_was(self, world: World, importer: Importer, bite: int):
        importer.run(f"{HEAD}{ADA},Ada,\n{BOB},Bob,b@example.test\n")
        before = importer.contacts()
        file = f"{HEAD}{ADA},Bea,a@example.test\n{BOB},Bob,\nx,,\n{CY},Cy,\n{DEE},Dee,\n"
        import_id = ready(importer, file, mapping=OVER, tags=["fair"], attestation=PROOF)
        assert len(importer.contacts()) == 4
        assert importer.undo(import_id) == {"removed": 2, "restored": 2}
        after = importer.contacts()
        unsaid = {"updated_at", "version"}
        for phone, row in before.items():
            assert {k: v for k, v in after[phone].items() if k not in unsaid} == {
                k: v for k, v in row.items() if k not in unsaid
            }
        assert list(after) == list(before)
        for table in ("contact_tags", "consent_states", "consent_events"):
            assert world.value(f"SELECT count(*) FROM {table}") == 0, table

    def test_what_was_done_about_each_row_is_told(self, importer: Importer):
        importer.run(f"{HEAD}{ADA},Ada,\n")
        import_id = ready(importer, f"{HEAD}{ADA},,a@example.test\n{CY},Cy,\n")
        importer.undo(import_id)
        told = importer.undone(import_id)
        assert sorted((one["row"], one["outcome"]) for one in told) == [("2", "restored"), ("3", "removed")]
        assert importer.client.get(f"/v1/imports/{import_id}/undone")[0] == 200

    def test_whoever_has_talked_since_stays(self, world: World, importer: Importer, bite: int):
        line = world.line(importer.org)
        import_id = ready(importer, f"{HEAD}{ADA},Ada,\n{CY},Cy,\n", attestation=PROOF)
        world.text(line, "Hello", sender=ADA)
        assert importer.undo(import_id) == {"removed": 1, "kept_in_use": 1}
        assert list(importer.contacts()) == [ADA]
        assert world.value("SELECT state FROM consent_states WHERE channel_kind = 'sms'") == "granted"

    def test_whoever_was_tagged_since_stays(self, world: World, importer: Importer, bite: int):
        import_id = ready(importer, f"{HEAD}{ADA},Ada,\n{CY},Cy,\n", tags=["fair"])
        world.clock.pass_(seconds=1)
        ada = importer.contacts()[ADA]["id"]
        assert importer.client.post(f"/v1/contacts/{ada}/tags", {"names": ["vip"]})[0] in (200, 201)
        assert importer.undo(import_id) == {"removed": 1, "kept_in_use": 1}
        shown = importer.client.get(f"/v1/contacts/{ada}")[1]
        assert [tag["name"] for tag in shown["tags"]] == ["fair", "vip"]

    def test_whoever_only_took_the_same_tag_again_goes(self, world: World, importer: Importer):
        import_id = ready(importer, f"{HEAD}{ADA},Ada,\n", tags=["fair"])
        world.clock.pass_(seconds=1)
        ready(importer, f"{HEAD}{ADA},Ada,\n", tags=["fair"])
        assert importer.undo(import_id) == {"removed": 1}

    @pytest.mark.parametrize(
        "later",
        [
            {"file": f"Phone,SMS consent\n{ADA},no\n"},
            {"file": f"{HEAD}{ADA},,\n", "attestation": PROOF},
            {"file": f"{HEAD}{ADA},,\n", "tags": ["fair"]},
            {"file": f"{HEAD}{ADA},,a@example.test\n"},
        ],
        ids=["opt-out", "evidence", "tag", "value"],
    )
    def test_S7_whoever_another_import_says_something_of_stays_with_it(
        self, world: World, importer: Importer, later: Any
    ):
        first = ready(importer, f"{HEAD}{ADA},Ada,\n{CY},Cy,\n")
        world.clock.pass_(seconds=1)
        second = ready(importer, **later)
        tables = ("consent_events", "consent_states", "contact_tags")
        before = [world.rows(f"SELECT * FROM {table}") for table in tables]
        assert importer.undo(first) == {"removed": 1, "kept_in_use": 1}
        assert list(importer.contacts()) == [ADA]
        assert [world.rows(f"SELECT * FROM {table}") for table in tables] == before
        assert importer.shown(second)["state"] == "done"

    def test_whoever_was_edited_since_stays(self, world: World, importer: Importer):
        import_id = ready(importer, f"{HEAD}{ADA},Ada,\n{CY},Cy,\n")
        world.execute(
            "UPDATE contacts SET name = 'Countess', version = version + 1 WHERE phone = %(p)s", p=ADA
        )
        assert importer.undo(import_id) == {"removed": 1, "kept_edited": 1}
        assert importer.contacts()[ADA]["name"] == "Countess"

    def test_a_value_that_was_changed_again_stays_and_the_others_come_back(
        self, world: World, importer: Importer
    ):
        importer.run(f"{HEAD}{ADA},Ada,old@example.test\n")
        import_id = ready(importer, f"{HEAD}{ADA},Bea,new@example.test\n", mapping=OVER)
        world.execute("UPDATE contacts SET name = 'Countess', version = version + 1")
        assert importer.undo(import_id) == {"kept_changed": 1}
        ada = importer.contacts()[ADA]
        assert (ada["name"], ada["email"]) == ("Countess", "old@example.test")

    def test_somebody_erased_meanwhile_is_no_obstacle(self, world: World, importer: Importer):
        importer.run(f"{HEAD}{ADA},Ada,\n")
        import_id = ready(importer, f"{HEAD}{ADA},,a@example.test\n{CY},Cy,\n")
        world.execute("DELETE FROM contacts")
        assert importer.undo(import_id) == {"gone": 1}

    def test_S7_an_opt_out_of_the_file_stands(self, world: World, importer: Importer):
        import_id = ready(importer, f"Phone,SMS consent\n{ADA},no\n")
        assert importer.undo(import_id) == {"removed": 1}
        assert world.value("SELECT count(*) FROM suppressions WHERE channel_kind = 'sms'") == 1

    def test_after_a_day_it_is_too_late_and_what_was_before_is_gone(self, world: World, importer: Importer):
        importer.run(f"{HEAD}{ADA},Ada,\n")
        import_id = ready(importer, f"{HEAD}{ADA},,a@example.test\n")
        world.clock.pass_(hours=24)
        problem(importer.client.post(f"/v1/imports/{import_id}/undo"), 409, "too_late_to_undo")

    def test_one_that_failed_half_way_is_undone_as_far_as_it_came(self, world: World, importer: Importer):
        import_id = ready(importer, f"{HEAD}{ADA},Ada,\n{CY},Cy,\n")
        world.execute("UPDATE imports SET state = 'failed', reason = 'missing', lines_done = 3")
        assert importer.undo(import_id) == {"removed": 2}

    def test_one_that_never_ran_has_nothing_to_undo(self, importer: Importer):
        import_id, seen = importer.look(b"\n")
        assert seen["state"] == "failed"
        problem(importer.client.post(f"/v1/imports/{import_id}/undo"), 409, "import_failed")

    def test_twice_it_is_undone_once(self, importer: Importer):
        import_id = ready(importer, f"{HEAD}{ADA},Ada,\n")
        importer.undo(import_id)
        problem(importer.client.post(f"/v1/imports/{import_id}/undo"), 409, "import_undone")

    def test_every_table_that_points_at_a_contact_is_known_here(self, world: World):
        """What undoing deletes, what it takes as a sign of use, and what keeps a contact by its foreign key alone."""
        pointing = {
            row["child"]
            for row in world.rows(
                """SELECT conrelid::regclass::text AS child FROM pg_constraint
                    WHERE contype = 'f' AND confrelid = 'contacts'::regclass"""
            )
        }
        deleted = {"contact_tags", "consent_states", "consent_events"}
        in_use = {"conversations", "contact_notes", "contact_identities", "disclosures"}
        assert deleted | in_use <= pointing
        told = Counter(undo_module._JUDGE.split())
        assert all(told[name] for name in in_use)


class TestTimeline:
    def test_a_person_shows_which_import_made_and_which_changed_them(self, world: World, importer: Importer):
        made = ready(importer, f"{HEAD}{ADA},Ada,\n")
        world.clock.pass_(seconds=1)
        changed = ready(importer, f"{HEAD}{ADA},,a@example.test\n")
        world.clock.pass_(seconds=1)
        ready(importer, f"{HEAD}{ADA},,a@example.test\n")  # says nothing new
        path = f"/v1/contacts/{importer.contacts()[ADA]['id']}/timeline"

        def told() -> list[Any]:
            rows = importer.client.get(path)[1]["items"]
            return [(row["kind"], row["told"].get("import_id"), row["told"].get("undone")) for row in rows]

        assert told() == [("import", None, False), ("created", str(made), None)]
        assert importer.client.get(path)[1]["items"][0]["id"] == str(changed)
        importer.undo(changed)
        assert told()[0] == ("import", None, True)

    def test_whoever_was_written_down_by_hand_was_made_by_no_import(self, importer: Importer):
        ready(importer, f"{HEAD}{BOB},Bob,\n")
        _, ada = importer.client.post("/v1/contacts", {"phone": ADA})
        rows = importer.client.get(f"/v1/contacts/{ada['id']}/timeline")[1]["items"]
        assert [(row["kind"], row["told"]) for row in rows] == [("created", {})]
