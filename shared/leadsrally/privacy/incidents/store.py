"""The register of incidents (GDPR Art. 33(5)): what happened, whom it concerns, who was told when."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from leadsrally.kit.db import Tx
from leadsrally.notices.types import Language

Exposure = Literal["there", "written", "named"]
How = Literal["phone", "letter", "meeting"]


@dataclass(frozen=True, slots=True)
class Incident:
    """A row of `incidents`. `not_notified` says why nobody is told, where that was decided."""

    id: UUID
    drill: bool
    title: str
    detected_at: datetime
    recorded_at: datetime
    confirmed_at: datetime | None
    nature: str
    people_about: int | None
    records_about: int | None
    consequences: str
    measures: str
    not_notified: str | None
    decided_at: datetime | None
    closed_at: datetime | None

    @property
    def described(self) -> bool:
        """Whether the items of GDPR Art. 33(3) are there; the contact point (b) is the deployment's."""
        numbers = self.people_about is not None and self.records_about is not None
        return bool(self.nature and numbers and self.consequences and self.measures)


_INCIDENTS: Final = """
SELECT id, drill, title, detected_at, recorded_at, confirmed_at, nature, people_about, records_about, consequences,
       measures, not_notified, decided_at, closed_at
  FROM incidents
 WHERE %(id)s::uuid IS NULL OR id = %(id)s
 ORDER BY recorded_at, id
"""


def incidents(tx: Tx) -> list[Incident]:
    """All of them, oldest first."""
    return tx.all(Incident, _INCIDENTS, {"id": None})


def incident(tx: Tx, incident_id: UUID) -> Incident | None:
    return tx.maybe(Incident, _INCIDENTS, {"id": incident_id})


_INSERT: Final = """
INSERT INTO incidents (id, drill, title, detected_at, recorded_at)
VALUES (%(id)s, %(drill)s, %(title)s, %(detected_at)s, %(now)s)
"""


def insert(
    tx: Tx, incident_id: UUID, *, drill: bool, title: str, detected_at: datetime, now: datetime
) -> None:
    tx.run(
        _INSERT, {"id": incident_id, "drill": drill, "title": title, "detected_at": detected_at, "now": now}
    )


# What is left out stays. Once confirmed it stays confirmed: the clock never begins again.
_WRITE: Final = """
UPDATE incidents
   SET nature = coalesce(%(nature)s, nature),
       people_about = coalesce(%(people_about)s, people_about),
       records_about = coalesce(%(records_about)s, records_about),
       consequences = coalesce(%(consequences)s, consequences),
       measures = coalesce(%(measures)s, measures),
       confirmed_at = coalesce(confirmed_at, %(confirmed_at)s),
       not_notified = coalesce(%(not_notified)s, not_notified),
       decided_at = coalesce(decided_at, %(decided_at)s),
       closed_at = coalesce(closed_at, %(closed_at)s)
 WHERE id = %(id)s
"""
_FIELDS: Final = (
    "nature",
    "people_about",
    "records_about",
    "consequences",
    "measures",
    "confirmed_at",
    "not_notified",
    "decided_at",
    "closed_at",
)


def write(tx: Tx, incident_id: UUID, changes: Mapping[str, Any]) -> None:
    tx.run(_WRITE, {"id": incident_id, **{name: changes.get(name) for name in _FIELDS}})


_ADD_SCOPE: Final = """
INSERT INTO incident_scopes (id, incident_id, table_name, exposure, since, until, added_at)
VALUES (%(id)s, %(incident_id)s, %(table)s, %(exposure)s, %(since)s, %(until)s, %(now)s)
"""


def add_scope(
    tx: Tx,
    scope_id: UUID,
    incident_id: UUID,
    *,
    table: str | None,
    exposure: Exposure,
    since: datetime | None,
    until: datetime | None,
    now: datetime,
) -> None:
    tx.run(
        _ADD_SCOPE,
        {
            "id": scope_id,
            "incident_id": incident_id,
            "table": table,
            "exposure": exposure,
            "since": since,
            "until": until,
            "now": now,
        },
    )


