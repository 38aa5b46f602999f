"""§6: for how long."""

from datetime import datetime, timedelta
from typing import Final

from leadsrally.kit.db import Tx
from leadsrally.privacy.clauses.types import Clause, Finding
from leadsrally.privacy.retention import DELIVERY_LOG

_SWEEP_GRACE = timedelta(hours=1)  # the sweep runs on the hour; a day expires at midnight UTC

_LOG_ROWS_BEFORE = """
SELECT count(*) FROM delivery_log WHERE received_at < %(cutoff)s
"""


def _log_rows_before(tx: Tx, cutoff: datetime) -> int:
    return tx.value(_LOG_ROWS_BEFORE, {"cutoff": cutoff})


def _delivery_log_swept(tx: Tx, now: datetime) -> Finding:
    due = _log_rows_before(tx, DELIVERY_LOG.cutoff(now - _SWEEP_GRACE))
    return Finding(due == 0, f"{due} rows of the delivery log are older than {DELIVERY_LOG.days} days")


CLAUSES: Final = (
    Clause("P6.1", "Accounts end 30 days after deletion"),
    Clause("P6.2", "Messages stay until the customer deletes them"),
    Clause("P6.3", "Error telemetry for 30 days"),
    Clause("P6.4", "Webhook delivery logs for 90 days", _delivery_log_swept),
    Clause("P6.5", "Billing records for 7 years"),
    Clause("P6.6", "Backups for 30 days"),
)
