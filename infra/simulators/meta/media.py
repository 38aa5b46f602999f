"""Media: uploaded by a business or sent by a person, asked for by id, downloaded with the token.

https://developers.facebook.com/documentation/business-messaging/whatsapp/business-phone-numbers/media
"""

import hashlib
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any

from infra.simulators.meta.accounts import new_id
from infra.simulators.meta.errors import Refused

_MEGABYTE = 1_000_000
# Largest size by type; https://developers.facebook.com/docs/whatsapp/cloud-api/reference/media#supported-media-types
LIMITS: dict[str, tuple[frozenset[str], int]] = {
    "image": (frozenset({"image/jpeg", "image/png"}), 5 * _MEGABYTE),
    "sticker": (frozenset({"image/webp"}), 500_000),
    "video": (frozenset({"video/mp4", "video/3gpp"}), 16 * _MEGABYTE),
    "audio": (
        frozenset({"audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg", "audio/opus"}),
        16 * _MEGABYTE,
    ),
    "document": (frozenset(), 100 * _MEGABYTE),
}
_DOCUMENTS = (
    "text/plain",
    "application/pdf",
    "application/msword",
    "application/vnd.ms-excel",
    "application/vnd.ms-powerpoint",
    "application/vnd.openxmlformats-officedocument.",
)


@dataclass(frozen=True)
class Media:
    content: bytes = field(repr=False)
    content_type: str
    file_name: str = ""
    id: str = field(default_factory=new_id)

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    def as_json(self, base: str) -> dict[str, Any]:
        return {
            "messaging_product": "whatsapp",
            "url": f"{base}/whatsapp_business/attachments/?mid={self.id}&ext=1800000000&hash={self.sha256[:20]}",
            "mime_type": self.content_type,
            "sha256": self.sha256,
            "file_size": len(self.content),
            "id": self.id,
        }


class Shelf:
    """All media by id."""

    def __init__(self) -> None:
        self._held: dict[str, Media] = {}

    def put(self, media: Media) -> Media:
        self._held[media.id] = media
        return media

    def get(self, media_id: str) -> Media | None:
        return self._held.get(media_id)

    def remove(self, media_id: str) -> None:
        self._held.pop(media_id, None)


def uploaded(content_type: str, body: bytes) -> Media:
    """The file of a multipart upload. Raises `Refused` for a wrong or too large one."""
    fields: dict[str, tuple[str, str, bytes]] = {}
    message = BytesParser(policy=HTTP).parsebytes(
        b"Content-Type: " + content_type.encode("latin-1") + b"\r\n\r\n" + body
    )
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(content, bytes):
            fields[name] = part.get_content_type(), part.get_filename() or "", content
    if "messaging_product" not in fields or fields["messaging_product"][2] != b"whatsapp":
        raise Refused(100, "(#100) The parameter messaging_product is required.")
    if "file" not in fields:
        raise Refused(100, "(#100) The parameter file is required.")
    kind, file_name, content = fields["file"]
    told = fields.get("type")
    kind = told[2].decode() if told is not None else kind
    largest = _largest(kind)
    if largest is None:
        raise Refused(
            100, f"Param file must be a file with one of the supported types. Received file of type '{kind}'."
        )
    if not content or len(content) > largest:
        raise Refused(131053, "Media file size too big.")
    return Media(content, kind, file_name)


def _largest(content_type: str) -> int | None:
    base = content_type.partition(";")[0].strip()
    for types, largest in LIMITS.values():
        if base in types:
            return largest
    return LIMITS["document"][1] if base.startswith(_DOCUMENTS) else None
