"""Claiming, leasing, retrying, giving up, trying again."""

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadsrally.jobs.run import retry_pause
from leadsrally.jobs.types import Done, Job, Later, Report, Result
from leadsrally.kit.errors import Invalid, Limited, Misconfigured, NotFound, Unavailable
from tests.jobs.conftest import QUEUE, Bench, done, failing
from tests.world import World


class TestClaim:
    def test_two_workers_never_get_the_same_job(self, bench: Bench):
        ids = [bench.promise() for _ in range(40)]
        start, lock, performed = threading.Barrier(4), threading.Lock(), list[UUID]()

        def perform(job: Job) -> Done:
            with lock:
                performed.append(job.id)
            return Done()

        def work() -> Report:
            start.wait()
            return bench.run(ids, perform)

        with ThreadPoolExecutor(4) as pool:
            reports = [future.result() for future in [pool.submit(work) for _ in range(4)]]

        assert sorted(performed) == sorted(ids)
        assert sum(report.done for report in reports) == 40
        assert sum(report.skipped for report in reports) == 120

    def test_a_job_of_another_queue_is_not_ours(self, world: World, bench: Bench):
        job_id = bench.promise()
        world.execute("UPDATE jobs SET queue = 'ai_score'")
        assert bench.run([job_id]) == Report(skipped=1)
        assert bench.state(job_id) == "queued"

    def test_a_bell_for_nothing_is_harmless(self, bench: Bench):
        job_id = bench.promise()
        assert bench.run([job_id]).done == 1
        assert bench.run([job_id, UUID(int=7)]) == Report(skipped=2)

    def test_Q6_the_same_bell_twice_at_once_runs_the_job_once(self, bench: Bench):
        job_id = bench.promise()
        inside, performed = threading.Event(), list[UUID]()

        def slow(job: Job) -> Done:
            performed.append(job.id)
            inside.set()
            assert bench.run([job_id], slow) == Report(skipped=1)  # the second bell, while the first runs
            return Done()

        assert bench.run([job_id], slow).done == 1
        assert performed == [job_id]


class TestLease:
    """Q9: whoever lost the lease changes nothing, whatever it comes back with."""

    def _lose_while_performing(self, bench: Bench, result: Result | Exception):
        """A performer that is so slow that a second worker finds the job orphaned."""

        def slow(_job: Job):
            bench.world.clock.pass_(minutes=2)
            assert bench.tick()["rescued"] == 1
            if isinstance(result, Exception):
                raise result
            return result

        return slow

    @pytest.mark.parametrize(
        "result", [Done(), Later(timedelta(hours=1), "slow"), Unavailable("x"), Invalid("x")]
    )
    def test_Q9_a_late_worker_leaves_the_job_to_the_next(self, bench: Bench, result):
        job_id = bench.promise()
        bench.run([job_id], self._lose_while_performing(bench, result))
        job = bench.job(job_id)
        assert (job["state"], job["error"], job["lease_token"]) == ("queued", "worker_lost", None)
        assert job["run_at"] == bench.world.clock.now

    def test_Q9_a_late_worker_does_not_end_the_run_of_the_next(self, bench: Bench):
        job_id = bench.promise()

        def late(_job: Job) -> Done:
            bench.world.clock.pass_(minutes=2)
            bench.tick()
            first.append(bench.run([job_id], other))
            return Done()

        def other(_job: Job) -> Later:
            return Later(timedelta(minutes=10), "by the second worker")

        first: list[Report] = []
        bench.run([job_id], late)
        assert first == [Report(later=1)]
        assert bench.job(job_id)["error"] == "by the second worker"

    def test_Q9_a_late_worker_cannot_take_the_job_from_one_that_holds_it(self, bench: Bench):
        job_id = bench.promise()

        def holding(_job: Job) -> Done:
            held.set()
            assert settled.wait(5)
            assert bench.state(job_id) == "leased"  # the late Done has deleted nothing
            return Done()

        held, settled = threading.Event(), threading.Event()
        second: list[Future[Report]] = []
        pool = ThreadPoolExecutor(1)

        def late(_job: Job) -> Done:
            bench.world.clock.pass_(minutes=2)
            bench.tick()
            second.append(pool.submit(bench.run, [job_id], holding))
            assert held.wait(5)
            return Done()

        bench.run([job_id], late)
        settled.set()
        assert second[0].result(5) == Report(done=1)
        pool.shutdown()
        assert bench.state(job_id) is None

    def test_a_lease_that_has_not_run_out_is_respected(self, bench: Bench):
        job_id = bench.promise()

        def slow(_job: Job) -> Done:
            bench.world.clock.pass_(seconds=59)
            assert bench.tick()["rescued"] == 0
            assert bench.run([job_id]) == Report(skipped=1)
            return Done()

        assert bench.run([job_id], slow).done == 1


