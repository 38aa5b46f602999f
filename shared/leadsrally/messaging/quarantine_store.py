"""Pieces of deliveries that could not be taken."""

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
) -> None:
    """Keep the piece once, under the hash of whom it is from, so that it is found when that person is erased."""
    organization_id, raw = channel.organization_id, piece.encode()
    known_as = [] if person is None else address_hashes(hashes, organization_id, person.addresses[:1])
    tx.run(
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
