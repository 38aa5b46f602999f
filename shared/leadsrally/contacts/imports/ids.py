"""Ids that say where a row came from: of each import one run of ids, one for each row of its file.

A UUID of version 7 (RFC 9562 §5.7) for the instant of the import, of whose 74 free bits 42 are the import's own and 32
the row's number. So what an import has made is found without writing it down, a row that is tried twice is the same
one, and rows come to the index in its order.
"""

import hashlib
from typing import NamedTuple
from uuid import UUID

from leadsrally.kit.ids import made_at


class Run(NamedTuple):
    """The ids of one kind of rows that one import makes."""

    prefix: str  # 24 of 32 hex digits; the others are the number of the row in its file

    @property
    def first(self) -> UUID:
        return UUID(f"{self.prefix}00000000")

    @property
    def last(self) -> UUID:
        return UUID(f"{self.prefix}ffffffff")

    def of(self, line: int) -> UUID:
        return UUID(f"{self.prefix}{line:08x}")


def run_of(import_id: UUID, what: str) -> Run:
    """`what`: a word for the kind of rows, a different run for each."""
    milliseconds = int(made_at(import_id).timestamp() * 1000)
    own = int.from_bytes(hashlib.sha256(import_id.bytes + what.encode()).digest()[:6]) >> 6  # 42 bits
    high, low = own >> 30, own & 0x3FFF_FFFF
    return Run(f"{milliseconds:012x}7{high:03x}{0x8000_0000 | low:08x}")
