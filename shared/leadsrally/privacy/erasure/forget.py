"""One person: what has to be remembered of them so that an opt-out stays true, and everything else forgotten at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, LiteralString
from uuid import UUID

from leadsrally.consent import erased, suppressions
from leadsrally.consent.change import address_hashes
from leadsrally.consent.types import ChannelKind, Purpose
from leadsrally.contacts import merge_store
from leadsrally.kit.crypto import KeyedHash
from leadsrally.kit.db import Tx
from leadsrally.privacy.erasure.ledger import Suppressed

_UNSAID: Final = frozenset({"revoked", "paused"})  # whoever was asked about is not written to either

# Of a number that somebody gave up others may be reached by now: what stands about those is not this person's.
_WHO = """
SELECT ARRAY(SELECT x.loser_id
               FROM contact_merges AS x
              WHERE x.organization_id = c.organization_id AND x.contact_id = c.id AND x.split_at IS NULL
              ORDER BY x.loser_id) AS merged,
       array_remove(
           ARRAY(SELECT CASE i.kind WHEN 'wa_id' THEN '+' || i.value ELSE i.value END
                   FROM contact_identities AS i
                  WHERE i.organization_id = c.organization_id AND i.contact_id = c.id AND i.retired_at IS NULL)
           || ARRAY(SELECT CASE WHEN v.address ~ '^[0-9]+$' THEN '+' || v.address ELSE v.address END
                      FROM conversations AS v
                     WHERE v.organization_id = c.organization_id AND v.contact_id = c.id)
           || ARRAY(SELECT x.loser ->> 'phone'
                      FROM contact_merges AS x
                     WHERE x.organization_id = c.organization_id AND x.contact_id = c.id AND x.split_at IS NULL)
           || c.phone, NULL) AS numbers,
       array_remove(array_remove(
           ARRAY(SELECT lower(x.loser ->> 'email')
                   FROM contact_merges AS x
                  WHERE x.organization_id = c.organization_id AND x.contact_id = c.id AND x.split_at IS NULL)
           || lower(c.email), ''), NULL) AS emails
  FROM contacts AS c
 WHERE c.organization_id = %(organization_id)s
   AND c.id = %(contact_id)s
"""


@dataclass(frozen=True, slots=True)
class _Who:
    merged: list[UUID]
    numbers: list[str]
    emails: list[str]


_STANDING = """
SELECT channel_kind, purpose, state, source, since
  FROM consent_states
 WHERE organization_id = %(organization_id)s
   AND contact_id = %(contact_id)s
"""


@dataclass(frozen=True, slots=True)
class _Standing:
    channel_kind: ChannelKind
    purpose: Purpose
    state: str
    source: str
    since: datetime


_SUPPRESSED = """
SELECT channel_kind, purpose, number_hash, source, since
  FROM suppressions
 WHERE organization_id = %(organization_id)s
   AND number_hash = ANY (%(known_as)s::bytea[])
"""


@dataclass(frozen=True, slots=True)
class Remembered:
    """What is written into the ledger of a person, and nothing that could be read."""

    merged: tuple[UUID, ...]
    known_as: tuple[bytes, ...]
    suppressed: tuple[Suppressed, ...]


def remembered(tx: Tx, hashes: KeyedHash, organization_id: UUID, contact_id: UUID) -> Remembered | None:
    """None: there is no such contact.

    Whatever the person refused, or may have refused, counts as suppressed for every address that they had.
    """
    given = {"organization_id": organization_id, "contact_id": contact_id}
    who = tx.maybe(_Who, _WHO, given)
    if who is None:
        return None
    numbers = address_hashes(hashes, organization_id, who.numbers)
    emails = address_hashes(hashes, organization_id, who.emails)
    known_as = tuple(sorted({*numbers, *emails}))
    stood = tx.all(Suppressed, _SUPPRESSED, {"organization_id": organization_id, "known_as": list(known_as)})
    suppressed = {(one.channel_kind, one.purpose, one.number_hash): one for one in stood}
    for one in tx.all(_Standing, _STANDING, given):
        for number_hash in (emails if one.channel_kind == "email" else numbers) * (one.state in _UNSAID):
            refused = Suppressed(one.channel_kind, one.purpose, number_hash, one.source, one.since)
            suppressed.setdefault((one.channel_kind, one.purpose, number_hash), refused)
    return Remembered(tuple(who.merged), known_as, tuple(suppressed[key] for key in sorted(suppressed)))


def keep_suppressed(tx: Tx, organization_id: UUID, suppressed: Sequence[Suppressed]) -> None:
    """Let every opt-out stand without its person."""
    for one in suppressed:
        suppressions.suppress(
            tx,
            organization_id,
            one.channel_kind,
            [one.number_hash],
            one.purpose,
            source=one.source,
            since=one.since,
        )


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What is left to do after the person is gone."""

    conversation_ids: list[UUID]
    export_ids: list[UUID]
    counts: dict[str, int]


