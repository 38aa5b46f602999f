"""Queue and schedule: bring our copy of each WhatsApp account's templates up to date."""

from typing import Any

from leadsrally import runtime
from leadsrally.messaging.templates.sync import ask_for_every_sync, perform_sync


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Run the syncs that the event rings for; on the hour, ask for one of every account.

    Returns what a queue wants to hear, or the count that it asked for.
    """
    door = runtime.of("template_sync")
    if "Records" in event:
        return door.serve(event, context, {"sync": lambda job: perform_sync(door.template_desk, job)})
    with door.invocation(context):
        return {"asked": ask_for_every_sync(door.template_desk)}
