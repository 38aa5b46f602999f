"""Erasing, sweeping and backing up, killed with SIGKILL at known commits: the next one goes on, to the exact end."""

import signal
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from leadsrally import runtime
from leadsrally.accounts.audit import SYSTEM
from leadsrally.kit.errors import NotFound
from leadsrally.privacy.backups import shelf
from leadsrally.privacy.backups.read import open_backup
from leadsrally.privacy.erasure.erase_organization import OUTLIVES
from leadsrally.privacy.erasure.leave import request_deletion
from leadsrally.privacy.erasure.ledger import Entry, entries_since
from leadsrally.providers.storage.folder import FolderStorage
from tests.api.conftest import person
from tests.erasure.conftest import PHONE, Eraser, everything, files_of, picture_from
from tests.faults.conftest import Mortals
from tests.privacy.test_sweep_rows import RULES, made_user, row
from tests.wiring.lived import lived_through
from tests.world import Line, Org, World

KILLED = -signal.SIGKILL
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def long_ago(world: World) -> None:
    """The worker's clock must not be ahead of the database's own, which decides then (R8)."""
    world.clock.now = datetime.now(UTC).replace(microsecond=0) - 40 * DAY
    for day in range(45):
        world.execute("SELECT delivery_log_make_day(%(day)s)", day=(world.clock.now + day * DAY).date())


@pytest.fixture
def org(world: World, long_ago: None) -> Org:
    return world.organization()


@pytest.fixture
def line(world: World, org: Org) -> Line:
    return world.line(org)


def ledger(world: World) -> list[Entry]:
    return list(entries_since(runtime.of("erase").storage, world.clock.now - 60 * DAY))


def rows_of(world: World, organization_id: UUID) -> dict[str, int]:
    """How many rows each table has of it."""
    tables = world.rows(
        """SELECT c.relname AS name FROM pg_class AS c
             JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'organization_id'
            WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition"""
    )
    found = {
        table["name"]: world.value(
            f"SELECT count(*) FROM {table['name']} WHERE organization_id = %(o)s", o=organization_id
        )
        for table in tables
    }
    return {name: count for name, count in found.items() if count}


def of(world: World, organization_id: UUID) -> list[str]:
    """All that is kept of it, but for when its jobs were last rung for."""
    world.execute("UPDATE jobs SET rung_at = NULL WHERE organization_id = %(o)s", o=organization_id)
    return sorted(one for one in everything(world).splitlines() if str(organization_id) in one)


class TestOrganization:
    def test_E4_killed_at_ever_later_commits_it_ends_exact(
        self, world: World, org: Org, line: Line, mortals: Mortals
    ):
        """Commits are: the bell, the claim, what stands, the beginning, the files, the order of tables, one for each bite of two."""
        rival = world.line(world.organization("Rival"))
        for one in (line, rival):
            lived_through(world, one)
        world.execute("DELETE FROM account_deletions")
        for number in range(5):
            world.text(line, f"Hello {number}", sender=f"+1202555012{number}")
        picture_from(world, line)
        with runtime.of("api").db.tenant(org.id) as tx:
            request_deletion(tx, org.id, SYSTEM, requested_by=org.id, now=world.clock.now)
        rows, rivals = rows_of(world, org.id), of(world, rival.organization_id)
        pictures = files_of(runtime.of("erase").storage).count(str(rival.organization_id))
        world.clock.pass_(days=30)

        states: list[str] = []
        for commits in (0, 1, 2, 3, 4, 5, 8, 13, 21, 30, 40, 50, 55):
            order: dict[str, Any] = {"queue": "erase", "batch": 2, "die": "before_commit", "commits": commits}
            assert mortals.run("work", **order) == KILLED
            states.append(
                world.value("SELECT state FROM organizations WHERE id = %(o)s", o=org.id)
                + f" {len(ledger(world))}"
            )
            assert world.value("SELECT erased_at FROM account_deletions") is None
            assert of(world, rival.organization_id) == rivals
            world.clock.pass_(minutes=30)
            mortals.tick()
        assert list(dict.fromkeys(states)) == ["leaving 0", "erasing 1"]

        mortals.later("erase", hours=2)
        assert world.value("SELECT state FROM organizations WHERE id = %(o)s", o=org.id) == "erased"
        assert rows_of(world, org.id).keys() <= {
            *OUTLIVES,
            *(name for name in rows if name.startswith(("invoice", "billing"))),
        }
        assert str(org.id) + "/" not in files_of(runtime.of("erase").storage)
        assert of(world, rival.organization_id) == rivals
        assert files_of(runtime.of("erase").storage).count(str(rival.organization_id)) == pictures
        (entry,) = ledger(world)
        assert (entry.kind, entry.organization_id) == ("organization", org.id)
        certificate = world.row("SELECT counts, erased_at FROM account_deletions")
        assert certificate["erased_at"] is not None
        counts = certificate["counts"]
        assert {name: counts[name] for name in counts if name not in ("files", "usage")} == {
            name: rows[name]
            for name in rows
            if name not in OUTLIVES and not name.startswith(("invoice", "billing")) and name != "jobs"
        }


