"""§6: for how long."""

from datetime import UTC, datetime, timedelta
from typing import Final

from leadsrally.kit.db import Tx
from leadsrally.privacy.clauses.types import Clause, Finding
from leadsrally.privacy.retention import BILLING, DELIVERY_LOG

_SWEEP_GRACE = timedelta(hours=1)  # the sweep runs on the hour; a day expires at midnight UTC

_LOG_ROWS_BEFORE = """
SELECT count(*) FROM delivery_log WHERE received_at < %(cutoff)s
"""


def _log_rows_before(tx: Tx, cutoff: datetime) -> int:
    return tx.value(_LOG_ROWS_BEFORE, {"cutoff": cutoff})


def _delivery_log_swept(tx: Tx, now: datetime) -> Finding:
    due = _log_rows_before(tx, DELIVERY_LOG.cutoff(now - _SWEEP_GRACE))
    return Finding(due == 0, f"{due} rows of the delivery log are older than {DELIVERY_LOG.days} days")


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


CLAUSES: Final = (
    Clause("P6.1", "Accounts end 30 days after deletion"),
    Clause("P6.2", "Messages stay until the customer deletes them"),
    Clause("P6.3", "Error telemetry for 30 days"),
    Clause("P6.4", "Webhook delivery logs for 90 days", _delivery_log_swept),
    Clause("P6.5", "Billing records for 7 years", _billing_kept),
    Clause("P6.6", "Backups for 30 days"),
)
