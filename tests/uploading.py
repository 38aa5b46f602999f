"""Putting files where the API says, as whoever has them would."""

from typing import Any
from uuid import UUID

from leadsrally import runtime
from leadsrally.messaging.media.upload import announce_upload, look_at_upload
from leadsrally.providers.storage.folder import LINK_PATH, FolderLinks, FolderStorage
from tests.world import World

PNG = b"\x89PNG\r\n\x1a\n" + b"canary of a picture" * 10
PDF = b"%PDF-1.7\n" + b"x" * 70_000
MP3 = b"ID3\x03" + b"\0" * 1_000
WEBP = b"RIFF\x10\0\0\0WEBPVP8 " + b"\0" * 100


def put(url: str, content: bytes) -> int:
    """As the one-process host does with a `PUT` to this address; returns the size."""
    door = runtime.of("api")
    storage, links = door.storage, door.links
    assert isinstance(storage, FolderStorage)
    assert isinstance(links, FolderLinks)
    awaited = links.read_upload(url.rpartition(LINK_PATH)[2])
    assert awaited.size == len(content)
    return storage.put_first(awaited.key, [content])


def uploaded(
    world: World, organization_id: UUID, content: bytes = PNG, told: str = "image/png", name: str = "blue.png"
) -> UUID:
    """An upload that was put there and looked at."""
    door = runtime.of("api")
    with door.db.tenant(organization_id) as tx:
        made = announce_upload(
            tx,
            door.links,
            organization_id,
            file_name=name,
            content_type=told,
            size=len(content),
            now=world.clock.now,
        )
    put(made.link.url, content)
    upload = look_at_upload(door.db, door.storage, world.clock, organization_id, made.id)
    assert upload.state == "stored", upload
    return made.id


def media(world: World) -> list[dict[str, Any]]:
    return world.rows("SELECT * FROM media ORDER BY created_at, message_id, place")
