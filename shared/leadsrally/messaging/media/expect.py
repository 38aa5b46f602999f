"""What came with a message besides its text: written down with it, and fetched later."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from leadsrally.jobs.enqueue import enqueue
from leadsrally.kit.db import Tx
from leadsrally.messaging.media import store as media_store
from leadsrally.messaging.types import MediaReference

_ATTEMPTS: Final = 16  # with their pauses some five hours; after that `fetch` goes on every hour


def expect_media(
    tx: Tx, organization_id: UUID, message_id: UUID, media: Sequence[MediaReference], *, now: datetime
) -> None:
    """Note each file of a message, in order, and promise to fetch it."""
    for media_id in media_store.expect(tx, organization_id, message_id, media, now=now):
        payload = {"media_id": str(media_id)}
        enqueue(tx, organization_id, "fetch_media", "fetch", payload, now=now, max_attempts=_ATTEMPTS)
