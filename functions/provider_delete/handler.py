"""Queue: ask providers to delete their copies of what was erased here."""

from datetime import timedelta
from typing import Any

from leadsrally import runtime
from leadsrally.messaging.copies.delete import delete_copies


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Run the jobs that the event rings for."""
    door = runtime.of("provider_delete")

    def left() -> timedelta:
        return timedelta(milliseconds=context.get_remaining_time_in_millis())

    return door.serve(
        event, context, {"delete": lambda job: delete_copies(door.copy_desk, job, time_left=left)}
    )
