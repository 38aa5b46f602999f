"""P7.1: everything that is kept, as files to take away."""

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from leadsrally import runtime
from leadsrally.kit import spreadsheet
from leadsrally.kit.storage import Key, Storage
from leadsrally.privacy.export import build, rows, store
from leadsrally.privacy.export.build import KEPT_FOR
from leadsrally.privacy.export.sheets import of_scope, sheets
from leadsrally.privacy.export.store import key_of
from leadsrally.privacy.register import REGISTER, Exported
from tests.api.conftest import Client, person, problem
from tests.world import Line, Org, World

PICTURE = b"\x89PNG\r\n\x1a\nof a bicycle"


@pytest.fixture
def owner(world: World, org: Org) -> Client:
    client = person(world, org)
    client.confirm()
    return client


@dataclass
class Opened:
    """The parts of one export, read again."""

    zips: list[zipfile.ZipFile]

    @property
    def names(self) -> list[str]:
        return [name for part in self.zips for name in part.namelist()]

    def bytes(self, name: str) -> bytes:
        (found,) = [part.read(name) for part in self.zips if name in part.namelist()]
        return found

    def pieces(self, table: str, ending: str) -> list[str]:
        """Every run of a table, in order."""
        return [
            part.read(name).decode()
            for part in self.zips
            for name in part.namelist()
            if name.rpartition("/")[2].partition(".")[0] == table and name.endswith(ending)
        ]

    def rows(self, table: str) -> list[dict[str, Any]]:
        return [json.loads(line) for piece in self.pieces(table, ".jsonl") for line in piece.splitlines()]

    def csv(self, table: str) -> list[dict[str, str]]:
        return [
            row
            for piece in self.pieces(table, ".csv")
            for row in csv.DictReader(io.StringIO(piece, newline=""))
        ]

    def text(self) -> str:
        return "".join(
            self.bytes(name).decode("utf-8", "replace")
            for name in dict.fromkeys(self.names)
            if "manifest" not in name
        )


def storage() -> Storage:
    return runtime.of("export").storage


def ask(client: Client, contact_id: UUID | None = None) -> UUID:
    client.confirm()
    status, body = client.post("/v1/exports", {"contact_id": contact_id and str(contact_id)})
    assert status == 202, body
    return UUID(body["id"])


def opened(client: Client, export_id: UUID) -> Opened:
    status, body = client.get(f"/v1/exports/{export_id}")
    assert (status, body["state"]) == (200, "ready")
    found: list[zipfile.ZipFile] = []
    for part in body["parts"]:
        with storage().open(key_of(client.org.id, export_id, part["number"])) as chunks:
            kept = b"".join(chunks)
        assert len(kept) == part["bytes"]
        archive = zipfile.ZipFile(io.BytesIO(kept))
        assert archive.testzip() is None
        found.append(archive)
    return Opened(found)


def exported(client: Client, contact_id: UUID | None = None) -> Opened:
    export_id = ask(client, contact_id)
    client.world.work("export")
    return opened(client, export_id)


def picture(world: World, line: Line, sender: str) -> UUID:
    """A stored file that came with a text."""
    world.text(
        line,
        None,
        sender=sender,
        NumMedia="1",
        MediaUrl0="https://api.twilio.com/m",
        MediaContentType0="image/png",
    )
    media_id = world.value(
        "UPDATE media SET state = 'stored', source = NULL, bytes = %(size)s, sha256 = sha256('x'),"
        " settled_at = created_at WHERE state = 'pending' RETURNING id",
        size=len(PICTURE),
    )
    storage().put(Key(line.organization_id, "media", str(media_id)), [PICTURE], content_type="image/png")
    return media_id


def contact_of(world: World, phone: str) -> UUID:
    return world.value("SELECT id FROM contacts WHERE phone = %(phone)s", phone=phone)


