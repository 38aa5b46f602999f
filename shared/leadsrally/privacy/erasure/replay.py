"""Make a restored database forget again what was erased after its backup was made."""

from collections.abc import Sequence
from uuid import UUID

from leadsrally.kit.db import Database, Tx
from leadsrally.messaging.media import store as media_store
from leadsrally.privacy.erasure.erase import forget_lists
from leadsrally.privacy.erasure.erase_messages import (
    BITE,
    MESSAGES,
    THREAD,
    mend_thread,
    next_messages,
    threads_of,
)
from leadsrally.privacy.erasure.erase_organization import erase_rows
from leadsrally.privacy.erasure.forget import forget, forget_thread, keep_suppressed, lock
from leadsrally.privacy.erasure.ledger import Entry

Counts = dict[str, int]


def replay(db: Database, entry: Entry) -> Counts:
    """Do in the database what the entry says was done; returns how many rows went, by table.

    Harmless when repeated, and when there is nothing of it. `db` is one of the role that erases. Files are not asked
    for: they are gone from the storage, which no backup of the database brings back. Raises `Unavailable` when the
    database is away.
    """
    match entry.kind:
        case "organization":
            return erase_rows(db, entry.organization_id, now=entry.at)
        case "contact":
            return _person(db, entry)
        case "conversation":
            with db.tenant(entry.organization_id) as tx:
                forget_thread(tx, entry.organization_id, entry.subject_id)
            return _threads(db, entry.organization_id, [entry.subject_id])
        case "message":
            with db.tenant(entry.organization_id) as tx:
                threads = threads_of(tx, entry.organization_id, [entry.subject_id])
                gone = _messages(tx, entry.organization_id, [entry.subject_id])
                for conversation_id in threads:
                    mend_thread(tx, entry.organization_id, conversation_id)
            return {"messages": gone}


_KNOWN = """
SELECT EXISTS (SELECT 1 FROM organizations WHERE id = %(organization_id)s AND state <> 'erased')
"""


def _person(db: Database, entry: Entry) -> Counts:
    organization_id, ids = entry.organization_id, [entry.subject_id, *entry.merged]
    with db.tenant(organization_id) as tx:
        if not tx.value(_KNOWN, {"organization_id": organization_id}):
            return {}
        lock(tx, organization_id, ids)
        keep_suppressed(tx, organization_id, entry.suppressed)
        forgotten = forget(tx, organization_id, ids, entry.known_as, erased_at=entry.at)
        forget_lists(tx, organization_id, now=entry.at)
    return forgotten.counts | _threads(db, organization_id, forgotten.conversation_ids)


def _threads(db: Database, organization_id: UUID, conversation_ids: Sequence[UUID]) -> Counts:
    gone, threads = 0, 0
    for conversation_id in conversation_ids:
        while True:
            with db.tenant(organization_id) as tx:
                ids = next_messages(tx, organization_id, conversation_id, BITE)
                gone += _messages(tx, organization_id, ids)
                if not ids:
                    threads += tx.run(THREAD, {"organization_id": organization_id, "id": conversation_id})
            if not ids:
                break
    return {"messages": gone, "conversations": threads}


def _messages(tx: Tx, organization_id: UUID, ids: Sequence[UUID]) -> int:
    given = {"organization_id": organization_id, "ids": list(ids)}
    media_store.forget(
        tx, organization_id, media_store.withdraw(tx, organization_id, ids, now=tx.value(_NOW, {}))
    )
    return tx.run(MESSAGES, given)


_NOW = """
SELECT clock_timestamp()
"""
