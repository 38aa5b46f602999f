"""Backups: whole, sealed, of one instant, and gone before they are 30 days old (P6.6)."""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from infra.local.backups.programs import ProgramFailed, pg_dump
from leadsrally.kit.crypto import KeyRefused, SealBroken, SealContext
from leadsrally.kit.db import Database
from leadsrally.kit.errors import Misconfigured, NotFound, Unavailable
from leadsrally.kit.storage import HOUSE, Held, Key
from leadsrally.privacy.backups import shelf
from leadsrally.privacy.backups.expire import expire_backups
from leadsrally.privacy.backups.make import BackupDesk, make_backup
from leadsrally.privacy.backups.read import open_backup
from leadsrally.privacy.backups.types import Backup
from leadsrally.privacy.erasure import ledger
from leadsrally.providers.keys.local import LocalKeys
from leadsrally.providers.storage.folder import FolderStorage
from tests.world import Line, Org, World

KEYS = LocalKeys({"test-1": b"k" * 32}, current="test-1")
MICROSECOND = timedelta(microseconds=1)


@pytest.fixture
def desk(world: World, tmp_path: Path) -> Iterator[BackupDesk]:
    url = world.database.url("leadsrally_backup")
    db = Database(url)
    yield BackupDesk(db, world.clock, FolderStorage(tmp_path), KEYS, lambda snapshot: pg_dump(url, snapshot))
    db.close()


def dumped(desk: BackupDesk, backup: Backup) -> bytes:
    with open_backup(desk.storage, KEYS, backup) as pieces:
        return b"".join(pieces)


def dump_file(desk: BackupDesk, backup: Backup) -> Path:
    storage = desk.storage
    assert isinstance(storage, FolderStorage)
    return storage.path(shelf.dump_key(shelf.BACKUPS, backup.head.at, backup.head.id))


class TestMake:
    def test_it_counts_what_it_holds_and_can_be_opened(
        self, world: World, org: Org, line: Line, desk: BackupDesk
    ):
        world.text(line, "canary of a contact", sender="+12025550177")
        backup = make_backup(desk)
        assert backup.head.rows["contacts"] == backup.head.rows["messages"] == 1
        assert backup.head.rows["organizations"] == 1
        assert backup.head.rows["delivery_log"] == 1
        assert dumped(desk, backup).startswith(b"PGDMP")
        (told,) = shelf.whole_ones(desk.storage)
        assert told == backup

    def test_its_manifest_is_true_of_the_file(self, world: World, desk: BackupDesk):
        backup = make_backup(desk)
        raw = dump_file(desk, backup).read_bytes()
        assert (len(raw), hashlib.sha256(raw).digest()) == (backup.size, backup.sha256)
        assert json.loads(backup.manifest())["rows"] == dict(backup.head.rows)

    def test_E20_nothing_of_anybody_can_be_read_in_it(self, world: World, line: Line, desk: BackupDesk):
        world.text(line, "canary of a contact", sender="+12025550177")
        backup = make_backup(desk)
        raw = dump_file(desk, backup).read_bytes()
        for canary in (b"canary", b"2025550177", b"CREATE TABLE", b"PGDMP", b"k" * 32):
            assert canary not in raw

    def test_every_table_that_is_there_is_in_it_a_new_one_too(self, world: World, desk: BackupDesk):
        world.execute("CREATE TABLE late (organization_id uuid, body text)")
        with pytest.raises(Misconfigured, match="late among them"):
            make_backup(desk)
        world.execute("GRANT SELECT ON late TO leadsrally_backup")
        make_backup(desk)
        world.execute("ALTER TABLE late ENABLE ROW LEVEL SECURITY")
        with pytest.raises(Misconfigured, match="late among them"):
            make_backup(desk)
        assert len(shelf.whole_ones(desk.storage)) == 1

    @pytest.mark.parametrize("policy", ["USING (organization_id IS NOT NULL)", "AS RESTRICTIVE USING (true)"])
    def test_R6_a_policy_that_shows_less_is_noticed(self, world: World, desk: BackupDesk, policy: str):
        world.execute("DROP POLICY backup ON contacts")
        kind, _, condition = policy.rpartition("USING")
        world.execute(
            f"CREATE POLICY backup ON contacts {kind} FOR SELECT TO leadsrally_backup USING{condition}"
        )
        with pytest.raises(Misconfigured, match="contacts among them"):
            make_backup(desk)

    def test_R6_a_second_policy_that_hides_is_noticed(self, world: World, desk: BackupDesk):
        world.execute("CREATE POLICY hides ON contacts AS RESTRICTIVE FOR SELECT USING (name <> '')")
        with pytest.raises(Misconfigured, match="contacts among them"):
            make_backup(desk)

    def test_it_is_of_one_instant(self, world: World, org: Org, line: Line, desk: BackupDesk):
        """What is committed after the snapshot is not in it, though it is there before the dump begins."""
        url = world.database.url("leadsrally_backup")

        @contextmanager
        def late(snapshot: str) -> Iterator[Iterator[bytes]]:
            world.text(line, "too late", sender="+12025550177")
            with pg_dump(url, snapshot) as pieces:
                yield pieces

        backup = make_backup(BackupDesk(desk.db, desk.clock, desk.storage, KEYS, late))
        assert world.value("SELECT count(*) FROM messages") == 1
        assert backup.head.rows["messages"] == 0

    def test_the_role_can_read_all_and_change_nothing(self, world: World, line: Line, desk: BackupDesk):
        world.text(line, "hello")
        for statement in ("DELETE FROM messages", "UPDATE contacts SET name = 'x'", "DELETE FROM backups"):
            with desk.db.session() as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)

    def test_that_it_was_made_is_written_down(self, world: World, desk: BackupDesk):
        backup = make_backup(desk)
        row = world.row("SELECT * FROM backups")
        assert row == {
            "id": backup.head.id,
            "at": backup.head.at,
            "made_at": world.clock.now,
            "bytes": backup.size,
            "row_count": sum(backup.head.rows.values()),
            "deleted_at": None,
        }


