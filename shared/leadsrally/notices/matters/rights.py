"""Matters of the privacy policy: exports, its own changes, breaches, the end of an account."""

from collections.abc import Mapping
from datetime import datetime

from leadsrally.jobs.types import Job
from leadsrally.kit.db import Tx
from leadsrally.notices.matters.addressed import OwnersRow, UserRow, instant, matter_of, named, owners_matter
from leadsrally.notices.types import Fact, Matter, Name, Passage

# Over or taken back in the meantime, it is no matter any more.
_EXPORT = """
SELECT e.id AS about_id, o.language, o.time_zone, o.name AS organization, u.id AS user_id,
       u.email AS address, u.mail_blocked_at IS NOT NULL AS blocked,
       jsonb_build_object('at', e.ready_at, 'until', e.expires_at) AS detail
  FROM exports AS e
  JOIN users AS u ON u.organization_id = e.organization_id AND u.id = e.requested_by
  JOIN organizations AS o ON o.id = e.organization_id
 WHERE e.organization_id = %(organization_id)s
   AND e.id = %(export_id)s
   AND e.state = 'ready'
   AND e.expires_at > %(now)s
"""


def export_ready(tx: Tx, job: Job, now: datetime) -> Matter | None:
    row = tx.maybe(UserRow, _EXPORT, named(job, "export_id", now))
    return row and matter_of(
        row,
        {
            "at": instant(row, "at"),
            "until": instant(row, "until"),
            "organization": Name(row.organization),
        },
    )


# Accepted in the meantime, it needs no reminder.
_POLICY = """
SELECT v.id AS about_id, o.language, o.time_zone,
       jsonb_build_object('dated', v.dated, 'changes', v.summary,
                          'effective', coalesce(v.effective_at, v.announced_for)) AS detail
  FROM policy_versions AS v
  JOIN organizations AS o ON o.id = %(organization_id)s
 WHERE v.id = %(version_id)s
   AND NOT (%(unless_accepted)s
            AND EXISTS (SELECT 1
                          FROM acceptances AS a
                         WHERE a.organization_id = o.id
                           AND a.document = 'privacy_policy'
                           AND a.document_version = v.dated::text))
"""


def policy_change(tx: Tx, job: Job, now: datetime) -> Matter | None:
    return _policy(tx, job, now, unless_accepted=False)


def policy_reminder(tx: Tx, job: Job, now: datetime) -> Matter | None:
    return _policy(tx, job, now, unless_accepted=True)


def _policy(tx: Tx, job: Job, now: datetime, *, unless_accepted: bool) -> Matter | None:
    given = {**named(job, "version_id", now), "unless_accepted": unless_accepted}
    thing = tx.maybe(OwnersRow, _POLICY, given)
    return thing and owners_matter(
        tx,
        job,
        thing,
        {
            "dated": thing.detail["dated"],
            "changes": Passage(thing.detail["changes"]),
            "effective": datetime.fromisoformat(thing.detail["effective"]),
        },
    )


# A drill tells nobody, whatever asks for it.
_INCIDENT = """
SELECT i.id AS about_id, o.language, o.time_zone,
       jsonb_build_object('at', i.confirmed_at, 'nature', i.nature, 'people', i.people_about, 'records', i.records_about,
                          'consequences', i.consequences, 'measures', i.measures, 'counts', n.counts) AS detail
  FROM incident_notices AS n
  JOIN incidents AS i ON i.id = n.incident_id
  JOIN organizations AS o ON o.id = n.organization_id
 WHERE n.organization_id = %(organization_id)s
   AND n.incident_id = %(incident_id)s
   AND i.confirmed_at IS NOT NULL
   AND NOT i.drill
"""


def incident(tx: Tx, job: Job, now: datetime) -> Matter | None:
    thing = tx.maybe(OwnersRow, _INCIDENT, named(job, "incident_id", now))
    if thing is None:
        return None
    told = thing.detail
    facts = incident_facts(
        at=datetime.fromisoformat(told["at"]),
        nature=told["nature"],
        people=told["people"],
        records=told["records"],
        consequences=told["consequences"],
        measures=told["measures"],
        counts=told["counts"],
    )
    return owners_matter(tx, job, thing, facts)


def incident_facts(
    *,
    at: datetime,
    nature: str,
    people: int | None,
    records: int | None,
    consequences: str,
    measures: str,
    counts: Mapping[str, int],
) -> dict[str, Fact]:
    """What a notice of a breach says: the items of GDPR Art. 33(3); whom to ask stands at the foot of every mail."""
    rows = ", ".join(f"{table} {count}" for table, count in sorted(counts.items()))
    return {
        "at": at,
        "nature": Passage(nature),
        "people": "?" if people is None else str(people),
        "records": "?" if records is None else str(records),
        "consequences": Passage(consequences),
        "measures": Passage(measures),
        "scope": Passage(rows or "–"),
    }


_DELETION = """
SELECT d.id AS about_id, o.language, o.time_zone,
       jsonb_build_object('until', d.erases_at, 'organization', o.name) AS detail
  FROM account_deletions AS d
  JOIN organizations AS o ON o.id = d.organization_id
 WHERE d.organization_id = %(organization_id)s
   AND d.id = %(deletion_id)s
   AND d.reversed_at IS NULL
   AND d.erases_at > %(now)s
"""


def account_deletion(tx: Tx, job: Job, now: datetime) -> Matter | None:
    thing = tx.maybe(OwnersRow, _DELETION, named(job, "deletion_id", now))
    return thing and owners_matter(
        tx,
        job,
        thing,
        {
            "until": datetime.fromisoformat(thing.detail["until"]),
            "organization": Name(thing.detail["organization"]),
            "certificate": str(thing.about_id),
        },
    )


# Whoever took it back may have left since.
_KEPT = """
SELECT d.id AS about_id, o.language, o.time_zone,
       jsonb_build_object('at', d.reversed_at, 'person', coalesce(u.email, '?'), 'organization', o.name) AS detail
  FROM account_deletions AS d
  JOIN organizations AS o ON o.id = d.organization_id
  LEFT JOIN users AS u ON u.organization_id = d.organization_id AND u.id = d.reversed_by
 WHERE d.organization_id = %(organization_id)s
   AND d.id = %(deletion_id)s
   AND d.reversed_at IS NOT NULL
"""


def account_kept(tx: Tx, job: Job, now: datetime) -> Matter | None:
    """Also for who took it back: of an account that was stolen that is how its owner learns of it."""
    thing = tx.maybe(OwnersRow, _KEPT, named(job, "deletion_id", now))
    return thing and owners_matter(
        tx,
        job,
        thing,
        {
            "at": datetime.fromisoformat(thing.detail["at"]),
            "person": thing.detail["person"],
            "organization": Name(thing.detail["organization"]),
        },
    )
