"""Queue: what the house does by itself for a customer who has set it so."""

from typing import Any

from leadsrally import runtime
from leadsrally.automations.answer_lead import answer_lead


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Run the jobs that the event rings for."""
    door = runtime.of("automation")
    return door.serve(event, context, {"first_message": lambda job: answer_lead(door.answer_desk, job)})