# A thread that leads to nobody is shown nowhere, and whoever writes into it in this moment finds its person gone.
_LET_GO_THREADS = """
UPDATE conversations
   SET contact_id = NULL, address = NULL, preview = '', preview_kind = 'text', intent = NULL, interest = NULL,
       attention = NULL
 WHERE organization_id = %(organization_id)s
   AND contact_id = ANY (%(ids)s)
RETURNING id
"""
# A key of the sender's may be sent again within a day, so it stays, and is answered that it was done.
_ANSWERS = """
UPDATE idempotency_keys
   SET answer = NULL
 WHERE organization_id = %(organization_id)s
   AND answer::text LIKE ANY (%(named)s::text[])
"""
# By these a repeat would be answered with what was said about the person.
_NAMED = """
SELECT id FROM contact_notes WHERE organization_id = %(organization_id)s AND contact_id = ANY (%(ids)s)
 UNION ALL
SELECT id FROM leads WHERE organization_id = %(organization_id)s AND contact_id = ANY (%(ids)s)
"""
_VOID_EXPORTS = """
UPDATE exports
   SET state = 'cancelled', position = '{}'
 WHERE organization_id = %(organization_id)s
   AND (contact_id = ANY (%(ids)s) AND state IN ('waiting', 'building', 'ready', 'failed')
        OR contact_id IS NULL AND state IN ('building', 'ready', 'failed'))
RETURNING id
"""
# Where a part ended is the key of a row, and that of a name is the name.
_FORGET_PLACES = """
UPDATE exports
   SET position = '{}'
 WHERE organization_id = %(organization_id)s
   AND state <> 'building'
   AND position <> '{}'
"""
_CANCEL_JOBS = """
DELETE FROM jobs
 WHERE organization_id = %(organization_id)s
   AND state = 'queued'
   AND (ordering_key LIKE ANY (%(threads)s::text[]) OR unique_key LIKE ANY (%(threads)s::text[]))
"""
_OF_MERGES: LiteralString = """
DELETE FROM contact_merge_moves AS v
 USING contact_merges AS x
 WHERE v.organization_id = %(organization_id)s
   AND x.organization_id = v.organization_id
   AND x.id = v.merge_id
   AND (x.contact_id = ANY (%(ids)s) OR x.loser_id = ANY (%(ids)s))
"""
_MERGES: LiteralString = """
DELETE FROM contact_merges
 WHERE organization_id = %(organization_id)s
   AND (contact_id = ANY (%(ids)s) OR loser_id = ANY (%(ids)s))
"""


def _of_contact(table: LiteralString) -> LiteralString:
    return (
        "DELETE FROM "  # nosec B608: a table of the list below
        + table
        + " WHERE organization_id = %(organization_id)s AND contact_id = ANY (%(ids)s)"
    )


