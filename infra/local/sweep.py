"""`leadsrally sweep`: keep the windows now, or only count with `--dry-run`."""

from datetime import timedelta

from infra.local.production import Installation
from leadsrally.kit.clock import system_clock
from leadsrally.kit.db import Database, refuse_strong_role
from leadsrally.privacy.keep_windows import keep_windows


def sweep(installation: Installation, *, dry_run: bool) -> None:
    """Print what was due before, deleted, and due after, for each window."""
    db = Database(installation.role_url("leadsrally_retention_sweep"))
    refuse_strong_role(db)
    runs = keep_windows(db, system_clock, dry_run=dry_run, time_left=lambda: timedelta(hours=1))
    db.close()
    what = "would delete" if dry_run else "deleted"
    for run in runs:
        count = run.due_before if dry_run else run.deleted
        print(
            f"{run.rule}: kept from {run.cutoff:%Y-%m-%d %H:%M} UTC on · due before {run.due_before}"
            f" · {what} {count} · due after {run.due_after}"
        )
