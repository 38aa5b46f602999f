"""The text of an API key: `lr_` and base64url without padding of organisation (16 bytes) · key (16) · secret (32).

It names its tenant, so that a key is looked up behind the wall like everything else. It rests as SHA-256, which is
enough for 32 random bytes: nobody can try them.
"""

import base64
import binascii
import hashlib
from dataclasses import dataclass, field
from uuid import UUID

from leadsrally.kit.errors import Unauthenticated

PREFIX = "lr_"
SECRET_BYTES = 32
_ID = 16
_SHOWN = len(PREFIX) + 2 * _ID * 4 // 3  # characters that hold nothing of the secret


@dataclass(frozen=True, slots=True)
class ApiKey:
    organization_id: UUID
    id: UUID
    secret: bytes = field(repr=False)

    def spell(self) -> str:
        """The one spelling of this key."""
        raw = self.organization_id.bytes + self.id.bytes + self.secret
        return PREFIX + base64.urlsafe_b64encode(raw).decode().rstrip("=")

    def hash(self) -> bytes:
        """What is stored of it."""
        return hashlib.sha256(self.secret).digest()


def read(spelled: str) -> ApiKey:
    """The parts of a key. Raises `Unauthenticated` for what cannot be one; proves nothing yet."""
    encoded = spelled.removeprefix(PREFIX)
    try:
        raw = base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) == 2 * _ID + SECRET_BYTES:
        key = ApiKey(UUID(bytes=raw[:_ID]), UUID(bytes=raw[_ID : 2 * _ID]), raw[2 * _ID :])
        if key.spell() == spelled:  # the last character of base64 has bits that decoding would ignore
            return key
    raise unknown()


def unknown() -> Unauthenticated:
    """The one answer to every key that opens nothing."""
    return Unauthenticated("This API key is not valid, or no longer.", code="api_key_invalid")


def prefix_of(organization_id: UUID, key_id: UUID) -> str:
    """What a key begins with: enough to find it in a list, and nothing of its secret."""
    return ApiKey(organization_id, key_id, bytes(SECRET_BYTES)).spell()[:_SHOWN]
