"""Master keys from the settings: for one-process hosts and laptops, where no key service is at hand."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from leadsrally.kit.crypto import KEY_BYTES, NONCE_BYTES, TAG_BYTES, SealBroken, SealContext, decrypt, encrypt
from leadsrally.kit.errors import Misconfigured

_LABEL = b"leadsrally.wrap.1"


@dataclass(frozen=True, slots=True)
class LocalKeys:
    """Wraps data keys with AES-256-GCM. Implements `leadsrally.kit.crypto.KeyService`.

    `master_keys` maps an id of up to 64 ASCII characters to 32 bytes; `current` names the one that wraps. To
    rotate: add a key, make it current, rewrap all rows, then remove the old one.

    Layout of a wrapped key: length of the id (1 byte) · id · nonce (12) · ciphertext and tag (48).
    """

    master_keys: Mapping[str, bytes] = field(repr=False)
    current: str

    def __post_init__(self) -> None:
        for key_id, key in self.master_keys.items():
            if not (key_id.isascii() and 1 <= len(key_id) <= 64) or len(key) != KEY_BYTES:
                raise Misconfigured(
                    f"Each master key needs an id of 1 to 64 ASCII characters and {KEY_BYTES} bytes.",
                    code="master_key_invalid",
                )
        if self.current not in self.master_keys:
            raise Misconfigured(
                "The current master key is not among the master keys.", code="master_key_missing"
            )
        # A copy, so that nobody can change the keys of a running process from outside.
        object.__setattr__(self, "master_keys", dict(self.master_keys))

    @property
    def names(self) -> tuple[str, ...]:
        return (self.current, *(name for name in self.master_keys if name != self.current))

    def wrap(self, data_key: bytes, context: SealContext) -> bytes:
        name = self.current.encode()
        nonce = secrets.token_bytes(NONCE_BYTES)
        ciphertext = encrypt(self.master_keys[self.current], nonce, data_key, _bound(name, context))
        return bytes([len(name)]) + name + nonce + ciphertext

    def unwrap(self, wrapped: bytes, context: SealContext) -> bytes:
        """The data key. Raises `SealBroken`, with code `seal_key_unknown` when the master key is not here."""
        name, body = _split(wrapped)
        key = self.master_keys.get(name.decode("ascii", "replace"))
        if key is None:
            raise SealBroken("seal_key_unknown")
        return decrypt(key, body[:NONCE_BYTES], body[NONCE_BYTES:], _bound(name, context))

    def key_id(self, wrapped: bytes) -> str:
        name, _ = _split(wrapped)
        return name.decode("ascii", "replace")


def _bound(name: bytes, context: SealContext) -> bytes:
    # The id is part of what is authenticated: a blob cannot be relabelled to another master key.
    return context.bound(_LABEL + bytes([len(name)]) + name)


def _split(wrapped: bytes) -> tuple[bytes, bytes]:
    length = wrapped[0] if wrapped else 0
    name, body = wrapped[1 : 1 + length], wrapped[1 + length :]
    if not name or len(body) != NONCE_BYTES + KEY_BYTES + TAG_BYTES:
        raise SealBroken
    return name, body
