"""Keyset cursors: the place in a list after which the next page begins, as an opaque word."""

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from leadsrally.kit.errors import Invalid
from leadsrally.kit.text import storable

# Of the lists that are sorted by name: 40 characters, each escaped in JSON by six bytes at most, an id, and what is
# around them, at four characters of base64 for three bytes.
LONGEST: Final = 400


@dataclass(frozen=True, slots=True)
class Place:
    """A row's sort key: its instant and its id."""

    at: datetime
    id: UUID

    def __str__(self) -> str:
        return base64.urlsafe_b64encode(f"{self.at.isoformat()} {self.id}".encode()).decode().rstrip("=")


# Before every row, in lists that run from the newest to the oldest.
START = Place(datetime(9999, 12, 31, tzinfo=UTC), UUID(int=2**128 - 1))


def place_of(cursor: str | None) -> Place:
    """The place a cursor names; the start of the list for None. Raises `Invalid` for one we did not make."""
    if not cursor:
        return START
    try:
        decoded = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        at, _, identifier = decoded.partition(" ")
        place = Place(datetime.fromisoformat(at), UUID(identifier))
    except (ValueError, binascii.Error, UnicodeDecodeError):
        place = None
    if place is None or place.at.tzinfo is None:
        raise not_ours()
    return place


def pack(*parts: str) -> str:
    """The place in a list that is sorted by something else than time, as an opaque word.

    A letter counts as the bytes it has in UTF-8, so that names of every script fit (see `LONGEST`).
    """
    return base64.urlsafe_b64encode(json.dumps(parts, ensure_ascii=False).encode()).decode().rstrip("=")


def unpack(cursor: str, parts: int) -> list[str]:
    """What `pack` was given. Raises `Invalid` for a cursor that is none of so many parts."""
    try:
        found: Any = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        found = None
    given: list[Any] = found if isinstance(found, list) else []  # pyright: ignore[reportUnknownVariableType]
    texts: list[str] = [part for part in given if isinstance(part, str) and not storable(part)[1]]
    if not len(texts) == len(given) == parts:
        raise not_ours()
    return texts


def not_ours() -> Invalid:
    return Invalid("This cursor is not from one of our pages. Start again without it.", code="bad_cursor")