class TestBrokenOff:
    def test_a_dump_that_fails_leaves_no_file(self, world: World, desk: BackupDesk, tmp_path: Path):
        @contextmanager
        def dying(snapshot: str) -> Iterator[Iterator[bytes]]:
            with pg_dump(world.database.url("leadsrally_backup"), snapshot) as pieces:

                def some() -> Iterator[bytes]:
                    yield next(pieces)
                    raise ProgramFailed("killed", code="program_failed")

                yield some()

        with pytest.raises(ProgramFailed):
            make_backup(BackupDesk(desk.db, desk.clock, desk.storage, KEYS, dying))
        assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
        assert world.rows("SELECT 1 FROM backups") == []

    def test_pg_dump_itself_fails_loudly(self, world: World, desk: BackupDesk):
        url = world.database.url("leadsrally_backup")
        nobody = BackupDesk(
            desk.db, desk.clock, desk.storage, KEYS, lambda _: pg_dump(url, "00000000-00000000-1")
        )
        with pytest.raises(ProgramFailed, match="snapshot"):
            make_backup(nobody)
        assert shelf.whole_ones(desk.storage) == []

    def test_without_its_manifest_it_is_no_backup(self, world: World, desk: BackupDesk):
        backup = make_backup(desk)
        desk.storage.delete(shelf.manifest_key(shelf.BACKUPS, backup.head.at, backup.head.id))
        assert shelf.whole_ones(desk.storage) == []
        with pytest.raises(NotFound):
            shelf.chosen(desk.storage, None)

    def test_a_storage_that_is_away_is_said(self, world: World, desk: BackupDesk):
        class Away(FolderStorage):
            def put(self, key: Key, chunks: Any, *, content_type: str) -> int:
                raise Unavailable("away", code="storage")

        away = BackupDesk(desk.db, desk.clock, Away(Path("/nowhere")), KEYS, desk.dump)
        with pytest.raises(Unavailable):
            make_backup(away)
        make_backup(desk)  # the connection is free again


class TestOpen:
    @pytest.fixture
    def backup(self, line: Line, desk: BackupDesk) -> Backup:
        return make_backup(desk)

    @pytest.mark.parametrize("at", [0, 20, -1, 5_000])
    def test_O6_one_byte_is_enough(self, desk: BackupDesk, backup: Backup, at: int):
        path = dump_file(desk, backup)
        raw = bytearray(path.read_bytes())
        raw[at] ^= 1
        path.write_bytes(raw)
        with pytest.raises(SealBroken):
            dumped(desk, backup)

    def test_O6_cut_short(self, desk: BackupDesk, backup: Backup):
        path = dump_file(desk, backup)
        path.write_bytes(path.read_bytes()[:-17])
        with pytest.raises(SealBroken):
            dumped(desk, backup)

    def test_O6_one_in_the_place_of_another(self, desk: BackupDesk, backup: Backup):
        another = make_backup(desk)
        dump_file(desk, backup).write_bytes(dump_file(desk, another).read_bytes())
        with pytest.raises(SealBroken):
            dumped(desk, backup)

    def test_O6_a_manifest_that_was_changed(self, desk: BackupDesk, backup: Backup):
        read = json.loads(backup.manifest())
        read["rows"]["contacts"] = 12
        with pytest.raises(SealBroken):
            dumped(desk, Backup.of_manifest(json.dumps(read).encode()))

    def test_E7_without_its_master_key_it_is_noise(self, desk: BackupDesk, backup: Backup):
        other = LocalKeys({"test-2": b"j" * 32}, current="test-2")
        with pytest.raises(SealBroken), open_backup(desk.storage, other, backup) as pieces:
            b"".join(pieces)

    def test_O6_a_key_service_that_refuses_is_heard(self, desk: BackupDesk, backup: Backup):
        class Refusing(LocalKeys):
            def unwrap(self, wrapped: bytes, context: SealContext) -> bytes:
                raise KeyRefused

        refusing = Refusing({"test-1": b"k" * 32}, current="test-1")
        with pytest.raises(KeyRefused), open_backup(desk.storage, refusing, backup) as pieces:
            b"".join(pieces)

    @pytest.mark.parametrize("raw", [b"", b"[]", b"{}", b'{"format": "another"}', b"\xff"])
    def test_what_is_no_manifest_is_refused(self, raw: bytes):
        with pytest.raises(Exception, match="no backup that this version"):
            Backup.of_manifest(raw)


