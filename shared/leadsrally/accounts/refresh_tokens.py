"""Refresh tokens: each is good for one use, and the database holds only the hash of the current one.

Layout, base64url without padding, after the prefix: organisation (16 bytes) · session (16) · secret (32) · seal (16).

The seal is ours, so what was never a token of that session costs no look-up and cannot end it either. The next
secret follows from the one before by a key that the database does not know: two tabs that refresh in the same
moment get the same successor, and nobody who holds a token or the database can work it out.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from uuid import UUID

from leadsrally.kit.errors import Unauthenticated

PREFIX = "lrr_"
_ID = 16
_SECRET = 32
_SEAL = 16
_BYTES = 2 * _ID + _SECRET + _SEAL


@dataclass(frozen=True, slots=True)
class RefreshToken:
    organization_id: UUID
    session_id: UUID
    secret: bytes = field(repr=False)

    @property
    def hash(self) -> bytes:
        """What rests in the database. The secret is random, so a plain hash of it cannot be searched."""
        return hashlib.sha256(self._place + self.secret).digest()

    @property
    def _place(self) -> bytes:
        return self.organization_id.bytes + self.session_id.bytes

    def spell(self, key: bytes) -> str:
        """The token as it is handed out."""
        raw = self._place + self.secret
        return PREFIX + base64.urlsafe_b64encode(raw + _seal(key, raw)).decode().rstrip("=")

    def next(self, key: bytes) -> "RefreshToken":
        """Its one successor."""
        secret = hmac.digest(key, b"leadsrally.refresh.next.1\x00" + self._place + self.secret, "sha256")
        return RefreshToken(self.organization_id, self.session_id, secret)


def first(organization_id: UUID, session_id: UUID) -> RefreshToken:
    """The token with which a session begins."""
    return RefreshToken(organization_id, session_id, secrets.token_bytes(_SECRET))


def read(key: bytes, token: str) -> RefreshToken:
    """Raises `Unauthenticated` for what we did not make, in the same words as for a session that has ended."""
    spelled = token.removeprefix(PREFIX)
    try:
        raw = base64.b64decode(spelled + "=" * (-len(spelled) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    body, seal = raw[:-_SEAL], raw[-_SEAL:]
    if len(raw) != _BYTES or not hmac.compare_digest(seal, _seal(key, body)):
        raise Unauthenticated("Log in again: this session has ended.", code="session_ended")
    return RefreshToken(UUID(bytes=raw[:_ID]), UUID(bytes=raw[_ID : 2 * _ID]), raw[2 * _ID : -_SEAL])


def _seal(key: bytes, body: bytes) -> bytes:
    return hmac.digest(key, b"leadsrally.refresh.seal.1\x00" + body, "sha256")[:_SEAL]
