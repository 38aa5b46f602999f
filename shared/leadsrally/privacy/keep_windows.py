"""Keep every retention window: one sweep after the other, none stopped by another."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Final

from leadsrally.accounts import expired as people
from leadsrally.billing import expired as billing
from leadsrally.consent import erased
from leadsrally.contacts.bulk import expired as bulk
from leadsrally.contacts.imports import expired as imports
from leadsrally.kit.clock import Clock
from leadsrally.kit.db import Database
from leadsrally.kit.expiring import Expiring
from leadsrally.messaging import expired as aside
from leadsrally.privacy import retention, store
from leadsrally.privacy.retention import MonthRule, RowRule
from leadsrally.privacy.sweep import Run, sweep_delivery_log
from leadsrally.privacy.sweep_rows import sweep_rows
from leadsrally.telemetry import log

ROWS: Final[tuple[tuple[RowRule, Expiring], ...]] = (
    (retention.SIGNUPS, people.SIGNUPS),
    (retention.SESSIONS, people.SESSIONS),
    (retention.PASSWORD_RESETS, people.PASSWORD_RESETS),
    (retention.EMAIL_CHANGES, people.EMAIL_CHANGES),
    (retention.IDEMPOTENCY_KEYS, people.IDEMPOTENCY_KEYS),
    (retention.RATE_LIMITS, people.RATE_LIMITS),
    (retention.EARLY_REPORTS, aside.EARLY_REPORTS),
    (retention.EARLY_AMENDMENTS, aside.EARLY_AMENDMENTS),
    (retention.QUARANTINE, aside.QUARANTINE),
    (retention.ERASED_ADDRESSES, erased.ADDRESSES),
    (retention.IMPORT_CHANGES, imports.CHANGES),
    (retention.SWEEP_RUNS, store.SWEEP_RUNS),
    (retention.RETENTION_RUNS, store.RETENTION_RUNS),
    (retention.BULK_CHANGES, bulk.CHANGES),
)
# In this order: usage of which the invoice is gone would be charged again.
MONTHS: Final[tuple[tuple[MonthRule, Expiring], ...]] = (
    (retention.USAGE, billing.USAGE),
    (retention.INVOICES, billing.INVOICES),
)

SWEPT: Final = (retention.DELIVERY_LOG.name, *(rule.name for rule, _ in (*ROWS, *MONTHS)))
"""The names of all windows that are kept here."""


def keep_windows(
    db: Database, clock: Clock, *, dry_run: bool, time_left: Callable[[], timedelta]
) -> list[Run]:
    """Run every sweep; returns what each came to. Raises the first error of one when all have had their turn."""
    sweeps = [partial(sweep_delivery_log, db, clock)]
    sweeps += [partial(sweep_rows, db, clock, rule, expiring) for rule, expiring in (*ROWS, *MONTHS)]
    runs: list[Run] = []
    errors: list[Exception] = []
    for sweep in sweeps:
        try:
            runs.append(sweep(dry_run=dry_run, time_left=time_left))
        except Exception as error:  # noqa: BLE001  raised below
            log.error("sweep.failed", error=error)
            errors.append(error)
    if errors:
        raise errors[0]
    return runs
