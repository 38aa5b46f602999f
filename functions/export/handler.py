"""Queue: build exports part by part, and delete their files when their time is over."""

from datetime import timedelta
from typing import Any

from leadsrally import runtime
from leadsrally.privacy.export.build import build_export, expire_export


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Run the jobs that the event rings for."""
    door = runtime.of("export")

    def left() -> timedelta:
        return timedelta(milliseconds=context.get_remaining_time_in_millis())

    return door.serve(
        event,
        context,
        {
            "build": lambda job: build_export(door.export_desk, job, time_left=left),
            "expire": lambda job: expire_export(door.export_desk, job),
        },
    )