class TestSheets:
    """Which rows of which table: from the register alone."""

    def test_whatever_the_register_exports_is_in_it_and_nothing_else_of_a_person(self):
        held = {(sheet.table, column) for sheet in sheets() for column in sheet.columns}
        for entry in REGISTER:
            for column in entry.columns:
                wanted = entry.exported.value in {sheet.folder for sheet in sheets()}
                assert ((entry.table, column) in held) == wanted, (entry.table, column)

    def test_secrets_and_copies_stay_out(self):
        held = {(sheet.table, column) for sheet in sheets() for column in sheet.columns}
        kept_back = {Exported.WITHHELD, Exported.HASHED, Exported.COPIED, Exported.UNRELATED}
        secret = {(e.table, column) for e in REGISTER if e.exported in kept_back for column in e.columns}
        assert not held & secret
        assert ("users", "password_hash") in secret
        assert ("channels", "credentials") in secret

    def test_E1_every_table_about_contacts_can_be_picked_by_contact(self):
        """A table that cannot stays out of a person's export, so each needs a reason."""
        about = {
            e.table
            for e in REGISTER
            if e.subject == "contact" and e.exported.value in {s.folder for s in sheets()}
        }
        picked = {sheet.table for sheet in of_scope(one_contact=True)}
        assert about - picked == {
            "suppressions",  # a keyed hash: it names nobody, and the state of consent says the same
            "quarantine",  # what could not be read, so that nobody knows whose it is
            "listed_numbers",  # numbers of a customer's list of opt-outs, of people who need be no contacts
        }


class TestBuild:
    def test_it_holds_every_row_exactly(self, world: World, org: Org, line: Line, owner: Client):
        world.text(line, 'How much is it? 😀 "quoted"\nnext line')
        world.reply(line, world.conversation(line), "Ten, back\\slash")
        world.text(line, "STOP")
        found = exported(owner)
        for table in (
            "contacts",
            "conversations",
            "messages",
            "consent_events",
            "users",
            "channels",
            "disclosures",
        ):
            columns = next(sheet.columns for sheet in sheets() if sheet.table == table)
            wanted = world.rows(
                f"SELECT row_to_json(r) AS row FROM (SELECT {', '.join(columns)} FROM {table}"
                " WHERE organization_id = %(id)s) AS r",
                id=org.id,
            )
            got = {json.dumps(row, sort_keys=True) for row in found.rows(table)}
            kept = {json.dumps(row["row"], sort_keys=True) for row in wanted if table != "users"}
            assert got >= kept, table
            assert len(found.rows(table)) == len(wanted), table
            assert len(found.csv(table)) == len(wanted), table

    def test_T1_nothing_of_another_tenant(self, world: World, line: Line, owner: Client):
        other = world.line(world.organization("Rival"))
        world.text(other, "rivalcanary", sender="+12025550177")
        world.text(line, "owncanary")
        told = exported(owner).text()
        assert "owncanary" in told
        assert "rivalcanary" not in told
        assert str(other.organization_id) not in told

    def test_what_lets_somebody_in_stays_out(self, world: World, line: Line, owner: Client):
        world.text(line, "Hello")
        told = exported(owner).text()
        assert "$2b$" not in told
        assert "token_hash" not in told
        assert 'credentials"' not in told

    def test_I7_no_cell_runs_as_a_formula(self, world: World, line: Line, owner: Client):
        """The database makes cells safe, and comes to what the kit would have made of each."""
        risky = [
            "=cmd|' /C calc'!A0",
            "+1",
            "-2+3",
            "@SUM(A1)",
            "\t=1",
            " =1",
            "\uff1d1",
            "\ufeff=1",
            "'=1",
            "''+1",
            "|a",
            "%0",
        ]
        for body in [*risky, "plain", "a=b", "'quoted'", "é=1", "\n=1"]:
            world.text(line, body)
        found = exported(owner)
        stored = world.rows("SELECT id::text, body FROM messages WHERE direction = 'inbound'")
        shown = {row["id"]: row["body"] for row in found.csv("messages")}
        exact = {row["id"]: row["body"] for row in found.rows("messages")}
        assert len(stored) == len(risky) + 5
        for row in stored:
            assert exact[row["id"]] == row["body"]
            assert shown[row["id"]] == spreadsheet.safe(row["body"])
            assert spreadsheet.plain(shown[row["id"]]) == row["body"]

    def test_E13_a_csv_read_back_is_what_the_json_says(self, world: World, line: Line, owner: Client):
        for body in ("=1+1", "'quoted'", 'a,b\n"c"', "  ", "two\r\nlines"):
            world.text(line, body)
        found = exported(owner)
        told = {row["id"]: row["body"] for row in found.rows("messages")}
        assert {row["id"]: spreadsheet.plain(row["body"]) for row in found.csv("messages")} == told

    def test_the_manifest_names_every_file_with_its_sum(self, world: World, line: Line, owner: Client):
        world.text(line, "Hello")
        found = exported(owner)
        manifest = json.loads(found.bytes("manifest.json"))
        assert {member["path"] for member in manifest["members"]} | {"manifest.json"} == set(found.names)
        for member in manifest["members"]:
            kept = found.bytes(member["path"])
            assert (len(kept), hashlib.sha256(kept).hexdigest()) == (member["bytes"], member["sha256"])
        assert manifest["rows_so_far"]["messages"] == len(found.rows("messages"))
        assert manifest["last"] is True

    def test_files_of_messages_are_in_it(self, world: World, line: Line, owner: Client):
        media_id = picture(world, line, "+12025550101")
        found = exported(owner)
        assert found.bytes(f"files/{media_id}.png") == PICTURE

    def test_a_file_that_is_gone_is_counted_and_stops_nothing(self, world: World, line: Line, owner: Client):
        media_id = picture(world, line, "+12025550101")
        storage().delete(Key(line.organization_id, "media", str(media_id)))
        found = exported(owner)
        assert json.loads(found.bytes("manifest.json"))["files_missing"] == 1

    def test_P7_5_P11_1_the_overview_says_what_is_in_it_and_whom_to_ask(
        self, world: World, line: Line, owner: Client
    ):
        world.text(line, "Hello")
        page = exported(owner).bytes("index.html").decode()
        assert "privacy@mail.example.test" in page
        assert "support@mail.example.test" in page
        assert "data protection authority" in page
        assert "messages/messages.jsonl" in page
        assert "lies with Railway Corporation" in page  # and who else has it all (P4.7)
        assert "https://app.example.test/subprocessors" in page
        assert "<script" not in page


