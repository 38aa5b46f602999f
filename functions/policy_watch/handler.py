"""Schedule: publish a new version of the privacy policy, tell every owner, date it, remind, raise alarms (P10.1)."""

from datetime import timedelta
from typing import Any

from leadsrally import runtime
from leadsrally.disclosures.subprocessors import hosts_of
from leadsrally.privacy.policy.text import texts
from leadsrally.privacy.policy.watch import PolicyAlarm, Watch, watch


def handler(_event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Returns what somebody has to look at; each of it is reported as an error too."""
    door = runtime.of("policy_watch")
    with door.invocation(context):
        alarms = watch(
            Watch(
                door.db,
                door.clock,
                texts(),
                hosts_of(door.settings.optional("LEADSRALLY_HOSTED_BY")),
                lambda: timedelta(milliseconds=context.get_remaining_time_in_millis()),
            )
        )
        for alarm in alarms:
            door.surprised(PolicyAlarm(alarm))
    return {"alarms": alarms}
