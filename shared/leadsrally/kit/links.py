"""Links that act without a log-in: signed, not stored.

A link's token carries an organisation, a row and a signature over both and over what the link is for. Whoever
reads the database, or a copy of it, cannot make one; the row says until when it counts and whether it was used.

Layout of a token, base64url without padding: organisation (16 bytes) · row (16) · HMAC-SHA256 (32).
"""

import base64
import binascii
import hmac
from uuid import UUID

from leadsrally.kit.errors import NotFound

_ID = 16
_MAC = 32
_TOKEN = 2 * _ID + _MAC


def sign(key: bytes, purpose: str, organization_id: UUID, row_id: UUID) -> str:
    """The token of a link: 86 characters that may stand in an address."""
    place = organization_id.bytes + row_id.bytes
    return base64.urlsafe_b64encode(place + _mac(key, purpose, place)).decode().rstrip("=")


def read(key: bytes, purpose: str, token: str) -> tuple[UUID, UUID]:
    """The organisation and the row that a link speaks of.

    Raises `NotFound` for anything we did not sign for this purpose, in the same words for all of it.
    """
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    place, mac = raw[: 2 * _ID], raw[2 * _ID :]
    # A token has one spelling: the last character of base64 has bits that decoding would ignore.
    spelled = base64.urlsafe_b64encode(raw).decode().rstrip("=") == token
    if len(raw) != _TOKEN or not spelled or not hmac.compare_digest(mac, _mac(key, purpose, place)):
        raise no_longer()
    return UUID(bytes=place[:_ID]), UUID(bytes=place[_ID:])


def no_longer() -> NotFound:
    """What every link that opens nothing is answered with: forged, foreign, used, replaced or too old."""
    return NotFound("This link is not valid, or no longer. Ask for a new one.", code="link_invalid")


def _mac(key: bytes, purpose: str, place: bytes) -> bytes:
    return hmac.digest(key, b"leadsrally.link.1\x00" + purpose.encode() + b"\x00" + place, "sha256")
