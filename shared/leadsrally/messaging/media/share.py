"""Give a stored file to somebody who may read its message: an address that is soon worth nothing."""

from dataclasses import dataclass
from pathlib import PurePosixPath
from uuid import UUID

from leadsrally.kit.db import Tx
from leadsrally.kit.errors import Conflict, NotFound
from leadsrally.kit.sniff import ENDINGS
from leadsrally.kit.storage import Link, Links
from leadsrally.messaging.media import store as media_store
from leadsrally.messaging.media.store import Media, key_of


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
    name = _file_name(media)
    link = links.link(key_of(organization_id, media_id), file_name=name, content_type=media.content_type)
    return Download(link, name, media.content_type, media.bytes)


def _file_name(media: Media) -> str:
    """The sender's name for it with the ending of what it is, so that no `photo.jpg.exe` is downloaded."""
    stem = PurePosixPath(media.file_name).stem or f"attachment-{media.place + 1}"
    return f"{stem}{ENDINGS.get(media.content_type, '')}"
