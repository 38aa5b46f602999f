"""Usage and invoices, as they are read and written."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, LiteralString
from uuid import UUID

from leadsrally.billing.types import Draft, Invoice, Kind, Line, Usage, Used
from leadsrally.kit.db import Tx, statement

_MONTHS_OPEN = """
SELECT organization_id
  FROM months_open(%(month)s, %(after)s, %(limit)s) AS organization_id
"""


def months_open(tx: Tx, month: date, after: UUID, *, limit: int) -> list[UUID]:
    """Organisations with ids beyond `after` that have no invoice for the month before `month`."""
    return tx.values(_MONTHS_OPEN, {"month": month, "after": after, "limit": limit})


# Any constant that nothing else here uses, beside the organisation.
_IN_TURN = """
SELECT pg_advisory_xact_lock(hashtextextended(%(organization_id)s::text, 7308326125761))
"""


def in_turn(tx: Tx, organization_id: UUID) -> None:
    """Wait until nobody else is closing a month of this organisation."""
    tx.value(_IN_TURN, {"organization_id": organization_id})


@dataclass(frozen=True, slots=True)
class Account:
    """Whom an invoice is for, from which day on, and until which.

    `closed` is the newest month with an invoice, `seller` whom that one is from.
    """

    name: str
    country: str
    opened_at: datetime
    charged_until: date | None
    closed: date | None
    seller: str | None


_ACCOUNT = """
SELECT o.name, o.country, o.created_at AS opened_at, o.charged_until,
       newest.month AS closed, newest.seller
  FROM organizations AS o
  LEFT JOIN LATERAL (SELECT i.month, i.seller
                       FROM invoices AS i
                      WHERE i.organization_id = o.id
                      ORDER BY i.month DESC
                      LIMIT 1) AS newest ON true
 WHERE o.id = %(organization_id)s
   AND o.state NOT IN ('pending', 'erased')
"""


def account(tx: Tx, organization_id: UUID) -> Account | None:
    """None for one that has not come in yet, or is no more."""
    return tx.maybe(Account, _ACCOUNT, {"organization_id": organization_id})


_CHARGE_UNTIL = """
UPDATE organizations
   SET charged_until = %(day)s
 WHERE id = %(organization_id)s
"""


def charge_until(tx: Tx, organization_id: UUID, day: date | None) -> None:
    tx.run(_CHARGE_UNTIL, {"organization_id": organization_id, "day": day})


# Of the month, of the one before it (what was written while it was closed), and of those that somebody was late for.
_USED = """
WITH months AS (
    SELECT %(month)s::date AS month
     UNION
    SELECT (%(month)s::date - interval '1 month')::date
     UNION
    SELECT date_trunc('month', occurred_on::timestamp)::date
      FROM usage
     WHERE organization_id = %(organization_id)s
       AND late
       AND occurred_on < %(month)s
       AND occurred_on >= %(month)s::date - interval '1 year'
)
SELECT months.month, u.kind, u.detail, sum(u.quantity)::bigint AS units
  FROM months
  JOIN usage AS u ON u.organization_id = %(organization_id)s
                 AND u.occurred_on >= months.month
                 AND u.occurred_on < (months.month + interval '1 month')::date
 GROUP BY months.month, u.kind, u.detail
"""
_CHARGED = """
SELECT month, kind, detail, sum(quantity)::bigint AS units
  FROM invoice_lines
 WHERE organization_id = %(organization_id)s
   AND month >= %(month)s::date - interval '1 year'
   AND kind <> 'plan'
 GROUP BY month, kind, detail
"""


@dataclass(frozen=True, slots=True)
class _Units:
    month: date
    kind: Kind
    detail: str
    units: int


def used(tx: Tx, organization_id: UUID, month: date) -> Usage:
    """All units of the month, and of each earlier one that may have changed since it was closed.

    What is heard of more than a year late is left alone.
    """
    return _usage(tx.all(_Units, _USED, {"organization_id": organization_id, "month": month}))


def charged(tx: Tx, organization_id: UUID, month: date) -> Usage:
    """The units of these months that stand on an invoice."""
    return _usage(tx.all(_Units, _CHARGED, {"organization_id": organization_id, "month": month}))


def _usage(rows: Sequence[_Units]) -> Usage:
    return {Used(row.month, row.kind, row.detail): row.units for row in rows}


@dataclass(frozen=True, slots=True)
class Day:
    day: date
    kind: Kind
    detail: str
    quantity: int


_BY_DAY = """
SELECT occurred_on AS day, kind, detail, sum(quantity)::bigint AS quantity
  FROM usage
 WHERE organization_id = %(organization_id)s
   AND occurred_on >= %(month)s
   AND occurred_on < (%(month)s::date + interval '1 month')::date
 GROUP BY occurred_on, kind, detail
 ORDER BY occurred_on, kind, detail
