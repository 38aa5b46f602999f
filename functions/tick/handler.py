"""Schedule, each minute: free the jobs of lost workers and ring for what is due; once an hour, look after the sweeps."""

from typing import Any

from leadsrally import runtime
from leadsrally.jobs.tick import tick
from leadsrally.privacy.watch import watch_windows
from leadsrally.telemetry import log

QUEUES = (
    "ai_score",
    "automation",
    "bulk_contacts",
    "erase",
    "export",
    "fetch_lead",
    "fetch_media",
    "lead_catch_up",
    "provider_delete",
    "send_message",
    "import_contacts",
    "manage_channel",
    "notify",
    "template_sync",
)

_LOOKS_AFTER_SWEEPS = 30  # the minute: they begin on the hour


def handler(_event: dict[str, Any], context: Any) -> dict[str, int]:
    """Returns the counts it logs. A missed or a doubled tick changes nothing but the time of a job."""
    door = runtime.of("tick")
    with door.invocation(context):
        counts = tick(door.db, door.clock, QUEUES, door.ring)
        log.info("tick.done", **counts)
        if door.clock().minute == _LOOKS_AFTER_SWEEPS:
            for alarm in watch_windows(door.db, door.clock):
                door.errors.capture(alarm)
            door.errors.flush(2.0)  # Lambda freezes the process as soon as the door answers
    return counts
