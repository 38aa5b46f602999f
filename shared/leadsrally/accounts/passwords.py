"""Passwords rest as bcrypt hashes (P8.2). What is accepted as one, and why, stands in docs/decisions/0009."""

import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from typing import Any, cast

import bcrypt

from leadsrally.kit.errors import Invalid

COST = 12
MIN_CHARACTERS = 10
# bcrypt reads 72 bytes. Cutting a longer password would let any other with the same beginning in, so a
# longer one is refused when it is set, and never matches.
MAX_BYTES = 72
_GUESSES = 1e8  # what a password must take to be guessed, by the estimate of zxcvbn
_NEW_CHARACTERS = 5  # what it must hold besides words that everybody knows of the account
_WORD = re.compile(r"[^\W_]+")

_SPACES = re.compile(r"[^\S\x00-\x20\x7f-\x9f]")
# Signs that stand for letters, as people put them. Left in, they let the estimate try each way to read them, which
# takes seconds for a long password.
_AS_LETTERS = str.maketrans("@({[<!|$+%", "acccciistx")
_QUICKLY_JUDGED = 12  # characters


def refuse_weak(password: str, *, about: Iterable[str]) -> None:
    """Raise `Invalid` for what cannot be a password here: too short, too long, no text, or guessed first.

    `about` is what everybody knows of the account: its address, the name of its organisation.
    """
    spelled = _spelled(password)
    if len(spelled) < MIN_CHARACTERS:
        raise Invalid(
            f"The password is too short. Take {MIN_CHARACTERS} characters or more.", code="password_too_short"
        )
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in spelled):
        raise Invalid("The password holds a character that cannot be typed.", code="password_not_text")
    if len(spelled.encode()) > MAX_BYTES:
        raise Invalid(
            f"The password is too long. Take at most {MAX_BYTES} letters of the Latin alphabet, or fewer others.",
            code="password_too_long",
        )
    if _is_guessed_first(spelled, {word for text in about for word in _WORD.findall(text.lower())}):
        raise Invalid(
            "The password is among those that are guessed first. Take several words that do not belong together.",
            code="password_too_common",
        )


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


def _spelled(password: str) -> str:
    """One spelling for what looks the same on every keyboard: RFC 8265 section 4.2.2, OpaqueString."""
    return unicodedata.normalize("NFC", _SPACES.sub(" ", password))


def _encoded(password: str) -> bytes:
    return _spelled(password).encode("utf-8", "surrogatepass")


def _is_guessed_first(password: str, known: set[str]) -> bool:
    import zxcvbn  # 30 ms and its word lists, for the few who set a password
    from zxcvbn.frequency_lists import FREQUENCY_LISTS

    if password.lower() in FREQUENCY_LISTS["passwords"] or _says_nothing_new(password, known):
        return True
    readings = {password.translate(_AS_LETTERS)}
    if len(password) <= _QUICKLY_JUDGED:
        readings.add(password)
    estimates = (cast("dict[str, Any]", zxcvbn.zxcvbn(read, user_inputs=sorted(known))) for read in readings)
    return any(float(estimate["guesses"]) < _GUESSES for estimate in estimates)


def _says_nothing_new(password: str, known: set[str]) -> bool:
    """Whether it is made of words that everybody knows, and hardly anything else."""
    spelled = left = "".join(_WORD.findall(password.lower()))
    for word in sorted(known, key=len, reverse=True):
        left = left.replace(word, "")
    return left != spelled and len(left) < _NEW_CHARACTERS


@cache
def _nobody() -> str:
    return hash_password("nobody has this password")
