"""E2, E3: erasing beside everything else that happens to the same person, in real threads."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest

from leadsrally import runtime
from leadsrally.accounts.audit import SYSTEM
from leadsrally.contacts.merge import merge
from leadsrally.kit.db import Database
from leadsrally.kit.errors import Conflict, Invalid, NotFound, Unavailable
from tests.erasure.conftest import PHONE, Eraser, everything, files_of
from tests.imports.conftest import Importer, importer
from tests.world import Line, World

__all__ = ["importer"]
CANARY = "Zebulon-4471"


def together(*acts: Callable[[], object]) -> None:
    """Let all begin at once, and raise what one raised."""
    start = threading.Barrier(len(acts))

    def one(act: Callable[[], object]) -> None:
        start.wait(5)
        act()

    with ThreadPoolExecutor(len(acts)) as pool:
        for done in [pool.submit(one, act) for act in acts]:
            done.result(60)


class TestInbound:
    @pytest.mark.parametrize("time", range(4))
    def test_E2_a_text_is_erased_or_begins_anew(self, world: World, line: Line, eraser: Eraser, time: int):
        world.text(line, CANARY)
        world.execute("UPDATE contacts SET name = %(n)s", n=CANARY)
        old = eraser.contact()
        eraser.ask("contact", old)
        answers: list[int] = []
        together(
            lambda: world.ring("erase", world.due("erase")),
            *(lambda n=n: answers.append(world.text(line, f"text {n}").status) for n in range(3)),
        )
        eraser.work()
        assert answers == [200] * 3
        assert CANARY not in everything(world)
        assert old not in eraser.contacts()
        assert len(eraser.contacts()) <= 1
        new = world.rows("SELECT name FROM contacts")
        assert all(row["name"] == "" for row in new)
        # Each text is with the new person, or went with the old one; none is in between.
        assert world.value("SELECT count(*) FROM conversations WHERE contact_id IS NULL") == 0

    @pytest.mark.parametrize("time", range(4))
    def test_E2_a_stop_in_the_same_moment_is_never_lost(
        self, world: World, line: Line, eraser: Eraser, time: int
    ):
        world.conversation(line)
        eraser.ask("contact", eraser.contact())
        together(lambda: world.ring("erase", world.due("erase")), lambda: world.text(line, "STOP"))
        eraser.work()
        assert len(world.rows("SELECT 1 FROM suppressions")) == 1
        world.text(line, "Hello")
        thread = world.rows("SELECT id FROM conversations ORDER BY created_at DESC")[0]["id"]
        message = world.reply(line, thread, "Offers")
        world.work("send_message")
        assert world.message(message)["verdict"]["decision"] == "refuse"


class TestSend:
    def test_E3_one_in_flight_ends_and_is_scrubbed_at_the_provider(
        self, world: World, line: Line, eraser: Eraser
    ):
        thread = world.conversation(line)
        world.reply(line, thread, CANARY)

        def meanwhile(_text: object) -> None:
            eraser.ask("contact", eraser.contact())
            eraser.work()

        world.sender.on_send = meanwhile
        world.work("send_message")
        world.sender.on_send = lambda _text: None
        assert eraser.contacts() == []
        assert CANARY not in everything(world)
        world.clock.pass_(seconds=2)
        world.work("provider_delete")
        sent = f"SM{1:032x}"
        assert ("message", sent) in world.copies.deleted
        assert world.rows("SELECT 1 FROM jobs WHERE queue = 'send_message'") == []


class TestModel:
    def test_E3_an_answer_that_comes_late_is_dropped(self, world: World, line: Line, eraser: Eraser):
        world.conversation(line)
        world.text(line, CANARY)
        scored = world.scorer.score

        def meanwhile(*given: object, **more: object) -> object:
            eraser.ask("contact", eraser.contact())
            eraser.work()
            return scored(*given, **more)  # pyright: ignore[reportArgumentType]

        world.scorer.score = meanwhile  # pyright: ignore[reportAttributeAccessIssue]
        world.score()
        assert world.rows("SELECT 1 FROM scores") == []
        assert eraser.contacts() == []
        assert world.rows("SELECT error FROM jobs WHERE error IS NOT NULL") == []


class TestImport:
    def test_E3_one_that_is_at_work_does_not_bring_them_back(
        self, world: World, line: Line, eraser: Eraser, importer: Importer, monkeypatch: pytest.MonkeyPatch
    ):
        """The file was read before: its rows are written while the person is erased."""
        world.conversation(line)
        import_id = importer.ready(f"phone,name\n+12025550190,Ada\n{PHONE},{CANARY}\n")
        assert eraser.client.post(f"/v1/imports/{import_id}/run")[0] == 202
        erasure = eraser.ask("contact", eraser.contact())
        world.ring("erase", world.due("erase"))  # the person is gone, the import still to run
        assert eraser.contacts() == []
        assert eraser.shown(erasure)["state"] == "erasing"
        world.work("import_contacts")
        assert len(eraser.contacts()) == 2  # they are back with the file
        world.clock.pass_(minutes=2)
        eraser.work()
        world.clock.pass_(hours=2)
        eraser.work()
        assert eraser.shown(erasure)["state"] == "done"
        assert world.rows("SELECT phone FROM contacts") == [{"phone": "+12025550190"}]
        assert CANARY not in everything(world)
        assert CANARY not in files_of(eraser.storage)


class TestExport:
    def test_E3_one_that_is_being_made_is_voided(self, world: World, line: Line, eraser: Eraser):
        world.text(line, CANARY)
        eraser.client.confirm()
        assert eraser.client.post("/v1/exports", {})[0] == 202
        storage = runtime.of("export").storage
        put = storage.put

        def meanwhile(key: object, chunks: object, **more: object) -> int:
            size = put(key, chunks, **more)  # pyright: ignore[reportArgumentType]
            eraser.ask("contact", eraser.contact())
            world.ring("erase", world.due("erase"))
            return size

        storage.put = meanwhile  # pyright: ignore[reportAttributeAccessIssue]
        world.ring("export", world.due("export"))
        del storage.put
        eraser.work()
        assert CANARY not in everything(world)
        assert list(storage.list(eraser.org.id, "export")) == []
        state = eraser.client.get("/v1/exports")[1]["items"][0]["state"]
        assert state in ("cancelled", "expired")


class TestMerge:
    @pytest.mark.parametrize("time", range(3))
    def test_E3_a_merge_in_the_same_moment_saves_nobody(
        self, world: World, line: Line, eraser: Eraser, time: int
    ):
        world.text(line, CANARY)
        world.text(line, "I am another", sender="+12025550102")
        one, other = eraser.contact(), eraser.contact("+12025550102")

        def merging() -> None:
            try:
                with runtime.of("api").db.tenant(eraser.org.id) as tx:
                    merge(tx, eraser.org.id, other, one, actor=SYSTEM, now=world.clock.now)
            except (NotFound, Conflict, Invalid, Unavailable):
                pass

        eraser.ask("contact", one)
        together(lambda: world.ring("erase", world.due("erase")), merging)
        world.execute("UPDATE jobs SET run_at = %(n)s WHERE queue = 'erase'", n=world.clock.now)
        eraser.work()
        assert CANARY not in everything(world)


class TestKilled:
    @pytest.mark.parametrize("at", range(1, 14))
    def test_E4_it_goes_on_wherever_it_was_interrupted(
        self, world: World, line: Line, eraser: Eraser, monkeypatch: pytest.MonkeyPatch, at: int
    ):
        world.text(line, CANARY)
        world.text(line, "STOP")
        world.text(line, "Somebody else", sender="+12025550102")
        erasure = eraser.ask("contact", eraser.contact())
        opened, genuine = [0], Database.tenant

        def mortal(self: Database, organization_id: UUID) -> object:
            opened[0] += 1
            if opened[0] == at:
                raise Unavailable("lost", code="database")
            return genuine(self, organization_id)

        with monkeypatch.context() as patched:
            patched.setattr(Database, "tenant", mortal)
            world.ring("erase", world.due("erase"))
        if opened[0] >= at:
            assert eraser.shown(erasure)["state"] != "done"
        world.execute("UPDATE jobs SET error = NULL, run_at = %(n)s WHERE queue = 'erase'", n=world.clock.now)
        eraser.work()
        assert eraser.shown(erasure)["state"] == "done"
        assert CANARY not in everything(world)
        assert PHONE not in everything(world)
        assert len(world.rows("SELECT 1 FROM suppressions")) == 1
        assert world.value("SELECT count(*) FROM messages") == 1
