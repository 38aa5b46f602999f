"""Messages go in bites: files out of the storage first, then some hundred rows to a transaction, so that nobody waits."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from psycopg.errors import ForeignKeyViolation, RestrictViolation

from leadsrally.kit.clock import Clock
from leadsrally.kit.crypto import KeyedHash
from leadsrally.kit.db import Database, Tx
from leadsrally.kit.storage import Storage
from leadsrally.messaging.copies import store as copies
from leadsrally.messaging.copies.delete import promise
from leadsrally.messaging.media.erase import erase_media
from leadsrally.privacy.erasure import store
from leadsrally.privacy.erasure.store import Erasure

BITE: Final = 500
MARGIN: Final = timedelta(seconds=15)  # for a bite with its files
TimeLeft = Callable[[], timedelta]


@dataclass(frozen=True, slots=True)
class ErasureDesk:
    """What erasing needs: where the rows and the files are, and by what a person is known again."""

    db: Database
    clock: Clock
    storage: Storage
    hashes: KeyedHash
    bite: int = BITE


_NEXT = """
SELECT id
  FROM messages
 WHERE organization_id = %(organization_id)s
   AND conversation_id = %(conversation_id)s
 ORDER BY said_at DESC, id DESC
 LIMIT %(limit)s
"""


def erase_threads(desk: ErasureDesk, erasure: Erasure, *, time_left: TimeLeft) -> bool:
    """Delete the threads that were let go, with all that is in them. Returns False when there was not time for all.

    Interrupted, it goes on with what is left. What is written into a thread meanwhile goes with it.
    """
    for conversation_id in erasure.conversation_ids:
        while True:
            if time_left() < MARGIN:
                return False
            with desk.db.tenant(erasure.organization_id) as tx:
                ids = next_messages(tx, erasure.organization_id, conversation_id, desk.bite)
            if ids:
                erase_messages(desk, erasure, ids)
            elif _thread_gone(desk, erasure, conversation_id):
                break
    return True


def next_messages(tx: Tx, organization_id: UUID, conversation_id: UUID, limit: int) -> list[UUID]:
    """The newest messages of a thread that are left."""
    given = {"organization_id": organization_id, "conversation_id": conversation_id, "limit": limit}
    return tx.values(_NEXT, given)


# Nobody has a provider's id twice, so a report that came before its message was known is this one's.
_EARLY_REPORTS = """
DELETE FROM early_reports
 WHERE organization_id = %(organization_id)s
   AND provider_hash = ANY (%(hashes)s::bytea[])
"""
_PROVIDER_IDS = """
SELECT provider_message_id
  FROM messages
 WHERE organization_id = %(organization_id)s
   AND id = ANY (%(ids)s)
   AND provider_message_id IS NOT NULL
"""
# Scores go with their message.
MESSAGES = """
DELETE FROM messages
 WHERE organization_id = %(organization_id)s
   AND id = ANY (%(ids)s)
