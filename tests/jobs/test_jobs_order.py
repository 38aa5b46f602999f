"""One after another in a conversation, side by side everywhere else, and nobody's flood before others' drops."""

from datetime import timedelta

import pytest

from leadsrally.jobs.types import Done, Job, Later
from leadsrally.kit.errors import Invalid, Unavailable
from tests.jobs.conftest import QUEUE, Bench, done, failing
from tests.world import World


class TestOrder:
    def test_the_second_waits_for_the_first_and_is_rung_when_it_is_done(self, world: World, bench: Bench):
        first, second, third = (bench.promise(ordering_key="talk") for _ in range(3))
        assert world.due(QUEUE) == [first]
        assert bench.run([second, third]).skipped == 2

        world.rung.clear()
        assert bench.run([first]).done == 1
        assert world.rung == [(QUEUE, second)]
        assert bench.run([second]).done == 1
        assert world.rung == [(QUEUE, second), (QUEUE, third)]

    def test_the_second_waits_while_the_first_runs(self, world: World, bench: Bench):
        first, second = (bench.promise(ordering_key="talk") for _ in range(2))

        def perform(_job: Job) -> Done:
            assert world.due(QUEUE) == []
            assert bench.run([second]).skipped == 1
            return Done()

        assert bench.run([first, second], perform).done == 1

    @pytest.mark.parametrize("result", [Unavailable("away"), Later(timedelta(minutes=5), "quiet")])
    def test_the_second_waits_while_the_first_is_retried(self, world: World, bench: Bench, result):
        first, second = (bench.promise(ordering_key="talk") for _ in range(2))

        def perform(_job: Job):
            if isinstance(result, Exception):
                raise result
            return result

        world.rung.clear()
        bench.run([first], perform)
        assert world.rung == []
        assert bench.run([second]).skipped == 1
        assert world.due(QUEUE) == []

        world.clock.pass_(minutes=5)
        assert world.due(QUEUE) == [first]
        assert bench.run([first, second]).done == 1
        assert world.rung == [(QUEUE, second)]

    def test_a_dead_one_holds_nobody_up(self, world: World, bench: Bench):
        first, second = (bench.promise(ordering_key="talk") for _ in range(2))
        world.rung.clear()
        bench.run([first], failing(Invalid("x")))
        assert world.rung == [(QUEUE, second)]
        assert bench.run([second]).done == 1

    def test_one_whose_last_worker_was_lost_holds_nobody_up(self, world: World, bench: Bench):
        first = bench.promise(ordering_key="talk", max_attempts=1)
        second = bench.promise(ordering_key="talk")
        world.execute(
            "UPDATE jobs SET state = 'leased', attempts = 1, lease_until = %(now)s WHERE id = %(id)s",
            id=first,
            now=world.clock.now,
        )
        world.rung.clear()
        bench.tick()
        assert bench.state(first) == "dead"
        assert world.rung == [(QUEUE, second)]

    def test_a_batch_holds_one_of_each_conversation(self, world: World, bench: Bench):
        talks = [[bench.promise(ordering_key=f"talk {n}") for _ in range(3)] for n in range(4)]
        everything = [job_id for talk in talks for job_id in talk]
        assert sorted(world.due(QUEUE)) == sorted(talk[0] for talk in talks)
        assert bench.run(everything).done == 4

    def test_order_is_kept_to_the_end(self, bench: Bench):
        ids = [bench.promise(ordering_key="talk") for _ in range(10)]
        seen: list[object] = []

        def perform(job: Job) -> Done:
            seen.append(job.id)
            return Done()

        while bench.run_due(perform):
            pass
        assert seen == ids


class TestFair:
    def test_a_flood_of_one_organisation_does_not_hold_up_another(self, world: World, bench: Bench):
        world.execute(
            """INSERT INTO jobs (id, organization_id, queue, kind, payload, run_at, created_at)
               SELECT gen_random_uuid(), %(org)s, 'send_message', 'send', '{}', %(now)s, %(now)s
                 FROM generate_series(1, 500)""",
            org=bench.org.id,
            now=world.clock.now - timedelta(hours=1),
        )
        modest = world.organization("Modest")
        three = [bench.promise(modest) for _ in range(3)]

        batch = world.due(QUEUE, limit=10)
        assert len(batch) == 10
        assert set(three) <= set(batch)

    def test_each_has_a_turn_before_any_has_a_second(self, world: World, bench: Bench):
        others = [world.organization(f"Org {n}") for n in range(5)]
        for owner in others:
            for _ in range(4):
                bench.promise(owner)
        owners = world.rows(
            "SELECT organization_id AS id FROM jobs WHERE id = ANY(%(ids)s)", ids=world.due(QUEUE, limit=5)
        )
        assert {row["id"] for row in owners} == {owner.id for owner in others}

    def test_within_an_organisation_the_oldest_comes_first(self, world: World, bench: Bench):
        ids = []
        for _ in range(5):
            ids.append(bench.promise())
            world.clock.pass_(seconds=1)
        assert world.due(QUEUE) == ids
        assert bench.run_due(done) == ids
