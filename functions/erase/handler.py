"""Queue: erase a person, a conversation, a message or a whole organisation, in bites."""

from datetime import timedelta
from typing import Any

from leadsrally import runtime
from leadsrally.privacy.erasure.erase import erase
from leadsrally.privacy.erasure.erase_organization import erase_organization


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Run the jobs that the event rings for."""
    door = runtime.of("erase")

    def left() -> timedelta:
        return timedelta(milliseconds=context.get_remaining_time_in_millis())

    return door.serve(
        event,
        context,
        {
            "erase": lambda job: erase(door.erasure_desk, job, time_left=left),
            "organization": lambda job: erase_organization(door.erasure_desk, job, time_left=left),
        },
    )
