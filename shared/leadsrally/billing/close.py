"""Close the months that are over: an invoice for each organisation, issued once."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Final
from uuid import UUID

from leadsrally.billing import store
from leadsrally.billing.draft import draft
from leadsrally.billing.months import after, between, first_of, month_of
from leadsrally.billing.plans import PLANS
from leadsrally.billing.store import Account
from leadsrally.billing.types import Draft
from leadsrally.jobs.enqueue import enqueue
from leadsrally.kit.clock import Clock
from leadsrally.kit.db import Database, Tx
from leadsrally.kit.ids import new_id
from leadsrally.telemetry import log

SELLER: Final = "LeadsRally"
"""Who invoices are from where nobody has said it."""
_PAGE = 200
_MARGIN = timedelta(seconds=10)
_UNRUNG = timedelta(seconds=1)  # the tick rings for the notice: this function has no bell of that queue


@dataclass(frozen=True, slots=True)
class Closed:
    """What a run came to. Not `whole`: there was no time for all, and the next run goes on."""

    organizations: int
    invoices: int
    whole: bool


def close_months(
    db: Database, clock: Clock, *, seller: str, time_left: Callable[[], timedelta], page: int = _PAGE
) -> Closed:
    """Issue every invoice that is missing for a month that is over, one transaction for each organisation.

    May be run at any time, by two at once, and again after it was killed: who has an invoice for the last month is
    left alone. What was missed in earlier months is made up for, month by month. One organisation that cannot be billed
    stops no other; raises the first error when all have had their turn.
    """
    present = month_of(clock())
    seen = issued = 0
    last = UUID(int=0)
    errors: list[Exception] = []
    while True:
        with db.across() as tx:
            ids = store.months_open(tx, present, last, limit=page)
        for organization_id in ids:
            if time_left() < _MARGIN:
                return _closed(Closed(seen, issued, whole=False), errors)
            try:
                with db.tenant(organization_id) as tx:
                    issued += close_organization(tx, organization_id, present, seller=seller, now=clock())
            except Exception as error:  # noqa: BLE001  raised when all have had their turn
                log.error("billing.failed", organization_id=organization_id, error=error)
                errors.append(error)
            seen, last = seen + 1, organization_id
        if len(ids) < page:
            return _closed(Closed(seen, issued, whole=True), errors)


def _closed(closed: Closed, errors: list[Exception]) -> Closed:
    if errors:
        raise errors[0]
    return closed


def close_organization(tx: Tx, organization_id: UUID, end: date, *, seller: str, now: datetime) -> int:
    """Issue the organisation's invoices for all months before `end` that have none, and tell its owners of each.

    Returns how many. A month in which nothing is to be paid and nothing was used has none.
    """
    store.in_turn(tx, organization_id)
    account = store.account(tx, organization_id)
    if account is None:
        return 0
    issued = _issue(tx, organization_id, account, end, seller=seller, now=now)
    for invoice_id in issued:
        _tell(tx, organization_id, invoice_id, now)
    return len(issued)


def final_invoices(tx: Tx, organization_id: UUID, *, now: datetime) -> int:
    """Issue whatever is still to be charged of an account that ends now; returns how many invoices it came to.

    From who sold before. Nobody is told: whom to tell goes with the account.
    """
    store.in_turn(tx, organization_id)
    account = store.account(tx, organization_id)
    if account is None:
        return 0
    today = now.astimezone(UTC).date()
    ending = replace(account, charged_until=min(account.charged_until or today, today))
    seller = account.seller or SELLER
    return len(_issue(tx, organization_id, ending, after(first_of(today)), seller=seller, now=now))


def _issue(
    tx: Tx, organization_id: UUID, account: Account, end: date, *, seller: str, now: datetime
) -> list[UUID]:
    opened = max(month_of(account.opened_at), PLANS[0].since)  # nothing was charged before there was a plan
    issued: list[UUID] = []
    for month in between(opened if account.closed is None else after(account.closed), end):
        said = draft_of(tx, organization_id, account, month)
        if said.lines:
            invoice_id = new_id(now)
            store.issue(tx, organization_id, invoice_id, account, said, seller=seller, now=now)
            log.info("invoice.issued", invoice_id=invoice_id)
            issued.append(invoice_id)
    return issued


def _tell(tx: Tx, organization_id: UUID, invoice_id: UUID, now: datetime) -> None:
    enqueue(
        tx,
        organization_id,
        "notify",
        "invoice_ready",
        {"invoice_id": str(invoice_id)},
        now=now,
        delay=_UNRUNG,
        unique_key=f"invoice_ready:{invoice_id}",
    )


def draft_of(tx: Tx, organization_id: UUID, account: Account, month: date) -> Draft:
    """What an invoice for this month would say now."""
    return draft(
        month,
        store.used(tx, organization_id, month),
        store.charged(tx, organization_id, month),
        since=account.opened_at.astimezone(UTC).date(),
        until=account.charged_until,
    )


def stop_charging(tx: Tx, organization_id: UUID, *, now: datetime) -> None:
    """The plan is charged for today and no longer. For an account whose deletion is asked for."""
    store.charge_until(tx, organization_id, now.astimezone(UTC).date())


def go_on_charging(tx: Tx, organization_id: UUID) -> None:
    """The account stays after all."""
    store.charge_until(tx, organization_id, None)