def put(desk: BackupDesk, at: datetime, *, whole: bool = True, purpose: str = shelf.BACKUPS) -> UUID:
    """Files as a backup of that instant leaves them."""
    backup_id = uuid4()
    desk.storage.put(shelf.dump_key(purpose, at, backup_id), [b"x"], content_type="x")
    if whole:
        desk.storage.put(shelf.manifest_key(purpose, at, backup_id), [b"{}"], content_type="x")
    return backup_id


def there(desk: BackupDesk, purpose: str = shelf.BACKUPS) -> list[datetime]:
    return [each.at for each in shelf.shelved(desk.storage, purpose)]


class TestExpire:
    @pytest.fixture
    def now(self, world: World) -> datetime:
        world.clock.now = world.clock.now.replace(microsecond=0) - timedelta(days=1)  # behind the database's
        return world.clock.now

    @pytest.mark.parametrize(
        ("age", "stays"),
        [
            (timedelta(days=28, hours=23, minutes=59, seconds=59), True),
            (timedelta(days=29), False),
            (timedelta(days=29, seconds=1), False),
            (timedelta(days=29, hours=23, minutes=59, seconds=59), False),
            (timedelta(days=30), False),
        ],
    )
    def test_R1_on_both_sides_of_the_window(
        self, world: World, desk: BackupDesk, now: datetime, age: timedelta, stays: bool
    ):
        put(desk, now - age)
        run = expire_backups(desk)
        assert (run.due_before, run.deleted, run.due_after) == ((0, 0, 0) if stays else (1, 1, 0))
        assert there(desk) == ([now - age] if stays else [])

    def test_R1_with_a_run_each_hour_none_is_ever_older_than_thirty_days(
        self, desk: BackupDesk, now: datetime
    ):
        """Also when a whole day of runs is missed."""
        now -= timedelta(days=40)  # what the database's clock says is later all the time
        put(desk, now)
        oldest = timedelta(0)
        for hour in range(24 * 31):
            desk.clock.now = now + timedelta(hours=hour)  # pyright: ignore[reportFunctionMemberAccess]
            if there(desk):
                oldest = max(oldest, desk.clock() - there(desk)[0])
            if not 24 * 29 <= hour < 24 * 30 - 1:
                expire_backups(desk)
        assert oldest < timedelta(days=30)
        assert there(desk) == []

    def test_R1_a_dry_run_counts_the_same_and_deletes_nothing(self, desk: BackupDesk, now: datetime):
        put(desk, now - timedelta(days=29))
        run = expire_backups(desk, dry_run=True)
        assert (run.due_before, run.deleted, run.due_after) == (1, 0, 1)
        assert len(there(desk)) == 1

    def test_what_was_broken_off_goes_after_a_day(self, desk: BackupDesk, now: datetime):
        put(desk, now - timedelta(hours=23), whole=False)
        put(desk, now - timedelta(hours=25), whole=False)
        put(desk, now - timedelta(hours=25), purpose=shelf.REHEARSALS)
        assert expire_backups(desk).deleted == 2
        assert there(desk) == [now - timedelta(hours=23)]

    def test_R13_a_file_that_somebody_put_there_by_hand_goes_too(self, desk: BackupDesk, now: datetime):
        key = Key(HOUSE, shelf.BACKUPS, "before-the-migration.sql.gz")
        desk.storage.put(key, [b"x"], content_type="x")
        assert isinstance(desk.storage, FolderStorage)
        old = (now - timedelta(days=30)).timestamp()
        os.utime(desk.storage.path(key), (old, old))
        assert expire_backups(desk).deleted == 1
        assert desk.storage.find(key) is None

    def test_R13_one_that_cannot_be_deleted_is_said_and_stops_no_other(
        self, world: World, desk: BackupDesk, now: datetime
    ):
        locked, other = put(desk, now - timedelta(days=35)), put(desk, now - timedelta(days=33))

        class Locked(FolderStorage):
            def delete(self, key: Key) -> None:
                if str(locked) in key.name:
                    raise Unavailable("locked", code="storage")
                super().delete(key)

        assert isinstance(desk.storage, FolderStorage)
        locking = BackupDesk(desk.db, desk.clock, Locked(desk.storage._root), KEYS, desk.dump)
        with pytest.raises(Unavailable):
            expire_backups(locking)
        assert there(desk) == [now - timedelta(days=35)]
        (run,) = world.rows("SELECT rule, due_before, deleted, due_after FROM sweep_runs")
        assert run == {"rule": "backups", "due_before": 2, "deleted": 1, "due_after": 1}
        assert other

    def test_R8_a_worker_a_year_ahead_deletes_nothing_early(
        self, world: World, desk: BackupDesk, now: datetime
    ):
        put(desk, now)
        world.clock.now += timedelta(days=365)
        expire_backups(desk)
        assert there(desk) == [now]

    def test_what_is_gone_is_written_down_whoever_took_it(self, world: World, desk: BackupDesk):
        backup = make_backup(desk)
        world.clock.pass_(seconds=1)
        expire_backups(desk)
        assert world.value("SELECT deleted_at FROM backups") is None
        desk.storage.delete(shelf.dump_key(shelf.BACKUPS, backup.head.at, backup.head.id))
        expire_backups(desk)
        assert world.value("SELECT deleted_at FROM backups") is not None

    def test_one_that_is_made_while_the_shelf_is_looked_through_is_not_gone(
        self, world: World, desk: BackupDesk
    ):
        class Looking(FolderStorage):
            def list(self, organization_id: UUID, purpose: str) -> Iterator[Held]:
                yield from list(super().list(organization_id, purpose))
                if purpose == shelf.BACKUPS:
                    world.clock.pass_(seconds=1)
                    make_backup(desk)

        assert isinstance(desk.storage, FolderStorage)
        looking = BackupDesk(desk.db, desk.clock, Looking(desk.storage._root), KEYS, desk.dump)
        expire_backups(looking)
        made = world.rows("SELECT deleted_at FROM backups")
        assert len(made) > 1
        assert {row["deleted_at"] for row in made} == {None}

    def test_R5_killed_between_two_files_the_next_one_finishes(self, desk: BackupDesk, now: datetime):
        class Dies(BaseException):
            pass

        class Dying(FolderStorage):
            def delete(self, key: Key) -> None:
                super().delete(key)
                raise Dies

        put(desk, now - timedelta(days=29))
        assert isinstance(desk.storage, FolderStorage)
        dying = BackupDesk(desk.db, desk.clock, Dying(desk.storage._root), KEYS, desk.dump)
        with pytest.raises(Dies):
            expire_backups(dying)
        assert shelf.whole_ones(desk.storage) == []
        assert expire_backups(desk).deleted == 1
        assert there(desk) == []

    def test_the_ledger_of_erasures_outlives_every_backup_that_needs_it(
        self, desk: BackupDesk, now: datetime
    ):
        entries = [
            ledger.Entry(uuid4(), now - timedelta(days=days), "contact", uuid4(), uuid4())
            for days in (1, 29, 31, 41)
        ]
        for entry in entries:
            ledger.write(desk.storage, entry)
        expire_backups(desk)
        kept = list(ledger.entries_since(desk.storage, now - timedelta(days=400)))
        assert [entry.id for entry in kept] == [entry.id for entry in reversed(entries[:3])]


class TestDrafts:
    def test_what_a_killed_writer_left_goes_after_a_day(self, tmp_path: Path, world: World):
        storage = FolderStorage(tmp_path)
        storage.put(Key(HOUSE, "backups", "a.dump"), [b"x"], content_type="x")
        folder = storage.path(Key(HOUSE, "backups", "a.dump")).parent
        for name, age in ((".old", 90_000), (".new", 10)):
            (folder / name).write_bytes(b"x")
            then = world.clock.now.timestamp() - age
            os.utime(folder / name, (then, then))
        assert storage.forget_drafts(world.clock.now - timedelta(days=1)) == 1
        assert sorted(path.name for path in folder.iterdir()) == [".new", "a.dump"]
