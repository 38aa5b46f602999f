"""Schedule: alarm about confirmed incidents of which customers were not told, after 24, 48 and 66 hours (P8.5)."""

from typing import Any

from leadsrally import runtime
from leadsrally.privacy.incidents.escalate import Alarm, escalate


def handler(_event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Returns how many alarms there were."""
    door = runtime.of("incident_watch")
    with door.invocation(context):
        named = door.settings.optional("LEADSRALLY_OPERATORS") or ""
        operators = [address.strip() for address in named.split(",") if address.strip()]
        alarm = Alarm(door.db, door.clock, lambda: door.mailer, operators, door.surprised)
        return {"alarms": escalate(alarm)}
