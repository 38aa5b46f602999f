"""Postgres cuts a session, is slow, or dies: nothing is half done, and what was answered 2xx is there."""

import os
import shutil
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import dict_row

from infra.local.context import Context
from infra.local.migrate import migrate
from infra.local.postgres import EmbeddedPostgres, erase
from infra.local.provision import MIGRATE, provision
from infra.local.roles import logins
from tests.database import TestDatabase, throwaway_directory, url_of
from tests.faults.waiting import held, until_one_waits
from tests.world import Answer, Line, World

CLAIM = "m.claimed_at, m.expires_at"  # from the beginning of the claim, since the server shows no more of it


def cut(world: World, role: str) -> None:
    """End every session of a function's role, as a failing-over server does."""
    world.execute(
        """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = %(name)s AND usename = %(role)s""",
        name=world.database.name,
        role=role,
    )


@pytest.fixture
def line(world: World) -> Line:
    """Not that of this folder: no provider is called here."""
    return world.line(world.organization())


@pytest.fixture
def message(world: World, line: Line) -> UUID:
    return world.reply(line, world.conversation(line), "Hello")


class TestCutSession:
    def test_Q10_cut_while_claiming_jobs(self, world: World, message: UUID):
        """Nothing was claimed, no try was used up, and the next bell does the work once."""
        ids = world.due("send_message")
        with ThreadPoolExecutor(1) as pool, held(world, "LOCK TABLE jobs IN ACCESS EXCLUSIVE MODE"):
            working = pool.submit(world.ring, "send_message", ids)
            until_one_waits(world, "SKIP LOCKED")
            cut(world, "leadsrally_send_message")
            # SQS hears of it and brings the batch again; the error carries no text.
            with pytest.raises(Exception, match="Unavailable"):
                working.result(10)
        (job,) = world.rows("SELECT state, attempts FROM jobs WHERE kind = 'send'")
        assert job == {"state": "queued", "attempts": 0}
        world.work("send_message")
        assert world.message(message)["status"] == "accepted"
        assert len(world.sender.texts) == 1

    def test_Q10_cut_while_claiming_the_message(self, world: World, message: UUID):
        """The gate had not answered: the message is still queued and its job comes back."""
        ids = world.due("send_message")
        with ThreadPoolExecutor(1) as pool, held(world, "SELECT 1 FROM contacts FOR UPDATE"):
            working = pool.submit(world.ring, "send_message", ids)
            until_one_waits(world, CLAIM)
            cut(world, "leadsrally_send_message")
            assert working.result(10) == {"batchItemFailures": []}
        assert world.message(message)["status"] == "queued"
        (job,) = world.rows("SELECT state, attempts, error FROM jobs WHERE kind = 'send'")
        assert job == {"state": "queued", "attempts": 1, "error": "database"}
        assert world.sender.texts == []

        world.clock.pass_(seconds=5)
        world.work("send_message")
        assert world.message(message)["status"] == "accepted"
        assert len(world.sender.texts) == 1

    def test_Q10_cut_between_claim_and_record(self, world: World, message: UUID):
        """A kept connection that died during the call is replaced, and the answer is stored."""
        world.sender.on_send = lambda _: cut(world, "leadsrally_send_message")
        world.work("send_message")
        assert world.message(message)["status"] == "accepted"


