"""Pieces of deliveries that could not be taken."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from leadsrally.consent.change import address_hashes
from leadsrally.contacts.types import Person
from leadsrally.kit.crypto import KeyedHash
from leadsrally.kit.db import Tx
from leadsrally.messaging.types import Channel

LONGEST_PIECE: Final = 65_536  # bytes; of a longer one only its hash is kept

_KEEP = """
INSERT INTO quarantine (
    organization_id, channel_id, piece_hash, delivery_id, reason, piece, person_hash, received_at
)
VALUES (
    %(organization_id)s, %(channel_id)s, %(piece_hash)s, %(delivery_id)s, %(reason)s, %(piece)s,
    %(person_hash)s, %(now)s
)
ON CONFLICT DO NOTHING
"""


def keep(
    tx: Tx,
    hashes: KeyedHash,
    channel: Channel,
    *,
    delivery_id: UUID,
    reason: str,
    piece: str,
    person: Person | None,
    now: datetime,
) -> bool:
    """Keep the piece once, under the hash of whom it is from, so that it is found when that person is erased.

    Returns False when it was kept before.
    """
    organization_id, raw = channel.organization_id, piece.encode()
    known_as = [] if person is None else address_hashes(hashes, organization_id, person.addresses[:1])
    touched = tx.run(
        _KEEP,
        {
            "organization_id": organization_id,
            "channel_id": channel.id,
            "piece_hash": hashes.of(organization_id, "piece", piece),
            "delivery_id": delivery_id,
            "reason": reason,
            "piece": raw if len(raw) <= LONGEST_PIECE else None,
            "person_hash": known_as[0] if known_as else None,
            "now": now,
        },
    )
    return touched > 0


@dataclass(frozen=True, slots=True)
class Kept:
    """A piece that was set aside, as it came."""

    organization_id: UUID
    channel_id: UUID
    piece_hash: bytes
    delivery_id: UUID
    piece: bytes
    received_at: datetime


_KEPT = """
SELECT organization_id, channel_id, piece_hash, delivery_id, piece, received_at
  FROM quarantine
 WHERE piece IS NOT NULL
   AND (%(reason)s::text IS NULL OR reason = %(reason)s)
   AND (%(after_at)s::timestamptz IS NULL
        OR (received_at, organization_id, channel_id, piece_hash)
           > (%(after_at)s, %(after_organization)s::uuid, %(after_channel)s::uuid, %(after_hash)s::bytea))
 ORDER BY received_at, organization_id, channel_id, piece_hash
 LIMIT %(limit)s
"""


def kept(tx: Tx, *, after: Kept | None, reason: str | None, limit: int) -> list[Kept]:
    """Pieces of all tenants, oldest first (keyset)."""
    return tx.all(
        Kept,
        _KEPT,
        {
            "reason": reason,
            "after_at": after and after.received_at,
            "after_organization": after and after.organization_id,
            "after_channel": after and after.channel_id,
            "after_hash": after and after.piece_hash,
            "limit": limit,
        },
    )


_LET_GO = """
DELETE FROM quarantine
 WHERE organization_id = %(organization_id)s
   AND channel_id = %(channel_id)s
   AND piece_hash = %(piece_hash)s
"""


def let_go(tx: Tx, piece: Kept) -> None:
    """It was taken."""
    tx.run(
        _LET_GO,
        {
            "organization_id": piece.organization_id,
            "channel_id": piece.channel_id,
            "piece_hash": piece.piece_hash,
        },
    )


@dataclass(frozen=True, slots=True)
class Shelf:
    """How much was set aside for one reason on one channel. `long` ones are named only and cannot be replayed."""

    channel_id: UUID
    reason: str
    pieces: int
    long: int
    oldest: datetime


_SHELVES = """
SELECT channel_id, reason, count(*) AS pieces, count(*) FILTER (WHERE piece IS NULL) AS long,
       min(received_at) AS oldest
  FROM quarantine
 GROUP BY channel_id, reason
 ORDER BY oldest, channel_id, reason
"""


def shelves(tx: Tx) -> list[Shelf]:
    return tx.all(Shelf, _SHELVES, {})
