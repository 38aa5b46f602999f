"""Schedule, each minute: free the jobs of lost workers and ring for what is due."""

from typing import Any

from leadsrally import runtime
from leadsrally.jobs.tick import tick
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


def handler(_event: dict[str, Any], context: Any) -> dict[str, int]:
    """Returns the counts it logs. A missed or a doubled tick changes nothing but the time of a job."""
    door = runtime.of("tick")
    with door.invocation(context):
        counts = tick(door.db, door.clock, QUEUES, door.ring)
        log.info("tick.done", **counts)
    return counts
