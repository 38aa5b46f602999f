"""Some thousand rows of a file into the base, in one transaction: staged by COPY, recognised, inserted or merged.

The staging table is temporary: it belongs to one connection, is dropped at the commit or with the connection, is
written to no log, and nobody else can read it (docs/decisions/0020).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, LiteralString
from uuid import UUID

from leadsrally.contacts.imports import permissions
from leadsrally.contacts.imports.ids import Run, run_of
from leadsrally.contacts.imports.rows import Row
from leadsrally.contacts.imports.types import Attestation, Counts, Mapped
from leadsrally.contacts.tags import ensure_tags
from leadsrally.kit.db import Tx, statement
from leadsrally.kit.errors import Unavailable
from leadsrally.kit.phone import variants


@dataclass(slots=True)
class Batch:
    """Rows of the file from one to another, as COPY takes them, and what was found of those that are not among them."""

    after: int  # the row before the first one
    contacts: Run
    counts: Counts = field(default_factory=Counts)
    last: int = 0
    rows: int = 0
    refused: int = 0
    incomplete: int = 0
    written_otherwise: bool = False  # some of the numbers can be written in two ways
    tagged: bool = False
    opting_out: bool = False
    _text: list[str] = field(default_factory=list)
    _data: list[bytes] = field(default_factory=list)

    def add(self, line: int, row: Row, number_hash: bytes | None) -> None:
        other = variants(row.phone)[1:]
        sms, whatsapp = row.consent.get("sms"), row.consent.get("whatsapp")
        self._text.append(
            "\t".join(
                (
                    str(line),
                    f"{self.contacts.prefix}{line:08x}",
                    row.phone,
                    other[0] if other else "\\N",
                    "\\N" if number_hash is None else f"\\\\x{number_hash.hex()}",
                    _text(row.name),
                    _text(row.email),
                    "\\N" if row.time_zone is None else row.time_zone,
                    _json(row.over) if row.over else "{}",
                    _json(row.fill) if row.fill else "{}",
                    _list(row.tags) if row.tags else "\\N",
                    "\\N" if sms is None else str(sms),
                    "\\N" if whatsapp is None else str(whatsapp),
                )
            )
        )
        self.rows += 1
        if other:
            self.written_otherwise = True
        if row.tags:
            self.tagged = True
        if row.consent and not all(row.consent.values()):
            self.opting_out = True
        if len(self._text) == 1000:
            self._pack()

    def chunks(self) -> Sequence[bytes]:
        self._pack()
        return self._data

    def _pack(self) -> None:
        if self._text:
            self._data.append(("\n".join(self._text) + "\n").encode())
            self._text = []


_SPECIAL: Final = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def _text(value: str) -> str:
    return value.replace("\\", "\\\\")  # a name and an address hold no tab and no line end


_encode: Final = json.JSONEncoder(
    ensure_ascii=False, separators=(",", ":")
).encode  # made once: a million rows


def _json(values: dict[str, Any]) -> str:
    return _encode(values).replace("\\", "\\\\")


def _list(values: Sequence[str]) -> str:
    quoted = (value.replace("\\", "\\\\").replace('"', '\\"') for value in values)
    return ("{" + ",".join(f'"{value}"' for value in quoted) + "}").translate(_SPECIAL)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is the same for all rows of an import."""

    organization_id: UUID
    import_id: UUID
    contacts: Run
    over: frozenset[str]  # which of name, email and time_zone replace what is there
    tags: tuple[str, ...]
    attestation: Attestation
    asked: frozenset[str]  # kinds of channel that a column of the file speaks of
    actor_id: UUID | None

    @classmethod
    def of(
        cls,
        organization_id: UUID,
        import_id: UUID,
        *,
        mapping: Sequence[Mapped],
        tags: Sequence[str],
        attestation: Attestation,
        actor_id: UUID | None,
    ) -> "Plan":
        over = {
            "name" if one.to in ("first_name", "last_name") else one.to
            for one in mapping
            if one.rule == "overwrite"
        }
        asked = {one.to.removeprefix("consent_") for one in mapping if one.to.startswith("consent_")}
        return cls(
            organization_id,
            import_id,
            run_of(import_id, "contact"),
            frozenset(over),
            tuple(tags),
            attestation,
            frozenset(asked),
            actor_id,
        )

    def params(self, now: datetime) -> dict[str, Any]:
        return {
            "organization_id": self.organization_id,
            "import_id": self.import_id,
            "name_over": "name" in self.over,
            "email_over": "email" in self.over,
            "zone_over": "time_zone" in self.over,
            "tags": list(self.tags),
            "now": now,
        }


