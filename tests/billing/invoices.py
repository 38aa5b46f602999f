"""Usage and invoices, as if months had gone by."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from infra.local.context import Context
from leadsrally.billing.months import after
from tests.world import Org, World


def used(world: World, org: Org, day: date, kind: str = "sms_out", quantity: int = 1, **columns: Any) -> None:
    """Something was used on this day."""
    world._insert(
        "usage",
        {
            "organization_id": org.id,
            "occurred_on": day,
            "kind": kind,
            "cause_id": uuid4(),
            "quantity": quantity,
            **columns,
        },
    )


def an_invoice(world: World, org: Org, month: date | None = None, **columns: Any) -> UUID:
    """One that was issued for a month, each time an earlier one; the first for the last month but one."""
    earlier = world.value("SELECT min(month) FROM invoices WHERE organization_id = %(id)s", id=org.id)
    month = month or _before(earlier or _before(world.clock.now.date()))
    invoice_id = uuid4()
    values = {
        "organization_id": org.id,
        "id": invoice_id,
        "number": uuid4().hex[:20],
        "month": month,
        "plan": "Standard",
        "currency": "USD",
        "seller": "LeadsRally",
        "customer_name": org.name,
        "customer_country": "US",
        "total": 4_900,
        "lines": 1,
        "issued_at": datetime.combine(after(month), datetime.min.time(), world.clock.now.tzinfo),
        **columns,
    }
    line = {"invoice_id": invoice_id, "place": 1, "month": month, "kind": "plan", "detail": "Standard"}
    amounts = {"quantity": 30, "included": 0, "price": 4_900, "per": 30, "amount": values["total"]}
    with world._everything.transaction():
        world._insert("invoices", values)
        world._insert("invoice_lines", {"organization_id": org.id, **line, **amounts})
    return invoice_id


def _before(day: date) -> date:
    """The first day of the month before."""
    return (day.replace(day=1) - timedelta(days=1)).replace(day=1)


def close(world: World) -> dict[str, Any]:
    """The schedule rings."""
    function = world.functions["billing_close"]
    return function.handler()({}, Context(function))


def at(year: int, month: int, day: int = 1, hour: int = 2) -> datetime:
    return datetime(year, month, day, hour, tzinfo=UTC)