class TestSlow:
    """W17: something holds a lock. The answer is a success or a 5xx, in time, and never half of either."""

    @pytest.fixture(autouse=True)
    def impatient(self, world: World, line: Line) -> None:
        """A statement of the webhook may take 0.7 s here; in production the limit is the role's."""
        world.text(line, "a first text, so that every connection is warm", sender="+12025550199")
        world.execute(
            f"ALTER ROLE leadsrally_webhook_twilio IN DATABASE {world.database.name} SET statement_timeout = '700ms'"
        )
        cut(world, "leadsrally_webhook_twilio")

    def _stored(self, world: World) -> int:
        return world.value("SELECT count(*) FROM messages WHERE body = 'Hello'")

    def test_W17_a_lock_that_is_let_go_in_time_costs_only_time(self, world: World, line: Line):
        with ThreadPoolExecutor(1) as pool:
            with held(world, "LOCK TABLE messages IN ACCESS EXCLUSIVE MODE"):
                answer = pool.submit(world.text, line, "Hello")
                until_one_waits(world)
            assert answer.result(10).status == 200
        assert self._stored(world) == 1

    @pytest.mark.parametrize("table", ["messages", "message_receipts", "conversations", "jobs"])
    def test_W17_a_lock_that_stays_is_a_5xx_and_nothing_is_stored(self, world: World, line: Line, table: str):
        sid = f"SM{uuid4().hex}"
        with held(world, f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"):  # pyright: ignore[reportArgumentType]
            answer = world.text(
                line, "Hello", sid=sid, sender="+12025550102"
            )  # comes by itself: the lock stays
        assert 500 <= answer.status < 600
        for sql in (
            "SELECT 1 FROM messages WHERE body = 'Hello'",
            "SELECT 1 FROM contacts WHERE phone = '+12025550102'",
            "SELECT 1 FROM conversations WHERE preview = 'Hello'",
        ):
            assert world.rows(sql) == []
        assert world.value("SELECT count(*) FROM message_receipts") == 1

        assert world.text(line, "Hello", sid=sid, sender="+12025550102").status == 200
        assert self._stored(world) == 1

    def test_W17_a_stop_is_wholly_there_or_not_at_all(self, world: World, line: Line):
        sid = f"SM{uuid4().hex}"
        with held(world, "LOCK TABLE suppressions IN ACCESS EXCLUSIVE MODE"):
            assert world.text(line, "STOP", sid=sid).status >= 500
        assert world.rows("SELECT 1 FROM consent_events") == []
        assert world.rows("SELECT 1 FROM messages WHERE body = 'STOP'") == []
        assert world.text(line, "STOP", sid=sid).status == 200
        assert world.value("SELECT count(*) FROM suppressions") == 1
        assert world.value("SELECT state FROM consent_states") == "revoked"


_SETTINGS = {"fsync": "off", "full_page_writes": "off", "shared_buffers": "32MB", "autovacuum": "off"}


class Server:
    """A Postgres of this test's own, which it may kill. It keeps what it has promised: `synchronous_commit` is on."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.running = self._start()
        provision(self.running.url(), "leadsrally", functions=logins())
        migrate(url_of(self.sockets, "leadsrally", MIGRATE), phase="all")

    def _start(self) -> EmbeddedPostgres:
        return EmbeddedPostgres.start(self.home, settings=_SETTINGS, say=lambda _: None)

    @property
    def sockets(self) -> str:
        return str(conninfo_to_dict(self.running.url())["host"])

    def kill(self) -> None:
        os.kill(self.running._process.pid, signal.SIGKILL)
        self.running._process.wait(10)

    def start_again(self) -> None:
        self.running.stop()
        self.running = self._start()


@pytest.fixture
def server() -> Iterator[Server]:
    home = throwaway_directory()
    made = Server(home)
    yield made
    made.running.stop()
    erase(home)
    shutil.rmtree(home, ignore_errors=True)


def look_again(world: World) -> None:
    """The test's own session has died with the server; the world's have not been told, and must notice."""
    world._everything.close()
    world._everything = psycopg.connect(world.database.url(), autocommit=True, row_factory=dict_row)


class TestDeath:
    def test_W14_killed_with_a_request_in_flight(self, server: Server):
        """The provider gets a 5xx for what is not durable, its retry succeeds once, and no 2xx is taken back."""
        world = World(TestDatabase("leadsrally", server.sockets)).open()
        line = world.line(world.organization())
        sid = f"SM{uuid4().hex}"

        def deliver() -> Answer:
            return world.text(line, "in flight", sid=sid)

        assert world.text(line, "answered", sid=f"SM{uuid4().hex}").status == 200
        pool = ThreadPoolExecutor(1)
        blocker = held(world, "LOCK TABLE messages IN ACCESS EXCLUSIVE MODE")
        blocker.__enter__()
        answer = pool.submit(deliver)
        until_one_waits(world)
        server.kill()
        assert answer.result(30).status == 503
        assert deliver().status == 503  # while nobody is there
        with pytest.raises(Exception, match=r"(?i)connection|server|terminat"):
            blocker.__exit__(None, None, None)

        server.start_again()
        assert [deliver().status, deliver().status] == [200, 200]
        look_again(world)
        stored = world.rows("SELECT body, count(*) AS n FROM messages GROUP BY body ORDER BY body")
        assert stored == [{"body": "answered", "n": 1}, {"body": "in flight", "n": 1}]
        assert world.value("SELECT unread_count FROM conversations") == 2
        outcomes = world.rows("SELECT outcome, count(*) AS n FROM delivery_log GROUP BY 1 ORDER BY 1")
        assert outcomes == [{"outcome": "duplicate", "n": 1}, {"outcome": "stored", "n": 2}]
        pool.shutdown()
        world.close()

    def test_W14_killed_between_call_and_record_nothing_is_sent_twice(self, server: Server):
        world = World(TestDatabase("leadsrally", server.sockets)).open()
        line = world.line(world.organization())
        message = world.reply(line, world.conversation(line), "Hello")
        ids = world.due("send_message")
        world.sender.on_send = lambda _: server.kill()
        with pytest.raises(Exception, match="Unavailable"):
            world.ring("send_message", ids)

        server.start_again()
        world.sender.on_send = lambda _: None
        look_again(world)
        assert world.message(message)["status"] == "claimed"
        world.clock.pass_(minutes=10)
        tick = world.functions["tick"]
        assert tick.handler()({}, Context(tick))["rescued"] == 1
        world.work("send_message")
        world.sender.at_provider = ("SM" + "c" * 32,)
        world.clock.pass_(seconds=30)
        world.work("send_message")
        assert world.message(message)["status"] == "accepted"
        assert len(world.sender.texts) == 1
        world.close()
