"""How each kind goes, some at a time, so that nobody waits: rows by a statement, files out of the storage first."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, LiteralString
from uuid import UUID

from leadsrally.kit.clock import Clock
from leadsrally.kit.db import Database
from leadsrally.kit.storage import Storage
from leadsrally.messaging.media.erase import erase_media
from leadsrally.privacy.own_windows import store
from leadsrally.privacy.own_windows.kinds import Kind


@dataclass(frozen=True, slots=True)
class OwnDesk:
    """What keeping customers' own windows needs."""

    db: Database
    clock: Clock
    storage: Storage
    bite: int = 500


@dataclass(frozen=True, slots=True)
class Window:
    """One organisation's window of one kind, as it was when its sweep began."""

    organization_id: UUID
    kind: Kind
    days: int
    cutoff: datetime


Bite = Callable[[OwnDesk, Window], int]
"""Deletes at most `desk.bite` of what is due; returns how many. 0 also when the window is another one by now."""


def _rows(delete: LiteralString) -> Bite:
    def bite(desk: OwnDesk, window: Window) -> int:
        with desk.db.tenant(window.organization_id) as tx:
            if not store.stands(tx, window.organization_id, window.kind, window.days):
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


def _files(desk: OwnDesk, window: Window) -> int:
    """Files go with all others of their message, which came when they did; the message stays."""
    organization_id = window.organization_id
    with desk.db.tenant(organization_id) as tx:
        if not store.stands(tx, organization_id, window.kind, window.days):
            return 0
        given = {"organization_id": organization_id, "cutoff": window.cutoff, "limit": desk.bite}
        message_ids = list(dict.fromkeys(tx.values(_WITH_FILES, given)))
    return erase_media(desk.db, desk.storage, desk.clock, organization_id, message_ids) if message_ids else 0


BITES: Final[dict[Kind, Bite]] = {
    "leads": _rows(_LEADS),
    "notes": _rows(_NOTES),
    "media": _files,
    "delivery_log": _rows(_LOG),
}
