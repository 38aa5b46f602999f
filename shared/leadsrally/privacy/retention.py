"""The windows of the policy, as data. Pure: a rule and an instant give a cut-off.

A window of days is a number of whole UTC days. Kept are today and the days before it, so many in all, so that no
row ever grows older than promised; everything before the first kept day is due. A window of rows ends to the
instant, so long after each row's own: what lies at the cut-off or before it is due.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta


@dataclass(frozen=True, slots=True)
class Rule:
    name: str  # also the name in sweep_runs
    clause: str  # id of the promise
    days: int

    def cutoff(self, now: datetime) -> datetime:
        """The first instant that is kept at `now`; what is older is due."""
        first_kept = now.astimezone(UTC).date() - timedelta(days=self.days - 1)
        return datetime.combine(first_kept, time.min, UTC)


DELIVERY_LOG = Rule("delivery_log", "P6.4", days=90)


@dataclass(frozen=True, slots=True)
class RowRule:
    name: str  # also the name in sweep_runs
    clause: str  # id of the promise
    after: timedelta  # how long a row is kept after its own instant has passed

    def cutoff(self, now: datetime) -> datetime:
        """The last instant that is due at `now`."""
        return now.astimezone(UTC) - self.after


# What a person who comes in leaves behind (Kept.SHORT and Kept.SESSION of the register). The instant is when it
# expires, of a session when it ended, of an idempotency key when it was first used.
SIGNUPS = RowRule("signups", "P1.1", timedelta(0))
SESSIONS = RowRule("sessions", "P1.5", timedelta(days=30))
PASSWORD_RESETS = RowRule("password_resets", "P1.1", timedelta(days=1))  # its mail may still be on its way
EMAIL_CHANGES = RowRule("email_changes", "P1.1", timedelta(days=1))
IDEMPOTENCY_KEYS = RowRule("idempotency_keys", "P1.1", timedelta(days=1))
RATE_LIMITS = RowRule("rate_limits", "P1.5", timedelta(0))

# What came and could not be taken, or not yet (Kept.MOMENT and Kept.ASIDE of the register). The instant is when it
# came. Meta tells again for seven days, so a message may come as much later than the news of it.
EARLY_REPORTS = RowRule("early_reports", "P6.2", timedelta(days=8))
EARLY_AMENDMENTS = RowRule("early_amendments", "P6.2", timedelta(days=8))
# What contacts were before an import changed them: an import can be undone for a day, and an hour more goes to one
# that is being undone.
IMPORT_CHANGES = RowRule("import_changes", "P1.2", timedelta(hours=25))
BULK_CHANGES = RowRule("bulk_changes", "P1.2", timedelta(hours=25))  # as those of an import
QUARANTINE = RowRule("quarantine", "P6.4", timedelta(days=30))

# Backups (privacy/backups). The instant is that of the snapshot. A day less than what the policy allows, so that a day
# without a sweep breaks no promise.
BACKUPS = RowRule("backups", "P6.6", timedelta(days=29))


@dataclass(frozen=True, slots=True)
class MonthRule:
    """What belongs to a calendar month of UTC, kept for so many calendar years after the month has ended."""

    name: str
    clause: str
    years: int

    def cutoff(self, now: datetime) -> datetime:
        """The end of the newest month that is due at `now`: what happened before that instant is due."""
        present = now.astimezone(UTC)
        return datetime(present.year - self.years, present.month, 1, tzinfo=UTC)


BILLING = MonthRule("billing", "P6.5", years=7)
USAGE = replace(BILLING, name="usage")
INVOICES = replace(BILLING, name="invoices")
