"""§6: for how long.

What lies at a provider no query of ours can see. There a person looks, or a command that asks, and what they found
counts for some weeks (privacy/outside).
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from leadsrally.kit.db import Tx
from leadsrally.privacy.clauses.types import Clause, Finding
from leadsrally.privacy.keep_windows import SWEPT
from leadsrally.privacy.retention import BACKUPS, BILLING, DELIVERY_LOG
from leadsrally.privacy.watch import alarms

_SWEEP_GRACE = timedelta(hours=1)  # the sweep runs on the hour; a day expires at midnight UTC

_LOG_ROWS_BEFORE = """
SELECT count(*) FROM delivery_log WHERE received_at < %(cutoff)s
"""


def _log_rows_before(tx: Tx, cutoff: datetime) -> int:
    return tx.value(_LOG_ROWS_BEFORE, {"cutoff": cutoff})


def _delivery_log_swept(tx: Tx, now: datetime) -> Finding:
    due = _log_rows_before(tx, DELIVERY_LOG.cutoff(now - _SWEEP_GRACE))
    late = len(alarms(tx, SWEPT, now))
    return Finding(
        due == 0 and late == 0,
        f"{due} rows of the delivery log are older than {DELIVERY_LOG.days} days; {late} of {len(SWEPT)} windows were not"
        " swept in the last day or have something left",
    )


_LOOKED_LATELY = timedelta(days=35)  # a look a month, and some days
_REHEARSED_LATELY = timedelta(days=100)  # a rehearsal a quarter
_BACKED_UP_LATELY = timedelta(hours=26)  # one a day
_BACKUPS_KEPT = timedelta(days=30)

_LOOKS = """
SELECT DISTINCT ON (subject) subject, verdict, looked_at
  FROM outside_checks
 ORDER BY subject, looked_at DESC
"""


@dataclass(frozen=True, slots=True)
class _Look:
    subject: str
    verdict: str
    looked_at: datetime


def _looks(tx: Tx) -> dict[str, _Look]:
    return {look.subject: look for look in tx.all(_Look, _LOOKS, {})}


def _told(look: _Look | None, now: datetime, lately: timedelta = _LOOKED_LATELY) -> tuple[bool, str]:
    """Whether what was found is good and new enough, and in words what it was."""
    if look is None:
        return False, "never looked at"
    age = now - look.looked_at
    good = look.verdict != "broken" and age <= lately
    return good, f"{look.verdict}, looked at {max(age.days, 0)} days ago"


def _telemetry_is_short(tx: Tx, now: datetime) -> Finding:
    looks = _looks(tx)
    plan, of_plan = _told(looks.get("sentry_plan"), now)
    events, of_events = _told(looks.get("sentry_events"), now)
    asked = "sentry_events" in looks
    return Finding(
        plan and (events or not asked),
        f"what the Sentry plan keeps: {of_plan}; older events: {of_events if asked else 'not asked for'}",
    )


_BACKUPS = """
SELECT max(at) AS newest,
       min(at) AS first,
       min(at) FILTER (WHERE deleted_at IS NULL) AS oldest,
       count(*) FILTER (WHERE deleted_at IS NULL) AS there
  FROM backups
"""


@dataclass(frozen=True, slots=True)
class _Backups:
    newest: datetime | None
    first: datetime | None
    oldest: datetime | None
    there: int


def _backups_roll_off(tx: Tx, now: datetime) -> Finding:
    own = tx.one(_Backups, _BACKUPS, {})
    late = bool(alarms(tx, [BACKUPS.name], now))
    made = own.newest is not None and now - own.newest <= _BACKED_UP_LATELY
    young = own.oldest is None or now - own.oldest <= _BACKUPS_KEPT
    looks = _looks(tx)
    host, of_host = _told(looks.get("railway_backups"), now)
    rehearsed, of_rehearsal = _told(looks.get("restore_rehearsal"), now, _REHEARSED_LATELY)
    if own.first is not None and now - own.first <= _REHEARSED_LATELY and "restore_rehearsal" not in looks:
        rehearsed, of_rehearsal = True, "due within 100 days of the first backup"
    return Finding(
        made and young and not late and host and rehearsed,
        f"{own.there} backups, {'one of today' if made else 'NONE OF TODAY'}, "
        f"{'none' if young and not late else 'SOME'} past the window; the host's own: {of_host}; rehearsal: {of_rehearsal}",
    )


_BILLING_TOO_OLD = """
SELECT (SELECT count(*) FROM invoices WHERE kept_until <= %(day)s)
     + (SELECT count(*) FROM usage WHERE occurred_on < %(month)s)
"""


def _billing_too_old(tx: Tx, now: datetime) -> int:
    """Invoices and usage that should have been deleted by then."""
    given = {"day": now.astimezone(UTC).date(), "month": BILLING.cutoff(now).date()}
    return tx.value(_BILLING_TOO_OLD, given)


# Of the last six years: later the sweep takes months away, and numbers with them.
_GAPS = """
SELECT coalesce(sum(taken), 0)::bigint
  FROM (SELECT max(split_part(number, '-', 2)::bigint) - min(split_part(number, '-', 2)::bigint) + 1 - count(*) AS taken
          FROM invoices
         WHERE issued_at >= %(since)s
           AND number ~ '^[0-9]{4}-[0-9]+$'
         GROUP BY split_part(number, '-', 1)) AS years