"""


def by_day(tx: Tx, organization_id: UUID, month: date) -> list[Day]:
    return tx.all(Day, _BY_DAY, {"organization_id": organization_id, "month": month})


# One statement: a number is taken for an invoice that is there, or not at all.
_ISSUE = """
WITH taken AS (
    INSERT INTO invoice_numbers AS n (year, last)
    VALUES (%(year)s, 1)
    ON CONFLICT (year) DO UPDATE SET last = n.last + 1
    RETURNING last
),
invoice AS (
    INSERT INTO invoices (
        organization_id, id, number, month, plan, currency, seller, customer_name, customer_country, total, lines,
        issued_at
    )
    SELECT %(organization_id)s, %(id)s,
           %(year)s::text || '-' || lpad(last::text, greatest(6, length(last::text)), '0'),
           %(month)s, %(plan)s, %(currency)s, %(seller)s, %(customer_name)s, %(customer_country)s, %(total)s,
           cardinality(%(kinds)s::text[]), %(now)s
      FROM taken
    RETURNING id, number
),
lines AS (
    INSERT INTO invoice_lines (
        organization_id, invoice_id, place, month, kind, detail, quantity, included, price, per, amount
    )
    SELECT %(organization_id)s, invoice.id, l.place, l.month, l.kind, l.detail, l.quantity, l.included, l.price, l.per,
           l.amount
      FROM invoice
     CROSS JOIN unnest(%(months)s::date[], %(kinds)s::text[], %(details)s::text[], %(quantities)s::bigint[],
                       %(includeds)s::bigint[], %(prices)s::integer[], %(pers)s::integer[], %(amounts)s::bigint[])
                WITH ORDINALITY AS l (month, kind, detail, quantity, included, price, per, amount, place)
)
SELECT number
  FROM invoice
"""


def issue(
    tx: Tx,
    organization_id: UUID,
    invoice_id: UUID,
    account: Account,
    said: Draft,
    *,
    seller: str,
    now: datetime,
) -> str:
    """Write the invoice; returns its number, the next one of the year."""
    lines = said.lines
    return tx.value(
        _ISSUE,
        {
            "organization_id": organization_id,
            "id": invoice_id,
            "year": now.year,
            "month": said.month,
            "plan": said.plan,
            "currency": said.currency,
            "seller": seller,
            "customer_name": account.name,
            "customer_country": account.country,
            "total": said.total,
            "now": now,
            "months": [line.month for line in lines],
            "kinds": [line.kind for line in lines],
            "details": [line.detail for line in lines],
            "quantities": [line.quantity for line in lines],
            "includeds": [line.included for line in lines],
            "prices": [line.price for line in lines],
            "pers": [line.per for line in lines],
            "amounts": [line.amount for line in lines],
        },
    )


_COLUMNS: Final[LiteralString] = """
SELECT id, number, month, plan, currency, seller, customer_name, customer_country, total, issued_at, kept_until
  FROM invoices
 WHERE organization_id = %(organization_id)s
"""
_NEWEST = statement(
    _COLUMNS,
    """
   AND (issued_at, id) < (%(before)s, %(before_id)s)
 ORDER BY issued_at DESC, id DESC
 LIMIT %(limit)s
""",
)
_ONE = statement(_COLUMNS, "   AND id = %(id)s\n")


def newest(
    tx: Tx, organization_id: UUID, *, before: datetime, before_id: UUID, limit: int
) -> list[dict[str, Any]]:
    """Invoices that were issued before a place in the list, newest first."""
    return tx.dicts(
        _NEWEST,
        {"organization_id": organization_id, "before": before, "before_id": before_id, "limit": limit},
    )


def invoice(tx: Tx, organization_id: UUID, invoice_id: UUID) -> Invoice | None:
    return tx.maybe(Invoice, _ONE, {"organization_id": organization_id, "id": invoice_id})


_LINES = """
SELECT month, kind, detail, quantity, included, price, per, amount
  FROM invoice_lines
 WHERE organization_id = %(organization_id)s
   AND invoice_id = %(invoice_id)s
 ORDER BY place
"""


def lines_of(tx: Tx, organization_id: UUID, invoice_id: UUID) -> list[Line]:
    """As they stand on the invoice."""
    return tx.all(Line, _LINES, {"organization_id": organization_id, "invoice_id": invoice_id})
