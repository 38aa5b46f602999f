"""The privacy policy as it concerns this organisation: what holds, what is announced, and who accepted what (P10.1)."""

from datetime import date, datetime
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field

from functions.api.asking import Asked, permit
from functions.api.limits import Body
from functions.api.once import Once
from functions.api.problems import problems
from leadsrally.privacy.policy.accept import accept, acceptances
from leadsrally.privacy.policy.versions import Version, standing, versions

router = APIRouter(prefix="/v1/policy", tags=["privacy"])


class PolicyVersion(BaseModel):
    """One version of the policy. Its text is public, at `/policy/versions/{dated}`."""

    dated: date = Field(description='Its "last updated", by which it is called.', examples=["2026-04-17"])
    summary: str = Field(description="What is new in it.", examples=["A subprocessor for storage was added."])
    published_at: datetime
    announced_for: datetime = Field(description="It takes effect on that day at the earliest.")
    effective_at: datetime | None = Field(
        description="When it takes effect: 14 days after the last notice of it went out, or later. Null until then."
    )


class PolicyAcceptance(BaseModel):
    dated: str = Field(examples=["2026-04-17"])
    person_id: UUID
    accepted_at: datetime


class Policy(BaseModel):
    """With `coming` a banner is to be shown, until somebody has accepted its last version."""

    present: PolicyVersion | None
    coming: list[PolicyVersion] = Field(description="Announced and not in force yet, oldest first.")
    acceptances: list[PolicyAcceptance] = Field(
        description="Of your organisation, newest first, 100 at most."
    )
    banner: bool = Field(description="Whether a change is announced that nobody of you has accepted.")


class Accepted(Body):
    dated: date = Field(description="Which version.", examples=["2026-04-17"])


@router.get("", dependencies=[permit("policy.read")], responses=problems(401, 403))
def read(asked: Asked) -> Policy:
    """What holds, what is announced, and what your organisation has accepted."""
    stands = standing(versions(asked.tx), asked.door.clock())
    accepted = acceptances(asked.tx, asked.person.organization_id)
    newest = stands.coming[-1].dated.isoformat() if stands.coming else None
    return Policy(
        present=stands.present and _shown(stands.present),
        coming=[_shown(version) for version in stands.coming],
        acceptances=[PolicyAcceptance.model_validate(one, from_attributes=True) for one in accepted],
        banner=newest is not None and newest not in [one.dated for one in accepted],
    )


@router.post(
    "/acceptances",
    status_code=201,
    dependencies=[permit("policy.accept", person=True)],
    responses=problems(401, 403, 404, 409, 422),
)
def accept_version(asked: Asked, once: Once, accepted: Accepted) -> Policy:
    """Accept a version for your organisation. Harmless when repeated; the first time is what is kept."""

    def act() -> Policy:
        accept(
            asked.tx,
            asked.person.organization_id,
            accepted.dated,
            person_id=asked.person.id,
            actor=asked.actor,
            now=asked.door.clock(),
        )
        return read(asked)

    return once(Policy, act)


def _shown(version: Version) -> PolicyVersion:
    return PolicyVersion.model_validate(version, from_attributes=True)