"""


def _gaps(tx: Tx, now: datetime) -> int:
    """Numbers of invoices that nobody has, between those that somebody has."""
    return tx.value(_GAPS, {"since": now - timedelta(days=6 * 365)})


_WAYS_TO_CHANGE = """
SELECT (SELECT 4 - count(*)
          FROM pg_catalog.pg_trigger
         WHERE tgrelid IN ('public.invoices'::regclass, 'public.invoice_lines'::regclass)
           AND tgname IN ('stays', 'adds_up')
           AND tgenabled = 'O')
     + (SELECT count(*)
          FROM pg_catalog.pg_roles AS r
         CROSS JOIN unnest(ARRAY['public.invoices', 'public.invoice_lines']) AS t (name)
         WHERE r.rolname LIKE 'leadsrally\\_%%'
           AND r.rolcanlogin
           AND r.rolname <> 'leadsrally_migrate'
           AND (has_any_column_privilege(r.oid, t.name, 'UPDATE')
                OR (has_table_privilege(r.oid, t.name, 'DELETE') AND r.rolname <> 'leadsrally_retention_sweep')))
     + (SELECT count(*)
          FROM pg_catalog.pg_constraint
         WHERE conrelid IN ('public.invoices'::regclass, 'public.invoice_lines'::regclass)
           AND confrelid = 'public.organizations'::regclass)
"""


def _ways_to_change(tx: Tx) -> int:
    """What could change an invoice, or take it away with its customer."""
    return tx.value(_WAYS_TO_CHANGE, {})


def _billing_kept(tx: Tx, now: datetime) -> Finding:
    old, gaps, ways = _billing_too_old(tx, now - _SWEEP_GRACE), _gaps(tx, now), _ways_to_change(tx)
    return Finding(
        old == 0 and gaps == 0 and ways == 0,
        f"{old} billing records are older than {BILLING.years} years; {gaps} gaps in the numbers of invoices;"
        f" {ways} ways to change one or to lose it with its customer",
    )


_A_DAY: Final = timedelta(days=1)  # for a job that waits for its turn, and for what it erases
_LEAVINGS = """
SELECT (SELECT count(*)
          FROM account_deletions
         WHERE reversed_at IS NULL
           AND erased_at IS NULL
           AND erases_at < %(overdue)s)
       AS late,
       (SELECT count(*)
          FROM account_deletions
         WHERE erases_at <> requested_at + interval '720 hours'
            OR erased_at < erases_at)
       AS early,
       (SELECT count(*)
          FROM users AS u
          JOIN organizations AS o ON o.id = u.organization_id
         WHERE o.state = 'erased')
       AS people
"""


def _accounts_end(tx: Tx, now: datetime) -> Finding:
    found = tx.dicts(_LEAVINGS, {"overdue": now - _A_DAY})[0]
    return Finding(
        not any(found.values()),
        f"{found['late']} deleted accounts are overdue, {found['early']} were erased before thirty days;"
        f" {found['people']} people of erased accounts are left",
    )


_STILL_ASKED: Final = timedelta(days=31)  # thirty days of asking, and a day for the last time
_MESSAGES_KEPT = """
SELECT (SELECT count(*) FROM provider_copies WHERE asked_at < %(asked)s) AS copies,
       (SELECT count(*)
          FROM conversations AS c
         WHERE c.contact_id IS NULL
           AND NOT EXISTS (SELECT 1
                             FROM erasures AS e
                            WHERE e.organization_id = c.organization_id
                              AND e.state = 'erasing'))
       AS threads,
       (SELECT count(*)
          FROM pg_catalog.pg_roles
         WHERE rolname LIKE 'leadsrally\\_%%'
           AND rolcanlogin
           AND rolname NOT IN ('leadsrally_migrate', 'leadsrally_erase', 'leadsrally_retention_sweep')
           AND has_table_privilege(oid, 'public.messages', 'DELETE'))
       AS roles
"""


def _messages_deleted(tx: Tx, now: datetime) -> Finding:
    found = tx.dicts(_MESSAGES_KEPT, {"asked": now - _STILL_ASKED})[0]
    return Finding(
        not any(found.values()),
        f"{found['threads']} deleted conversations are left; {found['copies']} copies at providers were asked for in"
        f" vain and it was not said; {found['roles']} roles may delete a message besides those that erase what was"
        " asked for and that keep a customer's own windows",
    )


CLAUSES: Final = (
    Clause("P6.1", "Accounts end 30 days after deletion", _accounts_end),
    Clause("P6.2", "Messages stay until the customer deletes them", _messages_deleted),
    Clause("P6.3", "Error telemetry for 30 days", _telemetry_is_short),
    Clause("P6.4", "Webhook delivery logs for 90 days", _delivery_log_swept),
    Clause("P6.5", "Billing records for 7 years", _billing_kept),
    Clause("P6.6", "Backups for 30 days", _backups_roll_off),
)
