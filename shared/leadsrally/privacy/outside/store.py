"""What was found by looking at a provider: who looked, when, and what it was (P6.3, P6.6)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, get_args
from uuid import UUID

from leadsrally.kit.db import Tx
from leadsrally.kit.errors import Invalid

Subject = Literal["sentry_plan", "sentry_events", "railway_backups", "restore_rehearsal"]
SUBJECTS: Final[tuple[Subject, ...]] = get_args(Subject)
Verdict = Literal[
    "kept",  # as promised
    "broken",
    "unused",  # nothing of ours is there
]
VERDICTS: Final[tuple[Verdict, ...]] = get_args(Verdict)

WHAT: Final[dict[Subject, str]] = {
    "sentry_plan": "for how many days the Sentry plan keeps errors, attachments and spans: the longest of them",
    "sentry_events": "whether Sentry still has an event that is older than 30 days",
    "railway_backups": "how old the oldest volume backup at Railway gets: schedules (no weekly, no monthly one), manual and"
    " locked ones, volumes that a restore left unmounted, and the window of point-in-time recovery",
    "restore_rehearsal": "whether a backup came back, and without whom was erased",
}
_LONGEST_DAYS: Final = 30  # of the policy, for both that have days
_HAVE_DAYS: Final = ("sentry_plan", "railway_backups")


@dataclass(frozen=True, slots=True)
class Look:
    """One look. `days` is how long it is kept there at most; `note` and `looked_by` are the operator's own words."""

    id: UUID
    subject: Subject
    verdict: Verdict
    days: int | None
    looked_by: str
    note: str
    looked_at: datetime


_RECORD = """
INSERT INTO outside_checks (id, subject, verdict, days, looked_by, note, looked_at)
VALUES (%(id)s, %(subject)s, %(verdict)s, %(days)s, %(looked_by)s, %(note)s, %(looked_at)s)
"""


def record(tx: Tx, look: Look) -> None:
    """Write it down. Raises `Invalid` for a look that contradicts itself."""
    told = look.days is not None and 0 <= look.days <= _LONGEST_DAYS
    if look.subject in _HAVE_DAYS and look.verdict == "kept" and not told:
        raise Invalid(
            f"It is kept as promised when it is kept for {_LONGEST_DAYS} days at most: say for how many, or that the"
            " promise is broken.",
            code="look_contradicts",
        )
    given: dict[str, Any] = {
        "id": look.id,
        "subject": look.subject,
        "verdict": look.verdict,
        "days": look.days,
        "looked_by": look.looked_by,
        "note": look.note,
        "looked_at": look.looked_at,
    }
    tx.run(_RECORD, given)


_NEWEST = """
SELECT DISTINCT ON (subject) id, subject, verdict, days, looked_by, note, looked_at
  FROM outside_checks
 ORDER BY subject, looked_at DESC
"""


def newest(tx: Tx) -> dict[str, Look]:
    """The newest look at each subject that was looked at."""
    return {look.subject: look for look in tx.all(Look, _NEWEST, {})}
