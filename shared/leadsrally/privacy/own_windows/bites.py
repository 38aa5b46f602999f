"""How each kind goes, some at a time, so that nobody waits: rows by a statement, files out of the storage first."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, LiteralString
from uuid import UUID

from leadsrally.accounts.audit import SYSTEM
from leadsrally.jobs.enqueue import enqueue
from leadsrally.kit.db import Tx
from leadsrally.kit.ids import new_id
from leadsrally.kit.storage import HOUSE
from leadsrally.messaging.media.erase import erase_media
from leadsrally.privacy.erasure import store as erasures
from leadsrally.privacy.erasure.erase_messages import ErasureDesk, erase_messages
from leadsrally.privacy.erasure.request import QUEUE, TRIES, request_erasure
from leadsrally.privacy.own_windows import store
from leadsrally.privacy.own_windows.kinds import Kind

# A sweep rings for nobody: the tick finds the job within a minute.
_UNRUNG: Final = timedelta(seconds=1)
_ENDED_AFTER: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Window:
    """One organisation's window of one kind, as it was when its sweep began, at `now`."""

    organization_id: UUID
    kind: Kind
    days: int
    cutoff: datetime
    now: datetime


Bite = Callable[[ErasureDesk, Window], int]
"""Deletes at most `desk.bite` of what is due; returns how many. 0 also when the window is another one by now,
or one that is obeyed only later."""


def _stands(tx: Tx, window: Window) -> bool:
    return store.stands(tx, window.organization_id, window.kind, window.days, window.now)


def _rows(delete: LiteralString) -> Bite:
    def bite(desk: ErasureDesk, window: Window) -> int:
        with desk.db.tenant(window.organization_id) as tx:
            if not _stands(tx, window):
                return 0
            given = {"organization_id": window.organization_id, "cutoff": window.cutoff, "limit": desk.bite}
            return tx.value(delete, given)

    return bite


_LEADS = """
WITH due AS (
    SELECT id
      FROM leads
     WHERE organization_id = %(organization_id)s
       AND received_at <= %(cutoff)s
       AND state <> 'queued'
     ORDER BY received_at, id
     LIMIT %(limit)s
), deleted AS (
    DELETE FROM leads AS l
     USING due
     WHERE l.organization_id = %(organization_id)s
       AND l.id = due.id
    RETURNING 1
)
SELECT count(*) FROM deleted
"""

_NOTES = """
WITH due AS (
    SELECT id
      FROM contact_notes
     WHERE organization_id = %(organization_id)s
       AND coalesce(edited_at, created_at) <= %(cutoff)s
     ORDER BY id
     LIMIT %(limit)s
), deleted AS (
    DELETE FROM contact_notes AS n
     USING due
     WHERE n.organization_id = %(organization_id)s
       AND n.id = due.id
       AND coalesce(n.edited_at, n.created_at) <= %(cutoff)s  -- edited in this moment: it stays
    RETURNING 1
)
SELECT count(*) FROM deleted
"""

_LOG = """
WITH due AS (
    SELECT received_at, id
      FROM delivery_log
     WHERE organization_id = %(organization_id)s
       AND received_at <= %(cutoff)s
     ORDER BY received_at, id
     LIMIT %(limit)s
), deleted AS (
    DELETE FROM delivery_log AS l
     USING due
     WHERE l.organization_id = %(organization_id)s
       AND l.received_at = due.received_at
       AND l.id = due.id
    RETURNING 1
)
SELECT count(*) FROM deleted
"""

_WITH_FILES = """
SELECT message_id
  FROM media
 WHERE organization_id = %(organization_id)s
   AND created_at <= %(cutoff)s
   AND message_id IS NOT NULL
   AND (state = 'stored' OR reason = 'erased')
 ORDER BY created_at, id
 LIMIT %(limit)s
"""


