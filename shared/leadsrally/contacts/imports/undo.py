"""Take an import back: remove whom it made, give back what it replaced, withdraw what it declared.

Nothing that happened since is undone with it. A person who has talked since, or whom somebody has edited or tagged,
or of whom another import says something, stays; a value that was changed again stays as it is now. Opt-outs that came
with the file stand.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final, LiteralString
from uuid import UUID

import psycopg.errors

from leadsrally.contacts.imports import store
from leadsrally.contacts.imports.desk import GOES_ON, ImportDesk, promise_to_forget
from leadsrally.contacts.imports.ids import run_of
from leadsrally.contacts.imports.run import TimeLeft
from leadsrally.contacts.imports.store import Import
from leadsrally.contacts.imports.types import undone_of
from leadsrally.jobs.types import Done, Job, Result
from leadsrally.kit.db import Tx, statement
from leadsrally.kit.spreadsheet import head, row
from leadsrally.telemetry import log

_BITE: Final = 2_000
_MARGIN: Final = timedelta(seconds=30)


def undo_import(desk: ImportDesk, job: Job, time_left: TimeLeft) -> Result:
    """Some thousand rows to a commit. After a death the next worker goes on, since what is undone says so."""
    organization_id = job.organization_id
    with desk.db.tenant(organization_id) as tx:
        found = store.one(tx, organization_id, UUID(job.payload["import_id"]))
    if found is None or found.state != "undoing":
        return Done()
    if not (
        _made_removed(desk, organization_id, found, time_left)
        and _rest(desk, organization_id, found, time_left)
    ):
        return GOES_ON
    desk.storage.put(
        undone_of(organization_id, found.id), _listed(desk, organization_id, found), content_type="text/csv"
    )
    with desk.db.tenant(organization_id) as tx:
        now = desk.clock()
        counts = {r["undone"]: r["count"] for r in tx.dicts(_COUNT, _given(organization_id, found))}
        store.undone(tx, organization_id, found.id, counts)
        if store.move(tx, organization_id, found.id, ["undoing"], "undone", now=now):
            promise_to_forget(tx, organization_id, found.id, now=now)
    log.info("import.undone", import_id=found.id, count=sum(counts.values()))
    return Done()


def _given(organization_id: UUID, found: Import) -> dict[str, Any]:
    return {"organization_id": organization_id, "import_id": found.id, "since": found.started_at}


def _made_removed(desk: ImportDesk, organization_id: UUID, found: Import, time_left: TimeLeft) -> bool:
    for first in range(1, found.lines_done + 1, _BITE):
        if time_left() < _MARGIN:
            return False
        _remove(desk, organization_id, found, first, min(first + _BITE - 1, found.lines_done))
    return True


def _remove(desk: ImportDesk, organization_id: UUID, found: Import, first: int, last: int) -> None:
    """Rows `first` to `last` of the file. Whatever else points at a person, known here or not, keeps them."""
    run = run_of(found.id, "contact")
    grants = [run_of(found.id, f"grant {kind} {purpose}") for kind, purpose in found.attested.channels]
    evidence = [*grants, *(run_of(found.id, f"revoke {kind}") for kind in ("sms", "whatsapp"))]
    given = {
        **_given(organization_id, found),
        "first_id": run.of(first),
        "last_id": run.of(last),
        "evidence_first": [run.first for run in evidence],
        "evidence_last": [run.last for run in evidence],
        "now": desk.clock(),
        "in_use": None,
    }
    try:
        with desk.db.tenant(organization_id) as tx:
            tx.run(_JUDGE, given)
            for statement in (_UNTAG_MADE, _UNSTATE_MADE, _UNPROVE_MADE, _REMOVE_MADE):
                tx.run(statement, given)
            for grant in grants:
                _withdraw(tx, {**given, "first_event": grant.of(first), "last_event": grant.of(last)})
    except (psycopg.errors.ForeignKeyViolation, psycopg.errors.RestrictViolation):
        if first < last:
            middle = (first + last) // 2
            _remove(desk, organization_id, found, first, middle)
            _remove(desk, organization_id, found, middle + 1, last)
            return
        with desk.db.tenant(organization_id) as tx:
            tx.run(_JUDGE, {**given, "in_use": "kept_in_use"})


def _withdraw(tx: Tx, given: dict[str, Any]) -> None:
    """Permissions that this import gave to people who were known before, but for those who have talked since."""
    tx.run(_UNSTATE_GRANTED, given)
    tx.run(_UNPROVE_GRANTED, given)


def _rest(desk: ImportDesk, organization_id: UUID, found: Import, time_left: TimeLeft) -> bool:
    while time_left() >= _MARGIN:
        with desk.db.tenant(organization_id) as tx:
            given = {**_given(organization_id, found), "now": desk.clock(), "limit": _BITE}
            ids = tx.values(_LOCK_CHANGED, given)
            given["ids"] = ids
            tx.run(_UNTAG_CHANGED, given)
            tx.run(_RESTORE, given)
        if len(ids) < _BITE:
            return True
    return False


def _listed(desk: ImportDesk, organization_id: UUID, found: Import) -> Iterator[bytes]:
    """What was done about each row, for the customer."""
    yield head(["row", "outcome", "contact"])
    after = UUID(int=0)
    while True:
        with desk.db.tenant(organization_id) as tx:
            page = tx.dicts(_PAGE, {**_given(organization_id, found), "after": after, "limit": 5_000})
        yield "".join(row([str(one["line"]), one["undone"], str(one["contact_id"])]) for one in page).encode()
        if len(page) < 5_000:
            return
        after = page[-1]["contact_id"]


_TALKED: LiteralString = """
EXISTS (SELECT 1 FROM conversations AS v
         WHERE v.organization_id = c.organization_id AND v.contact_id = c.id
           AND v.last_message_at >= %(since)s)
