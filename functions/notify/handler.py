"""Queue: tell people of a customer what they need to know, by mail through Resend and in product."""

from typing import Any

from leadsrally import runtime
from leadsrally.jobs.types import Job, Perform, Result
from leadsrally.notices.matters.tellings import TELLINGS
from leadsrally.notices.tell import tell
from leadsrally.notices.unblock import allow


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Run the jobs that the event rings for: each kind of notice, and `allow` for an address put right."""
    door = runtime.of("notify")

    def told(job: Job) -> Result:
        return tell(door.mailroom, job)

    performers: dict[str, Perform] = dict.fromkeys(TELLINGS, told)
    return door.serve(event, context, {**performers, "allow": lambda job: allow(door.mailroom, job)})
