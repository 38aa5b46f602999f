"""Files of messages, as they are written and read."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from leadsrally.kit.db import Tx
from leadsrally.kit.ids import new_id
from leadsrally.kit.storage import Key
from leadsrally.messaging.types import MediaReference

PURPOSE = "media"
State = Literal["awaited", "pending", "stored", "refused", "gone"]
Reason = Literal[
    "elsewhere",
    "type",
    "too_large",
    "empty",
    "disconnected",
    "missing",
    "erased",
    "size",  # not what was announced
    "unused",  # nobody sent it
]


def key_of(organization_id: UUID, media_id: UUID) -> Key:
    """Where the file is, or would be."""
    return Key(organization_id, PURPOSE, str(media_id))


_EXPECT = """
INSERT INTO media (organization_id, id, message_id, place, source, file_name, content_type, created_at)
SELECT %(organization_id)s, given.id, %(message_id)s, given.place - 1, given.source, given.file_name,
       given.content_type, %(now)s
  FROM unnest(%(ids)s::uuid[], %(sources)s::text[], %(file_names)s::text[], %(content_types)s::text[])
       WITH ORDINALITY AS given (id, source, file_name, content_type, place)
"""


def expect(
    tx: Tx, organization_id: UUID, message_id: UUID, media: Sequence[MediaReference], *, now: datetime
) -> list[UUID]:
    """Write down what came with a message, in its order, as pending; returns the ids."""
    ids = [new_id(now) for _ in media]
    tx.run(
        _EXPECT,
        {
            "organization_id": organization_id,
            "message_id": message_id,
            "ids": ids,
            "sources": [item.source for item in media],
            "file_names": [item.file_name for item in media],
            "content_types": [item.content_type for item in media],
            "now": now,
        },
    )
    return ids


_WANTED = """
SELECT f.source, f.content_type, f.created_at, ch.id AS channel_id, ch.kind AS channel_kind, ch.account_sid, ch.credentials,
       ch.state = 'active' AS connected
  FROM media AS f
  JOIN messages AS m ON m.organization_id = f.organization_id AND m.id = f.message_id
  JOIN conversations AS c ON c.organization_id = m.organization_id AND c.id = m.conversation_id
  JOIN channels AS ch ON ch.organization_id = c.organization_id AND ch.id = c.channel_id
 WHERE f.organization_id = %(organization_id)s
   AND f.id = %(media_id)s
   AND f.state = 'pending'
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file that is still to be fetched, and the channel it came through."""

    source: str
    content_type: str
    created_at: datetime
    channel_id: UUID
    channel_kind: str
    account_sid: str | None  # of an SMS channel
    credentials: bytes
    connected: bool


def wanted(tx: Tx, organization_id: UUID, media_id: UUID) -> Wanted | None:
    """None when it was settled, or erased with its message."""
    return tx.maybe(Wanted, _WANTED, {"organization_id": organization_id, "media_id": media_id})


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a file. A stored one has its true type, its size and its digest; any other a reason."""

    state: State
    reason: Reason | None = None
    content_type: str | None = None
    sha256: bytes | None = None
    bytes: int | None = None


_SETTLE = """
UPDATE media
   SET state = %(state)s,
       reason = %(reason)s,
       content_type = coalesce(%(content_type)s, content_type),
       bytes = %(bytes)s,
       sha256 = %(sha256)s,
       source = NULL,
       settled_at = %(now)s
 WHERE organization_id = %(organization_id)s
   AND id = %(media_id)s
   AND state = 'pending'
"""

_STATE = """
SELECT state
  FROM media
 WHERE organization_id = %(organization_id)s
   AND id = %(media_id)s
"""


def settle(tx: Tx, organization_id: UUID, media_id: UUID, settled: Settled, *, now: datetime) -> State | None:
    """Write down what became of a pending file; returns how it stands now, None when it is gone altogether."""
    place = {"organization_id": organization_id, "media_id": media_id}
    changed = tx.run(
        _SETTLE,
        {
            **place,
            "state": settled.state,
            "reason": settled.reason,
            "content_type": settled.content_type,
            "bytes": settled.bytes,
            "sha256": settled.sha256,
            "now": now,
        },
    )
    return settled.state if changed else tx.value(_STATE, place)


_ONE = """
SELECT state, content_type, bytes, file_name, place
  FROM media
 WHERE organization_id = %(organization_id)s
   AND id = %(media_id)s
   AND message_id = %(message_id)s
"""


@dataclass(frozen=True, slots=True)
class Media:
    state: State
    content_type: str
    bytes: int | None
    file_name: str
    place: int


def one(tx: Tx, organization_id: UUID, message_id: UUID, media_id: UUID) -> Media | None:
    return tx.maybe(
        Media,
        _ONE,
        {"organization_id": organization_id, "message_id": message_id, "media_id": media_id},
    )


# A fetch that is under way finds no pending row any more, and takes back what it has stored.
_WITHDRAW = """
UPDATE media
   SET state = 'gone',
       reason = 'erased',
       source = NULL,
       bytes = NULL,
       sha256 = NULL,
       file_name = '',
       settled_at = coalesce(settled_at, %(now)s)
 WHERE organization_id = %(organization_id)s
   AND message_id = ANY (%(message_ids)s)
RETURNING id
"""


def withdraw(tx: Tx, organization_id: UUID, message_ids: Sequence[UUID], *, now: datetime) -> list[UUID]:
    """Take every file of these messages out of use; returns their ids."""
    return tx.values(
        _WITHDRAW, {"organization_id": organization_id, "message_ids": list(message_ids), "now": now}
    )


_FORGET = """
DELETE FROM media
 WHERE organization_id = %(organization_id)s
   AND id = ANY (%(ids)s)
   AND reason = 'erased'
"""


def forget(tx: Tx, organization_id: UUID, ids: Sequence[UUID]) -> int:
    """Delete the rows of files that were withdrawn and are out of the storage."""
    return tx.run(_FORGET, {"organization_id": organization_id, "ids": list(ids)})


_STORED = """
SELECT id
  FROM media
 WHERE organization_id = %(organization_id)s
   AND id > %(after)s
   AND state = 'stored'
   AND settled_at < %(before)s
 ORDER BY id
 LIMIT %(limit)s
"""


def stored(tx: Tx, organization_id: UUID, *, after: UUID, before: datetime, limit: int) -> list[UUID]:
    """Ids of files that were stored before then, in their order (keyset)."""
    return tx.values(
        _STORED, {"organization_id": organization_id, "after": after, "before": before, "limit": limit}
    )


_KNOWN = """
SELECT id
  FROM media
 WHERE organization_id = %(organization_id)s
   AND id = ANY (%(ids)s)
   AND state IN ('awaited', 'pending', 'stored')
"""


def known(tx: Tx, organization_id: UUID, ids: Sequence[UUID]) -> set[UUID]:
    """Which of these files are in use, or about to be."""
    return set(tx.values(_KNOWN, {"organization_id": organization_id, "ids": list(ids)}))
