"""The bell of one process: heard at once, found by looking, told to other processes."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from infra.local import bells as bells_module
from infra.local.bells import Bells
from leadsrally import runtime
from leadsrally.jobs.bell import rung
from leadsrally.jobs.run import run_batch
from leadsrally.jobs.types import Done, Job
from leadsrally.kit.db import Database
from tests.jobs.conftest import QUEUE, Bench
from tests.world import World

NEVER = 3600.0  # seconds between two looks: what runs was heard of


class Worker:
    """A queue function whose handler runs real jobs and remembers them."""

    name = QUEUE
    queue = True
    batch_size = 5
    memory_mb = 128
    timeout_seconds = 30

    def __init__(self, world: World) -> None:
        self.world = world
        self.ran: list[UUID] = []
        self.batches: list[int] = []
        self.on_batch: Callable[[], None] = lambda: None

    def handler(self) -> Callable[[dict[str, Any], Any], Any]:
        def handle(event: dict[str, Any], _context: Any) -> None:
            ids, _ = rung(event)
            self.batches.append(len(ids))
            self.on_batch()
            lease = timedelta(minutes=1)
            db = runtime.of(QUEUE).db
            run_batch(db, self.world.clock, QUEUE, ids, self._perform, lease=lease, surprise=print)

        return handle

    def _perform(self, job: Job) -> Done:
        self.ran.append(job.id)
        return Done()


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five looks a second instead of one."""
    monkeypatch.setattr(bells_module, "_POLL_SECONDS", 0.2)
    monkeypatch.setattr(bells_module, "_LISTEN_SECONDS", 0.2)


@pytest.fixture
def worker(world: World) -> Worker:
    return Worker(world)


@pytest.fixture
def start(world: World) -> Iterator[Callable[[Worker], Bells]]:
    started: list[tuple[Bells, Database]] = []

    def begin(worker: Worker) -> Bells:
        url = world.database.url("leadsrally_tick")
        db = Database(url, connections=3)
        made = Bells([worker], db, url, world.clock)
        made.start()
        started.append((made, db))
        return made

    yield begin
    for made, db in started:
        made.stop()
        db.close()


def eventually(true: Callable[[], bool], within: float = 30.0) -> None:
    """Wait until it is so. How long that takes is no matter; that it never comes is told after a while."""
    until = time.monotonic() + within
    while not true():
        assert time.monotonic() < until, "it never came to be"
        time.sleep(0.005)


def listening(world: World, how_many: int) -> None:
    sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = %(name)s AND query LIKE 'LISTEN%%'"
    eventually(lambda: world.value(sql, name=world.database.name) == how_many)


