"""Take a file out of the storage whose message was taken back by its author. Its row says so already."""

from uuid import UUID

from leadsrally.jobs.types import Done, Job, Result
from leadsrally.messaging.media.fetch import MediaDesk
from leadsrally.messaging.media.store import key_of


def discard_media(desk: MediaDesk, job: Job) -> Result:
    """Delete the file if it is there. Raises `Unavailable` when the storage is away, and is tried again."""
    desk.storage.delete(key_of(job.organization_id, UUID(job.payload["media_id"])))
    return Done()
