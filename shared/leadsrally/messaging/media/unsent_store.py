"""Files of ours that belong to no message yet, and how they come to one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from leadsrally.kit.db import Tx
from leadsrally.messaging.media.store import Reason, Settled, State

_ANNOUNCE = """
INSERT INTO media (organization_id, id, place, file_name, content_type, bytes, state, created_at)
VALUES (%(organization_id)s, %(id)s, 0, %(file_name)s, %(content_type)s, %(bytes)s, 'awaited', %(now)s)
"""


def announce(
    tx: Tx,
    organization_id: UUID,
    media_id: UUID,
    *,
    file_name: str,
    content_type: str,
    size: int,
    now: datetime,
) -> None:
    tx.run(
        _ANNOUNCE,
        {
            "organization_id": organization_id,
            "id": media_id,
            "file_name": file_name,
            "content_type": content_type,
            "bytes": size,
            "now": now,
        },
    )


_ONE = """
SELECT id, state, reason, file_name, content_type, bytes
  FROM media
 WHERE organization_id = %(organization_id)s
   AND id = %(media_id)s
   AND message_id IS NULL
"""


@dataclass(frozen=True, slots=True)
class Unsent:
    """An upload. `content_type` and `bytes` are as announced until it is stored, then as looked at."""

    id: UUID
    state: State
    reason: Reason | None
    file_name: str
    content_type: str
    bytes: int


def one(tx: Tx, organization_id: UUID, media_id: UUID) -> Unsent | None:
    """None when there is no such upload, or when it was sent."""
    return tx.maybe(Unsent, _ONE, {"organization_id": organization_id, "media_id": media_id})


_SETTLE = """
UPDATE media
   SET state = %(state)s,
       reason = %(reason)s,
       content_type = coalesce(%(content_type)s, content_type),
       bytes = coalesce(%(bytes)s, bytes),
       sha256 = %(sha256)s,
       settled_at = %(now)s
 WHERE organization_id = %(organization_id)s
   AND id = %(media_id)s
   AND message_id IS NULL
   AND state = ANY (%(states)s)
"""


def settle(tx: Tx, organization_id: UUID, media_id: UUID, settled: Settled, *, now: datetime) -> bool:
    """Write down what an awaited file turned out to be, once. False: somebody else did, or it was taken back."""
    return _settled(tx, organization_id, media_id, settled, ("awaited",), now)


def withdraw(tx: Tx, organization_id: UUID, media_id: UUID, *, now: datetime) -> bool:
    """Take it out of use, whatever state it is in. False: it was sent meanwhile, or is gone."""
    states = ("awaited", "stored", "refused", "gone")
    return _settled(tx, organization_id, media_id, Settled("gone", "unused"), states, now)


def _settled(
    tx: Tx, organization_id: UUID, media_id: UUID, settled: Settled, states: Sequence[State], now: datetime
) -> bool:
    changed = tx.run(
        _SETTLE,
        {
            "organization_id": organization_id,
            "media_id": media_id,
            "state": settled.state,
            "reason": settled.reason,
            "content_type": settled.content_type,
            "bytes": settled.bytes,
            "sha256": settled.sha256,
            "states": list(states),
            "now": now,
        },
    )
    return changed > 0


_FORGET = """
DELETE FROM media
 WHERE organization_id = %(organization_id)s
   AND id = %(media_id)s
   AND message_id IS NULL
"""


def forget(tx: Tx, organization_id: UUID, media_id: UUID) -> None:
    tx.run(_FORGET, {"organization_id": organization_id, "media_id": media_id})


_SEVERAL = """
SELECT f.id, f.state, f.reason, f.file_name, f.content_type, f.bytes
  FROM unnest(%(ids)s::uuid[]) WITH ORDINALITY AS given (id, place)
  JOIN media AS f ON f.organization_id = %(organization_id)s AND f.id = given.id
 WHERE f.state <> 'pending'
 ORDER BY given.place
"""


def several(tx: Tx, organization_id: UUID, ids: Sequence[UUID]) -> list[Unsent]:
    """Files by their ids, in this order, sent or not."""
    return tx.all(Unsent, _SEVERAL, {"organization_id": organization_id, "ids": list(ids)})


_OF_MESSAGE = """
SELECT id
  FROM media
 WHERE organization_id = %(organization_id)s
   AND message_id = %(message_id)s
 ORDER BY place
"""


def of_message(tx: Tx, organization_id: UUID, message_id: UUID) -> list[UUID]:
    """The files of a message, in their order."""
    return tx.values(_OF_MESSAGE, {"organization_id": organization_id, "message_id": message_id})


_ATTACH = """
UPDATE media AS f
   SET message_id = %(message_id)s,
       place = given.place - 1
  FROM unnest(%(ids)s::uuid[]) WITH ORDINALITY AS given (id, place)
 WHERE f.organization_id = %(organization_id)s
   AND f.id = given.id
   AND f.state = 'stored'
   AND f.message_id IS NULL
"""


def attach(tx: Tx, organization_id: UUID, message_id: UUID, ids: Sequence[UUID]) -> int:
    """Make them files of a message, in this order; returns how many of them are."""
    return tx.run(_ATTACH, {"organization_id": organization_id, "message_id": message_id, "ids": list(ids)})
