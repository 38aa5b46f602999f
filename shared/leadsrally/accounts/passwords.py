"""Passwords rest as bcrypt hashes (P8.2). What is accepted as one, and why, stands in docs/decisions/0009."""

import unicodedata
from functools import cache

import bcrypt

COST = 12
# bcrypt reads 72 bytes. Cutting a longer password would let any other with the same beginning in, so a
# longer one is refused when it is set, and never matches.
MAX_BYTES = 72


def hash_password(password: str) -> str:
    """A bcrypt hash at the current cost. Raises `ValueError` above 72 bytes of UTF-8 or for a NUL."""
    encoded = _encoded(password)
    if len(encoded) > MAX_BYTES or b"\x00" in encoded:
        raise ValueError("a password has at most 72 bytes of UTF-8 and no NUL")
    return bcrypt.hashpw(encoded, bcrypt.gensalt(COST)).decode()


def matches(password: str, password_hash: str | None) -> bool:
    """Whether the password is right; None for an unknown account, which takes just as long to answer."""
    encoded = _encoded(password)
    usable = len(encoded) <= MAX_BYTES and b"\x00" not in encoded
    right = bcrypt.checkpw(encoded if usable else b"", (password_hash or _nobody()).encode())
    return right and usable and password_hash is not None


def renewed(password: str, password_hash: str) -> str | None:
    """A hash at today's cost for a password that was just found right; None when it has that cost already."""
    cost = int(password_hash.split("$")[2])
    return hash_password(password) if cost < COST else None


def _encoded(password: str) -> bytes:
    """One spelling for what looks the same on every keyboard (NFC, as RFC 8265 section 4.2 says)."""
    return unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")


@cache
def _nobody() -> str:
    return hash_password("nobody has this password")
