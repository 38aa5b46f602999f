"""Whom a notice goes to and in what language: what every statement of a matter yields, and what is made of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from leadsrally.jobs.types import Job
from leadsrally.kit.db import Tx
from leadsrally.notices.types import Fact, Language, Matter, Recipient


@dataclass(frozen=True, slots=True)
class UserRow:
    """What the statement of a matter of one person yields; what a kind does not have is NULL."""

    about_id: UUID
    language: Language
    time_zone: str
    organization: str
    user_id: UUID | None
    address: str
    blocked: bool
    detail: dict[str, Any]


def matter_of(row: UserRow, facts: Mapping[str, Fact], *besides: Recipient) -> Matter:
    """The person's own matter, told to `besides` too, to nobody twice."""
    first = Recipient(row.user_id, row.address, row.blocked)
    others = tuple(other for other in besides if other.user_id != row.user_id)
    return Matter(row.about_id, (first, *others), facts, row.language, row.time_zone)


@dataclass(frozen=True, slots=True)
class OwnersRow:
    """What the statement of a matter of the organisation yields; whom it goes to is asked apart."""

    about_id: UUID
    language: Language
    time_zone: str
    detail: dict[str, Any]


def owners_matter(tx: Tx, job: Job, thing: OwnersRow, facts: Mapping[str, Fact]) -> Matter | None:
    """The matter, told to every owner; none while there is no owner to tell."""
    owners = owners_of(tx, job)
    if not owners:
        return None
    return Matter(thing.about_id, tuple(owners), facts, thing.language, thing.time_zone)


_OWNERS = """
SELECT id AS user_id, email AS address, mail_blocked_at IS NOT NULL AS blocked
  FROM users
 WHERE organization_id = %(organization_id)s
   AND role = 'owner'
 ORDER BY id
"""


def owners_of(tx: Tx, job: Job) -> list[Recipient]:
    """The owners of the job's organisation."""
    return tx.all(Recipient, _OWNERS, {"organization_id": job.organization_id})


def named(job: Job, name: str, now: datetime) -> dict[str, Any]:
    """What a statement is asked with: the organisation, the id under `name` in the job's payload, and `now`."""
    return {"organization_id": job.organization_id, name: UUID(job.payload[name]), "now": now}


def instant(row: UserRow, name: str) -> datetime:
    """The instant that the statement put under `name`; JSON holds it as text."""
    return datetime.fromisoformat(row.detail[name])
