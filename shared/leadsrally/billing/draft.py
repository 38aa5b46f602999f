"""What an invoice says: pure, from what was used, what was charged before, and the plans."""

from datetime import date

from leadsrally.billing.months import after, days_in
from leadsrally.billing.plans import plan_of
from leadsrally.billing.types import Draft, Line, Usage, Used
from leadsrally.kit.money import share


def draft(month: date, used: Usage, charged: Usage, *, since: date, until: date | None) -> Draft:
    """The invoice of a month.

    `used` are all units of the month, and of each earlier one that may have changed; `charged` those of them that
    stand on an invoice. Whatever was used and not charged becomes a line, by the plan of its own month: the earlier
    months' lines are corrections. What a unit costs follows from how many there were in its month, so a correction
    charges what the whole month costs with it, less what it cost without it: over all invoices the lines of a month
    add up to its usage in units, and to its price in money.

    The plan's fee is for the days from `since` to `until`, both included.
    """
    plan = plan_of(month)
    fee = _fee(month, since, until)
    own = [_line(key, used[key], charged.get(key, 0)) for key in sorted(used) if key.month == month]
    late = [_line(key, used[key], charged.get(key, 0)) for key in sorted(used) if key.month < month]
    lines = (fee, *own, *late)
    return Draft(month, plan.name, plan.currency, tuple(line for line in lines if line is not None))


def _fee(month: date, since: date, until: date | None) -> Line | None:
    plan, days = plan_of(month), days_in(month)
    begun = max(since, month)
    ended = after(month) if until is None else min(until.fromordinal(until.toordinal() + 1), after(month))
    charged = (ended - begun).days
    if charged <= 0 or plan.fee == 0:
        return None
    return Line(month, "plan", plan.name, charged, 0, plan.fee, days, share(plan.fee, charged, days))


def _line(key: Used, units: int, before: int) -> Line | None:
    if units <= before:
        return None
    rate = plan_of(key.month).rate(key.kind, key.detail)
    return Line(
        key.month,
        key.kind,
        key.detail,
        quantity=units - before,
        included=min(units, rate.included) - min(before, rate.included),
        price=rate.price,
        per=rate.per,
        amount=rate.charge(units) - rate.charge(before),
    )
