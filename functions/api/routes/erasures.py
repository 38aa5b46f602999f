"""Erasures (P6.2, P7.2): a person, a conversation or a message is deleted for good, and everybody can see how far."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field

from functions.api.asking import Asked, permit
from functions.api.limits import Body
from functions.api.once import Once
from functions.api.paging import Cursor, Limit, Page, next_cursor
from functions.api.problems import problems
from leadsrally.kit.cursor import place_of
from leadsrally.kit.errors import NotFound
from leadsrally.messaging.copies import store as copies
from leadsrally.privacy.answer_by import AnswerBy, answer_by
from leadsrally.privacy.erasure import store
from leadsrally.privacy.erasure.certificate import certificate_of
from leadsrally.privacy.erasure.request import request_erasure

router = APIRouter(prefix="/v1/erasures", tags=["privacy"])

_MANAGE = "erasures.manage"


class Wanted(Body):
    kind: Literal["contact", "conversation", "message"]
    id: Annotated[
        UUID, Field(description="Of a contact, also by the id of a record that was merged into theirs.")
    ]


class AtProvider(BaseModel):
    """Copies that a provider had of what was erased."""

    provider: Literal["twilio", "meta"]
    deleted: int
    waiting: int = Field(description="It was asked to delete these, and has not yet.")
    kept: int = Field(description="That it does not delete when asked.")
    kept_until: datetime | None = Field(description="When the last of these ends by itself, at the latest.")


class Erasure(BaseModel):
    """What is erased is shown no more as soon as it is `erasing`; the rest of it goes within seconds."""

    id: UUID
    kind: Literal["contact", "conversation", "message"]
    subject_id: UUID = Field(description="What was erased. The id leads to nothing any more.")
    requested_by: UUID
    state: Literal["waiting", "erasing", "done"]
    messages_total: int | None = Field(description="Counted when it began; null before.")
    counts: dict[str, int] = Field(
        description="Rows deleted so far, by table.", examples=[{"contacts": 1, "messages": 12}]
    )
    requested_at: datetime
    finished_at: datetime | None
    answer_by: AnswerBy | None = Field(
        description="Where a contact asked for it: the last days, in UTC, on which the law lets them be answered."
    )
    at_providers: list[AtProvider]


@router.post("", status_code=202, dependencies=[permit(_MANAGE)], responses=problems(401, 403, 404, 409, 422))
def erase(asked: Asked, once: Once, wanted: Wanted) -> Erasure:
    """Erase a contact, a conversation or a message. It cannot be undone.

    A contact who opted out stays opted out: a keyed hash of their number is kept for that. Nothing is sent to them
    from this moment on. Exports that hold them are deleted with them.
    """

    def begin() -> Erasure:
        erasure_id = request_erasure(
            asked.tx,
            asked.person.organization_id,
            asked.actor,
            wanted.kind,
            wanted.id,
            requested_by=asked.person.id,
            now=asked.door.clock(),
        )
        return _one(asked, erasure_id)

    return once(Erasure, begin)


@router.get("", dependencies=[permit(_MANAGE)], responses=problems(401, 403, 422))
def erasures(asked: Asked, limit: Limit = 50, cursor: Cursor = None) -> Page[Erasure]:
    """What was erased, newest first. Nothing here says who it was."""
    place = place_of(cursor)
    rows = store.newest(
        asked.tx, asked.person.organization_id, before=place.at, before_id=place.id, limit=limit
    )
    return Page(items=_shown(asked, rows), next=next_cursor(rows, limit, "requested_at"))


@router.get("/{erasure_id}", dependencies=[permit(_MANAGE)], responses=problems(401, 403, 404, 422))
def erasure(asked: Asked, erasure_id: UUID) -> Erasure:
    """One erasure, with how far it is."""
    return _one(asked, erasure_id)


class Certificate(BaseModel):
    """That it was erased, to be filed. It names nobody, and its ids lead to nothing any more."""

    id: UUID
    kind: Literal["contact", "conversation", "message"]
    organization_id: UUID
    subject_id: UUID
    requested_at: datetime
    erased_at: datetime = Field(description="When the last of it went.")
    deleted: dict[str, int] = Field(description="Rows by table.", examples=[{"contacts": 1, "messages": 12}])
    kept: list[str] = Field(
        description="What outlives it, and why, in English.",
        examples=[["Of an opt-out a keyed hash of the number or address, so that it stays true."]],
    )
    in_backups_until: datetime = Field(description="When the last backup from before ends, at the latest.")
    at_providers: list[AtProvider]
    text: str = Field(
        description="The same in words, in English.",
        examples=["Certificate of erasure 0192a5f0-7c1e-7d1a-9f6e-3b1f5c2a7e44\n\nErased: contact …"],
    )


@router.get(
    "/{erasure_id}/certificate",
    dependencies=[permit(_MANAGE)],
    responses=problems(401, 403, 404, 409, 422),
)
def certificate(asked: Asked, erasure_id: UUID) -> Certificate:
    """The certificate of an erasure; 409 while something is left to erase."""
    organization_id = asked.person.organization_id
    found = certificate_of(asked.tx, organization_id, erasure_id)
    told = copies.outcomes(asked.tx, organization_id, [erasure_id])
    return Certificate.model_validate(
        {
            **asdict(found),
            "kept": list(found.kept),
            "in_backups_until": found.in_backups_until,
            "at_providers": told.get(erasure_id, []),
            "text": found.text(),
        }
    )


def _one(asked: Asked, erasure_id: UUID) -> Erasure:
    place = place_of(None)
    rows = store.newest(
        asked.tx, asked.person.organization_id, before=place.at, before_id=place.id, limit=1, only=erasure_id
    )
    if not rows:
        raise NotFound("There is no such erasure.", code="erasure_not_found")
    return _shown(asked, rows)[0]


def _shown(asked: Asked, rows: list[dict[str, Any]]) -> list[Erasure]:
    told = copies.outcomes(asked.tx, asked.person.organization_id, [row["id"] for row in rows])
    return [
        Erasure.model_validate({**row, "answer_by": _by(row), "at_providers": told.get(row["id"], [])})
        for row in rows
    ]


def _by(row: dict[str, Any]) -> AnswerBy | None:
    return answer_by(row["requested_at"]) if row["kind"] == "contact" else None
