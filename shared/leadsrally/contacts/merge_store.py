"""What a merge moves, what it keeps of the record that goes, and what a split gives back."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, LiteralString
from uuid import UUID

from psycopg.types.json import Jsonb

from leadsrally.consent.types import ChannelKind, Purpose, State
from leadsrally.contacts.put_away import RESTORE_FOR
from leadsrally.kit.db import Tx, statement

# Threads first, as whoever writes into one takes it before the person. In the order of ids, so that two merges that
# cross do not wait for each other. FOR UPDATE: whatever is being written for one of the two refers to it by key, and
# is done before the merge or refused after it.
_LOCK_THREADS = """
SELECT v.id
  FROM conversations AS v
 WHERE v.organization_id = %(organization_id)s
   AND v.contact_id = ANY (%(ids)s)
 ORDER BY v.id
   FOR UPDATE
"""
_LOCK = """
SELECT c.id
  FROM contacts AS c
 WHERE c.organization_id = %(organization_id)s
   AND c.id = ANY (%(ids)s)
 ORDER BY c.id
   FOR UPDATE
"""


def lock(tx: Tx, organization_id: UUID, ids: list[UUID]) -> list[UUID]:
    """Those of these contacts that are there, locked against all that is written about them."""
    given = {"organization_id": organization_id, "ids": ids}
    tx.values(_LOCK_THREADS, given)
    return tx.values(_LOCK, given)


@dataclass(frozen=True, slots=True)
class Record:
    """A contact's own row."""

    id: UUID
    phone: str | None
    name: str
    email: str
    time_zone: str | None
    fields: dict[str, Any]
    restricted_at: datetime | None
    version: int
    created_at: datetime
    updated_at: datetime


_RECORD = """
SELECT id, phone, name, email, time_zone, fields, restricted_at, version, created_at, updated_at
  FROM contacts
 WHERE organization_id = %(organization_id)s
   AND id = %(contact_id)s
"""


def record(tx: Tx, organization_id: UUID, contact_id: UUID) -> Record:
    return tx.one(Record, _RECORD, {"organization_id": organization_id, "contact_id": contact_id})


@dataclass(frozen=True, slots=True)
class Stands:
    """A row of `consent_states`, as JSON holds it."""

    channel_kind: ChannelKind
    purpose: Purpose
    state: State
    source: str
    event_id: str
    since: str


_STANDS = """
SELECT channel_kind, purpose, state, source, event_id::text AS event_id, since::text AS since
  FROM consent_states
 WHERE organization_id = %(organization_id)s
   AND contact_id = %(contact_id)s
"""


def stands(tx: Tx, organization_id: UUID, contact_id: UUID) -> list[Stands]:
    """What stands about a person on every kind of channel."""
    return tx.all(Stands, _STANDS, {"organization_id": organization_id, "contact_id": contact_id})


_CLEAR_STATES = """
DELETE FROM consent_states
 WHERE organization_id = %(organization_id)s
   AND contact_id = ANY (%(ids)s)
"""
_SET_STATES = """
INSERT INTO consent_states (organization_id, contact_id, channel_kind, purpose, state, source, event_id, since)
SELECT %(organization_id)s, %(contact_id)s, s.channel_kind, s.purpose, s.state, s.source, s.event_id, s.since
  FROM jsonb_to_recordset(%(states)s) AS s (
       channel_kind text, purpose text, state text, source text, event_id uuid, since timestamptz)
 ORDER BY s.channel_kind, s.purpose
"""


def set_stands(tx: Tx, organization_id: UUID, of: Mapping[UUID, list[dict[str, str]]]) -> None:
    """Let exactly this stand about each of these people."""
    tx.run(_CLEAR_STATES, {"organization_id": organization_id, "ids": list(of)})
    for contact_id, states in of.items():
        given = {"contact_id": contact_id, "states": Jsonb(states)}
        tx.run(_SET_STATES, {**given, "organization_id": organization_id})


_BEGIN = """
INSERT INTO contact_merges (
    organization_id, id, contact_id, loser_id, loser, filled, consents, actor_id, merged_at
)
VALUES (
    %(organization_id)s, %(id)s, %(winner_id)s, %(loser_id)s, %(loser)s, %(filled)s, %(consents)s, %(actor_id)s,
    %(now)s
)
"""