# In the order in which foreign keys let them go. Copies of a merge and of an import know a person by an id that is
# no contact's any more; what was set aside and what was listed, by a hash.
_GO: Final[dict[str, LiteralString]] = {
    "contact_merge_moves": _OF_MERGES,
    "contact_merges": _MERGES,
    **{
        table: _of_contact(table)
        for table in (
            "contact_identities",
            "contact_tags",
            "contact_notes",
            "consent_states",
            "consent_events",
            "disclosures",
            "leads",
            "import_changes",
            "bulk_changes",
        )
    },
    "listed_numbers": """
DELETE FROM listed_numbers
 WHERE organization_id = %(organization_id)s
   AND number_hash = ANY (%(known_as)s::bytea[])
""",
    "quarantine": """
DELETE FROM quarantine
 WHERE organization_id = %(organization_id)s
   AND person_hash = ANY (%(known_as)s::bytea[])
""",
    "contacts": """
DELETE FROM contacts
 WHERE organization_id = %(organization_id)s
   AND id = ANY (%(ids)s)
""",
}


def lock(tx: Tx, organization_id: UUID, ids: Sequence[UUID]) -> None:
    """Wait for whatever is being written about the person, and make the rest wait for us."""
    merge_store.lock(tx, organization_id, list(ids))


def forget(
    tx: Tx, organization_id: UUID, ids: Sequence[UUID], known_as: Sequence[bytes], *, erased_at: datetime
) -> Forgotten:
    """Delete who the person was, and let go of their threads, whose messages go in bites.

    What they left before `erased_at` and comes later is not taken any more (`leadsrally.consent.erased`).

    `ids`: the contact's, and those of the records that were merged into it. Comes after `lock`, with every opt-out
    kept (`keep_suppressed`).
    """
    given = {"organization_id": organization_id, "ids": list(ids), "known_as": list(known_as)}
    threads: list[UUID] = tx.values(_LET_GO_THREADS, given)
    exports: list[UUID] = tx.values(_VOID_EXPORTS, given)
    tx.run(_FORGET_PLACES, given)
    forget_answers(tx, organization_id, [*ids, *threads, *tx.values(_NAMED, given)])
    cancel_jobs(tx, organization_id, threads)
    erased.remember(tx, organization_id, known_as, erased_at=erased_at)
    counts = {table: tx.run(going, given) for table, going in _GO.items()}
    return Forgotten(threads, exports, counts | {"exports": len(exports)})


def cancel_jobs(tx: Tx, organization_id: UUID, conversation_ids: Sequence[UUID]) -> None:
    """Take back what was to be sent into these threads, and what was to be read in them."""
    threads = [f"conversation:{one}%" for one in conversation_ids]
    tx.run(_CANCEL_JOBS, {"organization_id": organization_id, "threads": threads})


def forget_answers(tx: Tx, organization_id: UUID, ids: Sequence[UUID]) -> None:
    """Forget what the API answered about these, which it keeps for a day to answer a repeat the same."""
    tx.run(_ANSWERS, {"organization_id": organization_id, "named": [f"%{one}%" for one in ids]})


_LET_GO_THREAD = """
UPDATE conversations
   SET contact_id = NULL, address = NULL, preview = '', preview_kind = 'text', intent = NULL, interest = NULL,
       attention = NULL
 WHERE organization_id = %(organization_id)s
   AND id = %(id)s
RETURNING id
"""


_LAST_MESSAGE_AT = """
SELECT last_message_at
  FROM conversations
 WHERE organization_id = %(organization_id)s
   AND id = %(id)s
   AND contact_id IS NOT NULL
   FOR UPDATE
"""


def last_message_at(tx: Tx, organization_id: UUID, conversation_id: UUID) -> datetime | None:
    """When somebody last wrote in the thread, which stays as it is until the commit. None: it is gone already."""
    return tx.value(_LAST_MESSAGE_AT, {"organization_id": organization_id, "id": conversation_id})


def forget_thread(tx: Tx, organization_id: UUID, conversation_id: UUID) -> bool:
    """Let go of one thread. False: it is gone already."""
    if tx.value(_LET_GO_THREAD, {"organization_id": organization_id, "id": conversation_id}) is None:
        return False
    cancel_jobs(tx, organization_id, [conversation_id])
    forget_answers(tx, organization_id, [conversation_id])
    return True
