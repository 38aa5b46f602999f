"""Queue: score the newest message of a conversation."""

from typing import Any

from leadsrally import runtime
from leadsrally.ai.score import score_conversation


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Run the scoring jobs that the event rings for."""
    door = runtime.of("ai_score")
    return door.serve(event, context, {"score": lambda job: score_conversation(door.desk, job)})