def write_down(tx: Tx, organization_id: UUID, values: Mapping[str, Any]) -> None:
    tx.run(_BEGIN, {**values, "organization_id": organization_id})


# Whose rows go to the winner as they are, and back again: by table, the key under which each is written down.
_AS_THEY_ARE: Final[Mapping[LiteralString, LiteralString]] = {
    "contact_identities": "t.kind || ':' || t.value",
    "consent_events": "t.id::text",
    "unsubscribe_links": "t.number::text",
    "disclosures": "t.id::text",
    "contact_notes": "t.id::text",
    "leads": "t.id::text",
    "contact_merges": "t.id::text",
}


def _moved(table: LiteralString, key: LiteralString) -> LiteralString:
    return statement(
        """
WITH moved AS (
    UPDATE """,
        table,
        """ AS t SET contact_id = %(winner_id)s
     WHERE t.organization_id = %(organization_id)s AND t.contact_id = %(loser_id)s
    RETURNING """,
        key,
        """ AS key
)""",
    )


# Each moves what is the loser's and says what that was. `contact_tags` keeps what both had once; of two threads on
# one channel the loser's keeps its own place, and the number that it is with.
_MOVED: Final[Mapping[str, LiteralString]] = {
    **{table: _moved(table, key) for table, key in _AS_THEY_ARE.items()},
    "conversations": """
WITH moved AS (
    UPDATE conversations AS v
       SET contact_id = %(winner_id)s,
           address = coalesce(v.address, %(phone)s),
           merge_id = CASE WHEN v.merge_id IS NOT NULL OR EXISTS (
                                SELECT 1
                                  FROM conversations AS o
                                 WHERE o.organization_id = v.organization_id
                                   AND o.contact_id = %(winner_id)s
                                   AND o.channel_id = v.channel_id
                                   AND o.merge_id IS NULL)
                           THEN coalesce(v.merge_id, %(merge_id)s) END
     WHERE v.organization_id = %(organization_id)s AND v.contact_id = %(loser_id)s
    RETURNING v.id::text AS key
)""",
    "contact_tags": """
WITH gone AS (
    DELETE FROM contact_tags
     WHERE organization_id = %(organization_id)s AND contact_id = %(loser_id)s
    RETURNING tag_id, tagged_at
),
kept AS (
    INSERT INTO contact_tags (organization_id, contact_id, tag_id, tagged_at)
    SELECT %(organization_id)s, %(winner_id)s, tag_id, tagged_at FROM gone
    ON CONFLICT DO NOTHING
    RETURNING tag_id
),
moved AS (
    SELECT 'had:' || tag_id AS key FROM gone
     UNION ALL
    SELECT 'gave:' || tag_id FROM kept
)""",
}
_WRITE_MOVES: Final = """
INSERT INTO contact_merge_moves (organization_id, merge_id, kind, row_key)
SELECT %(organization_id)s, %(merge_id)s, %(kind)s, key
  FROM moved
"""
MOVES: Final = frozenset(_MOVED)  # every table that refers to a contact, but for what stands of consent


def move(
    tx: Tx, organization_id: UUID, merge_id: UUID, winner_id: UUID, loser_id: UUID, phone: str | None
) -> None:
    """Give the winner all that is the loser's, and write down what that was."""
    given = {"organization_id": organization_id, "merge_id": merge_id, "winner_id": winner_id}
    for kind, moving in _MOVED.items():
        tx.run(moving + _WRITE_MOVES, {**given, "loser_id": loser_id, "phone": phone, "kind": kind})


# A number that leads to the winner from now on: to them, and to nobody who is written down anew.
_TAKE_NUMBER = """
INSERT INTO contact_identities AS i (organization_id, kind, value, contact_id, created_at)
VALUES (%(organization_id)s, 'number', %(phone)s, %(winner_id)s, %(now)s)
ON CONFLICT (organization_id, kind, value)
DO UPDATE SET contact_id = excluded.contact_id
"""
_DELETE = "DELETE FROM contacts WHERE organization_id = %(organization_id)s AND id = %(loser_id)s"
_FILL = """
UPDATE contacts
   SET phone = coalesce(phone, %(phone)s),
       name = CASE WHEN name = '' THEN coalesce(%(name)s, '') ELSE name END,
       email = CASE WHEN email = '' THEN coalesce(%(email)s, '') ELSE email END,
       time_zone = coalesce(time_zone, %(time_zone)s),
       restricted_at = coalesce(restricted_at, %(restricted_at)s),
       fields = %(fields)s::jsonb || fields,
       version = version + 1,
       updated_at = %(now)s
 WHERE organization_id = %(organization_id)s
   AND id = %(winner_id)s
"""


