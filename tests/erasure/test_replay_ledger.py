"""E6: a database that was restored forgets again what was erased after its backup was made."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from leadsrally import runtime
from leadsrally.accounts.audit import SYSTEM
from leadsrally.contacts.merge import merge
from leadsrally.privacy.erasure.ledger import Entry
from leadsrally.privacy.erasure.replay import replay
from tests.erasure.conftest import PHONE, Eraser, everything, picture_from
from tests.world import Line, World

CANARY = "Zebulon-4471"


@contextmanager
def restored(world: World) -> Iterator[None]:
    """What happens inside is lost, as if the database had been put back to before; the storage is not."""
    names = [
        row["name"]
        for row in world.rows(
            """SELECT c.relname AS name FROM pg_class AS c
                WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND NOT c.relispartition
                  AND c.relname NOT LIKE '%%yoyo%%'"""
        )
    ]
    for name in names:
        world.execute(f"CREATE TABLE IF NOT EXISTS backup_of_{name} AS TABLE {name}")
    yield
    world.execute("SET session_replication_role = replica")
    for name in names:
        columns = ", ".join(
            f'"{row["c"]}"'
            for row in world.rows(
                """SELECT attname AS c FROM pg_attribute WHERE attrelid = %(n)s::regclass AND attnum > 0
                      AND NOT attisdropped AND attgenerated = ''""",
                n=name,
            )
        )
        world.execute(f"DELETE FROM {name}")
        world.execute(
            f"INSERT INTO {name} ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns} FROM backup_of_{name}"
        )
        world.execute(f"DROP TABLE backup_of_{name}")
    world.execute("SET session_replication_role = origin")


def replayed(eraser: Eraser) -> list[dict[str, int]]:
    return [replay(runtime.of("erase").db, entry) for entry in eraser.ledger()]


class TestContact:
    def test_E6_the_person_is_gone_again_and_their_no_stands(self, world: World, line: Line, eraser: Eraser):
        world.conversation(line)
        world.text(line, CANARY)
        picture_from(world, line)
        world.execute("UPDATE contacts SET name = %(n)s", n=CANARY)
        with restored(world):
            world.text(line, "STOP")
            eraser.erase("contact", eraser.contact())
        assert CANARY in everything(world)
        assert world.rows("SELECT 1 FROM suppressions") == []
        (counts,) = replayed(eraser)
        assert (counts["contacts"], counts["messages"], counts["conversations"]) == (1, 3, 1)
        assert CANARY not in everything(world)
        assert PHONE not in everything(world)
        assert len(world.rows("SELECT 1 FROM suppressions")) == 1

    def test_E6_twice_is_harmless(self, world: World, line: Line, eraser: Eraser):
        world.conversation(line)
        world.text(line, "Somebody else", sender="+12025550102")
        with restored(world):
            eraser.erase("contact", eraser.contact())
        replayed(eraser)
        before = everything(world)
        (again,) = replayed(eraser)
        assert not any(again.values())
        assert everything(world) == before
        assert world.value("SELECT phone FROM contacts") == "+12025550102"

    def test_E6_who_was_two_people_then_is_gone_as_both(self, world: World, line: Line, eraser: Eraser):
        world.conversation(line)
        world.text(line, CANARY, sender="+12025550102")
        winner, loser = eraser.contact(), eraser.contact("+12025550102")
        with restored(world):
            with runtime.of("api").db.tenant(eraser.org.id) as tx:
                merge(tx, eraser.org.id, winner, loser, actor=SYSTEM, now=world.clock.now)
            eraser.erase("contact", winner)
        assert len(eraser.contacts()) == 2
        replayed(eraser)
        assert eraser.contacts() == []
        assert CANARY not in everything(world)

    def test_E6_an_organisation_that_is_not_in_it(self, world: World, line: Line, eraser: Eraser):
        world.conversation(line)
        eraser.erase("contact", eraser.contact())
        (entry,) = eraser.ledger()
        gone = Entry(entry.id, entry.at, "contact", entry.id, entry.subject_id, suppressed=entry.suppressed)
        assert replay(runtime.of("erase").db, gone) == {}


@pytest.mark.parametrize("kind", ["conversation", "message"])
def test_E6_so_is_a_thread_and_a_message(world: World, line: Line, eraser: Eraser, kind: str):
    thread = world.conversation(line)
    picture_from(world, line)
    world.text(line, CANARY)
    world.execute("UPDATE conversations SET intent = %(c)s", c=CANARY)
    message = world.row("SELECT id FROM messages WHERE body = %(b)s", b=CANARY)["id"]
    with restored(world):
        eraser.erase(kind, thread if kind == "conversation" else message)
    assert CANARY in everything(world)
    (counts,) = replayed(eraser)
    assert counts["messages"] == (3 if kind == "conversation" else 1)
    assert CANARY not in everything(world)


def test_E6_so_is_an_organisation(world: World, line: Line, eraser: Eraser):
    world.conversation(line)
    rival = world.line(world.organization("Rival"))
    world.text(rival, "Hello")
    entry = Entry(eraser.org.id, world.clock.now, "organization", eraser.org.id, eraser.org.id)
    counts = replay(runtime.of("erase").db, entry)
    assert (counts["messages"], counts["users"]) == (1, 1)
    assert world.rows("SELECT organization_id FROM messages") == [{"organization_id": rival.organization_id}]
    assert replay(runtime.of("erase").db, entry) == {}
