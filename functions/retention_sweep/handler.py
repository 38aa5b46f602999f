"""Schedule: keep every retention window, then those of customers' own.

`{"dry_run": true}` counts what is due by the policy and deletes nothing.
"""

from datetime import timedelta
from typing import Any

from leadsrally import runtime
from leadsrally.privacy.keep_windows import keep_windows
from leadsrally.privacy.own_windows.sweep import sweep_own_windows


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Returns what was due before, deleted, and due after, in rows, for each window; and of customers' own, how many.

    A window of the policy that cannot be kept stops none of customers' own: its error is raised when they had their turn.
    """
    door = runtime.of("retention_sweep")
    dry_run = event.get("dry_run") is True

    def time_left() -> timedelta:
        return timedelta(milliseconds=context.get_remaining_time_in_millis())

    with door.invocation(context):
        try:
            runs = keep_windows(door.db, door.clock, dry_run=dry_run, time_left=time_left)
        finally:
            own = [] if dry_run else sweep_own_windows(door.erasure_desk, time_left=time_left)
    return {
        "own": len(own),
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
        ],
    }