# Found again, its counts are those of both looks.
_AFFECTED_BY_ROWS: Final = """
INSERT INTO incident_notices AS n (organization_id, incident_id, counts, found_at)
SELECT found.organization_id, %(incident_id)s, jsonb_build_object(%(table)s::text, found.rows), %(now)s
  FROM rows_by_organization(%(table)s, %(since)s, %(until)s) AS found
  JOIN organizations AS o ON o.id = found.organization_id AND o.state NOT IN ('pending', 'erased')
ON CONFLICT (organization_id, incident_id)
DO UPDATE SET counts = n.counts || excluded.counts
"""


def find_by_rows(
    tx: Tx, incident_id: UUID, table: str, *, since: datetime | None, until: datetime, now: datetime
) -> int:
    """Note every customer that has rows in a table, written before `until` and from `since` on; returns how many."""
    return tx.run(
        _AFFECTED_BY_ROWS,
        {"incident_id": incident_id, "table": table, "since": since, "until": until, "now": now},
    )


_AFFECTED_BY_NAME: Final = """
INSERT INTO incident_notices (organization_id, incident_id, counts, found_at)
SELECT id, %(incident_id)s, '{}', %(now)s
  FROM organizations
 WHERE id = %(organization_id)s
ON CONFLICT (organization_id, incident_id) DO UPDATE SET found_at = incident_notices.found_at
"""


def find_by_name(tx: Tx, incident_id: UUID, organization_id: UUID, *, now: datetime) -> bool:
    """Note this customer; False when there is none of that id."""
    given = {"incident_id": incident_id, "organization_id": organization_id, "now": now}
    return tx.run(_AFFECTED_BY_NAME, given) == 1


@dataclass(frozen=True, slots=True)
class Affected:
    """A customer whose data is affected. `told_at`: when the first owner's mail went out, or a person told them."""

    organization_id: UUID
    language: Language
    time_zone: str
    counts: dict[str, int]
    job_id: UUID | None
    owners: int  # notices to its owners so far
    taken: int
    delivered: int
    told_at: datetime | None


_AFFECTED: Final = """
SELECT a.organization_id, o.language, o.time_zone, a.counts, a.job_id, told.owners, told.taken, told.delivered,
       least(told.at, a.told_otherwise_at) AS told_at
  FROM incident_notices AS a
  JOIN organizations AS o ON o.id = a.organization_id
 CROSS JOIN LATERAL (
    SELECT count(*) AS owners, count(n.taken_at) AS taken, count(n.delivered_at) AS delivered, min(n.taken_at) AS at
      FROM notices AS n
     WHERE n.organization_id = a.organization_id
       AND n.job_id = a.job_id) AS told
 WHERE a.incident_id = %(incident_id)s
 ORDER BY a.organization_id
"""


def affected(tx: Tx, incident_id: UUID) -> list[Affected]:
    return tx.all(Affected, _AFFECTED, {"incident_id": incident_id})


_UNASKED: Final = """
SELECT count(*)
  FROM (SELECT 1
          FROM incident_notices
         WHERE organization_id = %(organization_id)s
           AND incident_id = %(incident_id)s
           AND job_id IS NULL
           FOR UPDATE) AS waiting
"""


def unasked(tx: Tx, organization_id: UUID, incident_id: UUID) -> bool:
    """Whether nobody has asked for this customer's notice. Nobody else can before the transaction is over."""
    given = {"organization_id": organization_id, "incident_id": incident_id}
    return tx.value(_UNASKED, given) == 1


_ASKED: Final = """
UPDATE incident_notices
   SET job_id = %(job_id)s, asked_at = %(now)s
 WHERE organization_id = %(organization_id)s
   AND incident_id = %(incident_id)s
   AND job_id IS NULL
"""


def asked(tx: Tx, organization_id: UUID, incident_id: UUID, job_id: UUID, *, now: datetime) -> bool:
    """Note the job that tells this customer's owners; False when another one does already."""
    given = {"organization_id": organization_id, "incident_id": incident_id, "job_id": job_id, "now": now}
    return tx.run(_ASKED, given) == 1


_TOLD: Final = """
UPDATE incident_notices
   SET told_otherwise_at = coalesce(told_otherwise_at, %(now)s), told_how = coalesce(told_how, %(how)s)
 WHERE organization_id = %(organization_id)s
   AND incident_id = %(incident_id)s
"""


def told_by_a_person(tx: Tx, organization_id: UUID, incident_id: UUID, how: How, *, now: datetime) -> bool:
    given = {"organization_id": organization_id, "incident_id": incident_id, "how": how, "now": now}
    return tx.run(_TOLD, given) == 1
