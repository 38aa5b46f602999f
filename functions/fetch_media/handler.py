"""Queue: fetch the files of messages from their providers into the storage, drop those taken back or never sent."""

from typing import Any

from leadsrally import runtime
from leadsrally.messaging.media.discard import discard_media
from leadsrally.messaging.media.fetch import fetch_media
from leadsrally.messaging.media.upload import drop_unsent


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Run the jobs that the event rings for."""
    door = runtime.of("fetch_media")
    return door.serve(
        event,
        context,
        {
            "fetch": lambda job: fetch_media(door.media, job),
            "drop": lambda job: drop_unsent(door.media, job),
            "discard": lambda job: discard_media(door.media, job),
        },
    )
