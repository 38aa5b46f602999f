"""Calendar months of UTC, each named by its first day."""

from calendar import monthrange
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta


def month_of(at: datetime) -> date:
    """The month in which an instant lies."""
    return first_of(at.astimezone(UTC).date())


def first_of(day: date) -> date:
    return day.replace(day=1)


def after(month: date) -> date:
    """The month after it."""
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def before(month: date) -> date:
    """The month before it."""
    return first_of(month - timedelta(days=1))


def days_in(month: date) -> int:
    return monthrange(month.year, month.month)[1]


def between(first: date, end: date) -> Iterator[date]:
    """The months from `first` on, without `end`."""
    while first < end:
        yield first
        first = after(first)
