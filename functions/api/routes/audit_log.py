"""The audit log: who did what to what, and when. Nobody can change it."""

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field

from functions.api.asking import Asked, permit
from functions.api.paging import Cursor, Limit, Page, next_cursor
from leadsrally.accounts import audit
from leadsrally.accounts.audit import AuditAction
from leadsrally.kit.cursor import place_of

router = APIRouter(prefix="/v1/audit-log", tags=["audit log"])


class Named(BaseModel):
    kind: str = Field(examples=["person"])
    id: UUID | None
    name: str | None = Field(
        description="An address or a name; null for what is gone, and for what has none.",
        examples=["ada@example.com"],
    )


class Deed(BaseModel):
    id: UUID
    occurred_at: datetime
    actor: Named = Field(description="A person, an API key in a person's name, or the system.")
    action: AuditAction
    target: Named | None
    details: dict[str, str] = Field(examples=[{"from": "agent", "to": "admin"}])


@router.get("", dependencies=[permit("audit.read")])
def audit_log(asked: Asked, limit: Limit = 50, cursor: Cursor = None) -> Page[Deed]:
    """Everything that was done, newest first."""
    place = place_of(cursor)
    rows = audit.newest(
        asked.tx, asked.person.organization_id, before=place.at, before_id=place.id, limit=limit
    )
    items = [
        Deed(
            id=row["id"],
            occurred_at=row["occurred_at"],
            actor=Named(kind=row["actor_kind"], id=row["actor_id"], name=row["actor_name"]),
            action=row["action"],
            target=row["target_kind"]
            and Named(kind=row["target_kind"], id=row["target_id"], name=row["target_name"]),
            details=row["details"],
        )
        for row in rows
    ]
    return Page(items=items, next=next_cursor(rows, limit, "occurred_at"))
