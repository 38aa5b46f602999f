"""Queue and schedule: read the lead forms of a page, from the day it is connected and then every hour."""

from typing import Any

from leadsrally import runtime
from leadsrally.messaging.leads.catch_up import BACKFILL, ask_for_every_page, read_form, read_page


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Run the readings that the event rings for; on the hour, ask for one of every page.

    Returns what a queue wants to hear, or the count that it asked for.
    """
    door = runtime.of("lead_catch_up")
    if "Records" in event:
        return door.serve(
            event,
            context,
            {
                BACKFILL: lambda job: read_page(door.lead_desk, job, "backfill"),
                "catch_up": lambda job: read_page(door.lead_desk, job, "catch_up"),
                "read_form": lambda job: read_form(door.lead_desk, job),
            },
        )
    with door.invocation(context):
        return {"asked": ask_for_every_page(door.lead_desk)}