"""
_MADE: LiteralString = """
   AND r.organization_id = %(organization_id)s
   AND r.import_id = %(import_id)s
   AND r.contact_id BETWEEN %(first_id)s AND %(last_id)s
   AND r.undone = 'removed'
"""
# Locked against whoever would begin to talk to them in this moment: a thread needs its contact's key. The tags of the
# row that made somebody were put on in the same transaction, so at the same instant; those of later rows are remembered.
_JUDGE = """
WITH made AS (
    SELECT c.organization_id, c.id, c.version, c.created_at
      FROM contacts AS c
     WHERE c.organization_id = %(organization_id)s
       AND c.id BETWEEN %(first_id)s AND %(last_id)s
     ORDER BY c.id
       FOR UPDATE
)
INSERT INTO import_changes AS r (organization_id, import_id, contact_id, line, undone, recorded_at)
SELECT %(organization_id)s, %(import_id)s, c.id,
       ('x' || right(c.id::text, 8))::bit(32)::integer,
       coalesce(%(in_use)s, CASE
           WHEN EXISTS (SELECT 1 FROM conversations AS x
                         WHERE x.organization_id = c.organization_id AND x.contact_id = c.id)
             OR EXISTS (SELECT 1 FROM contact_notes AS x
                         WHERE x.organization_id = c.organization_id AND x.contact_id = c.id)
             OR EXISTS (SELECT 1 FROM contact_identities AS x
                         WHERE x.organization_id = c.organization_id AND x.contact_id = c.id)
             OR EXISTS (SELECT 1 FROM disclosures AS x
                         WHERE x.organization_id = c.organization_id AND x.contact_id = c.id)
             OR EXISTS (SELECT 1 FROM consent_events AS x
                         WHERE x.organization_id = c.organization_id AND x.contact_id = c.id
                           AND NOT EXISTS (SELECT 1
                                             FROM unnest(%(evidence_first)s::uuid[], %(evidence_last)s::uuid[])
                                                  AS own (first, last)
                                            WHERE x.id BETWEEN own.first AND own.last))
             OR EXISTS (SELECT 1 FROM contact_tags AS x
                         WHERE x.organization_id = c.organization_id AND x.contact_id = c.id
                           AND x.tagged_at <> c.created_at
                           AND NOT EXISTS (SELECT 1 FROM import_changes AS own
                                            WHERE own.organization_id = x.organization_id
                                              AND own.import_id = %(import_id)s
                                              AND own.contact_id = x.contact_id
                                              AND x.tag_id = ANY (own.tag_ids)))
             OR EXISTS (SELECT 1 FROM import_changes AS x
                         WHERE x.organization_id = c.organization_id AND x.contact_id = c.id
                           AND x.import_id <> %(import_id)s
                           AND x.undone IS DISTINCT FROM 'restored')
           THEN 'kept_in_use'
           WHEN c.version > 1 THEN 'kept_edited'
           ELSE 'removed' END),
       %(now)s
  FROM made AS c