_MAKE = """
CREATE TEMPORARY TABLE staged (
    line       integer NOT NULL,
    contact_id uuid    NOT NULL,
    phone      text    NOT NULL,
    other      text,
    hash       bytea,
    name       text    NOT NULL,
    email      text    NOT NULL,
    time_zone  text,
    over       jsonb   NOT NULL,
    fill       jsonb   NOT NULL,
    tags       text[],
    sms        boolean,
    whatsapp   boolean,
    known      boolean NOT NULL DEFAULT false,
    skip       text
) ON COMMIT DROP
"""
_LOAD = """
COPY staged (line, contact_id, phone, other, hash, name, email, time_zone, over, fill, tags, sms, whatsapp)
FROM STDIN
"""


def stage(tx: Tx, batch: Batch) -> None:
    """Load the rows where the statements below find them, until the end of the transaction."""
    tx.run(_MAKE, {})
    tx.copy(_LOAD, batch.chunks())


def merge(tx: Tx, plan: Plan, batch: Batch, *, now: datetime) -> Counts:
    """Write the staged rows; returns what became of them."""
    given = plan.params(now)
    otherwise = _recognise(tx, given, batch)
    created, updated, rounds = 0, 0, 0
    while True:
        created += tx.run(_INSERT, given)
        if created + _known(tx) == batch.rows:
            break
        tx.run(_BY_PHONE, given)  # whoever stood in the way is known now, also if they came a moment ago
        if created + _known(tx) == batch.rows:
            break
        rounds += 1  # somebody stood in the way and was erased before they could be looked at
        if rounds == 3:
            raise Unavailable("The contacts are being changed. The import goes on in a moment.", code="busy")
    duplicates = tx.run(_TWICE, given) if otherwise else 0
    known = batch.rows - created
    if known and tx.value(_LOCK_CHANGING, given):
        updated = tx.run(_CHANGE, given)
    if batch.tagged or plan.tags:
        names = [*plan.tags, *tx.values(_TAG_NAMES, given)]
        ensure_tags(tx, plan.organization_id, list(dict.fromkeys(names)), now=now)
        updated += tx.value(_TAG, given)
    counts = _counted(tx, plan, batch, created, updated, duplicates)
    return counts + permissions.record(
        tx,
        plan.organization_id,
        plan.import_id,
        plan.attestation,
        plan.asked,
        opting_out=batch.opting_out,
        known=known > 0,
        actor_id=plan.actor_id,
        now=now,
    )


def preview(tx: Tx, plan: Plan, batch: Batch, *, now: datetime) -> Counts:
    """What `merge` would come to. Writes nothing but the staged rows."""
    given = plan.params(now)
    otherwise = _recognise(tx, given, batch)
    tx.run(_BY_PHONE, given)
    duplicates = tx.run(_TWICE, given) if otherwise else 0
    created = batch.rows - _known(tx)
    updated = tx.value(_WOULD_CHANGE, given) if created < batch.rows else 0
    told = permissions.foresee(
        tx, plan.organization_id, plan.attestation, plan.asked, opting_out=batch.opting_out
    )
    return _counted(tx, plan, batch, created, updated, duplicates) + told


def _recognise(tx: Tx, given: dict[str, Any], batch: Batch) -> int:
    """Find those who are known under another name than this number; returns how many. They may be in it twice."""
    found = 0
    if tx.value(_ANY_IDENTITIES, given):
        found += tx.run(_BY_NUMBER, given) + tx.run(_BY_WA_ID, given)
    if batch.written_otherwise:
        found += tx.run(_BY_OTHER_FORM, given)
    return found


def _known(tx: Tx) -> int:
    return tx.value(_COUNT_KNOWN, {})


def _counted(tx: Tx, plan: Plan, batch: Batch, created: int, updated: int, duplicates: int) -> Counts:
    restricted = 0 if created == batch.rows else tx.value(_COUNT_RESTRICTED, {})
    suppressed = tx.value(_COUNT_SUPPRESSED, {"organization_id": plan.organization_id})
    return Counts(
        created=created,
        updated=updated,
        unchanged=batch.rows - created - updated - duplicates - restricted,
        duplicates=duplicates,
        restricted=restricted,
        suppressed=suppressed,
    )


