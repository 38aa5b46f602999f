"""A job exists exactly when its cause does, and waits as long as it was told to."""

from datetime import timedelta
from uuid import UUID

import pytest

from leadsrally import runtime
from leadsrally.jobs.enqueue import enqueue
from leadsrally.jobs.types import Done
from tests.jobs.conftest import QUEUE, Bench
from tests.world import Org, World


class TestEnqueue:
    def test_the_bell_rings_after_the_commit_and_not_before(self, world: World, org: Org):
        with runtime.of("api").db.tenant(org.id) as tx:
            job_id = enqueue(tx, org.id, QUEUE, "send", {}, now=world.clock.now)
            assert world.rung == []
        assert world.rung == [(QUEUE, job_id)]
        assert world.due(QUEUE) == [job_id]

    def test_a_rollback_leaves_no_job_and_rings_no_bell(self, world: World, org: Org):
        def fail_after_enqueueing() -> None:
            with runtime.of("api").db.tenant(org.id) as tx:
                enqueue(tx, org.id, QUEUE, "send", {}, now=world.clock.now)
                raise RuntimeError

        with pytest.raises(RuntimeError):
            fail_after_enqueueing()
        assert world.rung == []
        assert world.rows("SELECT 1 FROM jobs") == []

    def test_a_transaction_that_postgres_gave_up_leaves_no_job_either(self, world: World, org: Org):
        """An error that the caller swallows still fails the commit, and the bell stays silent."""

        def swallow() -> None:
            with runtime.of("api").db.tenant(org.id) as tx:
                enqueue(tx, org.id, QUEUE, "send", {}, now=world.clock.now)
                with pytest.raises(Exception, match="division by zero"):
                    tx.value("SELECT 1 / 0", {})

        with pytest.raises(Exception, match="failed and was rolled back"):
            swallow()
        assert world.rung == []
        assert world.rows("SELECT 1 FROM jobs") == []

    def test_the_payload_holds_ids_only(self, world: World, line, bench: Bench):
        """What a text said and who sent it never enters the queue."""
        world.text(line, "my secret plan", sender="+12025550142")
        world.reply(line, world.conversation(line, "+12025550142"), "Our secret answer")
        for row in world.rows("SELECT payload FROM jobs"):
            assert [UUID(value) for value in row["payload"].values()]


class TestDelay:
    def test_a_job_of_twenty_days_waits_twenty_days_and_the_tick_rings_it(self, world: World, bench: Bench):
        """SQS cannot delay for more than a quarter of an hour; the table can."""
        job_id = bench.promise(delay=timedelta(days=20))
        assert world.rung == []
        world.clock.pass_(days=20, seconds=-1)
        bench.tick()
        assert world.rung == []
        assert bench.run([job_id]).skipped == 1  # a bell rung too early runs nothing

        world.clock.pass_(seconds=1)
        bench.tick()
        assert world.rung == [(QUEUE, job_id)]
        assert bench.run([job_id]).done == 1

    @pytest.mark.parametrize("seconds", [1, 900, 901, 43_200, 31_536_000])
    def test_a_delay_of_any_length_is_kept_to_the_second(self, world: World, bench: Bench, seconds: int):
        job_id = bench.promise(delay=timedelta(seconds=seconds))
        world.clock.pass_(seconds=seconds - 1)
        assert world.due(QUEUE) == []
        world.clock.pass_(seconds=1)
        assert world.due(QUEUE) == [job_id]


class TestBurst:
    """A waiting job with the same key is renewed, not doubled."""

    def _again(self, bench: Bench, text: str) -> UUID:
        return bench.promise(
            payload={"text": text},
            delay=timedelta(seconds=2),
            patience=timedelta(seconds=5),
            unique_key="burst",
        )

    def test_the_newer_payload_and_the_newer_time_count(self, world: World, bench: Bench):
        first = self._again(bench, "one")
        began = world.clock.now
        world.clock.pass_(seconds=1)
        assert self._again(bench, "two") == first

        job = bench.job(first)
        assert job["payload"] == {"text": "two"}
        assert job["run_at"] == began + timedelta(seconds=3)

    def test_patience_ends(self, world: World, bench: Bench):
        """Somebody who types without a pause is answered all the same."""
        first = self._again(bench, "0")
        began = world.clock.now
        for number in range(1, 8):
            world.clock.pass_(seconds=1)
            assert self._again(bench, str(number)) == first
        assert bench.job(first)["run_at"] == began + timedelta(seconds=5)

    def test_a_job_that_is_running_is_not_renewed_but_followed(self, bench: Bench):
        first = bench.promise(unique_key="burst")
        second: list[UUID] = []

        def perform(_job):
            second.append(bench.promise(unique_key="burst"))
            return Done()

        bench.run([first], perform)
        assert bench.state(first) is None
        assert second != [first]
        assert bench.state(second[0]) == "queued"

    def test_other_queues_and_keys_are_others(self, world: World, org: Org, bench: Bench):
        first = bench.promise(unique_key="a")
        assert bench.promise(unique_key="b") != first
        with runtime.of("api").db.tenant(org.id) as tx:
            enqueue(tx, org.id, "ai_score", "score", {}, now=world.clock.now, unique_key="a")
        assert world.value("SELECT count(*) FROM jobs") == 3
