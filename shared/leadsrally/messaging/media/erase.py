"""Take the files of messages out of the storage, before the messages themselves are deleted."""

from collections.abc import Sequence
from uuid import UUID

from leadsrally.kit.clock import Clock
from leadsrally.kit.db import Database
from leadsrally.kit.storage import Storage
from leadsrally.messaging.media import store as media_store
from leadsrally.messaging.media.store import key_of


def erase_media(
    db: Database, storage: Storage, clock: Clock, organization_id: UUID, message_ids: Sequence[UUID]
) -> int:
    """Delete every file of these messages and its row; returns how many there were.

    The row goes last, so whoever was interrupted finds it again and goes on; a message with files left cannot be
    deleted. A file that is being fetched at this moment is withdrawn by its fetcher. Raises `Unavailable` when
    the storage is away: then the files are out of use and still there, and the same call goes on.
    """
    with db.tenant(organization_id) as tx:
        ids = media_store.withdraw(tx, organization_id, message_ids, now=clock())
    for media_id in ids:
        storage.delete(key_of(organization_id, media_id))
    if ids:
        with db.tenant(organization_id) as tx:
            media_store.forget(tx, organization_id, ids)
    return len(ids)
