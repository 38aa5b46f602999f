"""Give a stored file to somebody who may read its message: an address that is soon worth nothing."""

from dataclasses import dataclass
from uuid import UUID

from leadsrally.kit.db import Tx
from leadsrally.kit.errors import Conflict, NotFound
from leadsrally.kit.sniff import file_name
from leadsrally.kit.storage import Link, Links
from leadsrally.messaging.media import store as media_store
from leadsrally.messaging.media.store import key_of


@dataclass(frozen=True, slots=True)
class Download:
    link: Link
    file_name: str
    content_type: str
    bytes: int


def share_media(tx: Tx, links: Links, organization_id: UUID, message_id: UUID, media_id: UUID) -> Download:
    """A short-lived link to one file of a message.

    Raises `NotFound` for a file that is not there, was refused or is gone, and `Conflict` for one that is still
    being fetched.
    """
    media = media_store.one(tx, organization_id, message_id, media_id)
    if media is None:
        raise NotFound("There is no such file.", code="media_not_found")
    if media.state == "pending":
        raise Conflict("The file is still being fetched. Try again in a moment.", code="media_pending")
    if media.state != "stored" or media.bytes is None:
        raise NotFound("The file was refused or is gone; its message says why.", code="media_not_stored")
    name = file_name(media.file_name, media.content_type, f"attachment-{media.place + 1}")
    link = links.link(key_of(organization_id, media_id), file_name=name, content_type=media.content_type)
    return Download(link, name, media.content_type, media.bytes)
