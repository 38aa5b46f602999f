"""Queue: fetch the files of messages from their providers into the storage."""

from typing import Any

from leadsrally import runtime
from leadsrally.messaging.fetch_media import fetch_media


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Run the fetching jobs that the event rings for."""
    door = runtime.of("fetch_media")
    return door.serve(event, context, {"fetch": lambda job: fetch_media(door.media, job)})
