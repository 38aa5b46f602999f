"""P1.3: files of messages, from the webhook through the job to the link, and out again with their message."""

import hashlib
import json
import logging
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from leadsrally import runtime
from leadsrally.kit.clock import system_clock
from leadsrally.kit.db import Database
from leadsrally.kit.errors import Forbidden, Unavailable
from leadsrally.kit.settings import Settings
from leadsrally.kit.storage import Key, Storage
from leadsrally.messaging.media import fetch as fetching
from leadsrally.messaging.media import orphans
from leadsrally.messaging.media import store as media_store
from leadsrally.messaging.media.erase import erase_media
from leadsrally.messaging.media.expect import expect_media
from leadsrally.messaging.media.orphans import Orphans, media_orphans
from leadsrally.messaging.media.store import Wanted, key_of
from leadsrally.messaging.types import MediaReference
from leadsrally.runtime import Runtime
from tests.world import SETTINGS, Line, Org, World

PNG = b"\x89PNG\r\n\x1a\n" + b"canary of a picture" * 10
PDF = b"%PDF-1.7\n" + b"x" * 300_000


def address(number: int = 0) -> str:
    return f"https://api.twilio.com/2010-04-01/Accounts/AC1/Messages/MM1/Media/ME{number}"


def send(world: World, line: Line, *files: bytes | Exception, told: str = "image/png", **params: Any) -> UUID:
    """An MMS arrives with these files; returns the message's id."""
    world.clock.pass_(seconds=1)
    for number, file in enumerate(files):
        world.files.kept[address(number)] = file
    media = {
        "NumMedia": str(len(files)),
        **{f"MediaUrl{number}": address(number) for number in range(len(files))},
        **{f"MediaContentType{number}": told for number in range(len(files))},
    }
    assert world.text(line, None, **media, **params).status == 200
    return world.rows("SELECT id FROM messages ORDER BY created_at DESC, id DESC")[0]["id"]


def media(world: World) -> list[dict[str, Any]]:
    return world.rows("SELECT * FROM media ORDER BY created_at, message_id, place")


@pytest.fixture
def storage(world: World) -> Storage:
    return runtime.of("fetch_media").storage


@pytest.fixture
def everything(world: World) -> Any:
    """A database of whoever may erase; no function does so yet."""
    db = Database(world.database.url(), connections=2)
    yield db
    db.close()


def held(storage: Storage, line: Line) -> dict[str, bytes]:
    files = {}
    for found in storage.list(line.organization_id, "media"):
        with storage.open(found.key) as chunks:
            files[found.key.name] = b"".join(chunks)
    return files