class TestRetry:
    def test_a_failed_job_comes_back_after_a_growing_pause_and_then_is_dead(self, bench: Bench):
        job_id = bench.promise(max_attempts=5)
        bounds = [(2.5, 5), (5, 10), (10, 20), (20, 40)]
        for attempt, (least, most) in enumerate(bounds, start=1):
            assert bench.run([job_id], failing(Unavailable("away", code="model"))) == Report(failed=1)
            job = bench.job(job_id)
            pause = (job["run_at"] - bench.world.clock.now).total_seconds()
            assert least <= pause <= most
            assert (job["state"], job["attempts"], job["error"]) == ("queued", attempt, "model")
            assert bench.run([job_id]).skipped == 1
            bench.world.clock.now = job["run_at"]

        assert bench.run([job_id], failing(Unavailable("away", code="model"))) == Report(dead=1)
        job = bench.job(job_id)
        assert (job["state"], job["attempts"], job["lease_token"]) == ("dead", 5, None)
        assert bench.surprises == []

    def test_Q4_what_the_other_side_asked_for_is_never_undercut(self, bench: Bench):
        job_id = bench.promise()
        bench.run([job_id], failing(Limited("slow down", retry_after=7_200.5)))
        assert bench.job(job_id)["run_at"] == bench.world.clock.now + timedelta(seconds=7_200.5)

    @pytest.mark.parametrize("error", [Invalid("x"), NotFound("x"), Invalid("x", code="unknown_kind")])
    def test_what_cannot_succeed_is_dead_at_once(self, bench: Bench, error: Invalid | NotFound):
        job_id = bench.promise()
        assert bench.run([job_id], failing(error)) == Report(dead=1)
        job = bench.job(job_id)
        assert (job["state"], job["attempts"], job["error"]) == ("dead", 1, error.code)

    def test_an_unexpected_error_is_reported_and_tried_again(self, bench: Bench):
        job_id = bench.promise()
        error = ZeroDivisionError("the number +12025550101 has no end")
        assert bench.run([job_id], failing(error)) == Report(failed=1)
        assert bench.surprises == [error]
        assert bench.job(job_id)["error"] == "ZeroDivisionError"

    def test_our_own_fault_is_reported_and_an_outage_is_not(self, bench: Bench):
        bench.run([bench.promise()], failing(Unavailable("away")))
        assert bench.surprises == []
        bench.run([bench.promise()], failing(Misconfigured("no token")))
        assert len(bench.surprises) == 1

    def test_later_is_no_failure(self, bench: Bench):
        """Quiet hours may hold a message for many nights without using up its tries."""
        job_id = bench.promise(max_attempts=2)
        for _ in range(10):
            assert bench.run([job_id], lambda _: Later(timedelta(hours=1), "quiet_hours")).later == 1
            assert bench.job(job_id)["attempts"] == 0
            bench.world.clock.pass_(hours=1)
        assert bench.run([job_id]).done == 1

    def test_a_job_with_a_key_comes_back_beside_a_newer_one(self, bench: Bench):
        """A text comes in while the one before it is scored, and the model is away."""
        first = bench.promise(unique_key="burst")

        def overtaken(_job: Job):
            bench.promise(unique_key="burst")
            raise Unavailable("away")

        assert bench.run([first], overtaken) == Report(failed=1)
        bench.world.clock.pass_(minutes=1)
        assert len(bench.run_due()) == 2
        assert bench.world.rows("SELECT 1 FROM jobs") == []