class TestBells:
    def test_a_job_of_this_process_runs_at_once(
        self, bench: Bench, worker: Worker, start: Callable[[Worker], Bells], monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(bells_module, "_POLL_SECONDS", NEVER)
        bells = start(worker)
        monkeypatch.setattr(runtime.of("api"), "ring", bells.announce)
        job_id = bench.promise()
        eventually(lambda: worker.ran == [job_id])

    def test_a_job_that_nobody_announced_is_found_by_looking(
        self, bench: Bench, worker: Worker, start: Callable[[Worker], Bells]
    ):
        start(worker)
        job_id = bench.promise()
        eventually(lambda: worker.ran == [job_id])

    def test_a_job_whose_time_comes_is_found_by_looking(
        self, world: World, bench: Bench, worker: Worker, start: Callable[[Worker], Bells]
    ):
        job_id = bench.promise(delay=timedelta(hours=1))
        start(worker)
        world.clock.pass_(hours=1)
        eventually(lambda: worker.ran == [job_id])

    def test_another_process_tells_this_one(
        self,
        world: World,
        bench: Bench,
        worker: Worker,
        start: Callable[[Worker], Bells],
        monkeypatch: pytest.MonkeyPatch,
    ):
        """The other process has no such queue of its own; what it announces travels by NOTIFY."""
        monkeypatch.setattr(bells_module, "_POLL_SECONDS", NEVER)
        start(worker)
        listening(world, 1)
        far_db = Database(world.database.url("leadsrally_tick"), connections=2)
        far = Bells([], far_db, world.database.url("leadsrally_tick"), world.clock)
        far.start()
        job_id = bench.promise()
        far.announce(QUEUE, [job_id])
        eventually(lambda: worker.ran == [job_id])
        monkeypatch.undo()
        far.stop()
        far_db.close()

    def test_a_flood_is_run_in_batches_each_job_once(
        self, world: World, bench: Bench, worker: Worker, start: Callable[[Worker], Bells]
    ):
        ids = [bench.promise() for _ in range(60)]
        start(worker)
        eventually(lambda: len(worker.ran) >= 60)
        assert sorted(worker.ran) == sorted(ids)
        assert max(worker.batches) <= worker.batch_size
        eventually(lambda: world.rows("SELECT 1 FROM jobs") == [])

    def test_a_batch_that_crashes_does_not_end_the_queue(
        self, bench: Bench, worker: Worker, start: Callable[[Worker], Bells]
    ):
        crashes = iter([RuntimeError("first"), RuntimeError("second")])

        def crash_twice() -> None:
            for error in crashes:
                raise error

        worker.on_batch = crash_twice
        job_id = bench.promise()
        start(worker)
        eventually(lambda: worker.ran == [job_id])
        assert len(worker.batches) == 3

    def test_a_batch_that_always_crashes_does_not_spin(
        self, bench: Bench, worker: Worker, start: Callable[[Worker], Bells]
    ):
        def crash() -> None:
            raise RuntimeError

        worker.on_batch = crash
        bench.promise()
        start(worker)
        eventually(lambda: len(worker.batches) >= 1)
        time.sleep(0.3)
        assert len(worker.batches) <= 4  # a spin would be hundreds

    def test_it_lives_through_a_lost_database(
        self, world: World, bench: Bench, worker: Worker, start: Callable[[Worker], Bells]
    ):
        """Every connection is cut, those of LISTEN and of looking included."""
        start(worker)
        listening(world, 1)
        world.execute(
            """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE datname = %(name)s AND usename LIKE 'leadsrally%%'""",
            name=world.database.name,
        )
        job_id = bench.promise()
        eventually(lambda: worker.ran == [job_id])
        listening(world, 1)

    def test_it_lives_through_an_error_that_nobody_foresaw(
        self,
        bench: Bench,
        worker: Worker,
        start: Callable[[Worker], Bells],
        monkeypatch: pytest.MonkeyPatch,
    ):
        genuine, errors = bells_module.due_now, iter([psycopg.InternalError("odd"), ValueError("odd")])

        def odd(*args: Any, **options: Any) -> list[UUID]:
            for error in errors:
                raise error
            return genuine(*args, **options)

        monkeypatch.setattr(bells_module, "due_now", odd)
        monkeypatch.setattr(bells_module, "_POLL_SECONDS", 0.1)
        job_id = bench.promise()
        start(worker)
        eventually(lambda: worker.ran == [job_id])


class TestStop:
    def test_running_batches_are_finished_and_no_new_one_begins(
        self, world: World, bench: Bench, worker: Worker, start: Callable[[Worker], Bells]
    ):
        inside, go_on = threading.Semaphore(0), threading.Event()

        def wait() -> None:
            inside.release()
            assert go_on.wait(5)

        worker.on_batch = wait
        for _ in range(60):
            bench.promise()
        bells = start(worker)
        for _ in range(4):
            assert inside.acquire(timeout=5)
        stopping = threading.Thread(target=bells.stop)
        stopping.start()
        time.sleep(0.05)
        assert stopping.is_alive()
        go_on.set()
        stopping.join(5)
        assert not stopping.is_alive()
        assert len(worker.ran) == 20
        assert len(worker.batches) == 4
        assert world.value("SELECT count(*) FROM jobs WHERE state = 'queued'") == 40