class TestFetch:
    def test_every_file_of_a_message_is_stored_under_its_organisation(
        self, world: World, line: Line, storage: Storage
    ):
        message_id = send(world, line, PNG, PDF)
        assert [
            job["payload"] for job in world.rows("SELECT payload FROM jobs WHERE queue = 'fetch_media'")
        ] == [{"media_id": str(row["id"])} for row in media(world)]
        assert {queue for queue, _ in world.rung} >= {"fetch_media"}
        world.work("fetch_media")

        picture, paper = media(world)
        for row, body, kind in ((picture, PNG, "image/png"), (paper, PDF, "application/pdf")):
            assert row["message_id"] == message_id
            assert (row["state"], row["reason"], row["content_type"]) == ("stored", None, kind)
            assert (row["bytes"], bytes(row["sha256"])) == (len(body), hashlib.sha256(body).digest())
            assert (row["source"], row["settled_at"]) == (None, world.clock.now)
        assert held(storage, line) == {str(picture["id"]): PNG, str(paper["id"]): PDF}
        assert list(storage.organizations()) == [line.organization_id]
        assert world.rows("SELECT 1 FROM jobs WHERE queue = 'fetch_media'") == []

    def test_text_alone_costs_nothing_more(self, world: World, line: Line):
        world.text(line, "hello")
        assert media(world) == []
        assert world.rows("SELECT 1 FROM jobs WHERE queue = 'fetch_media'") == []

    def test_Q1_a_job_that_runs_twice_fetches_once(self, world: World, line: Line, storage: Storage):
        send(world, line, PNG)
        (job,) = world.due("fetch_media")
        world.ring("fetch_media", [job])
        world.ring("fetch_media", [job])
        world.execute(
            """INSERT INTO jobs (id, organization_id, queue, kind, payload, run_at, created_at)
               SELECT gen_random_uuid(), organization_id, 'fetch_media', 'fetch',
                      jsonb_build_object('media_id', id), created_at, created_at
                 FROM media"""
        )
        world.work("fetch_media")
        assert world.files.asked == [address()]
        assert list(held(storage, line).values()) == [PNG]

    @pytest.mark.parametrize(
        ("file", "told", "state", "reason"),
        [
            (
                b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
                "image/svg+xml",
                "refused",
                "type",
            ),
            (b"<!doctype html><script>alert(1)</script>", "text/html", "refused", "type"),
            (b"\xef\xbb\xbf <html>", "text/plain", "refused", "type"),
            (b"<script>alert(1)</script>", "image/png", "refused", "type"),
            (b"MZ\x90\0" + b"\0" * 60, "image/png", "refused", "type"),
            (b"PK\x03\x04" + b"\0" * 60, "application/zip", "refused", "type"),
            (b"", "image/png", "refused", "empty"),
            (Forbidden("x", code="elsewhere"), "image/png", "refused", "elsewhere"),
        ],
        ids=["svg", "html", "html as text", "script as picture", "program", "archive", "empty", "elsewhere"],
    )
    def test_O3_I8_what_is_not_wanted_is_refused_with_a_word(
        self, world: World, line: Line, storage: Storage, file: bytes, told: str, state: str, reason: str
    ):
        send(world, line, file, told=told)
        world.work("fetch_media")
        (row,) = media(world)
        assert (row["state"], row["reason"], row["source"], row["bytes"]) == (state, reason, None, None)
        assert held(storage, line) == {}
        assert world.rows("SELECT 1 FROM jobs WHERE queue = 'fetch_media'") == []

    def test_O3_the_type_is_what_the_bytes_say(self, world: World, line: Line):
        send(world, line, PNG, told="text/html; charset=utf-8")
        world.work("fetch_media")
        assert media(world)[0]["content_type"] == "image/png"

    @pytest.mark.parametrize("announced", [True, False])
    def test_O3_too_large_is_refused_announced_or_not(
        self, world: World, line: Line, storage: Storage, monkeypatch: pytest.MonkeyPatch, announced: bool
    ):
        monkeypatch.setattr(fetching, "MAX_BYTES", 250_000)
        if not announced:
            original = world.files.open
            monkeypatch.setattr(world.files, "open", lambda source: _Unannounced(original(source)))
        send(world, line, PDF, PNG)
        world.work("fetch_media")
        assert [(row["state"], row["reason"]) for row in media(world)] == [
            ("refused", "too_large"),
            ("stored", None),
        ]
        assert list(held(storage, line).values()) == [PNG]

    def test_a_provider_that_is_away_is_asked_again_and_nothing_is_lost(self, world: World, line: Line):
        send(world, line, Unavailable("x", code="not_given"))
        world.work("fetch_media")
        assert media(world)[0]["state"] == "pending"
        job = world.row("SELECT error, attempts, max_attempts, run_at FROM jobs WHERE queue = 'fetch_media'")
        assert (job["error"], job["attempts"]) == ("not_given", 1)
        assert job["run_at"] > world.clock.now
        world.files.kept[address()] = PNG
        world.clock.pass_(minutes=1)
        world.work("fetch_media")
        assert media(world)[0]["state"] == "stored"

    @pytest.mark.parametrize("code", ["credentials_refused", "away"])
    def test_O3_a_token_that_is_replaced_after_a_weekend_loses_no_file(
        self, world: World, org: Org, code: str
    ):
        number = world.whatsapp_line(org)
        world.files.kept["1234"] = Unavailable("x", code=code)
        world.whatsapp(number, type="image", image={"id": "1234", "mime_type": "image/png"})
        for _ in range(66):
            world.work("fetch_media")
            world.clock.pass_(hours=1)
        assert media(world)[0]["state"] == "pending"
        world.files.kept["1234"] = PNG
        world.work("fetch_media")
        assert media(world)[0]["state"] == "stored"

    def test_O3_what_whatsapp_keeps_no_longer_is_gone(self, world: World, org: Org):
        number = world.whatsapp_line(org)
        world.files.kept["1234"] = Unavailable("x", code="credentials_refused")
        world.whatsapp(number, type="image", image={"id": "1234", "mime_type": "image/png"})
        began = world.clock.now
        while world.rows("SELECT 1 FROM jobs WHERE queue = 'fetch_media' AND state = 'queued'"):
            world.work("fetch_media")
            world.clock.pass_(hours=1)
        assert world.clock.now - began > timedelta(days=7)
        assert (media(world)[0]["state"], media(world)[0]["reason"]) == ("gone", "missing")

    def test_a_provider_that_stays_away_leaves_a_job_that_can_be_replayed(self, world: World, line: Line):
        send(world, line, Unavailable("x", code="credentials_refused"))
        began = world.clock.now
        while world.rows("SELECT 1 FROM jobs WHERE queue = 'fetch_media' AND state = 'queued'"):
            world.work("fetch_media")
            world.clock.pass_(hours=1)
        assert world.clock.now - began > timedelta(days=7)
        dead = world.row("SELECT id, state, error FROM jobs WHERE queue = 'fetch_media'")
        assert (dead["state"], dead["error"]) == ("dead", "credentials_refused")
        assert media(world)[0]["state"] == "pending"

    def test_missing_is_believed_at_the_last_try(self, world: World, line: Line):
        send(world, line, PNG)
        del world.files.kept[address()]
        began = world.clock.now
        while media(world)[0]["state"] == "pending":
            world.work("fetch_media")
            world.clock.pass_(minutes=30)
        assert world.clock.now - began > timedelta(hours=4)
        assert media(world)[0]["reason"] == "missing"
        assert world.rows("SELECT 1 FROM jobs WHERE queue = 'fetch_media'") == []

    def test_a_disconnected_channel_asks_nobody(self, world: World, line: Line):
        send(world, line, PNG)
        world.execute("UPDATE channels SET state = 'disconnected'")
        world.work("fetch_media")
        assert (media(world)[0]["state"], media(world)[0]["reason"]) == ("gone", "disconnected")
        assert world.files.asked == []

    def test_a_storage_that_is_away_is_tried_again(
        self, world: World, line: Line, storage: Storage, monkeypatch: pytest.MonkeyPatch
    ):
        send(world, line, PNG)

        def away(*_args: Any, **_options: Any) -> int:
            raise Unavailable("x", code="storage")

        with monkeypatch.context() as patched:
            patched.setattr(type(storage), "put", away)
            world.work("fetch_media")
        assert media(world)[0]["state"] == "pending"
        world.clock.pass_(minutes=1)
        world.work("fetch_media")
        assert media(world)[0]["state"] == "stored"

    def test_no_transaction_is_open_while_the_provider_is_asked(self, world: World, line: Line):
        send(world, line, PNG)
        seen: list[int] = []
        idle = """SELECT count(*) FROM pg_stat_activity
                   WHERE usename = 'leadsrally_fetch_media' AND datname = current_database()
                     AND state LIKE 'idle in transaction%%'"""
        world.files.on_open = lambda _source: seen.append(world.value(idle))
        world.work("fetch_media")
        assert seen == [0]

    def test_G4_neither_the_log_nor_the_job_says_what_or_where(
        self, world: World, line: Line, caplog: pytest.LogCaptureFixture
    ):
        logging.getLogger("leadsrally").addHandler(caplog.handler)
        send(world, line, PNG, Forbidden("canary", code="elsewhere"))
        world.work("fetch_media")
        said = caplog.text + str(world.rows("SELECT payload, error FROM jobs"))
        assert "media.settled" in said
        for canary in ("canary", "api.twilio.com", "ME0", line.auth_token):
            assert canary not in said

    def test_a_whatsapp_file_is_asked_for_by_its_id(
        self, world: World, line: Line, storage: Storage, everything: Database
    ):
        whatsapp = world.whatsapp_line(Org(line.organization_id, ""))
        world.text(line, "the menu, please")
        message_id = world.value("SELECT id FROM messages")
        world.execute("UPDATE conversations SET channel_id = %(id)s", id=whatsapp.id)
        files = [MediaReference("1013859600285441", "image/png; x=y", "menu.png")]
        with everything.tenant(line.organization_id) as tx:
            expect_media(tx, line.organization_id, message_id, files, now=world.clock.now)
        world.files.kept["1013859600285441"] = PNG
        world.work("fetch_media")
        (row,) = media(world)
        assert (row["state"], row["file_name"]) == ("stored", "menu.png")
        assert world.files.asked == ["1013859600285441"]

    @pytest.mark.parametrize("kind", ["sms", "whatsapp"])
    def test_O3_in_production_no_simulator_is_asked(self, world: World, line: Line, kind: str):
        """Whatever the settings say: a plain address gets no credentials."""
        org = Org(line.organization_id, "")
        channel_id = line.id if kind == "sms" else world.whatsapp_line(org).id
        channel = world.row("SELECT account_sid, credentials FROM channels WHERE id = %(id)s", id=channel_id)
        wanted = Wanted(
            "",
            "",
            world.clock.now,
            channel_id,
            kind,
            channel["account_sid"],
            channel["credentials"],
            connected=True,
        )
        settings = {
            **SETTINGS,
            "LEADSRALLY_ENV": "production",
            "TWILIO_BASE_URL": "http://127.0.0.1:9",
            "META_BASE_URL": "http://127.0.0.1:9",
        }
        path = f"/2010-04-01/Accounts/{line.account_sid}/Messages/MM{'1' * 32}/Media/ME{'1' * 32}"
        source = Runtime("fetch_media", Settings(settings))._media_source(org.id, wanted)
        assert not source._connect  # pyright: ignore[reportAttributeAccessIssue]
        with pytest.raises(Forbidden), source.open(f"http://127.0.0.1:9{path}"):
            pass


