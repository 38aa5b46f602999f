"""Queue: fetch a lead that Meta has told us of, and make a contact of it."""

from typing import Any

from leadsrally import runtime
from leadsrally.messaging.leads.fetch import fetch_lead


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Run the jobs that the event rings for."""
    door = runtime.of("fetch_lead")
    return door.serve(event, context, {"fetch": lambda job: fetch_lead(door.lead_desk, job)})