def delete_and_fill(
    tx: Tx,
    organization_id: UUID,
    winner_id: UUID,
    loser: Record,
    filled: Mapping[str, Any],
    *,
    now: datetime,
) -> None:
    """Let the loser's record go, its number lead to the winner, and fill what the winner's record lacks."""
    given = {"organization_id": organization_id, "winner_id": winner_id, "now": now}
    tx.run(_DELETE, {"organization_id": organization_id, "loser_id": loser.id})
    if loser.phone is not None and "phone" not in filled:
        tx.run(_TAKE_NUMBER, {**given, "phone": loser.phone})
    tx.run(
        _FILL,
        {
            **given,
            **{name: filled.get(name) for name in ("phone", "name", "email", "time_zone", "restricted_at")},
            "fields": Jsonb(filled.get("fields", {})),
        },
    )


@dataclass(frozen=True, slots=True)
class Merge:
    id: UUID
    winner_id: UUID
    loser_id: UUID
    loser: dict[str, Any]
    filled: dict[str, Any]
    consents: dict[str, list[dict[str, str]]]
    actor_id: UUID | None
    merged_at: datetime
    split_at: datetime | None


_MERGE = """
SELECT id, contact_id AS winner_id, loser_id, loser, filled, consents, actor_id, merged_at, split_at
  FROM contact_merges
 WHERE organization_id = %(organization_id)s
"""


def merge_by_id(tx: Tx, organization_id: UUID, merge_id: UUID) -> Merge | None:
    sql = _MERGE + " AND id = %(merge_id)s"
    return tx.maybe(Merge, sql, {"organization_id": organization_id, "merge_id": merge_id})


def merges_of(tx: Tx, organization_id: UUID, contact_id: UUID) -> list[Merge]:
    """All that stand, newest first."""
    sql = _MERGE + " AND contact_id = %(contact_id)s AND split_at IS NULL ORDER BY merged_at DESC, id DESC"
    return tx.all(Merge, sql, {"organization_id": organization_id, "contact_id": contact_id})


_SURVIVOR = """
SELECT contact_id
  FROM contact_merges
 WHERE organization_id = %(organization_id)s
   AND loser_id = %(contact_id)s
   AND split_at IS NULL
"""


def survivor_of(tx: Tx, organization_id: UUID, contact_id: UUID) -> UUID:
    """To whom this id leads: to itself, or to whoever it was merged into."""
    return tx.value(_SURVIVOR, {"organization_id": organization_id, "contact_id": contact_id}) or contact_id


# -- Taking apart ------------------------------------------------------------------------------------------

# But for values of fields that are gone, or are going and can no longer be had back.
_RESTORE = """
INSERT INTO contacts (
    organization_id, id, phone, name, email, time_zone, fields, restricted_at, version, created_at, updated_at
)
SELECT %(organization_id)s, l.id, l.phone, l.name, l.email, l.time_zone,
       coalesce((SELECT jsonb_object_agg(v.key, v.value)
                   FROM jsonb_each(l.fields) AS v
                  WHERE v.key IN (SELECT right(f.id::text, 12)
                                    FROM contact_fields AS f
                                   WHERE f.organization_id = %(organization_id)s
                                     AND (f.deleted_at IS NULL OR f.deleted_at > %(deleted_after)s))), '{}'),
       l.restricted_at, l.version + 1,
       l.created_at, %(now)s
  FROM jsonb_to_record(%(loser)s) AS l (
       id uuid, phone text, name text, email text, time_zone text, fields jsonb, restricted_at timestamptz,
       version integer, created_at timestamptz)
"""
# What was filled is taken back where nobody has changed it since.
_TAKE_BACK = """
UPDATE contacts
   SET phone = CASE WHEN phone = %(phone)s THEN NULL ELSE phone END,
       name = CASE WHEN name = %(name)s THEN '' ELSE name END,
       email = CASE WHEN email = %(email)s THEN '' ELSE email END,
       time_zone = CASE WHEN time_zone = %(time_zone)s THEN NULL ELSE time_zone END,
       restricted_at = CASE WHEN restricted_at = %(restricted_at)s THEN NULL ELSE restricted_at END,
       fields = fields - ARRAY(SELECT f.key
                                 FROM jsonb_each(%(fields)s::jsonb) AS f
                                WHERE fields -> f.key = f.value),
       version = version + 1,
       updated_at = %(now)s
 WHERE organization_id = %(organization_id)s
   AND id = %(winner_id)s
"""
_LOSE_NUMBER = """
DELETE FROM contact_identities
 WHERE organization_id = %(organization_id)s
   AND kind = 'number'
   AND value = %(phone)s
   AND contact_id = %(winner_id)s
"""


