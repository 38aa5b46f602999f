"""Schedule: keep every retention window. `{"dry_run": true}` counts and deletes nothing."""

from datetime import timedelta
from typing import Any

from leadsrally import runtime
from leadsrally.privacy.sweep import sweep_delivery_log


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Returns what was due before, deleted, and due after, in rows."""
    door = runtime.of("retention_sweep")
    with door.invocation(context):
        run = sweep_delivery_log(
            door.db,
            door.clock,
            dry_run=event.get("dry_run") is True,
            time_left=lambda: timedelta(milliseconds=context.get_remaining_time_in_millis()),
        )
    return {
        "rule": run.rule,
        "dry_run": run.dry_run,
        "cutoff": run.cutoff.isoformat(),
        "due_before": run.due_before,
        "deleted": run.deleted,
        "due_after": run.due_after,
    }
