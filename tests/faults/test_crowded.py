"""Two that wait for each other, and more at once than there are connections: each is answered, nothing is lost."""

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from psycopg.errors import DeadlockDetected

from leadsrally import runtime
from leadsrally.kit.errors import Unavailable
from leadsrally.messaging import intake_store
from tests.faults.waiting import held, until_one_waits
from tests.world import Line, World

SID = "SM" + "f" * 32


@pytest.fixture
def line(world: World) -> Line:
    """Not that of this folder: no provider is called here."""
    return world.line(world.organization())


class TestDeadlock:
    def test_Q12_the_text_that_loses_is_stored_by_its_second_try(self, world: World, line: Line):
        """The other session is patient, so it is the text that Postgres turns away."""
        conversation = world.conversation(line)
        with (
            psycopg.connect(world.database.url()) as other,
            ThreadPoolExecutor(1) as pool,
        ):
            other.execute("SET deadlock_timeout = '1min'")
            other.execute("SELECT FROM conversations FOR UPDATE")
            text = pool.submit(world.text, line, "Hello again")
            until_one_waits(world)
            other.execute("LOCK TABLE message_receipts")  # answered once the text has given way
            other.commit()
            assert text.result(30).status == 200
        assert world.rows("SELECT conversation_id FROM messages WHERE body = 'Hello again'") == [
            {"conversation_id": conversation}
        ]

    def test_Q12_one_that_always_loses_ends_clean_and_may_come_again(
        self, world: World, line: Line, monkeypatch: pytest.MonkeyPatch
    ):
        tries: list[str] = []

        def loses(*_: object, **__: object) -> None:
            tries.append("lost")
            raise Unavailable("The database turned it away.") from DeadlockDetected()

        with monkeypatch.context() as patched:
            patched.setattr(intake_store, "store_text", loses)
            assert world.text(line, "Hello", sid=SID).status == 503
        assert len(tries) == 2 * 3  # the door asks a second time, since what it asks may be repeated
        assert world.rows("SELECT FROM messages") == []
        assert world.text(line, "Hello", sid=SID).status == 200
        assert world.value("SELECT count(*) FROM messages") == 1


class TestCrowd:
    def test_Q13_two_hundred_at_once_wait_their_turn(self, world: World, line: Line):
        with ThreadPoolExecutor(200) as crowd:
            answers = [crowd.submit(world.text, line, f"text {number}") for number in range(200)]
        assert [answer.result().status for answer in answers] == [200] * 200
        assert world.value("SELECT count(DISTINCT body) FROM messages") == 200

    def test_Q13_who_waits_too_long_is_asked_to_come_again(
        self, world: World, line: Line, monkeypatch: pytest.MonkeyPatch
    ):
        world.text(line, "warm")
        db = runtime.of("webhook_twilio").db
        monkeypatch.setattr(db, "_wait_seconds", 0.01)
        with ThreadPoolExecutor(4) as crowd:
            with held(world, "LOCK TABLE messages"):
                waiting = [
                    crowd.submit(world.text, line, "at work", sid=f"SM{number:032x}") for number in range(4)
                ]
                until_one_waits(world, at_least=4)
                assert world.text(line, "late", sid=SID).status == 503
            assert [answer.result(30).status for answer in waiting] == [200] * 4
        assert world.text(line, "late", sid=SID).status == 200
        assert world.value("SELECT count(*) FROM messages WHERE body = 'late'") == 1

    def test_Q13_no_session_is_to_be_had(self, world: World, line: Line):
        world.text(line, "warm")
        world.close_connections()
        world.open()
        limit = f'ALTER DATABASE "{world.database.name}" CONNECTION LIMIT'
        world.execute(f"{limit} 0")
        assert world.text(line, "Hello", sid=SID).status == 503
        world.execute(f"{limit} -1")
        assert world.text(line, "Hello", sid=SID).status == 200
        assert world.value("SELECT count(*) FROM messages WHERE body = 'Hello'") == 1
