"""The windows of the policy, as data: the one table of how long everything is kept.

Pure: a rule and an instant give a cut-off. `WINDOWS` holds them all, also those that no sweep sees to.

A window of days is a number of whole UTC days. Kept are today and the days before it, so many in all, so that no
row ever grows older than promised; everything before the first kept day is due. A window of rows ends to the
instant, so long after each row's own: what lies at the cut-off or before it is due.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from typing import Final, Literal


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
# Who was erased. A lead from before may be handed out for ninety days (leadsrally.messaging.leads.catch_up.KEPT_FOR),
# and a day more by another clock.
ERASED_ADDRESSES = RowRule("erased_addresses", "P7.2", timedelta(days=91))

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
# What sweeps have left of themselves: proof that windows were kept, and for how long.
SWEEP_RUNS = RowRule("sweep_runs", "P6.4", timedelta(days=400))
RETENTION_RUNS = RowRule("retention_runs", "P6.4", timedelta(days=400))


KeptBy = Literal[
    "sweep",  # a rule above, by a sweep each hour
    "customer",  # until they delete it, or by a window of their own
    "erasure",  # with its account
    "provider",  # it lies elsewhere, and is looked at there (privacy/outside)
]


@dataclass(frozen=True, slots=True)
class Window:
    """One promise about how long, in words that are shown. `name` is that of the rule, where a sweep sees to it."""

    name: str
    clause: str
    what: str
    kept: str
    by: KeptBy = "sweep"


def _swept(rule: Rule | RowRule | MonthRule, what: str, kept: str) -> Window:
    return Window(rule.name, rule.clause, what, kept)


WINDOWS: Final[tuple[Window, ...]] = (
    Window("accounts", "P6.1", "Your account", "while active, and 30 days after its deletion", "erasure"),
    Window("messages", "P6.2", "Messages and conversations", "until you delete them", "customer"),
    Window("error_telemetry", "P6.3", "Error reports at Sentry", "30 days", "provider"),
    _swept(DELIVERY_LOG, "Calls at webhooks", "90 days"),
    _swept(INVOICES, "Invoices", "7 years"),
    _swept(USAGE, "What invoices were made of", "7 years"),
    _swept(BACKUPS, "Backups", "29 days; the policy allows 30"),
    _swept(SIGNUPS, "Sign-ups that nobody confirmed", "until their link expires"),
    _swept(SESSIONS, "Sessions", "30 days after they ended"),
    _swept(PASSWORD_RESETS, "Links to choose a new password", "a day after they expire"),
    _swept(EMAIL_CHANGES, "Changes of an address that nobody confirmed", "a day after they expire"),
    _swept(IDEMPOTENCY_KEYS, "Answers kept for repeated requests", "a day"),
    _swept(RATE_LIMITS, "Counters of tries, as keyed hashes", "until they are full again"),
    _swept(EARLY_REPORTS, "Reports that came before their message", "8 days at most"),
    _swept(EARLY_AMENDMENTS, "Changes that came before their message", "8 days at most"),
    _swept(QUARANTINE, "Deliveries that could not be read", "30 days at most"),
    _swept(ERASED_ADDRESSES, "Keyed hashes by which old leads of erased people are known", "91 days"),
    _swept(IMPORT_CHANGES, "What an import changed, so that it can be undone", "25 hours"),
    _swept(BULK_CHANGES, "What an edit of many contacts changed, so that it can be undone", "25 hours"),
    _swept(SWEEP_RUNS, "Records of sweeps", "400 days"),
    _swept(RETENTION_RUNS, "Records of your own windows' sweeps", "400 days"),
)
