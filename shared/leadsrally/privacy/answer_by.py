"""Until when a person who asks about their data has to be answered (GDPR Art. 12(3)).

Within a month, or three where the request is complex and the person is told why within the first. A month ends on the
day of the same date, or where there is none on the month's last (Regulation (EEC, Euratom) No 1182/71, Art. 3(2)(c)).
The further days that Art. 3(4) gives on weekends and holidays are not claimed.
"""

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime


@dataclass(frozen=True, slots=True)
class AnswerBy:
    """The last days for an answer: as a rule, and where it was put off with a reason."""

    as_a_rule: date
    put_off: date


def answer_by(asked_at: datetime) -> AnswerBy:
    """For a request that came in at that instant; days are those of UTC."""
    day = asked_at.astimezone(UTC).date()
    return AnswerBy(_months_after(day, 1), _months_after(day, 3))


def _months_after(day: date, months: int) -> date:
    years, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(years, month + 1, min(day.day, monthrange(years, month + 1)[1]))
