"""Work that was given up after its last try, and the button that tries again."""

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field

from functions.api.asking import Asked, permit
from functions.api.paging import Limit
from functions.api.problems import problems
from leadsrally.jobs import store
from leadsrally.kit.errors import NotFound

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])


class DeadJob(BaseModel):
    id: UUID
    queue: str = Field(examples=["send_message"])
    kind: str = Field(examples=["send"])
    attempts: int = Field(examples=[8])
    error: str | None = Field(description="What the last try ended with.", examples=["seal_broken"])
    created_at: datetime


class DeadJobs(BaseModel):
    items: list[DeadJob]


@router.get("/dead", dependencies=[permit("jobs.read")], responses=problems(401, 403, 422))
def dead(asked: Asked, limit: Limit = 50) -> DeadJobs:
    """Jobs that failed for good, newest first."""
    found = store.dead(asked.tx, asked.person.organization_id, limit=limit)
    return DeadJobs(items=[DeadJob.model_validate(job, from_attributes=True) for job in found])


@router.post(
    "/{job_id}/replay",
    status_code=202,
    dependencies=[permit("jobs.replay")],
    responses=problems(401, 403, 404, 422),
)
def replay(asked: Asked, job_id: UUID) -> None:
    """Give a dead job all its tries back."""
    queue = store.replay(asked.tx, asked.person.organization_id, job_id, now=asked.door.clock())
    if queue is None:
        raise NotFound("There is no such dead job.", code="job_not_found")
    asked.tx.announce(queue, job_id)
