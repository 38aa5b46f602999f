"""Schedule: keep every retention window. `{"dry_run": true}` counts and deletes nothing."""

from datetime import timedelta
from typing import Any

from leadsrally import runtime
from leadsrally.privacy.keep_windows import keep_windows


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Returns what was due before, deleted, and due after, in rows, for each window."""
    door = runtime.of("retention_sweep")
    with door.invocation(context):
        runs = keep_windows(
            door.db,
            door.clock,
            dry_run=event.get("dry_run") is True,
            time_left=lambda: timedelta(milliseconds=context.get_remaining_time_in_millis()),
        )
    return {
        "runs": [
            {
                "rule": run.rule,
                "dry_run": run.dry_run,
                "cutoff": run.cutoff.isoformat(),
                "due_before": run.due_before,
                "deleted": run.deleted,
                "due_after": run.due_after,
            }
            for run in runs
        ]
    }