ON CONFLICT (organization_id, import_id, contact_id) DO UPDATE SET undone = excluded.undone, recorded_at = excluded.recorded_at
"""
_UNTAG_MADE = statement(
    """
DELETE FROM contact_tags AS t
 USING import_changes AS r
 WHERE t.organization_id = r.organization_id
   AND t.contact_id = r.contact_id
""",
    _MADE,
)
_UNSTATE_MADE = statement(
    """
DELETE FROM consent_states AS t
 USING import_changes AS r
 WHERE t.organization_id = r.organization_id
   AND t.contact_id = r.contact_id
""",
    _MADE,
)
_UNPROVE_MADE = statement(
    """
DELETE FROM consent_events AS t
 USING import_changes AS r
 WHERE t.organization_id = r.organization_id
   AND t.contact_id = r.contact_id
""",
    _MADE,
)
_REMOVE_MADE = statement(
    """
DELETE FROM contacts AS t
 USING import_changes AS r
 WHERE t.organization_id = r.organization_id
   AND t.id = r.contact_id
""",
    _MADE,
)
_UNSTATE_GRANTED = statement(
    """
DELETE FROM consent_states AS t
 USING contacts AS c
 WHERE t.organization_id = %(organization_id)s
   AND t.event_id BETWEEN %(first_event)s AND %(last_event)s
   AND c.organization_id = t.organization_id
   AND c.id = t.contact_id
   AND c.id NOT BETWEEN %(first_id)s AND %(last_id)s
   AND NOT """,
    _TALKED,
)
_UNPROVE_GRANTED = statement(
    """
DELETE FROM consent_events AS t
 USING contacts AS c
 WHERE t.organization_id = %(organization_id)s
   AND t.id BETWEEN %(first_event)s AND %(last_event)s
   AND c.organization_id = t.organization_id
   AND c.id = t.contact_id
   AND c.id NOT BETWEEN %(first_id)s AND %(last_id)s
   AND NOT EXISTS (SELECT 1 FROM consent_states AS s
                    WHERE s.organization_id = t.organization_id AND s.event_id = t.id)
   AND NOT """,
    _TALKED,
)

_LOCK_CHANGED = """
WITH changed AS (
    SELECT contact_id
      FROM import_changes
     WHERE organization_id = %(organization_id)s
       AND import_id = %(import_id)s
       AND undone IS NULL
     ORDER BY contact_id
     LIMIT %(limit)s
),
locked AS (
    SELECT c.id
      FROM contacts AS c
     WHERE c.organization_id = %(organization_id)s
       AND c.id IN (SELECT contact_id FROM changed)
     ORDER BY c.id
       FOR NO KEY UPDATE
)
SELECT d.contact_id FROM changed AS d LEFT JOIN locked AS l ON l.id = d.contact_id
"""
_UNTAG_CHANGED = """
DELETE FROM contact_tags AS t
 USING import_changes AS r
 WHERE r.organization_id = %(organization_id)s
   AND r.import_id = %(import_id)s
   AND r.contact_id = ANY (%(ids)s::uuid[])
   AND t.organization_id = r.organization_id
   AND t.contact_id = r.contact_id
   AND t.tag_id = ANY (r.tag_ids)
