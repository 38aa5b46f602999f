"""A backup comes back, and nobody is let in before it has forgotten what was erased since (P6.6, E6)."""

import base64
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from functions.tick.handler import QUEUES
from infra.local.backups import closed
from infra.local.backups import restore as restoring
from infra.local.backups.programs import ProgramFailed, as_text, pg_dump, pg_restore
from infra.local.backups.rehearse import RehearsalFailed, rehearse
from infra.local.backups.restore import Archive, NotWhole, Target, restore
from infra.local.command import main
from infra.local.provision import provision
from infra.local.roles import logins
from leadsrally.kit.crypto import SealBroken
from leadsrally.kit.db import Database, refuse_closed
from leadsrally.kit.errors import Conflict, Misconfigured, Unavailable
from leadsrally.kit.settings import Settings
from leadsrally.privacy.backups import shelf
from leadsrally.privacy.backups.forget import NotForgotten
from leadsrally.privacy.backups.make import BackupDesk, make_backup
from leadsrally.privacy.backups.types import Backup
from leadsrally.privacy.erasure import ledger
from leadsrally.privacy.erasure.ledger import Entry
from leadsrally.privacy.erasure.replay import replay
from leadsrally.providers.keys.local import LocalKeys
from leadsrally.providers.storage.folder import FolderStorage
from leadsrally.runtime import Runtime
from tests.database import url_of
from tests.world import SETTINGS, Line, Org, World

# It makes databases and looks at roles, which belong to the whole server.
pytestmark = pytest.mark.usefixtures("roles_alone")

KEYS = LocalKeys({"test-1": b"k" * 32}, current="test-1")
Ask = Callable[..., tuple[int, str]]
ERASED, LIVING = "+12025550177", "+12025550188"
_numbers = count(1)


def silent(_sentence: str) -> None:
    """Says nothing."""


@pytest.fixture
def storage(tmp_path: Path) -> FolderStorage:
    return FolderStorage(tmp_path)