def _given_back(table: LiteralString, key: LiteralString) -> LiteralString:
    return statement(
        """
UPDATE """,
        table,
        """ AS t SET contact_id = %(loser_id)s
  FROM contact_merge_moves AS m
 WHERE t.organization_id = %(organization_id)s AND t.contact_id = %(winner_id)s AND m.row_key = """,
        key,
    )


_GIVEN_BACK: Final[Mapping[str, LiteralString]] = {
    **{table: _given_back(table, key) for table, key in _AS_THEY_ARE.items()},
    "conversations": """
UPDATE conversations AS t
   SET contact_id = %(loser_id)s,
       address = CASE WHEN t.address = %(phone)s THEN NULL ELSE t.address END,
       merge_id = nullif(t.merge_id, %(merge_id)s)
  FROM contact_merge_moves AS m
 WHERE t.organization_id = %(organization_id)s AND t.contact_id = %(winner_id)s AND m.row_key = t.id::text""",
}
_OF_THE_MERGE: Final = """
   AND m.organization_id = %(organization_id)s AND m.merge_id = %(merge_id)s AND m.kind = %(kind)s
"""
_TAGS_BACK = """
WITH gave AS (
    DELETE FROM contact_tags AS t
     USING contact_merge_moves AS m
     WHERE t.organization_id = %(organization_id)s
       AND t.contact_id = %(winner_id)s
       AND m.organization_id = %(organization_id)s
       AND m.merge_id = %(merge_id)s
       AND m.kind = 'contact_tags'
       AND m.row_key = 'gave:' || t.tag_id
)
INSERT INTO contact_tags (organization_id, contact_id, tag_id, tagged_at)
SELECT %(organization_id)s, %(loser_id)s, t.id, %(now)s
  FROM contact_merge_moves AS m
  JOIN tags AS t ON t.organization_id = %(organization_id)s AND m.row_key = 'had:' || t.id
 WHERE m.organization_id = %(organization_id)s
   AND m.merge_id = %(merge_id)s
   AND m.kind = 'contact_tags'
"""
_END = """
WITH forgotten AS (
    DELETE FROM contact_merge_moves
     WHERE organization_id = %(organization_id)s
       AND merge_id = %(merge_id)s
)
UPDATE contact_merges
   SET split_at = %(now)s
 WHERE organization_id = %(organization_id)s
   AND id = %(merge_id)s
   AND split_at IS NULL
"""


def give_back(tx: Tx, organization_id: UUID, merge: Merge, *, now: datetime) -> None:
    """Make the loser's record again as it was, and give it back what was moved and is still there."""
    phone = merge.loser["phone"]
    given = {
        "organization_id": organization_id,
        "merge_id": merge.id,
        "winner_id": merge.winner_id,
        "loser_id": merge.loser_id,
        "phone": phone,
        "now": now,
    }
    taken = {
        name: merge.filled.get(name) for name in ("phone", "name", "email", "time_zone", "restricted_at")
    }
    tx.run(_TAKE_BACK, {**given, **taken, "fields": Jsonb(merge.filled.get("fields", {}))})
    tx.run(_LOSE_NUMBER, given)
    tx.run(_RESTORE, {**given, "loser": Jsonb(merge.loser), "deleted_after": now - RESTORE_FOR})
    for kind, giving in _GIVEN_BACK.items():
        tx.run(giving + _OF_THE_MERGE, {**given, "kind": kind})
    tx.run(_TAGS_BACK, given)
    tx.run(_END, given)
