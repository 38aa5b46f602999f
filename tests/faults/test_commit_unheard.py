"""Q11: Postgres has committed and the wire is cut before anybody hears of it. What happened is looked up, not assumed."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID, uuid4

import pytest

from infra.local.context import Context
from leadsrally.telemetry.crash import Crash
from tests.database import TestDatabase
from tests.faults.cutting import CutWire
from tests.sending.whatsapp import thread
from tests.world import Answer, Line, MetaLine, World

COMMIT = b"COMMIT\x00"


@pytest.fixture
def wire(world: World) -> Iterator[CutWire]:
    straight = world.database
    with TemporaryDirectory() as directory, CutWire(straight.sockets, Path(directory)) as wire:
        world.close_connections()
        world.database = TestDatabase(straight.name, wire.sockets)
        world.open()
        yield wire
        world.close_connections()
        world.database = straight


@pytest.fixture
def line(world: World) -> Line:
    return world.line(world.organization())


@pytest.fixture
def number(world: World) -> MetaLine:
    return world.whatsapp_line(world.organization())


class TestInbound:
    def by_sms(self, world: World) -> Callable[[str], Answer]:
        line = world.line(world.organization())
        world.text(line, "warm")
        return lambda sid: world.text(line, "Hello", sid=sid)

    def by_whatsapp(self, world: World) -> Callable[[str], Answer]:
        number = world.whatsapp_line(world.organization())
        world.whatsapp(number, "warm")
        return lambda wamid: world.whatsapp(number, "Hello", wamid=wamid)

    @pytest.mark.parametrize("by", ["by_sms", "by_whatsapp"])
    def test_Q11_a_message_that_was_stored_unheard_is_one_message(self, world: World, wire: CutWire, by: str):
        deliver = getattr(self, by)(world)
        sid = f"SM{uuid4().hex}"
        wire.arm(sid.encode())
        first = deliver(sid)
        assert wire.cuts == 1
        assert first.status == 200  # it asked the database again, and was told that it is there
        assert deliver(sid).status == 200  # the provider tries again
        assert world.value("SELECT count(*) FROM messages WHERE body = 'Hello'") == 1
        assert world.value("SELECT count(*) FROM jobs WHERE queue = 'ai_score'") <= 1


class TestSending:
    """Wherever on the way from the bell to the record the answer to a commit is lost, nobody is texted twice."""

    @pytest.mark.parametrize("nth", range(1, 5))
    def test_Q11_by_sms(self, world: World, line: Line, wire: CutWire, nth: int):
        message = world.reply(line, world.conversation(line), "Your bike is ready")
        self.cut(world, wire, nth)
        self.at_most_once(world, message, len(world.sender.texts))

    @pytest.mark.parametrize("nth", range(1, 5))
    def test_Q11_by_whatsapp(self, world: World, number: MetaLine, wire: CutWire, nth: int):
        message = world.reply(number, thread(world, number), "Your bike is ready")
        self.cut(world, wire, nth)
        self.at_most_once(world, message, len(world.meta_sender.texts))

    def cut(self, world: World, wire: CutWire, nth: int) -> None:
        ids = world.due("send_message")
        wire.arm(COMMIT, nth)
        with suppress(Crash):  # the queue hears of it and rings again
            world.ring("send_message", ids)
        assert wire.cuts == 1
        for _ in range(8):
            world.clock.pass_(minutes=3)
            tick = world.functions["tick"]
            tick.handler()({}, Context(tick))
            world.work("send_message")

    def at_most_once(self, world: World, message: UUID, sent: int) -> None:
        stored = world.message(message)
        attention = world.value(
            "SELECT attention FROM conversations WHERE id = %(id)s", id=stored["conversation_id"]
        )
        assert sent <= 1
        if stored["status"] == "unknown":
            assert attention == "delivery_unknown"  # somebody is asked to look
        else:
            assert (stored["status"], sent, attention) == ("accepted", 1, None)
        assert world.rows("SELECT 1 FROM jobs WHERE queue = 'send_message'") == []
