"""When a version takes effect. Pure.

The day is computed and never typed: 14 days after the last notice of it went out, not before the day that the
notices name, and on a midnight of UTC (P10.1).
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import Final

NOTICE: Final = timedelta(days=14)
_MAILS_TAKE: Final = timedelta(days=2)  # to everybody, with a provider that is away for a day
REMIND: Final = timedelta(days=3)  # before it takes effect
TELL_WITHIN: Final = timedelta(days=7)  # longer, and somebody has to look


def announced_for(published_at: datetime, not_before: date | None) -> datetime:
    """The day that notices of a version published then can name: it takes effect on that day at the earliest."""
    soonest = _next_midnight(published_at + NOTICE + _MAILS_TAKE)
    return soonest if not_before is None else max(soonest, datetime.combine(not_before, time.min, UTC))


def effective(announced: datetime, last_notice_at: datetime) -> datetime:
    """When a version takes effect of which the last notice went out then."""
    return max(announced, _next_midnight(last_notice_at + NOTICE))


def _next_midnight(at: datetime) -> datetime:
    """The first midnight (UTC) that is not before `at`."""
    midnight = datetime.combine(at.astimezone(UTC).date(), time.min, UTC)
    return midnight if midnight == at else midnight + timedelta(days=1)
