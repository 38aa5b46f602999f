"""`leadsrally backup` and the nightly one of the one-process host."""

import base64
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from infra.local.backups.nightly import BACKUP, handler
from infra.local.command import main
from infra.local.context import Context
from infra.local.schedules import next_time
from leadsrally import runtime
from leadsrally.kit.settings import SETTINGS as KNOWN
from leadsrally.kit.settings import Settings
from leadsrally.privacy.backups import shelf
from leadsrally.providers.storage.folder import FolderStorage
from leadsrally.runtime import Runtime
from tests.world import SETTINGS, World

Ask = Callable[..., tuple[int, str]]


@pytest.fixture
def ask(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Ask:
    monkeypatch.setenv("DATABASE_URL", world.database.url())
    monkeypatch.setenv("LEADSRALLY_ROLE_KEY", base64.b64encode(b"r" * 32).decode())
    monkeypatch.setenv("LEADSRALLY_ENV", "development")
    monkeypatch.setenv("LEADSRALLY_MASTER_KEYS", SETTINGS["LEADSRALLY_MASTER_KEYS"])
    monkeypatch.setenv("LEADSRALLY_STORAGE_DIR", str(tmp_path))

    def run(*words: str) -> tuple[int, str]:
        capsys.readouterr()
        code = main(list(words))
        told = capsys.readouterr()
        return code, told.out + told.err

    return run


class TestCommand:
    def test_a_backup_is_made_and_listed(self, world: World, ask: Ask):
        assert ask("backups") == (1, "0 backups\n")
        code, told = ask("backup")
        assert code == 0
        assert "bytes, sealed" in told
        code, told = ask("backups")
        assert code == 0
        backup_id = world.value("SELECT id FROM backups")
        assert str(backup_id) in told
        assert "1 backups" in told

    def test_without_pg_dump_it_says_what_to_do(
        self, ask: Ask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ):
        monkeypatch.setenv("PG_BIN", str(tmp_path))
        code, told = ask("backup")
        assert code == 2
        assert "PG_BIN" in told
        assert ask("backups")[0] == 1


class TestNightly:
    @pytest.fixture
    def storage(self, world: World, tmp_path: Path) -> Iterator[FolderStorage]:
        values = {
            **SETTINGS,
            "LEADSRALLY_STORAGE_DIR": str(tmp_path),
            "DATABASE_URL": world.database.url("leadsrally_backup"),
        }
        runtime.install(Runtime("backup", Settings(values, allowed=BACKUP.settings), clock=world.clock))
        yield FolderStorage(tmp_path)
        runtime.of("backup").db.close()
        runtime.uninstall("backup")

    def ring(self) -> dict[str, Any]:
        return handler({}, Context(BACKUP))

    def test_rung_each_hour_it_makes_one_a_day(self, world: World, storage: FolderStorage):
        world.clock.now = datetime.now(UTC)  # the instant of a snapshot is the database's own
        made = []
        for _ in range(3):
            made.append(self.ring()["made"])
            world.clock.now += timedelta(hours=12)
        assert made == [True, False, True]
        assert len(shelf.whole_ones(storage)) == 2

    def test_it_deletes_what_is_past_its_window_first(self, world: World, storage: FolderStorage):
        world.clock.now -= timedelta(days=40)
        self.ring()
        world.execute("UPDATE backups SET at = at - interval '40 days'")
        (found,) = shelf.shelved(storage)
        for key in found.keys:
            old = storage.path(key)
            old.rename(old.with_name(f"20260101T000000Z{old.name[16:]}"))
        assert self.ring() == {"deleted": 1, "made": True}

    def test_its_settings_are_known_and_its_schedule_is_kept(self, world: World):
        assert BACKUP.settings <= {setting.name for setting in KNOWN}
        for expression in BACKUP.schedules:
            assert next_time(expression, world.clock.now) > world.clock.now
