"""Billing: what the organisation uses and what it costs, and its invoices. Amounts are in minor units, without tax."""

from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict, Field

from functions.api.asking import Asked, permit
from functions.api.paging import Cursor, Limit, Page, next_cursor
from functions.api.problems import problems
from leadsrally.billing import store
from leadsrally.billing.close import draft_of
from leadsrally.billing.months import month_of
from leadsrally.billing.page import CONTENT_SECURITY_POLICY, file_name, page
from leadsrally.billing.types import Invoice as Issued
from leadsrally.billing.types import Kind
from leadsrally.kit.cursor import place_of
from leadsrally.kit.errors import NotFound

router = APIRouter(prefix="/v1/billing", tags=["billing"])

_READ = "billing.read"


class Line(BaseModel):
    """What was used of one kind, and what it costs. One of an earlier month corrects that month's invoice."""

    model_config = ConfigDict(from_attributes=True)

    month: date = Field(description="When it was used: the first day of the month.", examples=["2026-11-01"])
    kind: Kind | Literal["plan"]
    detail: str = Field(
        description="Meta's category, the model, or the name of the plan; else empty.", examples=["marketing"]
    )
    quantity: int = Field(description="Units; of the plan the days charged.", examples=[2_400])
    included: int = Field(description="How many of them the plan includes.", examples=[2_000])
    price: int = Field(description="For `per` units.", examples=[30])
    per: int = Field(examples=[100])
    amount: int = Field(examples=[120])


class Day(BaseModel):
    """How much of one kind was used on one UTC day."""

    model_config = ConfigDict(from_attributes=True)

    day: date = Field(examples=["2026-11-24"])
    kind: Kind
    detail: str = Field(examples=[""])
    quantity: int = Field(examples=[12])


class Usage(BaseModel):
    """The month so far, and what its invoice would say if nothing more were used in it."""

    organization_id: UUID
    month: date = Field(description="Its first day.", examples=["2026-11-01"])
    time_zone: Literal["UTC"] = Field(description="Days and months begin and end at midnight there.")
    plan: str = Field(examples=["Standard"])
    currency: str = Field(examples=["USD"])
    lines: list[Line]
    estimate: int = Field(description="What the lines add up to.", examples=[6_140])
    days: list[Day]


class Invoice(BaseModel):
    """An invoice that was issued. It is never changed."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    number: str = Field(examples=["2026-000042"])
    month: date = Field(description="The first day of the month it is for.", examples=["2026-10-01"])
    plan: str = Field(examples=["Standard"])
    currency: str = Field(examples=["USD"])
    seller: str = Field(examples=["LeadsRally"])
    customer_name: str = Field(examples=["Harbour Bikes"])
    customer_country: str = Field(examples=["US"])
    total: int = Field(examples=[6_140])
    issued_at: datetime
    kept_until: date = Field(
        description="The first day on which it is deleted, seven years after its month.",
        examples=["2033-11-01"],
    )


class InvoiceInFull(Invoice):
    lines: list[Line]


@router.get("/usage", dependencies=[permit(_READ)], responses=problems(401, 403, 422))
def usage(asked: Asked) -> Usage:
    """What was used in this month, by kind and by day, and what its invoice will say as far as is known."""
    organization_id, month = asked.person.organization_id, month_of(asked.door.clock())
    account = store.account(asked.tx, organization_id)
    if account is None:
        raise NotFound("There is no such organisation.", code="organization_not_found")
    said = draft_of(asked.tx, organization_id, account, month)
    return Usage(
        organization_id=organization_id,
        month=month,
        time_zone="UTC",
        plan=said.plan,
        currency=said.currency,
        lines=[Line.model_validate(line) for line in said.lines],
        estimate=said.total,
        days=[Day.model_validate(day) for day in store.by_day(asked.tx, organization_id, month)],
    )


@router.get("/invoices", dependencies=[permit(_READ)], responses=problems(401, 403, 422))
def invoices(asked: Asked, limit: Limit = 50, cursor: Cursor = None) -> Page[Invoice]:
    """Invoices, newest first."""
    place = place_of(cursor)
    rows: list[dict[str, Any]] = store.newest(
        asked.tx, asked.person.organization_id, before=place.at, before_id=place.id, limit=limit
    )
    return Page(
        items=[Invoice.model_validate(row) for row in rows], next=next_cursor(rows, limit, "issued_at")
    )


@router.get("/invoices/{invoice_id}", dependencies=[permit(_READ)], responses=problems(401, 403, 404, 422))
def invoice(asked: Asked, invoice_id: UUID) -> InvoiceInFull:
    """One invoice, with its lines."""
    found = _found(asked, invoice_id)
    lines = store.lines_of(asked.tx, asked.person.organization_id, invoice_id)
    return InvoiceInFull(
        **Invoice.model_validate(found).model_dump(), lines=[Line.model_validate(line) for line in lines]
    )


@router.get(
    "/invoices/{invoice_id}/copy",
    response_class=HTMLResponse,
    dependencies=[permit(_READ)],
    responses=problems(401, 403, 404, 422),
)
def copy(asked: Asked, invoice_id: UUID) -> HTMLResponse:
    """The invoice as an HTML page of its own, to print or to keep."""
    found = _found(asked, invoice_id)
    lines = store.lines_of(asked.tx, asked.person.organization_id, invoice_id)
    headers = {
        "cache-control": "no-store",
        "content-disposition": f'attachment; filename="{file_name(found)}"',
        "content-security-policy": CONTENT_SECURITY_POLICY,
        "x-content-type-options": "nosniff",
    }
    return HTMLResponse(page(found, lines), headers=headers)


def _found(asked: Asked, invoice_id: UUID) -> Issued:
    found = store.invoice(asked.tx, asked.person.organization_id, invoice_id)
    if found is None:
        raise NotFound("There is no such invoice.", code="invoice_not_found")
    return found