class TestContact:
    @pytest.mark.parametrize("commits", [5, 6, 7, 8])
    def test_E4_killed_after_the_person_is_gone_the_rest_goes_all_the_same(
        self, world: World, org: Org, line: Line, mortals: Mortals, commits: int
    ):
        """Commits are: the bell, the claim, what was asked, what is remembered, the person; then the bites."""
        eraser = Eraser(world, org, person(world, org))
        for number in range(5):
            world.text(line, f"Hello {number}")
        picture_from(world, line)
        world.text(line, "Somebody else", sender="+12025550199")
        erasure_id = eraser.ask("contact", eraser.contact())
        order: dict[str, Any] = {"queue": "erase", "batch": 2, "die": "before_commit", "commits": commits}
        assert mortals.run("work", **order) == KILLED
        assert eraser.shown(erasure_id)["state"] == "erasing"
        assert len(eraser.contacts()) == 1
        assert PHONE not in everything(world)
        assert world.value("SELECT count(*) FROM messages") > 1

        mortals.later("erase", minutes=30)
        shown = eraser.shown(erasure_id)
        assert (shown["state"], shown["counts"]["messages"]) == ("done", 6)
        assert [one["body"] for one in world.rows("SELECT body FROM messages")] == ["Somebody else"]
        assert world.value("SELECT count(*) FROM conversations") == 1
        assert "bicycle" not in files_of(eraser.storage)
        assert len(ledger(world)) == 1

    def test_E4_killed_before_it_the_person_is_there_and_goes_next_time(
        self, world: World, org: Org, line: Line, mortals: Mortals
    ):
        eraser = Eraser(world, org, person(world, org))
        world.text(line, "Hello")
        erasure_id = eraser.ask("contact", eraser.contact())
        assert mortals.run("work", queue="erase", die="before_commit", commits=4) == KILLED
        assert (eraser.shown(erasure_id)["state"], len(eraser.contacts())) == ("waiting", 1)
        assert [one.kind for one in ledger(world)] == ["contact"]
        mortals.later("erase", minutes=30)
        assert (eraser.shown(erasure_id)["state"], eraser.contacts()) == ("done", [])


class TestSweep:
    def test_R5_killed_at_ever_later_commits_it_converges_and_the_totals_add_up(
        self, world: World, org: Org, mortals: Mortals
    ):
        """Commits are, for each window: its beginning, one for each bite of two, its end."""
        user, young = made_user(world, org), timedelta(hours=6)
        for rule, expiring in RULES.values():
            cutoff = rule.cutoff(world.clock.now)
            for _ in range(3):
                row(world, org, expiring.table, cutoff, user)
            row(world, org, expiring.table, cutoff + young, user)
        due, kept = 3 * len(RULES), len(RULES)

        def left() -> int:
            return sum(world.value(f"SELECT count(*) FROM {each.table}") for _, each in RULES.values())

        seen = [left()]
        for commits in (0, 1, 2, 3, 4, 9, 20, 33):
            assert mortals.run("sweep", batch=2, die="before_commit", commits=commits) == KILLED
            seen.append(left())
            world.clock.pass_(minutes=1)
        assert seen[0] == due + kept
        assert seen == sorted(seen, reverse=True)
        assert len(set(seen)) >= 5
        unfinished = world.value("SELECT count(*) FROM sweep_runs WHERE finished_at IS NULL")
        assert mortals.run("sweep", batch=2) == 0
        assert left() == kept
        last = world.rows(
            """SELECT DISTINCT ON (rule) rule, due_before, deleted, due_after FROM sweep_runs
                WHERE finished_at IS NOT NULL ORDER BY rule, started_at DESC, id DESC"""
        )
        assert all(run["due_before"] == run["deleted"] and run["due_after"] == 0 for run in last)
        assert sum(run["deleted"] for run in last) == seen[-1] - kept
        assert world.value("SELECT count(*) FROM sweep_runs WHERE finished_at IS NULL") == unfinished > 0


class TestBackup:
    @pytest.mark.parametrize("die", ["mid_dump", "before_manifest"])
    def test_E4_half_a_backup_is_never_listed_nor_restored(
        self, world: World, line: Line, mortals: Mortals, die: str
    ):
        world.text(line, "Hello")
        storage = runtime.of("erase").storage
        assert isinstance(storage, FolderStorage)
        assert mortals.run("backup", die=die) == KILLED
        assert shelf.whole_ones(storage) == []
        with pytest.raises(NotFound):
            shelf.chosen(storage, None)
        assert world.value("SELECT count(*) FROM backups") == 0

        world.clock.pass_(hours=1)
        assert mortals.run("backup") == 0
        (whole,) = shelf.whole_ones(storage)
        assert shelf.chosen(storage, None) == whole
        keys = runtime.of("api").vault.keys
        with open_backup(storage, keys, whole) as pieces:
            assert b"".join(pieces).startswith(b"PGDMP")
        assert world.value("SELECT count(*) FROM backups") == 1
