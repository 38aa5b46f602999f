"""Identifiers that sort by the time they were made."""

import os
from datetime import UTC, datetime
from uuid import UUID

_VERSION_AND_VARIANT = (0x7 << 76) | (0b10 << 62)
_RANDOM = (0xFFF << 64) | 0x3FFF_FFFF_FFFF_FFFF


def new_id(at: datetime) -> UUID:
    """A UUID of version 7 (RFC 9562 §5.7) for the instant `at`: 48 bits of milliseconds, 74 random bits.

    Postgres makes these itself only from version 18; the schema keeps to 15.
    """
    milliseconds = int(at.timestamp() * 1000)
    random = int.from_bytes(os.urandom(10), "big")
    return UUID(int=(milliseconds << 80) | (random & _RANDOM) | _VERSION_AND_VARIANT)


def made_at(identifier: UUID) -> datetime:
    """The instant for which `new_id` made this one, to the millisecond."""
    return datetime.fromtimestamp((identifier.int >> 80) / 1000, UTC)