class TestRetryPause:
    @given(st.integers(1, 32_767), st.none() | st.floats(0, 86_400))
    def test_it_grows_stays_within_an_hour_and_never_undercuts(self, attempts: int, asked: float | None):
        pause = retry_pause(attempts, asked).total_seconds()
        longest = min(5 * 2 ** min(attempts - 1, 20), 3_600)
        assert pause >= (asked or 0) - 1e-6
        assert longest / 2 <= pause <= max(longest, (asked or 0) + 1e-6)

    def test_jobs_that_failed_together_do_not_come_back_together(self):
        assert len({retry_pause(3) for _ in range(50)}) > 40


class TestReplay:
    def _dead(self, bench: Bench, **options) -> UUID:
        job_id = bench.promise(**options)
        bench.run([job_id], failing(Invalid("x")))
        assert bench.state(job_id) == "dead"
        return job_id

    def test_a_dead_job_gets_all_its_tries_back(self, world: World, bench: Bench):
        job_id = self._dead(bench)
        world.rung.clear()
        token = world.token(world.user(bench.org), bench.org)
        assert world.api("GET", "/v1/jobs/dead", token)[1]["items"][0]["id"] == str(job_id)

        assert world.api("POST", f"/v1/jobs/{job_id}/replay", token)[0] == 202
        assert world.rung == [(QUEUE, job_id)]
        job = bench.job(job_id)
        assert (job["state"], job["attempts"], job["error"]) == ("queued", 0, None)
        assert bench.run([job_id]).done == 1

    def test_pressing_twice_replays_once(self, world: World, bench: Bench):
        job_id = self._dead(bench)
        token = world.token(world.user(bench.org), bench.org)
        answers = [world.api("POST", f"/v1/jobs/{job_id}/replay", token)[0] for _ in range(2)]
        assert answers == [202, 404]
        assert world.value("SELECT count(*) FROM jobs") == 1

    def test_another_organisations_dead_job_is_not_there(self, world: World, bench: Bench):
        job_id = self._dead(bench)
        rival = world.organization("Rival")
        token = world.token(world.user(rival), rival)
        assert world.api("POST", f"/v1/jobs/{job_id}/replay", token)[0] == 404
        assert world.api("GET", "/v1/jobs/dead", token)[1]["items"] == []
        assert bench.state(job_id) == "dead"

    def test_a_viewer_may_look_and_not_press(self, world: World, bench: Bench):
        job_id = self._dead(bench)
        token = world.token(world.user(bench.org, "viewer"), bench.org)
        assert world.api("POST", f"/v1/jobs/{job_id}/replay", token)[0] == 403
        assert bench.state(job_id) == "dead"

    def test_a_dead_job_can_be_replayed_beside_a_waiting_one_of_its_key(self, world: World, bench: Bench):
        job_id = self._dead(bench, unique_key="burst")
        bench.promise(unique_key="burst")
        token = world.token(world.user(bench.org), bench.org)
        assert world.api("POST", f"/v1/jobs/{job_id}/replay", token)[0] == 202
        assert len(bench.run_due(done)) == 2


class TestBatch:
    def test_Q7_one_bad_item_of_five_does_not_stop_the_others(self, bench: Bench):
        ids = [bench.promise() for _ in range(5)]
        performed: list[UUID] = []

        def perform(job: Job) -> Done:
            performed.append(job.id)
            if job.id == ids[2]:
                raise RuntimeError("item three")
            return Done()

        assert bench.run(ids, perform) == Report(done=4, failed=1)
        assert sorted(performed) == sorted(ids)
        assert bench.world.rows("SELECT id FROM jobs") == [{"id": ids[2]}]

    def test_finished_work_is_settled_while_the_batch_goes_on(self, bench: Bench):
        """A worker that dies at the end of a long batch leaves only its last second to be done again."""
        ids = [bench.promise() for _ in range(4)]
        left: list[int] = []

        def slow(_job: Job) -> Done:
            left.append(bench.world.value("SELECT count(*) FROM jobs"))
            bench.world.clock.pass_(seconds=0.8)
            return Done()

        assert bench.run(ids, slow).done == 4
        assert left == [4, 4, 2, 2]

    def test_a_mixed_batch_is_counted(self, bench: Bench):
        results = [Done(), Later(timedelta(1), "x"), Unavailable("x"), Invalid("x")]
        ids = [bench.promise() for _ in results]

        def perform(job: Job):
            result = results[ids.index(job.id)]
            if isinstance(result, Exception):
                raise result
            return result

        assert bench.run([*ids, UUID(int=1)], perform) == Report(1, 1, 1, 1, 1)
