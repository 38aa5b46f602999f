"""Once a minute: what was lost is found, and nothing is doubled by looking."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

from leadsrally.jobs.types import Done, Job, Later
from tests.jobs.conftest import QUEUE, Bench, failing
from tests.world import World


def orphan(world: World, job_id: UUID, *, attempts: int = 1) -> None:
    """Its worker has died, and the lease has just run out."""
    world.execute(
        """UPDATE jobs SET state = 'leased', attempts = %(attempts)s, lease_token = gen_random_uuid(),
                           lease_until = %(now)s
            WHERE id = %(id)s""",
        id=job_id,
        attempts=attempts,
        now=world.clock.now,
    )


class TestRescue:
    def test_the_job_of_a_lost_worker_runs_again(self, world: World, bench: Bench):
        job_id = bench.promise()
        orphan(world, job_id)
        world.rung.clear()
        assert bench.tick()["rescued"] == 1
        assert world.rung == [(QUEUE, job_id)]
        assert bench.job(job_id)["error"] == "worker_lost"
        assert bench.run([job_id]).done == 1

    def test_a_job_that_loses_every_worker_is_dead_in_the_end(self, world: World, bench: Bench):
        job_id = bench.promise(max_attempts=3)
        orphan(world, job_id, attempts=3)
        assert bench.tick()["rescued"] == 1
        job = bench.job(job_id)
        assert (job["state"], job["error"]) == ("dead", "worker_lost")

    def test_an_orphan_with_a_key_is_rescued_beside_a_newer_one(self, world: World, bench: Bench):
        """One pair of jobs must not stop the rescue of all."""
        pair, other = bench.promise(unique_key="burst"), bench.promise()

        def lost(_job: Job) -> Done:
            bench.promise(unique_key="burst")
            world.execute("UPDATE jobs SET lease_token = gen_random_uuid() WHERE id = %(id)s", id=pair)
            return Done()

        bench.run([pair], lost)
        orphan(world, pair)
        orphan(world, other)
        assert bench.tick()["rescued"] == 2
        assert len(bench.run_due()) == 3


class TestRing:
    def test_a_lost_bell_rings_again_after_five_minutes_and_not_before(self, world: World, bench: Bench):
        job_id = bench.promise()
        world.rung.clear()
        bench.tick()
        assert world.rung == [(QUEUE, job_id)]
        for minute in range(1, 5):
            world.clock.pass_(minutes=1)
            bench.tick()
            assert len(world.rung) == 1, f"rung again after {minute} minutes"
        world.clock.pass_(seconds=59)
        bench.tick()
        assert len(world.rung) == 1
        world.clock.pass_(seconds=1)
        bench.tick()
        assert world.rung == [(QUEUE, job_id)] * 2

    def test_a_retry_that_is_due_is_rung_though_it_was_rung_before(self, world: World, bench: Bench):
        job_id = bench.promise()
        bench.tick()
        world.execute(
            "UPDATE jobs SET state = 'leased', lease_token = gen_random_uuid(), lease_until = now()"
        )
        orphan(world, job_id)
        world.rung.clear()
        bench.tick()
        assert world.rung == [(QUEUE, job_id)]

    def test_what_was_rung_and_put_off_is_rung_as_soon_as_it_is_due(self, world: World, bench: Bench):
        job_id = bench.promise()
        bench.tick()
        bench.run([job_id], lambda _job: Later(timedelta(seconds=5), "rate_limited"))
        world.rung.clear()
        bench.tick()
        assert world.rung == []
        world.clock.pass_(seconds=5)
        bench.tick()
        assert world.rung == [(QUEUE, job_id)]

    def test_what_was_rung_and_failed_is_rung_as_soon_as_it_is_due(self, world: World, bench: Bench):
        job_id = bench.promise()
        bench.tick()
        bench.run([job_id], failing(OSError("the line is dead")))
        world.clock.pass_(minutes=1)
        world.rung.clear()
        bench.tick()
        assert world.rung == [(QUEUE, job_id)]

    def test_what_was_rung_and_is_renewed_is_rung_as_soon_as_it_is_due(self, world: World, bench: Bench):
        job_id = bench.promise(unique_key="burst")
        bench.tick()
        renewed = bench.promise(unique_key="burst", delay=timedelta(seconds=5), patience=timedelta(minutes=1))
        assert renewed == job_id
        world.clock.pass_(seconds=5)
        world.rung.clear()
        bench.tick()
        assert world.rung == [(QUEUE, job_id)]

    def test_Q14_not_at_all_for_three_days_catches_up_once(self, world: World, bench: Bench):
        ids = [bench.promise(delay=timedelta(hours=hour)) for hour in range(1, 60, 6)]
        world.clock.pass_(days=3)
        bench.tick()
        assert sorted(job_id for _, job_id in world.rung) == sorted(ids)
        bench.tick()
        assert len(world.rung) == len(ids)

    def test_Q14_twice_at_once_is_harmless(self, world: World, bench: Bench):
        ids = [bench.promise() for _ in range(20)]
        for job_id in ids[:10]:
            orphan(world, job_id)
        world.rung.clear()
        start = threading.Barrier(2)

        def tick() -> int:
            start.wait()
            return bench.tick()["rescued"]

        with ThreadPoolExecutor(2) as pool:
            assert sum(pool.map(lambda _: tick(), range(2))) == 10
        assert {job_id for _, job_id in world.rung} >= set(ids[10:])
        performed: list[UUID] = []

        def perform(job: Job) -> Done:
            performed.append(job.id)
            return Done()

        for _, job_id in world.rung:  # as often as it was rung
            bench.run([job_id], perform)
        bench.run_due(perform)
        assert sorted(performed) == sorted(ids)