class TestOfOnePerson:
    def test_it_holds_what_is_about_them_and_no_one_else(self, world: World, line: Line, owner: Client):
        world.text(line, "hers <b>bold</b>", sender="+12025550101")
        world.text(line, "someoneelses", sender="+12025550102")
        hers, theirs = picture(world, line, "+12025550101"), picture(world, line, "+12025550102")
        world.score()
        found = exported(owner, contact_of(world, "+12025550101"))
        told = found.text()
        assert "+12025550101" in told
        assert "someoneelses" not in told
        assert "+12025550102" not in told
        assert f"files/{hers}.png" in found.names
        assert f"files/{theirs}.png" not in found.names
        assert {len(found.rows("contacts")), len(found.rows("conversations"))} == {1}
        mine = """SELECT count(*) FROM scores AS s JOIN messages AS m ON m.id = s.message_id
                    JOIN conversations AS c ON c.id = m.conversation_id WHERE c.contact_id = %(id)s"""
        assert len(found.rows("scores")) == world.value(mine, id=contact_of(world, "+12025550101")) > 0
        assert found.rows("users") == []

    def test_whatever_it_names_by_an_id_is_in_it(self, world: World, org: Org, owner: Client):
        """Tags by their names, values by their fields' labels, permissions by the words that were agreed to."""
        for key in ("city", "size", "secretfield"):
            owner.post("/v1/fields", {"key": key, "label": f"Their {key}", "type": "text"})
        for phone, tag, field in (
            ("+12025550101", "vip", "city"),
            ("+12025550102", "secrettag", "secretfield"),
        ):
            person_ = {"phone": phone, "tags": [tag], "fields": {field: "Ulm"}}
            assert owner.post("/v1/contacts", person_)[0] == 201
        contact = contact_of(world, "+12025550101")
        for words, about in (
            ("Text me offers.", contact),
            ("Secretwords.", contact_of(world, "+12025550102")),
        ):
            ids = {"organization_id": org.id, "id": uuid4()}
            world._insert(
                "consent_wordings",
                {**ids, "words": words, "digest": words.encode(), "created_at": world.clock.now},
            )
            event = {"organization_id": org.id, "id": uuid4(), "contact_id": about, "wording_id": ids["id"]}
            said = {"channel_kind": "sms", "purpose": "marketing", "action": "grant", "source": "staff"}
            at = {"scope": "organization", "occurred_at": world.clock.now, "recorded_at": world.clock.now}
            world._insert("consent_events", {**event, **said, **at})
        found = exported(owner, contact)
        assert {row["tag_id"]: "vip" for row in found.rows("contact_tags")} == {
            row["id"]: row["name"] for row in found.rows("tags")
        }
        (row,) = found.rows("contacts")
        assert row["fields"] == {
            one["id"].replace("-", "")[-12:]: "Ulm"
            for one in found.rows("contact_fields")
            if one["label"] == "Their city"
        }
        assert len(found.rows("contact_fields")) == 1
        assert {row["wording_id"]: "Text me offers." for row in found.rows("consent_events")} == {
            row["id"]: row["words"] for row in found.rows("consent_wordings")
        }
        assert "secret" not in found.text().lower()

    def test_I8_the_conversation_is_shown_as_text(self, world: World, line: Line, owner: Client):
        world.text(line, "<img src=x onerror=alert(1)>", sender="+12025550101")
        page = exported(owner, contact_of(world, "+12025550101")).bytes("conversations.html").decode()
        assert "&lt;img src=x onerror=alert(1)&gt;" in page
        assert "<img" not in page

    def test_T1_a_contact_of_another_tenant_is_not_there(self, world: World, owner: Client):
        other = world.line(world.organization("Rival"))
        world.text(other, "Hello", sender="+12025550177")
        stranger = contact_of(world, "+12025550177")
        problem(owner.post("/v1/exports", {"contact_id": str(stranger)}), 404, "contact_not_found")