"""
# Of each value that the import replaced: what was there before, if what the import wrote is there still.
_RESTORE = """
WITH changed AS (
    SELECT r.contact_id, r.before, r.after, c.id, c.name, c.email, c.time_zone, c.fields, own.gone, own.back,
           own.kept,
           r.before IS NOT NULL AS replaced
      FROM import_changes AS r
      LEFT JOIN contacts AS c ON c.organization_id = r.organization_id AND c.id = r.contact_id
     CROSS JOIN LATERAL (
           SELECT coalesce(array_agg(k) FILTER (WHERE still), '{}') AS gone,
                  coalesce(jsonb_object_agg(k, r.before -> 'fields' -> k)
                           FILTER (WHERE still AND r.before -> 'fields' ? k), '{}') AS back,
                  count(*) FILTER (WHERE NOT still) AS kept
             FROM (SELECT k, c.fields -> k IS NOT DISTINCT FROM r.after -> 'fields' -> k AS still
                     FROM jsonb_object_keys((r.before -> 'fields') || (r.after -> 'fields')) AS k
                    WHERE r.before -> 'fields' -> k IS DISTINCT FROM r.after -> 'fields' -> k) AS f) AS own
     WHERE r.organization_id = %(organization_id)s
       AND r.import_id = %(import_id)s
       AND r.contact_id = ANY (%(ids)s::uuid[])
),
restored AS (
    UPDATE contacts AS c
       SET name = CASE WHEN c.name = d.after ->> 'name' THEN d.before ->> 'name' ELSE c.name END,
           email = CASE WHEN c.email = d.after ->> 'email' THEN d.before ->> 'email' ELSE c.email END,
           time_zone = CASE WHEN c.time_zone IS NOT DISTINCT FROM d.after ->> 'time_zone' THEN d.before ->> 'time_zone'
                            ELSE c.time_zone END,
           fields = (c.fields - d.gone) || d.back,
           version = c.version + 1,
           updated_at = %(now)s
      FROM changed AS d
     WHERE c.organization_id = %(organization_id)s
       AND c.id = d.id
       AND d.replaced
)
UPDATE import_changes AS r
   SET undone = CASE
           WHEN d.id IS NULL THEN 'gone'
           WHEN d.replaced AND (d.kept > 0
                OR (d.before ->> 'name' <> d.after ->> 'name' AND d.name <> d.after ->> 'name')
                OR (d.before ->> 'email' <> d.after ->> 'email' AND d.email <> d.after ->> 'email')
                OR (d.before ->> 'time_zone' IS DISTINCT FROM d.after ->> 'time_zone'
                    AND d.time_zone IS DISTINCT FROM d.after ->> 'time_zone')) THEN 'kept_changed'
           ELSE 'restored' END,
       recorded_at = %(now)s
  FROM changed AS d
 WHERE r.organization_id = %(organization_id)s
   AND r.import_id = %(import_id)s
   AND r.contact_id = d.contact_id
"""
_COUNT = """
SELECT undone, count(*) AS count
  FROM import_changes
 WHERE organization_id = %(organization_id)s
   AND import_id = %(import_id)s
   AND undone IS NOT NULL
 GROUP BY undone
"""
_PAGE = """
SELECT line, undone, contact_id
  FROM import_changes
 WHERE organization_id = %(organization_id)s
   AND import_id = %(import_id)s
   AND undone IS NOT NULL
   AND contact_id > %(after)s
 ORDER BY contact_id
 LIMIT %(limit)s
"""
