"""P6.1, P6.2 and P7.2 against a live system: each thing is broken once, and its clause says so."""

from datetime import timedelta
from uuid import uuid4

import pytest

from leadsrally.kit.db import Database
from leadsrally.privacy.clauses import retention, rights
from tests.erasure.conftest import Eraser
from tests.world import Line, World

CHECKS = {clause.id: clause.check for clause in (*retention.CLAUSES, *rights.CLAUSES)}

# Roles belong to the whole server: who changes what one may and who looks run one after another.
pytestmark = pytest.mark.usefixtures("roles_alone")


def kept(world: World, clause: str) -> bool:
    check = CHECKS[clause]
    assert check is not None
    db = Database(world.database.url("leadsrally_clauses"))
    with db.across() as tx:
        found = check(tx, world.clock.now)
    db.close()
    return found.kept


def leaving(world: World, eraser: Eraser, **columns: object) -> None:
    now = world.clock.now
    times = {"requested_at": now - timedelta(days=30), "erases_at": now}
    values = {"organization_id": eraser.org.id, "id": uuid4(), "state_before": "active", **times, **columns}
    world._insert("account_deletions", values)


class TestAccountsEnd:
    def test_P6_1_one_in_time(self, world: World, eraser: Eraser):
        leaving(world, eraser)
        assert kept(world, "P6.1")

    @pytest.mark.parametrize(
        ("late", "is_kept"), [(timedelta(days=1), True), (timedelta(days=1, seconds=1), False)]
    )
    def test_P6_1_one_that_is_overdue(self, world: World, eraser: Eraser, late: timedelta, is_kept: bool):
        leaving(world, eraser)
        world.clock.now += late
        assert kept(world, "P6.1") is is_kept

    def test_P6_1_one_that_went_early(self, world: World, eraser: Eraser):
        early = world.clock.now - timedelta(seconds=1)
        leaving(world, eraser, erasing_at=early, erased_at=early)
        assert not kept(world, "P6.1")

    def test_P6_1_a_window_that_is_not_thirty_days(self, world: World, eraser: Eraser):
        leaving(world, eraser, erases_at=world.clock.now - timedelta(seconds=1), reversed_at=world.clock.now)
        assert not kept(world, "P6.1")

    def test_P6_1_people_of_an_erased_account(self, world: World, eraser: Eraser):
        world.execute("UPDATE organizations SET state = 'erased'")
        assert not kept(world, "P6.1")


class TestMessages:
    def test_P6_2_all_is_well(self, world: World, line: Line, eraser: Eraser):
        eraser.erase("conversation", world.conversation(line))
        assert kept(world, "P6.2")

    def test_P6_2_a_thread_that_was_left(self, world: World, line: Line):
        world.conversation(line)
        world.execute("UPDATE conversations SET contact_id = NULL")
        assert not kept(world, "P6.2")

    def test_E5_a_copy_that_is_asked_for_in_vain(self, world: World, line: Line, eraser: Eraser):
        thread = world.conversation(line)
        eraser.erase("conversation", thread)
        asked = world.value("SELECT asked_at FROM provider_copies")
        world.clock.now = asked + timedelta(days=31)
        assert kept(world, "P6.2")
        world.clock.pass_(seconds=1)
        assert not kept(world, "P6.2")

    def test_P6_2_another_role_that_may_delete(self, world: World):
        world.execute("GRANT DELETE ON messages TO leadsrally_api")
        assert not kept(world, "P6.2")


class TestErased:
    def test_P7_2_all_is_well(self, world: World, line: Line, eraser: Eraser):
        world.conversation(line)
        eraser.erase("contact", eraser.contact())
        assert kept(world, "P7.2")

    @pytest.mark.parametrize("state", ["waiting", "erasing"])
    def test_P7_2_one_that_hangs(self, world: World, line: Line, eraser: Eraser, state: str):
        world.conversation(line)
        eraser.ask("contact", eraser.contact())
        world.execute("UPDATE erasures SET state = %(state)s", state=state)
        assert kept(world, "P7.2")
        world.clock.pass_(hours=2 if state == "waiting" else 31)
        assert not kept(world, "P7.2")

    @pytest.mark.parametrize("kind", ["contact", "conversation", "message"])
    def test_P7_2_one_of_which_something_is_left(self, world: World, line: Line, eraser: Eraser, kind: str):
        thread = world.conversation(line)
        subject = {
            "contact": eraser.contact(),
            "conversation": thread,
            "message": world.rows("SELECT id FROM messages")[0]["id"],
        }[kind]
        eraser.ask(kind, subject)
        world.execute("UPDATE erasures SET state = 'done', finished_at = requested_at")
        assert not kept(world, "P7.2")