_ANY_IDENTITIES = """
SELECT EXISTS (SELECT 1 FROM contact_identities WHERE organization_id = %(organization_id)s)
"""
# Nobody has counted the staged rows, and the base may have grown by half a minute ago: a planner that is free to choose
# reads the base from end to end for some thousand rows, or compares each with each. `OFFSET 0` keeps a subquery what
# it says: one look into an index for each row.
_RECOGNISED: LiteralString = """
UPDATE staged AS s
   SET contact_id = f.id,
       known = true,
       skip = CASE WHEN f.restricted_at IS NOT NULL THEN 'restricted' END
  FROM (SELECT t.line, c.id, c.restricted_at
          FROM staged AS t
         CROSS JOIN LATERAL (
"""
_OF_UNKNOWN: LiteralString = """
                OFFSET 0) AS c
         WHERE NOT t.known) AS f
 WHERE f.line = s.line
"""
_BY_IDENTITY: LiteralString = """
               SELECT c.id, c.restricted_at
                 FROM contact_identities AS i
                 JOIN contacts AS c ON c.organization_id = i.organization_id AND c.id = i.contact_id
                WHERE i.organization_id = %(organization_id)s
                  AND i.retired_at IS NULL
"""
_BY_NUMBER = statement(_RECOGNISED, _BY_IDENTITY, " AND i.kind = 'number' AND i.value = t.phone", _OF_UNKNOWN)
_BY_WA_ID = statement(
    _RECOGNISED, _BY_IDENTITY, " AND i.kind = 'wa_id' AND i.value = substr(t.phone, 2)", _OF_UNKNOWN
)
_BY_OTHER_FORM = statement(
    _RECOGNISED,
    """
               SELECT c.id, c.restricted_at
                 FROM contacts AS c
                WHERE c.organization_id = %(organization_id)s
                  AND t.other IS NOT NULL
                  AND c.phone = t.other
                  AND NOT EXISTS (SELECT 1
                                    FROM contacts AS d
                                   WHERE d.organization_id = %(organization_id)s
                                     AND d.phone = t.phone)
""",
    _OF_UNKNOWN,
)
_BY_PHONE = statement(
    _RECOGNISED,
    """
               SELECT c.id, c.restricted_at
                 FROM contacts AS c
                WHERE c.organization_id = %(organization_id)s
                  AND c.phone = t.phone
                  AND c.id <> t.contact_id
""",
    _OF_UNKNOWN,
)
_TWICE = """
UPDATE staged AS s
   SET skip = 'duplicate'
  FROM (SELECT line, row_number() OVER (PARTITION BY contact_id ORDER BY line) AS time
          FROM staged
         WHERE known) AS n
 WHERE n.line = s.line
   AND n.time > 1
"""
_COUNT_KNOWN = """
SELECT count(*) FROM staged WHERE known
"""
_COUNT_RESTRICTED = """
SELECT count(*) FROM staged WHERE skip = 'restricted'
"""
_COUNT_SUPPRESSED = """
SELECT count(*)
  FROM staged AS s
 WHERE s.hash IS NOT NULL
   AND s.skip IS NULL
   AND EXISTS (SELECT 1
                 FROM suppressions AS x
                WHERE x.organization_id = %(organization_id)s
                  AND x.channel_kind = ANY (ARRAY['sms', 'whatsapp', 'email'])
                  AND x.number_hash = s.hash
               OFFSET 0)
"""

_INSERT = """
INSERT INTO contacts (organization_id, id, phone, name, email, time_zone, fields, created_at, updated_at)
SELECT %(organization_id)s, s.contact_id, s.phone, s.name, s.email, s.time_zone, s.fill || s.over, %(now)s, %(now)s
  FROM staged AS s
 WHERE NOT s.known
ON CONFLICT (organization_id, phone) DO NOTHING
"""