"""


def erase_messages(desk: ErasureDesk, erasure: Erasure, ids: Sequence[UUID]) -> int:
    """Delete these messages, their files and their scores. Their tombstones stay: a repeat of one is a repeat (W9).

    In the transaction in which they go their threads show what is left, so that no kill keeps their text there. Raises `Unavailable` when the storage is away: their files are out of use then, and the same call goes on.
    """
    organization_id = erasure.organization_id
    _ask_for_files(desk, erasure, ids)
    files = erase_media(desk.db, desk.storage, desk.clock, organization_id, ids)
    with desk.db.tenant(organization_id) as tx:
        _ask_for_copies(tx, desk, erasure, ids)
        threads = threads_of(tx, organization_id, ids)
        gone = delete_messages(tx, desk.hashes, organization_id, ids)
        for conversation_id in threads:
            mend_thread(tx, organization_id, conversation_id)
        store.add(tx, organization_id, erasure.id, {"messages": gone, "media": files})
    return gone


def _ask_for_files(desk: ErasureDesk, erasure: Erasure, ids: Sequence[UUID]) -> None:
    """Before the rows go that say what Meta calls its copies."""
    organization_id, now = erasure.organization_id, desk.clock()
    with desk.db.tenant(organization_id) as tx:
        channels = copies.ask_files(tx, organization_id, erasure.id, ids, now=now)
        promise(tx, organization_id, channels, now=now)


def _ask_for_copies(tx: Tx, desk: ErasureDesk, erasure: Erasure, ids: Sequence[UUID]) -> None:
    organization_id, now = erasure.organization_id, desk.clock()
    channels = copies.ask_messages(tx, organization_id, erasure.id, ids, now=now)
    promise(tx, organization_id, channels, now=now)
    copies.note_kept_at_meta(tx, organization_id, erasure.id, ids, now=now)


def delete_messages(tx: Tx, hashes: KeyedHash, organization_id: UUID, ids: Sequence[UUID]) -> int:
    """Delete the rows of messages that have no files any more."""
    given = {"organization_id": organization_id, "ids": list(ids)}
    known = tx.values(_PROVIDER_IDS, given)
    early = [hashes.of(organization_id, "message", provider_id) for provider_id in known]
    tx.run(_EARLY_REPORTS, {"organization_id": organization_id, "hashes": early})
    return tx.run(MESSAGES, given)


THREAD = """
DELETE FROM conversations
 WHERE organization_id = %(organization_id)s
   AND id = %(id)s
   AND contact_id IS NULL
"""


def _thread_gone(desk: ErasureDesk, erasure: Erasure, conversation_id: UUID) -> bool:
    """False: somebody has written into it in this moment."""
    organization_id = erasure.organization_id
    try:
        with desk.db.tenant(organization_id) as tx:
            gone = tx.run(THREAD, {"organization_id": organization_id, "id": conversation_id})
            store.add(tx, organization_id, erasure.id, {"conversations": gone})
    except (ForeignKeyViolation, RestrictViolation):  # the second since Postgres 18
        return False
    return True


_THREADS_OF = """
SELECT DISTINCT conversation_id
  FROM messages
 WHERE organization_id = %(organization_id)s
   AND id = ANY (%(ids)s)
 ORDER BY conversation_id
"""


def threads_of(tx: Tx, organization_id: UUID, ids: Sequence[UUID]) -> list[UUID]:
    """The threads that these messages are in, to be mended when they are gone; always in the same order."""
    return tx.values(_THREADS_OF, {"organization_id": organization_id, "ids": list(ids)})


# The inbox shows what is left of the thread, as if the message had never been in it.
_MEND = """
UPDATE conversations AS c
   SET last_message_id = coalesce(n.id, c.last_message_id),
       last_message_at = coalesce(n.said_at, c.last_message_at),
       preview = coalesce(left(n.body, 140), ''),
       preview_kind = coalesce(n.kind, 'text'),
       unread_count = least(c.unread_count, (SELECT count(*)
                                               FROM messages AS m
                                              WHERE m.organization_id = c.organization_id
                                                AND m.conversation_id = c.id
                                                AND m.direction = 'inbound')),
       intent = s.intent,
       interest = s.interest
  FROM (SELECT 1) AS always
  LEFT JOIN LATERAL (SELECT id, said_at, body, kind
                       FROM messages
                      WHERE organization_id = %(organization_id)s
                        AND conversation_id = %(conversation_id)s
                      ORDER BY said_at DESC, id DESC
                      LIMIT 1) AS n ON true
  LEFT JOIN LATERAL (SELECT scores.intent, scores.interest
                       FROM messages AS m
                       JOIN scores ON scores.organization_id = m.organization_id AND scores.message_id = m.id
                      WHERE m.organization_id = %(organization_id)s
                        AND m.conversation_id = %(conversation_id)s
                      ORDER BY m.said_at DESC, m.id DESC
                      LIMIT 1) AS s ON true
 WHERE c.organization_id = %(organization_id)s
   AND c.id = %(conversation_id)s
   AND c.contact_id IS NOT NULL
"""


def mend_thread(tx: Tx, organization_id: UUID, conversation_id: UUID) -> None:
    """Let the inbox show what is left of a thread. One that was let go shows nothing, and stays so."""
    tx.run(_MEND, {"organization_id": organization_id, "conversation_id": conversation_id})
