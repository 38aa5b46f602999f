"""Queue: the only door through which a contact is messaged."""

from typing import Any

from leadsrally import runtime
from leadsrally.sending.reconcile import reconcile
from leadsrally.sending.send import send_message


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Send what the gate lets through, and look up what became of calls that got no answer."""
    door = runtime.of("send_message")
    return door.serve(
        event,
        context,
        {
            "send": lambda job: send_message(door.post, job),
            "reconcile": lambda job: reconcile(door.post, job),
        },
    )