# The one place that says what a row makes of a contact who is there. An empty cell says nothing.
_MERGED: LiteralString = """
SELECT m.*
  FROM (SELECT s.line, s.tags AS row_tags, c.id, c.name, c.email, c.time_zone, c.fields,
               CASE WHEN s.name <> '' AND (%(name_over)s OR c.name = '') THEN s.name ELSE c.name END AS new_name,
               CASE WHEN s.email <> '' AND (%(email_over)s OR c.email = '') THEN s.email ELSE c.email END AS new_email,
               CASE WHEN s.time_zone IS NOT NULL AND (%(zone_over)s OR c.time_zone IS NULL) THEN s.time_zone
                    ELSE c.time_zone END AS new_time_zone,
               s.fill || c.fields || s.over AS new_fields
          FROM staged AS s
         CROSS JOIN LATERAL (SELECT c.id, c.name, c.email, c.time_zone, c.fields
                               FROM contacts AS c
                              WHERE c.organization_id = %(organization_id)s
                                AND c.id = s.contact_id
                             OFFSET 0) AS c
         WHERE s.known
           AND s.skip IS NULL) AS m
"""
_DIFFERS: LiteralString = """
(m.name, m.email, m.time_zone, m.fields) IS DISTINCT FROM (m.new_name, m.new_email, m.new_time_zone, m.new_fields)
"""
# Locked first and read again after: what is remembered of them must be what is replaced.
_LOCK_CHANGING = statement(
    """
SELECT count(*)
  FROM (SELECT 1
          FROM contacts AS c
         WHERE c.organization_id = %(organization_id)s
           AND c.id IN (SELECT m.id FROM (""",
    _MERGED,
    ") AS m WHERE ",
    _DIFFERS,
    """)
         ORDER BY c.id
           FOR NO KEY UPDATE) AS locked
""",
)
_CHANGE = statement(
    "WITH changing AS (SELECT m.* FROM (",
    _MERGED,
    ") AS m WHERE ",
    _DIFFERS,
    """),
remembered AS (
    INSERT INTO import_changes AS r (organization_id, import_id, contact_id, line, before, after, recorded_at)
    SELECT %(organization_id)s, %(import_id)s, id, line,
           jsonb_build_object('name', name, 'email', email, 'time_zone', time_zone, 'fields', fields),
           jsonb_build_object('name', new_name, 'email', new_email, 'time_zone', new_time_zone, 'fields', new_fields),
           %(now)s
      FROM changing
    ON CONFLICT (organization_id, import_id, contact_id)
    DO UPDATE SET after = excluded.after, before = coalesce(r.before, excluded.before)
)
UPDATE contacts AS c
   SET name = d.new_name,
       email = d.new_email,
       time_zone = d.new_time_zone,
       fields = d.new_fields,
       version = c.version + 1,
       updated_at = %(now)s
  FROM changing AS d
 WHERE c.organization_id = %(organization_id)s
   AND c.id = d.id
""",
)
_UNTAGGED: LiteralString = """
EXISTS (SELECT 1
          FROM unnest(m.row_tags || %(tags)s::text[]) AS w (name)
         WHERE NOT EXISTS (SELECT 1
                             FROM contact_tags AS ct
                             JOIN tags AS t ON t.organization_id = ct.organization_id AND t.id = ct.tag_id
                            WHERE ct.organization_id = %(organization_id)s
                              AND ct.contact_id = m.id
                              AND lower(t.name) = lower(w.name)))
"""
_WOULD_CHANGE = statement("SELECT count(*) FROM (", _MERGED, ") AS m WHERE ", _DIFFERS, " OR ", _UNTAGGED)

_TAG_NAMES = """
SELECT DISTINCT w.tag FROM staged AS s CROSS JOIN LATERAL unnest(s.tags) AS w (tag) WHERE s.skip IS NULL
"""
# Returns how many contacts only the tags have changed.
_TAG = """
WITH wanted AS (
    SELECT DISTINCT s.contact_id, s.line, s.known, t.id AS tag_id
      FROM staged AS s
     CROSS JOIN LATERAL unnest(s.tags || %(tags)s::text[]) AS w (name)
      JOIN tags AS t ON t.organization_id = %(organization_id)s AND lower(t.name) = lower(w.name)
     WHERE s.skip IS NULL
),
put AS (
    INSERT INTO contact_tags (organization_id, contact_id, tag_id, tagged_at)
    SELECT %(organization_id)s, contact_id, tag_id, %(now)s
      FROM wanted
     ORDER BY contact_id, tag_id
    ON CONFLICT DO NOTHING
    RETURNING contact_id, tag_id
),
remembered AS (
    INSERT INTO import_changes AS r (organization_id, import_id, contact_id, line, tag_ids, recorded_at)
    SELECT %(organization_id)s, %(import_id)s, p.contact_id, min(w.line), array_agg(p.tag_id), %(now)s
      FROM put AS p
      JOIN wanted AS w ON w.contact_id = p.contact_id AND w.tag_id = p.tag_id AND w.known
     GROUP BY p.contact_id
    ON CONFLICT (organization_id, import_id, contact_id)
    DO UPDATE SET tag_ids = r.tag_ids || excluded.tag_ids
    RETURNING (xmax = 0) AS fresh
)
SELECT count(*) FILTER (WHERE fresh) FROM remembered
"""