class TestManyParts:
    @pytest.fixture(autouse=True)
    def _small(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(rows, "PAGE_ROWS", 3)
        monkeypatch.setattr(build, "RUN_ROWS", 6)

    def test_runs_and_pages_join_to_the_whole(self, world: World, line: Line, owner: Client):
        for number in range(20):
            world.text(line, f"message {number}")
        found = exported(owner)
        assert sorted(row["body"] for row in found.rows("messages")) == sorted(
            row["body"] for row in world.rows("SELECT body FROM messages")
        )
        assert [row["id"] for row in found.csv("messages")] == [row["id"] for row in found.rows("messages")]
        assert {"messages/messages.jsonl", "messages/messages.2.jsonl", "messages/messages.4.csv"} <= set(
            found.names
        )

    def test_E15_when_time_is_short_the_next_part_goes_on_where_the_last_one_ended(
        self, world: World, line: Line, owner: Client, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(
            build, "_TIME_FOR_A_RUN", timedelta(days=1)
        )  # there is never enough for a second run
        for number in range(20):
            world.text(line, f"message {number}")
        media = {picture(world, line, "+12025550101") for _ in range(3)}
        found = exported(owner)
        assert len(found.zips) > 10
        assert sorted(row["body"] or "" for row in found.rows("messages")) == sorted(
            row["body"] or "" for row in world.rows("SELECT body FROM messages")
        )
        assert {name for name in found.names if name.startswith("files/")} == {
            f"files/{one}.png" for one in media
        }
        parts = [json.loads(part.read("manifest.json")) for part in found.zips]
        assert [part["part"] for part in parts] == list(range(1, len(parts) + 1))
        assert [part["last"] for part in parts] == [False] * (len(parts) - 1) + [True]

    def test_E15_what_is_lost_on_the_way_is_begun_again_and_no_half_file_is_offered(
        self, world: World, line: Line, owner: Client, monkeypatch: pytest.MonkeyPatch
    ):
        for number in range(20):
            world.text(line, f"message {number}")
        export_id = ask(owner)
        genuine, falls = rows.Rows.as_json, iter([False, False, True])

        def broken(*asked: Any) -> Iterable[bytes]:
            if next(falls, False):
                raise OSError("the disk is away")
            return genuine(*asked)

        monkeypatch.setattr(rows.Rows, "as_json", broken)
        world.work("export")
        assert owner.get(f"/v1/exports/{export_id}")[1]["state"] == "building"
        assert owner.get(f"/v1/exports/{export_id}")[1]["parts"] == []
        assert storage().find(key_of(owner.org.id, export_id, 1)) is None
        world.clock.pass_(seconds=60)
        world.work("export")
        found = opened(owner, export_id)
        assert len(found.rows("messages")) == world.value("SELECT count(*) FROM messages")


def failing_after_one_part(world: World, owner: Client, monkeypatch: pytest.MonkeyPatch) -> tuple[UUID, Key]:
    """An export whose first part lies there, and whose second cannot be made."""
    genuine = build._Writing.stream

    def broken(writing: Any) -> Iterable[bytes]:
        if writing.number > 1:
            raise OSError("the disk is away")
        return genuine(writing)

    monkeypatch.setattr(build, "_TIME_FOR_A_RUN", timedelta(days=1))  # never enough for a second run
    monkeypatch.setattr(build._Writing, "stream", broken)
    export_id = ask(owner)
    world.work("export")
    return export_id, key_of(owner.org.id, export_id, 1)


def try_till_the_end(world: World) -> None:
    for _ in range(10):
        world.work("export")
        world.clock.pass_(seconds=7200)


class TestProgress:
    def test_how_far_it_is_can_be_seen(self, world: World, line: Line, owner: Client):
        world.text(line, "Hello")
        export_id = ask(owner)
        before = owner.get(f"/v1/exports/{export_id}")[1]
        assert (before["state"], before["rows_done"], before["rows_total"]) == ("waiting", 0, None)
        world.work("export")
        after = owner.get(f"/v1/exports/{export_id}")[1]
        assert after["rows_done"] == sum(after["counts"].values())
        assert after["rows_total"] > 0

    def test_one_of_a_kind_at_a_time(self, world: World, line: Line, owner: Client):
        world.text(line, "Hello")
        ask(owner)
        problem(owner.post("/v1/exports", {}), 409, "export_under_way")
        ask(owner, contact_of(world, "+12025550101"))  # of another kind

    def test_whoever_asked_is_told_by_mail(self, world: World, owner: Client):
        ask(owner)
        world.work("export")
        world.work("notify")
        (mail,) = world.mailer.mails
        assert "export" in mail.subject
        assert "/settings/privacy" in mail.text

    def test_one_that_is_taken_back_while_it_is_made_leaves_nothing(
        self, world: World, line: Line, owner: Client, monkeypatch: pytest.MonkeyPatch
    ):
        world.text(line, "Hello")
        export_id = ask(owner)
        genuine = build._Writing.stream

        def taken_back(writing: Any) -> Iterable[bytes]:
            assert owner.delete(f"/v1/exports/{export_id}")[0] == 204
            yield from genuine(writing)

        monkeypatch.setattr(build._Writing, "stream", taken_back)
        world.work("export")
        assert owner.get(f"/v1/exports/{export_id}")[1]["state"] == "cancelled"
        assert list(storage().list(owner.org.id, "export")) == []

    def test_one_that_cannot_be_made_says_so(
        self, world: World, owner: Client, monkeypatch: pytest.MonkeyPatch
    ):
        def broken(_writing: Any) -> Iterable[bytes]:
            raise OSError("the disk is away")
            yield b""

        monkeypatch.setattr(build._Writing, "stream", broken)
        export_id = ask(owner)
        try_till_the_end(world)
        owner.confirm()
        assert owner.get(f"/v1/exports/{export_id}")[1]["state"] == "failed"

    def test_E15_one_that_fails_after_some_parts_leaves_no_file(
        self, world: World, owner: Client, monkeypatch: pytest.MonkeyPatch
    ):
        export_id, key = failing_after_one_part(world, owner, monkeypatch)
        assert storage().find(key) is not None
        try_till_the_end(world)
        owner.confirm()
        told = owner.get(f"/v1/exports/{export_id}")[1]
        assert (told["state"], told["parts"]) == ("failed", [])
        assert list(storage().list(owner.org.id, "export")) == []

    def test_E15_nor_a_part_of_which_nobody_has_written_down_that_it_is_there(
        self, world: World, owner: Client
    ):
        """Its worker died when the file lay there."""
        export_id = ask(owner)
        world.work("export")
        orphan = key_of(owner.org.id, export_id, 7)
        others = key_of(owner.org.id, uuid4(), 7)
        for key in (orphan, others):
            storage().put(key, [b"PK"], content_type="application/zip")
        assert owner.delete(f"/v1/exports/{export_id}")[0] == 204
        world.work("export")
        assert [held.key for held in storage().list(owner.org.id, "export")] == [others]

    def test_E15_nor_one_that_lay_there_after_it_was_taken_back(
        self, world: World, owner: Client, monkeypatch: pytest.MonkeyPatch
    ):
        export_id = ask(owner)
        genuine = store.keep_part

        def dies(tx: Any, *asked: Any, **named: Any) -> bool:
            world.execute("UPDATE exports SET state = 'cancelled'")
            raise ConnectionError("the worker is gone")

        monkeypatch.setattr(store, "keep_part", dies)
        world.work("export")
        assert storage().find(key_of(owner.org.id, export_id, 1)) is not None
        monkeypatch.setattr(store, "keep_part", genuine)
        world.clock.pass_(seconds=60)
        world.work("export")
        assert list(storage().list(owner.org.id, "export")) == []

    def test_E15_an_erasure_takes_the_parts_of_one_that_failed(self, world: World, line: Line, owner: Client):
        """From before its end was seen to by itself."""
        world.text(line, "Hello")
        export_id = ask(owner)
        world.work("export")
        world.execute("UPDATE exports SET state = 'failed', ready_at = NULL, expires_at = NULL")
        owner.confirm()
        status, _ = owner.post(
            "/v1/erasures", {"kind": "contact", "id": str(contact_of(world, "+12025550101"))}
        )
        assert status == 202
        world.work("erase")
        world.clock.pass_(seconds=2)
        world.work("export")
        assert storage().find(key_of(owner.org.id, export_id, 1)) is None


class TestDownload:
    """E14: who may have the file, and until when."""

    @pytest.fixture
    def ready(self, world: World, line: Line, owner: Client) -> str:
        world.text(line, "Hello")
        export_id = ask(owner)
        world.work("export")
        return f"/v1/exports/{export_id}/download"

    def test_E14_the_person_who_asked_gets_a_link_and_it_is_written_down(
        self, world: World, owner: Client, ready: str
    ):
        status, body = owner.get(ready)
        assert status == 200
        assert datetime.fromisoformat(body["expires_at"]) - world.clock.now == timedelta(minutes=5)
        assert body["file_name"].startswith("leadsrally-export-")
        assert world.value("SELECT count(*) FROM audit_log WHERE action = 'export.downloaded'") == 1

    def test_E14_nobody_else_gets_one(self, world: World, org: Org, owner: Client, ready: str):
        admin = person(world, org, "admin")
        admin.confirm()
        problem(admin.get(ready), 403, "export_of_another")
        agent = person(world, org, "agent")
        agent.confirm()
        problem(agent.get(ready), 403, "forbidden")
        stranger = person(world, world.organization("Rival"))
        stranger.confirm()
        problem(stranger.get(ready), 404, "export_not_found")
        assert world.api("GET", ready)[0] == 401

    def test_E14_after_the_role_is_lost(self, world: World, owner: Client, ready: str):
        world.execute("UPDATE users SET role = 'viewer' WHERE id = %(id)s", id=owner.user_id)
        problem(owner.get(ready), 403, "forbidden")

    def test_A13_who_was_not_confirmed_lately_is_asked_to(self, world: World, owner: Client, ready: str):
        world.clock.pass_(seconds=601)
        problem(owner.get(ready), 403, "confirmation_needed")
        problem(owner.post("/v1/exports", {}), 403, "confirmation_needed")

    @pytest.mark.parametrize(("after", "there"), [(KEPT_FOR - timedelta(seconds=1), True), (KEPT_FOR, False)])
    def test_E14_until_its_time_is_over_and_its_files_are_deleted(
        self, world: World, owner: Client, ready: str, after: timedelta, there: bool
    ):
        made = datetime.fromisoformat(owner.get(ready.rpartition("/download")[0])[1]["ready_at"])
        world.clock.now = made + after
        world.work("export")
        owner.confirm()
        assert owner.get(ready)[0] == (200 if there else 404)
        assert bool(list(storage().list(owner.org.id, "export"))) is there

    def test_one_that_was_deleted_early_is_gone(self, world: World, owner: Client, ready: str):
        path = ready.rpartition("/download")[0]
        assert owner.delete(path)[0] == 204
        problem(owner.get(ready), 404, "export_over")
        world.work("export")
        assert list(storage().list(owner.org.id, "export")) == []
        assert owner.get(path)[1]["state"] == "expired"
        assert owner.delete(path)[0] == 404

    def test_one_that_is_not_ready_says_so(self, world: World, owner: Client):
        export_id = ask(owner)
        problem(owner.get(f"/v1/exports/{export_id}/download?part=1"), 409, "export_under_way")