@pytest.fixture
def target(world: World) -> Iterator[Target]:
    """Another database on the same server."""
    database, sockets = f"{world.database.name}_r{next(_numbers)}", world.database.sockets
    made = Target(
        admin_url=url_of(sockets, "postgres", "postgres"),
        database=database,
        address=lambda name, role: url_of(sockets, name, role),
        functions=logins(),
    )
    yield made
    with psycopg.connect(made.admin_url, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')


@pytest.fixture
def archive(storage: FolderStorage) -> Archive:
    return Archive(storage, KEYS, replay)


@pytest.fixture
def backup(world: World, org: Org, line: Line, storage: FolderStorage) -> Backup:
    """A house in which two people have written, and its backup."""
    for sender in (ERASED, LIVING):
        assert world.text(line, f"canary of {sender}", sender=sender).status == 200
    return backed_up(world, storage)


def backed_up(world: World, storage: FolderStorage) -> Backup:
    url = world.database.url("leadsrally_backup")
    with closing(Database(url)) as db:
        return make_backup(BackupDesk(db, world.clock, storage, KEYS, lambda name: pg_dump(url, name)))


def erased(world: World, org: Org, storage: FolderStorage, phone: str, **ago: float) -> Entry:
    """An erasure as the ledger tells of it."""
    contact_id = world.value("SELECT id FROM contacts WHERE phone = %(phone)s", phone=phone)
    entry = Entry(uuid4(), world.clock.now - timedelta(**ago), "contact", org.id, contact_id)
    ledger.write(storage, entry)
    return entry


def held(target: Target, sql: str) -> list[dict[str, Any]]:
    with psycopg.connect(target.url, row_factory=dict_row) as connection:
        return connection.execute(sql.encode()).fetchall()


def text_of(target: Target) -> bytes:
    with as_text(target.url) as pieces:
        return b"".join(pieces)


def lets_in(target: Target, function: str = "send_message") -> bool:
    try:
        psycopg.connect(target.role_url(f"leadsrally_{function}")).close()
    except psycopg.OperationalError:
        return False
    return True


class TestRestore:
    def test_everything_is_back_and_works(
        self, world: World, org: Org, line: Line, archive: Archive, backup: Backup, target: Target
    ):
        done = restore(archive, backup, target, world.clock, say=silent)
        assert done.rows == sum(backup.head.rows.values())
        assert {row["phone"] for row in held(target, "SELECT phone FROM contacts")} == {ERASED, LIVING}
        assert lets_in(target)
        door = Runtime(
            "api",
            Settings({**SETTINGS, "DATABASE_URL": target.role_url("leadsrally_api")}),
            clock=world.clock,
        )
        with closing(door.db), door.db.tenant(org.id) as tx:
            assert len(tx.values("SELECT body FROM messages", {})) == 2
        with closing(Database(target.role_url("leadsrally_api"))) as db, db.tenant(uuid4()) as tx:
            assert tx.values("SELECT body FROM messages", {}) == []

    def test_it_is_the_same_schema(self, world: World, archive: Archive, backup: Backup, target: Target):
        """Owners, grants, row security and all: a dump of the one reads as a dump of the other."""
        restore(archive, backup, target, world.clock, say=silent)
        assert schema(world.database.url()) == schema(target.url)

    def test_E6_who_was_erased_since_is_nowhere_in_it(
        self, world: World, org: Org, storage: FolderStorage, archive: Archive, backup: Backup, target: Target
    ):
        erased(world, org, storage, ERASED)
        done = restore(archive, backup, target, world.clock, say=silent)
        assert done.forgotten.by_kind == {"contact": 1}
        text = text_of(target)
        assert ERASED.encode() not in text
        assert LIVING.encode() in text

    def test_E6_one_that_was_under_way_at_the_snapshot_is_done_again_too(
        self, world: World, org: Org, storage: FolderStorage, archive: Archive, backup: Backup, target: Target
    ):
        erased(world, org, storage, ERASED, days=1)
        assert restore(archive, backup, target, world.clock, say=silent).forgotten.entries == 1

    def test_E6_what_was_erased_long_before_needs_nothing(
        self, world: World, org: Org, storage: FolderStorage, archive: Archive, backup: Backup, target: Target
    ):
        erased(world, org, storage, ERASED, days=10)
        assert restore(archive, backup, target, world.clock, say=silent).forgotten.entries == 0

    def test_what_was_under_way_does_not_go_out_a_second_time(
        self, world: World, line: Line, storage: FolderStorage, archive: Archive, target: Target
    ):
        world.reply(line, world.conversation(line), "We open at nine")
        backup = backed_up(world, storage)
        done = restore(archive, backup, target, world.clock, say=silent)
        jobs = held(target, "SELECT state, error FROM jobs WHERE queue = 'send_message'")
        assert jobs == [{"state": "dead", "error": "restored"}]
        assert done.held_back == 1
        scoring = held(target, "SELECT DISTINCT state FROM jobs WHERE queue = 'ai_score'")
        assert scoring == [{"state": "queued"}]

    @pytest.mark.parametrize("queue", QUEUES)
    def test_every_queue_that_reaches_people_is_held_back_and_no_other(
        self, world: World, org: Org, target: Target, queue: str
    ):
        """A lead that is fetched is written to, and so is one that is found by reading on."""
        with psycopg.connect(world.database.url()) as connection:
            connection.execute("DELETE FROM jobs")
        job = {"id": uuid4(), "organization_id": org.id, "queue": queue, "kind": "any", "payload": Jsonb({})}
        now = world.clock.now
        world._insert("jobs", {**job, "run_at": now, "max_attempts": 1, "created_at": now})
        here = Target(world.database.url(), world.database.name, target.address, target.functions)
        outward = {"send_message", "notify", "automation", "fetch_lead", "lead_catch_up"}
        assert restoring.hold_back(here) == int(queue in outward)
        row = world.row("SELECT state, error FROM jobs")
        assert row == (
            {"state": "dead", "error": "restored"} if queue in outward else {"state": "queued", "error": None}
        )

    def test_the_windows_are_kept_again(
        self, world: World, storage: FolderStorage, archive: Archive, target: Target
    ):
        then = world.clock.now - timedelta(days=95)
        world.execute("SELECT delivery_log_make_day(%(day)s)", day=then.date())
        world._insert(
            "delivery_log",
            {"received_at": then, "id": uuid4(), "provider": "twilio", "kind": "inbound", "outcome": "stored",
             "http_status": 200, "bytes": 1, "request_id": "r"},
        )  # fmt: skip
        restore(archive, backed_up(world, storage), target, world.clock, say=silent)
        assert held(target, "SELECT 1 FROM delivery_log") == []

    def test_a_role_that_is_no_more_hinders_nothing(
        self, world: World, storage: FolderStorage, archive: Archive, target: Target
    ):
        world.execute("CREATE ROLE leadsrally_probe_gone LOGIN")
        try:
            world.execute("GRANT SELECT ON contacts TO leadsrally_probe_gone")
            backup = backed_up(world, storage)
            world.execute("DROP OWNED BY leadsrally_probe_gone")
            world.execute("DROP ROLE leadsrally_probe_gone")
            restore(archive, backup, target, world.clock, say=silent)
            assert (
                world.value("SELECT rolcanlogin FROM pg_roles WHERE rolname = 'leadsrally_probe_gone'")
                is False
            )
        finally:
            with psycopg.connect(target.url, autocommit=True) as connection:
                connection.execute("DROP OWNED BY leadsrally_probe_gone")
            world.execute("DROP ROLE IF EXISTS leadsrally_probe_gone")


class TestClosed:
    """Until the last step nobody is let in, whatever stops the restore and wherever."""

    def test_E6_nobody_is_let_in_before_it_has_forgotten(
        self, world: World, org: Org, storage: FolderStorage, backup: Backup, target: Target
    ):
        seen: list[bool] = []

        def look(db: Database, entry: Entry) -> None:
            seen.append(lets_in(target))
            with (
                closing(Database(target.url)) as admin,
                pytest.raises(Misconfigured, match="restored backup"),
            ):
                refuse_closed(admin)
            with pytest.raises(Misconfigured, match="has not forgotten"):
                provision(target.admin_url, target.database, functions=logins())
            replay(db, entry)

        erased(world, org, storage, ERASED)
        restore(Archive(storage, KEYS, look), backup, target, world.clock, say=silent)
        assert seen == [False]
        assert lets_in(target)

    def test_a_function_that_gets_in_all_the_same_does_not_start(
        self, world: World, archive: Archive, backup: Backup, target: Target
    ):
        restoring.load(archive, backup, target)
        closed.let_in(target.admin_url, target.database, ["leadsrally_api"])
        door = Runtime("api", Settings({**SETTINGS, "DATABASE_URL": target.role_url("leadsrally_api")}))
        with pytest.raises(Misconfigured, match="restored backup"):
            door.db  # noqa: B018

    @pytest.mark.parametrize(
        "step", ["open_backup", "pg_restore", "migrate", "forget", "hold_back", "_sweep"]
    )
    def test_R5_killed_at_any_step_it_stays_closed_and_the_next_one_begins_anew(
        self,
        world: World,
        org: Org,
        storage: FolderStorage,
        archive: Archive,
        backup: Backup,
        target: Target,
        step: str,
        monkeypatch: pytest.MonkeyPatch,
    ):
        class Killed(BaseException):
            pass

        def die(*_: object, **__: object) -> None:
            raise Killed

        erased(world, org, storage, ERASED)
        with monkeypatch.context() as patch:
            patch.setattr(restoring, step, die)
            with pytest.raises(Killed):
                restore(archive, backup, target, world.clock, say=silent)
        assert not lets_in(target)
        with psycopg.connect(target.admin_url) as connection:
            assert closed.is_closed(connection, target.database)
        restore(archive, backup, target, world.clock, say=silent)
        assert lets_in(target)
        assert ERASED.encode() not in text_of(target)

    def test_an_erasure_that_cannot_be_done_again_keeps_it_closed(
        self, world: World, org: Org, storage: FolderStorage, backup: Backup, target: Target
    ):
        def fail(_db: Database, _entry: Entry) -> None:
            raise Unavailable("away", code="database")

        erased(world, org, storage, ERASED)
        with pytest.raises(Unavailable):
            restore(Archive(storage, KEYS, fail), backup, target, world.clock, say=silent)
        assert not lets_in(target)

    def test_an_erasure_meanwhile_keeps_it_closed(
        self, world: World, org: Org, storage: FolderStorage, backup: Backup, target: Target
    ):
        def meanwhile(db: Database, entry: Entry) -> None:
            replay(db, entry)
            erased(world, org, storage, LIVING)

        erased(world, org, storage, ERASED)
        with pytest.raises(NotForgotten, match="1 erasures were replayed and the ledger holds 2"):
            restore(Archive(storage, KEYS, meanwhile), backup, target, world.clock, say=silent)
        assert not lets_in(target)

    def test_an_entry_that_nobody_can_read_keeps_it_closed(
        self, world: World, org: Org, storage: FolderStorage, archive: Archive, backup: Backup, target: Target
    ):
        entry = erased(world, org, storage, ERASED)
        storage.put(ledger.key_of(entry), [b"{}"], content_type="application/json")
        with pytest.raises(ValueError):
            restore(archive, backup, target, world.clock, say=silent)
        assert not lets_in(target)

    def test_a_database_that_is_open_is_never_replaced(
        self, world: World, archive: Archive, backup: Backup, target: Target
    ):
        restore(archive, backup, target, world.clock, say=silent)
        with pytest.raises(Conflict, match="already"):
            restore(archive, backup, target, world.clock, say=silent)
        with pytest.raises(Conflict):
            closed.drop(target.admin_url, target.database)
        assert lets_in(target)


class TestBroken:
    def test_a_dump_that_was_changed_brings_nothing_back(
        self, world: World, storage: FolderStorage, archive: Archive, backup: Backup, target: Target
    ):
        path = storage.path(shelf.dump_key(shelf.BACKUPS, backup.head.at, backup.head.id))
        raw = bytearray(path.read_bytes())
        raw[-20] ^= 1
        path.write_bytes(raw)
        with pytest.raises(SealBroken):
            restore(archive, backup, target, world.clock, say=silent)
        assert held(target, "SELECT 1 FROM pg_class WHERE relname = 'contacts'") == []
        assert not lets_in(target)

    def test_rows_that_the_backup_did_not_count_are_noticed(self):
        with pytest.raises(NotWhole, match="contacts has 1 rows and the backup counted 2"):
            restoring.refuse_other_counts({"contacts": 2, "tags": 1}, {"contacts": 1, "tags": 1})
        with pytest.raises(NotWhole, match="tags"):
            restoring.refuse_other_counts({"contacts": 2}, {"contacts": 2, "tags": 0})

    def test_what_pg_restore_says_names_no_row(self, world: World, target: Target):
        """A row that does not fit is quoted by the server, and must not reach a terminal or a log."""
        fits_here_only = f"CHECK (n > 0 OR current_database() = '{world.database.name}')"
        world.execute(f"CREATE TABLE odd (n integer {fits_here_only})")
        world.execute("INSERT INTO odd VALUES (-777)")
        closed.make_closed(target.admin_url, target.database)
        with psycopg.connect(world.database.url()) as connection:
            name = connection.execute("SELECT pg_export_snapshot()").fetchone()
            assert name is not None
            dump = pg_dump(world.database.url(), name[0])
            with dump as pieces, pytest.raises(ProgramFailed, match='table "odd"') as failed:
                pg_restore(target.url, pieces)
        assert "777" not in failed.value.sentence


class TestRehearsal:
    def test_it_goes_well_and_leaves_nothing(
        self, world: World, org: Org, storage: FolderStorage, archive: Archive, backup: Backup, target: Target
    ):
        erased(world, org, storage, ERASED)
        told: list[str] = []
        done = rehearse(archive, backup, target, world.clock, say=told.append)
        assert done.restored.rows == sum(backup.head.rows.values())
        assert done.restored.forgotten.entries == 1
        assert "the one who was erased is nowhere in it" in told[-1]
        assert databases(world, target) == []
        assert list(shelf.shelved(storage, shelf.REHEARSALS)) == []
        assert len(list(ledger.entries_since(storage, world.clock.now - timedelta(days=9)))) == 1

    def test_an_erasure_that_erases_nothing_is_found_out(
        self, world: World, storage: FolderStorage, backup: Backup, target: Target
    ):
        with pytest.raises(RehearsalFailed, match="the erased one was found"):
            rehearse(Archive(storage, KEYS, lambda *_: None), backup, target, world.clock, say=silent)
        assert databases(world, target) == []

    def test_an_erasure_that_takes_everybody_is_found_out(
        self, world: World, storage: FolderStorage, backup: Backup, target: Target
    ):
        def zealous(db: Database, entry: Entry) -> None:
            for row in held_everywhere(db, entry):
                replay(db, Entry(uuid4(), entry.at, "contact", entry.organization_id, row))

        with pytest.raises(RehearsalFailed, match="the living one was not found"):
            rehearse(Archive(storage, KEYS, zealous), backup, target, world.clock, say=silent)


def held_everywhere(db: Database, entry: Entry) -> list[UUID]:
    with db.tenant(entry.organization_id) as tx:
        return tx.values("SELECT id FROM contacts", {})


def databases(world: World, target: Target) -> list[str]:
    rows = world.rows(
        "SELECT datname FROM pg_database WHERE datname LIKE %(name)s", name=f"{target.database}%"
    )
    return [row["datname"] for row in rows]


def schema(url: str) -> list[str]:
    with as_text(url) as pieces:
        text = b"".join(pieces).decode()
    text = re.sub(r"^\\(un)?restrict .*$", "", text, flags=re.MULTILINE)
    text = re.sub(r"^COPY .*?^\\\.$", "", text, flags=re.MULTILINE | re.DOTALL)
    return sorted(line for line in text.splitlines() if line and not line.startswith("--"))


class TestCommand:
    @pytest.fixture
    def ask(
        self,
        world: World,
        storage: FolderStorage,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> Ask:
        monkeypatch.setenv("DATABASE_URL", world.database.url())
        monkeypatch.setenv("LEADSRALLY_ROLE_KEY", base64.b64encode(b"r" * 32).decode())
        monkeypatch.setenv("LEADSRALLY_ENV", "development")
        monkeypatch.setenv("LEADSRALLY_MASTER_KEYS", f"test-1={base64.b64encode(b'k' * 32).decode()}")
        monkeypatch.setenv("LEADSRALLY_STORAGE_DIR", str(storage._root))

        def run(*words: str) -> tuple[int, str]:
            capsys.readouterr()
            code = main(list(words))
            told = capsys.readouterr()
            return code, told.out + told.err

        return run

    def test_a_rehearsal_is_played_and_written_down(
        self, world: World, org: Org, storage: FolderStorage, backup: Backup, target: Target, ask: Ask
    ):
        erased(world, org, storage, ERASED)
        code, told = ask("rehearse-restore", target.admin_url)
        assert code == 0, told
        assert "went well" in told
        row = world.row("SELECT subject, verdict, looked_by, note FROM outside_checks")
        assert (row["subject"], row["verdict"]) == ("restore_rehearsal", "kept")
        assert "1 erasures done again" in row["note"]

    def test_one_that_fails_is_written_down_too(self, world: World, backup: Backup, target: Target, ask: Ask,
                                                monkeypatch: pytest.MonkeyPatch):  # fmt: skip
        monkeypatch.setattr("infra.local.backups.restore_commands.replay", lambda *_: None)
        code, told = ask("rehearse-restore", target.admin_url)
        assert code == 2
        assert "the erased one was found" in told
        assert world.value("SELECT verdict FROM outside_checks") == "broken"

    def test_a_backup_is_restored_and_opened(
        self, world: World, org: Org, storage: FolderStorage, backup: Backup, target: Target, ask: Ask
    ):
        erased(world, org, storage, ERASED)
        code, told = ask("restore", target.admin_url, "--database", target.database)
        assert code == 0, told
        assert f"open: {target.database}" in told
        assert lets_in(target)
        text = text_of(target)
        assert ERASED.encode() not in text
        assert LIVING.encode() in text

    def test_without_a_superusers_address_it_says_so(self, backup: Backup, ask: Ask):
        code, told = ask("restore")
        assert code == 2
        assert "superuser" in told

    def test_without_a_backup_it_says_so(self, world: World, target: Target, ask: Ask):
        code, told = ask("restore", target.admin_url)
        assert code == 2
        assert "no such backup" in told
