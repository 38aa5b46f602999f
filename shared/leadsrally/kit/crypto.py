"""How secrets and identifiers rest in the database: credentials sealed, phone numbers as keyed hashes.

Sealing is envelope encryption. Every secret gets its own random data key; the data key is wrapped by a
master key that lives outside the database. Where the secret belongs (organisation, purpose, row) is bound
into both layers, so a blob copied to another row or another tenant does not open there.

Layout of a sealed blob: version (1 byte) · length of the wrapped key (2 bytes) · wrapped key · nonce (12) ·
AES-256-GCM ciphertext with its tag (16 more than the plaintext).
"""

import hmac
import secrets
import struct
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from leadsrally.kit.errors import LeadsRallyError, Misconfigured

KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16
_VERSION = 1
_HEADER = struct.Struct(">BH")  # version, length of the wrapped key
_DERIVED_KEYS_KEPT = 10_000


class SealBroken(LeadsRallyError):
    """A sealed value does not open: altered, cut short, moved to another row, or the wrong master key.

    Says nothing about the value, the key or the place, so it may be logged and shown.
    """

    def __init__(
        self, code: str = "seal_broken", sentence: str = "A stored credential cannot be read. Enter it again."
    ) -> None:
        super().__init__(sentence, code=code)


class KeyRefused(SealBroken):
    """The key service will not use the master key: disabled, about to be deleted, or not ours to use.

    What was sealed is whole and opens again as soon as the key does, so nobody is asked to enter it anew.
    """

    def __init__(self, code: str = "seal_key_refused") -> None:
        super().__init__(
            code,
            "The key that guards this credential cannot be used. An operator must allow it again; nothing is lost.",
        )


@dataclass(frozen=True, slots=True)
class SealContext:
    """Where a secret belongs. The same three values must be given to open it."""

    organization_id: UUID
    purpose: str  # a fixed word, such as "twilio.auth_token"
    row_id: UUID

    def bound(self, label: bytes) -> bytes:
        """The bytes that authenticate this place for one layer.

        Fixed lengths come first and the only free text last, so no two places share an encoding.
        """
        return label + b"\x00" + self.organization_id.bytes + self.row_id.bytes + self.purpose.encode()

    def pairs(self) -> dict[str, str]:
        """The same place as text pairs, for key services that take an encryption context (AWS KMS)."""
        return {
            "organization_id": str(self.organization_id),
            "purpose": self.purpose,
            "row_id": str(self.row_id),
        }


class KeyService(Protocol):
    """Holds master keys that never enter the database. A wrapped key carries its master key's id inside.

    May call an outside system, so nothing is sealed or opened while a transaction is open.
    """

    @property
    def names(self) -> tuple[str, ...]:
        """Ids of all master keys that open here. The first one is current: `wrap` uses it."""
        ...

    def wrap(self, data_key: bytes, context: SealContext) -> bytes:
        """Raises `KeyRefused` and `Unavailable` as `unwrap` does."""
        ...

    def unwrap(self, wrapped: bytes, context: SealContext) -> bytes:
        """The data key.

        Raises `SealBroken` when it does not open here (`KeyRefused` when the master key may not be used) and
        `Unavailable` when the service is away or asks for a pause.
        """
        ...

    def key_id(self, wrapped: bytes) -> str:
        """Which master key wrapped this. Reads, proves nothing. Raises `SealBroken` for what is not ours."""
        ...