def _files(desk: ErasureDesk, window: Window) -> int:
    """Files go with all others of their message, which came when they did; the message stays."""
    organization_id = window.organization_id
    with desk.db.tenant(organization_id) as tx:
        if not _stands(tx, window):
            return 0
        given = {"organization_id": organization_id, "cutoff": window.cutoff, "limit": desk.bite}
        message_ids = list(dict.fromkeys(tx.values(_WITH_FILES, given)))
    return erase_media(desk.db, desk.storage, desk.clock, organization_id, message_ids) if message_ids else 0


_MESSAGES = """
SELECT m.id
  FROM messages AS m
  JOIN conversations AS c ON c.organization_id = m.organization_id AND c.id = m.conversation_id
 WHERE m.organization_id = %(organization_id)s
   AND m.created_at <= %(cutoff)s
   AND c.contact_id IS NOT NULL
 ORDER BY m.created_at, m.id
 LIMIT %(limit)s
"""

# The erasure that the sweeps before this one have begun, which is over when nothing is due any more.
_UNDER_WAY = """
SELECT id
  FROM erasures
 WHERE organization_id = %(organization_id)s
   AND requested_by = %(house)s
   AND kind = 'message'
   AND state <> 'done'
 ORDER BY requested_at DESC
 LIMIT 1
"""


def _messages(desk: ErasureDesk, window: Window) -> int:
    """As one erasure, so that providers are asked for their copies too; each thread shows what is left of it."""
    organization_id = window.organization_id
    with desk.db.tenant(organization_id) as tx:
        if not _stands(tx, window):
            return 0
        given = {"organization_id": organization_id, "cutoff": window.cutoff, "limit": desk.bite}
        ids = tx.values(_MESSAGES, given)
        erasure_id = tx.value(_UNDER_WAY, {"organization_id": organization_id, "house": HOUSE})
        if not ids:
            if erasure_id is not None:
                erasures.done(tx, organization_id, erasure_id, now=desk.clock())
            return 0
        if erasure_id is None:
            erasure_id = _begun(tx, organization_id, desk.clock())
        erasure = erasures.one(tx, organization_id, erasure_id)
    if erasure is None:
        return 0
    erase_messages(desk, erasure, ids)
    return len(ids)


def _begun(tx: Tx, organization_id: UUID, now: datetime) -> UUID:
    """The job ends it where no sweep does: the window was given up, or the house's sweeps stand still."""
    erasure_id = new_id(now)
    erasures.insert(tx, organization_id, erasure_id, "message", erasure_id, requested_by=HOUSE, now=now)
    erasures.begun(tx, organization_id, erasure_id, counts={})
    payload = {"erasure_id": str(erasure_id)}
    enqueue(tx, organization_id, QUEUE, "erase", payload, now=now, delay=_ENDED_AFTER, max_attempts=TRIES)
    return erasure_id


_CONVERSATIONS = """
SELECT c.id
  FROM conversations AS c
 WHERE c.organization_id = %(organization_id)s
   AND c.last_message_at <= %(cutoff)s
   AND c.contact_id IS NOT NULL
   AND NOT EXISTS (SELECT 1
                     FROM erasures AS e
                    WHERE e.organization_id = c.organization_id
                      AND e.subject_id = c.id
                      AND e.state <> 'done')
 ORDER BY c.last_message_at, c.id
 LIMIT %(limit)s
"""


def _conversations(desk: ErasureDesk, window: Window) -> int:
    """Hands them over to erasure, which takes each out at once and its messages in bites of its own."""
    organization_id = window.organization_id
    with desk.db.tenant(organization_id) as tx:
        if not _stands(tx, window):
            return 0
        given = {"organization_id": organization_id, "cutoff": window.cutoff, "limit": desk.bite}
        ids = tx.values(_CONVERSATIONS, given)
        for conversation_id in ids:
            request_erasure(
                tx,
                organization_id,
                SYSTEM,
                "conversation",
                conversation_id,
                requested_by=HOUSE,
                now=desk.clock(),
                delay=_UNRUNG,
            )
    return len(ids)


BITES: Final[dict[Kind, Bite]] = {
    "messages": _messages,
    "conversations": _conversations,
    "leads": _rows(_LEADS),
    "notes": _rows(_NOTES),
    "media": _files,
    "delivery_log": _rows(_LOG),
}
