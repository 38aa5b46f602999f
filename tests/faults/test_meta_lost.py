"""W17, Q10 for WhatsApp: something holds a lock, or Postgres cuts a session. Meta hears 5xx and tells again; nothing is half done."""

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest

from tests.faults.test_postgres_lost import CLAIM, cut
from tests.faults.waiting import held, until_one_waits
from tests.sending.whatsapp import thread
from tests.world import MetaLine, World


@pytest.fixture
def number(world: World) -> MetaLine:
    return world.whatsapp_line(world.organization())


class TestSlow:
    """W17: the answer is a success or a 5xx, in time, and never half of either."""

    @pytest.fixture(autouse=True)
    def impatient(self, world: World, number: MetaLine) -> None:
        """A statement of the webhook may take 0.7 s here; in production the limit is the role's."""
        world.whatsapp(number, "a first one, so that every connection is warm", sender="12025550199")
        world.execute(
            f"ALTER ROLE leadsrally_webhook_meta IN DATABASE {world.database.name} SET statement_timeout = '700ms'"
        )
        cut(world, "leadsrally_webhook_meta")

    def test_W17_a_lock_that_is_let_go_in_time_costs_only_time(self, world: World, number: MetaLine):
        with ThreadPoolExecutor(1) as pool:
            with held(world, "LOCK TABLE messages IN ACCESS EXCLUSIVE MODE"):
                answer = pool.submit(world.whatsapp, number, "Hello")
                until_one_waits(world)
            assert answer.result(10).status == 200
        assert world.value("SELECT count(*) FROM messages WHERE body = 'Hello'") == 1

    @pytest.mark.parametrize(
        "table", ["messages", "message_receipts", "conversations", "contact_identities", "jobs"]
    )
    def test_W17_a_lock_that_stays_is_a_5xx_and_nothing_is_stored(
        self, world: World, number: MetaLine, table: str
    ):
        def tell() -> int:
            return world.whatsapp(
                number, "Hello", sender="12025550102", wamid="wamid.1", from_user_id="US.7"
            ).status

        with held(world, f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"):  # pyright: ignore[reportArgumentType]
            status = tell()  # comes by itself: the lock stays
        assert 500 <= status < 600
        for sql in (
            "SELECT 1 FROM messages WHERE body = 'Hello'",
            "SELECT 1 FROM contacts WHERE phone = '+12025550102'",
            "SELECT 1 FROM contact_identities WHERE value = 'US.7'",
            "SELECT 1 FROM conversations WHERE preview = 'Hello'",
            "SELECT 1 FROM quarantine",
        ):
            assert world.rows(sql) == []
        assert tell() == 200
        assert world.value("SELECT count(*) FROM messages WHERE body = 'Hello'") == 1

    def test_W17_a_stop_is_wholly_there_or_not_at_all(self, world: World, number: MetaLine):
        with held(world, "LOCK TABLE suppressions IN ACCESS EXCLUSIVE MODE"):
            assert world.whatsapp(number, "STOP", wamid="wamid.1").status >= 500
        assert world.rows("SELECT 1 FROM consent_events") == []
        assert world.rows("SELECT 1 FROM messages WHERE body = 'STOP'") == []
        assert world.whatsapp(number, "STOP", wamid="wamid.1").status == 200
        assert world.value("SELECT count(*) > 0 FROM suppressions")
        assert world.value("SELECT state FROM consent_states") == "revoked"

    def test_W17_of_a_delivery_of_three_what_was_taken_stays(self, world: World, number: MetaLine):
        """The STOP in the middle meets the lock; what came before it is there, and Meta's retry brings the rest."""
        at = str(int(world.clock.now.timestamp()))
        messages = [
            {
                "from": f"1202555011{n}",
                "id": f"wamid.{n}",
                "timestamp": at,
                "type": "text",
                "text": {"body": body},
            }
            for n, body in enumerate(("One", "STOP", "Three"))
        ]
        delivery = world.news(number, messages=messages)
        with held(world, "LOCK TABLE suppressions IN ACCESS EXCLUSIVE MODE"):
            assert world.meta(number, delivery).status >= 500
        told = "SELECT body FROM messages WHERE body IN ('One', 'STOP', 'Three') ORDER BY body"
        assert [row["body"] for row in world.rows(told)] == ["One"]
        assert world.meta(number, delivery).status == 200
        assert [row["body"] for row in world.rows(told)] == ["One", "STOP", "Three"]


class TestCutSession:
    @pytest.fixture
    def message(self, world: World, number: MetaLine) -> UUID:
        return world.reply(number, thread(world, number), "Hello")

    def test_Q10_cut_while_claiming_the_message(self, world: World, message: UUID):
        """The gate had not answered: the message is still queued and its job comes back."""
        ids = world.due("send_message")
        with ThreadPoolExecutor(1) as pool, held(world, "SELECT 1 FROM contacts FOR UPDATE"):
            working = pool.submit(world.ring, "send_message", ids)
            until_one_waits(world, CLAIM)
            cut(world, "leadsrally_send_message")
            assert working.result(10) == {"batchItemFailures": []}
        assert (world.message(message)["status"], world.meta_sender.texts) == ("queued", [])
        world.clock.pass_(seconds=5)
        world.work("send_message")
        assert (world.message(message)["status"], len(world.meta_sender.texts)) == ("accepted", 1)

    def test_Q10_cut_between_claim_and_record(self, world: World, message: UUID):
        world.meta_sender.on_send = lambda _: cut(world, "leadsrally_send_message")
        world.work("send_message")
        assert (world.message(message)["status"], len(world.meta_sender.texts)) == ("accepted", 1)