class _Unannounced:
    """A stream whose server says nothing of its length."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __enter__(self) -> Any:
        from dataclasses import replace

        return replace(self._inner.__enter__(), length=None)

    def __exit__(self, *error: object) -> Any:
        return self._inner.__exit__(*error)


class TestErase:
    def test_files_go_and_then_their_rows(
        self, world: World, line: Line, storage: Storage, everything: Database
    ):
        erased, kept = send(world, line, PNG, PDF), send(world, line, PNG)
        world.work("fetch_media")
        count = erase_media(everything, storage, world.clock, line.organization_id, [erased])
        assert count == 2
        assert [row["message_id"] for row in media(world)] == [kept]
        assert list(held(storage, line)) == [str(row["id"]) for row in media(world)]
        world.execute("DELETE FROM messages WHERE id = %(id)s", id=erased)
        assert erase_media(everything, storage, world.clock, line.organization_id, [erased]) == 0

    def test_a_message_cannot_go_before_its_files(self, world: World, line: Line):
        message_id = send(world, line, PNG)
        with pytest.raises(psycopg.errors.RestrictViolation):
            world.execute("DELETE FROM messages WHERE id = %(id)s", id=message_id)

    @pytest.mark.parametrize("fetched", [True, False], ids=["fetched before", "still on its way"])
    def test_what_its_author_takes_back_leaves_the_storage(
        self, world: World, org: Org, storage: Storage, fetched: bool
    ):
        number = world.whatsapp_line(org)
        world.files.kept["65463453"] = PNG
        picture = {"id": "65463453", "mime_type": "image/png"}
        world.whatsapp(number, type="image", image=picture, wamid="wamid.1")
        if fetched:
            world.work("fetch_media")
            assert len(list(storage.list(org.id, "media"))) == 1
        world.whatsapp(number, type="revoke", revoke={"original_message_id": "wamid.1"})
        world.work("fetch_media")
        assert list(storage.list(org.id, "media")) == []
        assert [(row["state"], row["reason"]) for row in media(world)] == [("gone", "erased")]

    def test_another_tenants_files_stay(
        self, world: World, line: Line, storage: Storage, everything: Database
    ):
        theirs = world.line(world.organization("Rival"))
        message_id = send(world, theirs, PNG)
        world.work("fetch_media")
        assert erase_media(everything, storage, world.clock, line.organization_id, [message_id]) == 0
        assert list(held(storage, theirs).values()) == [PNG]

    def test_E4_what_was_interrupted_goes_on(
        self,
        world: World,
        line: Line,
        everything: Database,
        storage: Storage,
        monkeypatch: pytest.MonkeyPatch,
    ):
        message_id = send(world, line, PNG, PDF, PNG)
        world.work("fetch_media")
        deleted: list[Key] = []
        original = type(storage).delete

        def once(self: Any, key: Key) -> None:
            if deleted:
                raise Unavailable("x", code="storage")
            deleted.append(key)
            original(self, key)

        with monkeypatch.context() as patched:
            patched.setattr(type(storage), "delete", once)
            with pytest.raises(Unavailable):
                erase_media(everything, storage, world.clock, line.organization_id, [message_id])
        assert {(row["state"], row["reason"], row["file_name"]) for row in media(world)} == {
            ("gone", "erased", "")
        }
        assert erase_media(everything, storage, world.clock, line.organization_id, [message_id]) == 3
        assert (media(world), held(storage, line)) == ([], {})

    @pytest.mark.parametrize("moment", ["asking", "stored"])
    def test_E3_erased_while_it_is_on_its_way(
        self, world: World, line: Line, storage: Storage, everything: Database, moment: str,
        monkeypatch: pytest.MonkeyPatch,
    ):  # fmt: skip
        message_id = send(world, line, PNG)

        def erase(*_args: Any) -> None:
            erase_media(everything, storage, world.clock, line.organization_id, [message_id])

        if moment == "asking":
            world.files.on_open = erase
        else:
            original = type(storage).put

            def put(self: Any, *args: Any, **options: Any) -> int:
                size = original(self, *args, **options)
                erase()
                return size

            monkeypatch.setattr(type(storage), "put", put)
        world.work("fetch_media")
        assert (media(world), held(storage, line)) == ([], {})
        assert world.rows("SELECT 1 FROM jobs WHERE queue = 'fetch_media'") == []

    def test_E3_erased_before_its_turn_asks_nobody(
        self, world: World, line: Line, storage: Storage, everything: Database
    ):
        message_id = send(world, line, PNG)
        assert erase_media(everything, storage, world.clock, line.organization_id, [message_id]) == 1
        world.work("fetch_media")
        assert world.files.asked == []


class TestOrphans:
    """R11: both ways. The storage's clock is the machine's, so the limit is too."""

    def found(
        self, world: World, line: Line, storage: Storage, later: timedelta = timedelta(hours=1)
    ) -> Orphans:
        db = runtime.of("fetch_media").db
        return media_orphans(db, storage, line.organization_id, before=system_clock() + later)

    @pytest.fixture
    def stored(self, world: World, line: Line) -> list[UUID]:
        send(world, line, PNG, PDF, PNG, Forbidden("x"), Unavailable("x"))
        world.work("fetch_media")
        now = system_clock()
        world.execute("UPDATE media SET settled_at = %(now)s WHERE settled_at IS NOT NULL", now=now)
        return [row["id"] for row in media(world)]

    def test_R11_nothing_is_wrong_with_what_is_in_order(
        self, world: World, line: Line, storage: Storage, stored: list[UUID]
    ):
        assert self.found(world, line, storage) == Orphans((), ())

    def test_R11_a_row_without_a_file(self, world: World, line: Line, storage: Storage, stored: list[UUID]):
        storage.delete(key_of(line.organization_id, stored[1]))
        assert self.found(world, line, storage) == Orphans((stored[1],), ())
        assert self.found(world, line, storage, -timedelta(hours=1)) == Orphans((), ())

    def test_R11_a_file_without_a_row(self, world: World, line: Line, storage: Storage, stored: list[UUID]):
        strays = [Key(line.organization_id, "media", name) for name in ("not-an-id", str(uuid4()))]
        refused = key_of(line.organization_id, stored[3])
        for key in (*strays, refused):
            storage.put(key, [b"x"], content_type="text/plain")
        assert set(self.found(world, line, storage).stray) == {*strays, refused}
        assert self.found(world, line, storage, -timedelta(hours=1)) == Orphans((), ())

    def test_R11_one_that_is_on_its_way_is_no_stray(
        self, world: World, line: Line, storage: Storage, stored: list[UUID]
    ):
        storage.put(key_of(line.organization_id, stored[4]), [b"x"], content_type="text/plain")
        assert media(world)[4]["state"] == "pending"
        assert self.found(world, line, storage) == Orphans((), ())

    def test_R11_more_than_one_page_of_each(
        self, world: World, line: Line, storage: Storage, stored: list[UUID], monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(orphans, "_AT_ONCE", 2)
        for media_id in stored[:3]:
            storage.delete(key_of(line.organization_id, media_id))
        strays = sorted(Key(line.organization_id, "media", f"stray-{number}") for number in range(5))
        for key in strays:
            storage.put(key, [b"x"], content_type="text/plain")
        assert self.found(world, line, storage) == Orphans(tuple(sorted(stored[:3])), tuple(strays))

    def test_R11_another_tenants_are_not_looked_at(
        self, world: World, line: Line, storage: Storage, stored: list[UUID]
    ):
        theirs = world.line(world.organization("Rival"))
        storage.put(key_of(theirs.organization_id, uuid4()), [b"x"], content_type="text/plain")
        assert self.found(world, line, storage) == Orphans((), ())

    def test_R11_what_is_erased_meanwhile_is_no_alarm(
        self, world: World, line: Line, storage: Storage, stored: list[UUID], everything: Database,
        monkeypatch: pytest.MonkeyPatch,
    ):  # fmt: skip
        message_id = media(world)[0]["message_id"]
        original = media_store.stored

        def listed(*args: Any, **options: Any) -> list[UUID]:
            ids = original(*args, **options)
            erase_media(everything, storage, world.clock, line.organization_id, [message_id])
            return ids

        monkeypatch.setattr(media_store, "stored", listed)
        assert self.found(world, line, storage) == Orphans((), ())


class TestShared:
    """A file reaches who may read its message, and for a few minutes."""

    @pytest.fixture
    def token(self, world: World, line: Line) -> str:
        from tests.api.conftest import person
        from tests.world import Org

        return person(world, Org(line.organization_id, "")).token

    def path(self, row: dict[str, Any]) -> str:
        return f"/v1/messages/{row['message_id']}/media/{row['id']}"

    def test_it_names_the_file_and_where_to_get_it(self, world: World, line: Line, token: str):
        send(world, line, PDF)
        world.work("fetch_media")
        (row,) = media(world)
        status, given = world.api("GET", self.path(row), token)
        assert status == 200
        assert given.pop("url").startswith("https://hooks.example.test/files/")
        expires = given.pop("expires_at")
        assert expires == (world.clock.now + timedelta(minutes=5)).isoformat().replace("+00:00", "Z")
        assert given == {
            "file_name": "attachment-1.pdf",
            "content_type": "application/pdf",
            "bytes": len(PDF),
        }

    @pytest.mark.parametrize(
        ("file_name", "given"),
        [
            ("invoice.pdf", "invoice.png"),
            ("photo.jpg.exe", "photo.jpg.png"),
            ("../../etc/passwd", "passwd.png"),
            ("Ünïcode name.JPG", "Ünïcode name.png"),
            ("", "attachment-1.png"),
        ],
    )
    def test_I8_its_ending_is_that_of_its_true_type(
        self, world: World, line: Line, token: str, file_name: str, given: str
    ):
        send(world, line, PNG)
        world.execute("UPDATE media SET file_name = %(name)s", name=file_name)
        world.work("fetch_media")
        _, told = world.api("GET", self.path(media(world)[0]), token)
        assert told["file_name"] == given

    def test_the_answer_is_kept_by_nobody(self, world: World, line: Line, token: str):
        send(world, line, PNG)
        world.work("fetch_media")
        answer = world.call(
            self.path(media(world)[0]), method="GET", headers={"authorization": f"Bearer {token}"}
        )
        assert answer.headers["cache-control"] == "no-store"

    def test_one_that_is_not_there_yet_or_no_more(self, world: World, line: Line, token: str):
        send(world, line, PNG, b"<html>")
        refused = media(world)[1]
        status, problem = world.api("GET", self.path(refused), token)
        assert (status, problem["code"]) == (409, "media_pending")
        world.work("fetch_media")
        status, problem = world.api("GET", self.path(refused), token)
        assert (status, problem["code"]) == (404, "media_not_stored")

    def test_T1_E14_another_tenants_file_is_not_there(self, world: World, line: Line, token: str):
        theirs = world.line(world.organization("Rival"))
        send(world, theirs, PNG)
        world.work("fetch_media")
        (row,) = media(world)
        foreign = world.api("GET", self.path(row), token)
        nothing = world.api("GET", f"/v1/messages/{uuid4()}/media/{uuid4()}", token)
        assert foreign == nothing
        assert (foreign[0], foreign[1]["code"]) == (404, "media_not_found")

    def test_it_must_be_a_file_of_that_message(self, world: World, line: Line, token: str):
        other = send(world, line, PNG)
        send(world, line, PNG)
        world.work("fetch_media")
        row = media(world)[1]
        assert world.api("GET", f"/v1/messages/{other}/media/{row['id']}", token)[0] == 404

    def test_E14_logged_out(self, world: World, line: Line):
        send(world, line, PNG)
        world.work("fetch_media")
        assert world.api("GET", self.path(media(world)[0]))[0] == 401

    def test_the_thread_says_how_each_file_stands(self, world: World, line: Line, token: str):
        send(world, line, PNG, b"<html>", Unavailable("x"))
        world.work("fetch_media")
        thread = world.conversation(line)
        _, page = world.api("GET", f"/v1/conversations/{thread}/messages", token)
        told = [
            (item["state"], item["reason"], item["content_type"], item["bytes"])
            for item in page["items"][0]["media"]
        ]
        assert told == [
            ("stored", None, "image/png", len(PNG)),
            ("refused", "type", "image/png", None),
            ("pending", None, "image/png", None),
        ]
        assert "api.twilio.com" not in json.dumps(page)


def test_the_folder_of_a_test_ends_with_it(world: World, line: Line) -> None:
    send(world, line, PNG)
    world.work("fetch_media")
    folder = Path(world._folder.name)
    assert any(folder.rglob("*"))
    world.close()
    assert not folder.exists()