@dataclass(frozen=True, slots=True)
class Vault:
    """Seals and opens credentials. The only way they enter or leave the database."""

    keys: KeyService = field(repr=False)

    def seal(self, plaintext: bytes, context: SealContext) -> bytes:
        """A blob that opens only in `context`. Two calls never give the same blob."""
        data_key = secrets.token_bytes(KEY_BYTES)
        wrapped = self.keys.wrap(data_key, context)
        nonce = secrets.token_bytes(NONCE_BYTES)
        return _pack(
            wrapped, nonce + encrypt(data_key, nonce, plaintext, context.bound(b"leadsrally.seal.1"))
        )

    def open(self, blob: bytes, context: SealContext) -> bytes:
        """The plaintext. Raises `SealBroken` when anything at all is different from when it was sealed."""
        wrapped, body = _unpack(blob)
        data_key = self.keys.unwrap(wrapped, context)
        nonce, ciphertext = body[:NONCE_BYTES], body[NONCE_BYTES:]
        return decrypt(data_key, nonce, ciphertext, context.bound(b"leadsrally.seal.1"))

    def key_id(self, blob: bytes) -> str:
        """Id of the master key that guards this blob. Reads, proves nothing. Raises `SealBroken`."""
        wrapped, _ = _unpack(blob)
        return self.keys.key_id(wrapped)

    def is_current(self, blob: bytes) -> bool:
        """False when the blob waits to be moved to the current master key."""
        return self.key_id(blob) == self.keys.names[0]

    def rewrap(self, blob: bytes, context: SealContext) -> bytes:
        """The same secret under the current master key. The plaintext is neither read nor changed."""
        wrapped, body = _unpack(blob)
        return _pack(self.keys.wrap(self.keys.unwrap(wrapped, context), context), body)


def encrypt(key: bytes, nonce: bytes, plaintext: bytes, bound: bytes) -> bytes:
    """AES-256-GCM (NIST SP 800-38D). A nonce must never meet the same key twice."""
    # Imported here: most doors never open a seal, and this costs 15 to 35 ms of a cold start.
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(key).encrypt(nonce, plaintext, bound)


def decrypt(key: bytes, nonce: bytes, ciphertext: bytes, bound: bytes) -> bytes:
    """The reverse of `encrypt`. Raises `SealBroken`."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        return AESGCM(key).decrypt(nonce, ciphertext, bound)
    except (InvalidTag, ValueError):  # ValueError: a nonce or key of impossible length
        raise SealBroken from None


def _pack(wrapped: bytes, body: bytes) -> bytes:
    return _HEADER.pack(_VERSION, len(wrapped)) + wrapped + body


def _unpack(blob: bytes) -> tuple[bytes, bytes]:
    if len(blob) < _HEADER.size:
        raise SealBroken
    version, length = _HEADER.unpack_from(blob)
    end = _HEADER.size + length
    if version != _VERSION or len(blob) < end + NONCE_BYTES + TAG_BYTES:
        raise SealBroken
    return blob[_HEADER.size : end], blob[end:]


class KeyedHash:
    """Recognises a value that we no longer keep: a number that opted out, a message already received.

    A plain SHA-256 of a phone number hides nothing: there are some 10^10 numbers, and one graphics card tries
    them all in seconds. HMAC with a secret that is not in the database cannot be tried at all. The key is
    derived per organisation and purpose, so equal numbers look different to two tenants, and an opt-out
    list cannot be joined with a message log.
    """

    __slots__ = ("_derived", "_secret")

    def __init__(self, secret: bytes) -> None:
        if len(secret) < KEY_BYTES:
            raise Misconfigured(
                f"The hashing secret must have at least {KEY_BYTES} bytes.", code="hash_secret_short"
            )
        self._secret = secret
        self._derived: dict[tuple[UUID, str], bytes] = {}

    def __repr__(self) -> str:
        return "KeyedHash()"

    def of(self, organization_id: UUID, purpose: str, value: str) -> bytes:
        """32 bytes, equal for equal arguments. `value` must already be in its one normal form (E.164, lower case)."""
        place = (organization_id, purpose)
        key = self._derived.get(place)
        if key is None:
            if len(self._derived) >= _DERIVED_KEYS_KEPT:
                self._derived.clear()  # rare and harmless: deriving again costs a few microseconds
            bound = b"leadsrally.hash.1\x00" + organization_id.bytes + purpose.encode()
            key = self._derived[place] = hmac.digest(self._secret, bound, "sha256")
        return hmac.digest(key, value.encode(), "sha256")
