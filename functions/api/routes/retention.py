"""Retention (P6): how long everything is kept, whether that was kept, and windows of one's own that are shorter."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from functions.api import etags
from functions.api.asking import Asked, permit
from functions.api.etags import IfMatch
from functions.api.limits import Patch
from functions.api.paging import Cursor, Limit, Page, next_cursor
from functions.api.problems import problems
from leadsrally.kit.cursor import place_of
from leadsrally.privacy.own_windows import store
from leadsrally.privacy.own_windows.choose import choose_windows, due_at_once
from leadsrally.privacy.own_windows.overview import OwnWindow, PolicyWindow, overview
from leadsrally.privacy.own_windows.store import Windows

router = APIRouter(prefix="/v1/retention", tags=["privacy"])

Kind = Literal["messages", "conversations", "leads", "notes", "media", "delivery_log"]
Days = Annotated[
    int | None, Field(ge=1, le=3650, description="Null: as the policy says.", examples=[365], default=None)
]


class LastRun(BaseModel):
    """What the newest sweep came to, in rows; `due_after` is null while it runs, and 0 when all is well."""

    started_at: datetime
    due_before: int
    deleted: int
    due_after: int | None


class PolicyRule(BaseModel):
    name: str = Field(examples=["delivery_log"])
    clause: str = Field(description="Of the privacy policy.", examples=["P6.4"])
    what: str = Field(examples=["Calls at webhooks"])
    kept: str = Field(examples=["90 days"])
    kept_by: Literal["sweep", "customer", "erasure", "provider"] = Field(
        description="Who sees to it. `provider`: it lies elsewhere, and is looked at there."
    )
    last_run: LastRun | None = Field(
        description="For all customers together; null where no sweep sees to it."
    )
    oldest_at: datetime | None = Field(
        description="The oldest one that the last run left, where that is known."
    )
    next_run_at: datetime | None
    kept_now: bool | None = Field(
        description="False when the last run left something or is more than a day ago; null where none is made."
    )


class OwnRule(BaseModel):
    kind: Kind
    clause: str = Field(examples=["P6.2"])
    days: int | None = Field(description="Null: as the policy says.", examples=[365])
    most_days: int = Field(description="The longest that may be chosen.", examples=[3650])
    oldest_at: datetime | None = Field(description="The oldest one that you have.")
    last_run: LastRun | None
    next_run_at: datetime | None


class Retention(BaseModel):
    policy: list[PolicyRule]
    own: list[OwnRule]
    obeyed_from: datetime | None = Field(
        description="Your own windows are obeyed from then on; null when you have none."
    )


class RetentionEdit(Patch):
    """What is left out stays; null gives a window up."""

    messages_days: Days
    conversations_days: Days
    leads_days: Days
    notes_days: Days
    media_days: Days
    delivery_log_days: Annotated[
        int | None, Field(ge=1, le=89, description="The policy says 90.", examples=[30], default=None)
    ]


class Preview(BaseModel):
    """How many would be deleted at once if these windows were obeyed now."""

    messages: int
    conversations: int
    leads: int
    notes: int
    media: int
    delivery_log: int


class Run(LastRun):
    id: UUID
    scope: Literal["policy", "own"] = Field(
        description="A window of the policy, swept for all customers together, or one of your own."
    )
    name: str = Field(examples=["delivery_log"])
    cutoff: datetime = Field(description="Everything older was due.")
    finished_at: datetime | None = Field(description="Null: it still runs, or was interrupted.")


@router.get("", dependencies=[permit("retention.read")], responses=etags.headers(200))
def windows(asked: Asked, response: Response) -> Retention:
    """Every window, with what its last sweep came to and when the next one is."""
    chosen = store.windows(asked.tx, asked.person.organization_id)
    return _shown(asked, chosen, response)


@router.patch("", dependencies=[permit("retention.manage", confirmed=True)], responses=etags.headers(200))
def choose(asked: Asked, response: Response, version: IfMatch, edit: RetentionEdit) -> Retention:
    """Choose windows of your own. A shorter one is obeyed from a day later; until then it can be taken back."""
    chosen = choose_windows(
        asked.tx,
        asked.person.organization_id,
        edit.given(),
        version=version,
        actor=asked.actor,
        now=asked.door.clock(),
    )
    return _shown(asked, chosen, response)


@router.post("/preview", dependencies=[permit("retention.manage")], responses=problems(401, 403, 422))
def preview_windows(asked: Asked, edit: RetentionEdit) -> Preview:
    """What these windows would delete, before they are chosen. Changes nothing."""
    counts = due_at_once(asked.tx, asked.person.organization_id, edit.given(), now=asked.door.clock())
    return Preview.model_validate(counts)


@router.get("/runs", dependencies=[permit("retention.read")], responses=problems(401, 403, 422))
def sweeps(asked: Asked, limit: Limit = 50, cursor: Cursor = None) -> Page[Run]:
    """Sweeps and what they came to, newest first."""
    place = place_of(cursor)
    rows = store.history(
        asked.tx, asked.person.organization_id, before=place.at, before_id=place.id, limit=limit
    )
    items = [Run.model_validate(row) for row in rows]
    return Page(items=items, next=next_cursor(rows, limit, "started_at"))


def _shown(asked: Asked, chosen: Windows, response: Response) -> Retention:
    response.headers["etag"] = etags.tag(chosen.version)
    policy, own = overview(asked.tx, asked.person.organization_id, chosen, now=asked.door.clock())
    return Retention(
        policy=[_policy(rule) for rule in policy],
        own=[_own(rule) for rule in own],
        obeyed_from=chosen.obeyed_from,
    )


def _policy(rule: PolicyWindow) -> PolicyRule:
    return PolicyRule.model_validate(rule, from_attributes=True)


def _own(rule: OwnWindow) -> OwnRule:
    return OwnRule.model_validate(rule, from_attributes=True)
