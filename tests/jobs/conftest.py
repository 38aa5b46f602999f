"""A bench for jobs: promise them as the API does, run them as a worker does, with performers of the test's own."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from leadsrally import runtime
from leadsrally.jobs.enqueue import enqueue
from leadsrally.jobs.run import run_batch
from leadsrally.jobs.types import Done, Job, Report, Result
from tests.world import Org, World

QUEUE = "send_message"


def done(_job: Job) -> Result:
    return Done()


def failing(error: Exception) -> Callable[[Job], Result]:
    def perform(_job: Job) -> Result:
        raise error

    return perform


@dataclass
class Bench:
    world: World
    org: Org
    surprises: list[BaseException] = field(default_factory=list)

    def promise(self, org: Org | None = None, payload: dict[str, str] | None = None, **options: Any) -> UUID:
        owner = org or self.org
        with runtime.of("api").db.tenant(owner.id) as tx:
            return enqueue(tx, owner.id, QUEUE, "send", payload or {}, now=self.world.clock.now, **options)

    def run(
        self,
        ids: Sequence[UUID],
        perform: Callable[[Job], Result] = done,
        *,
        lease: timedelta = timedelta(minutes=1),
    ) -> Report:
        db = runtime.of(QUEUE).db
        return run_batch(
            db, self.world.clock, QUEUE, ids, perform, lease=lease, surprise=self.surprises.append
        )

    def run_due(self, perform: Callable[[Job], Result] = done) -> list[UUID]:
        """Run what is due and return it."""
        ids = self.world.due(QUEUE)
        self.run(ids, perform)
        return ids

    def tick(self) -> dict[str, int]:
        function = self.world.functions["tick"]
        from infra.local.context import Context

        return function.handler()({}, Context(function))

    def job(self, job_id: UUID) -> dict[str, Any]:
        return self.world.row("SELECT * FROM jobs WHERE id = %(id)s", id=job_id)

    def state(self, job_id: UUID) -> str | None:
        found = self.world.rows("SELECT state FROM jobs WHERE id = %(id)s", id=job_id)
        return found[0]["state"] if found else None


@pytest.fixture
def bench(world: World, org: Org) -> Bench:
    return Bench(world, org)
