"""What each kind of notice speaks of: one table, and for each family of kinds the statement that finds it.

A matter that no longer counts (a link that was used or has expired, a person who has left) is no matter.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, cast
from uuid import UUID

from leadsrally.jobs.types import Job
from leadsrally.kit.db import Tx
from leadsrally.kit.errors import Invalid
from leadsrally.kit.ids import made_at
from leadsrally.kit.money import Money
from leadsrally.notices.device import device_of
from leadsrally.notices.types import Fact, Kind, Language, Link, Matter, Name, Passage, Recipient, Word

Find = Callable[[Tx, Job, datetime], Matter | None]


@dataclass(frozen=True, slots=True)
class Telling:
    """How one kind is told: how its matter is found, and where its button leads."""

    find: Find
    link: Link | None = None


def telling(kind: str) -> tuple[Kind, Telling]:
    """The row of `TELLINGS` for a job's kind. Raises `Invalid` for one that this version does not know."""
    found = TELLINGS.get(cast("Kind", kind))
    if found is None:
        raise Invalid("This version knows no such notice.", code="unknown_kind")
    return cast("Kind", kind), found


@dataclass(frozen=True, slots=True)
class _Row:
    """What every statement below yields; what a kind does not have is NULL."""

    about_id: UUID
    language: Language
    time_zone: str
    organization: str
    user_id: UUID | None
    address: str
    blocked: bool
    detail: dict[str, Any]


def _matter(row: _Row, facts: Mapping[str, Fact], *besides: Recipient) -> Matter:
    first = Recipient(row.user_id, row.address, row.blocked)
    others = tuple(other for other in besides if other.user_id != row.user_id)
    return Matter(row.about_id, (first, *others), facts, row.language, row.time_zone)


# -- somebody who is no user yet ----------------------------------------------------------------------------

_SIGNUP = """
SELECT s.id AS about_id, o.language, o.time_zone, o.name AS organization, NULL::uuid AS user_id,
       s.email AS address, s.mail_blocked_at IS NOT NULL AS blocked,
       jsonb_build_object('until', s.expires_at) AS detail
  FROM signups AS s
  JOIN organizations AS o ON o.id = s.organization_id
 WHERE s.organization_id = %(organization_id)s
   AND s.id = %(signup_id)s
   AND s.used_at IS NULL
   AND s.expires_at > %(now)s
"""


def _signup(tx: Tx, job: Job, now: datetime) -> Matter | None:
    row = tx.maybe(_Row, _SIGNUP, _named(job, "signup_id", now))
    return row and _matter(row, {"until": _instant(row, "until")})


_INVITATION = """
SELECT i.id AS about_id, o.language, o.time_zone, o.name AS organization, NULL::uuid AS user_id,
       i.email AS address, i.mail_blocked_at IS NOT NULL AS blocked,
       jsonb_build_object('until', i.expires_at, 'role', i.role, 'inviter', u.email) AS detail
  FROM invitations AS i
  JOIN organizations AS o ON o.id = i.organization_id
  JOIN users AS u ON u.organization_id = i.organization_id AND u.id = i.invited_by
 WHERE i.organization_id = %(organization_id)s
   AND i.id = %(invitation_id)s
   AND i.accepted_at IS NULL
   AND i.revoked_at IS NULL
   AND i.expires_at > %(now)s
"""


def _invitation(tx: Tx, job: Job, now: datetime) -> Matter | None:
    row = tx.maybe(_Row, _INVITATION, _named(job, "invitation_id", now))
    return row and _matter(
        row,
        {
            "organization": Name(row.organization),
            "inviter": row.detail["inviter"],
            "role": Word("role", row.detail["role"]),
            "until": _instant(row, "until"),
        },
    )


# -- links for a user ---------------------------------------------------------------------------------------

_RESET = """
SELECT r.id AS about_id, o.language, o.time_zone, o.name AS organization, u.id AS user_id,
       u.email AS address, u.mail_blocked_at IS NOT NULL AS blocked,
       jsonb_build_object('until', r.expires_at) AS detail
  FROM password_resets AS r
  JOIN users AS u ON u.organization_id = r.organization_id AND u.id = r.user_id
  JOIN organizations AS o ON o.id = r.organization_id
 WHERE r.organization_id = %(organization_id)s
   AND r.id = %(reset_id)s
   AND r.used_at IS NULL
   AND r.expires_at > %(now)s
"""


def _reset(tx: Tx, job: Job, now: datetime) -> Matter | None:
    row = tx.maybe(_Row, _RESET, _named(job, "reset_id", now))
    return row and _matter(row, {"until": _instant(row, "until")})


# The new address is not the one that may be blocked. The old one is left alone when the last that was heard of it
# is that mail came back: the block itself went with the change.
_EMAIL_CHANGE = """
SELECT c.id AS about_id, o.language, o.time_zone, o.name AS organization, c.user_id,
       CASE WHEN %(done)s THEN c.old_email ELSE c.new_email END AS address,
       %(done)s AND coalesce((SELECT n.state <> 'delivered'
                                FROM notices AS n
                               WHERE n.organization_id = c.organization_id
                                 AND n.user_id = c.user_id
                                 AND n.address = c.old_email
                                 AND n.state IN ('delivered', 'bounced', 'complained', 'suppressed')
                               ORDER BY n.created_at DESC, n.id DESC
                               LIMIT 1), false) AS blocked,
       jsonb_build_object('until', c.expires_at, 'at', c.used_at) AS detail
  FROM email_changes AS c
  JOIN organizations AS o ON o.id = c.organization_id
 WHERE c.organization_id = %(organization_id)s
   AND c.id = %(change_id)s
   AND CASE WHEN %(done)s THEN c.used_at IS NOT NULL
            ELSE c.used_at IS NULL AND c.expires_at > %(now)s END
"""


def _change_email(tx: Tx, job: Job, now: datetime) -> Matter | None:
    row = tx.maybe(_Row, _EMAIL_CHANGE, {**_named(job, "change_id", now), "done": False})
    return row and _matter(row, {"until": _instant(row, "until")})


def _email_changed(tx: Tx, job: Job, now: datetime) -> Matter | None:
    row = tx.maybe(_Row, _EMAIL_CHANGE, {**_named(job, "change_id", now), "done": True})
    return row and _matter(row, {"at": _instant(row, "at")})


# -- what happened to a user --------------------------------------------------------------------------------

_USER = """
SELECT u.id AS about_id, o.language, o.time_zone, o.name AS organization, u.id AS user_id,
       u.email AS address, u.mail_blocked_at IS NOT NULL AS blocked,
       jsonb_build_object(
           'role', u.role,
           'second_factor', EXISTS (SELECT 1
                                      FROM second_factors AS f
                                     WHERE f.organization_id = u.organization_id
                                       AND f.user_id = u.id
                                       AND f.confirmed_at IS NOT NULL)
       ) AS detail
  FROM users AS u
  JOIN organizations AS o ON o.id = u.organization_id
 WHERE u.organization_id = %(organization_id)s
   AND u.id = %(user_id)s
"""


def _user(tx: Tx, job: Job, now: datetime) -> Matter | None:
    """The person's row says what is so now; the job's id says since when."""
    row = tx.maybe(_Row, _USER, _named(job, "user_id", now))
    return row and _matter(
        row,
        {
            "at": made_at(job.id),
            "organization": Name(row.organization),
            "role": Word("role", row.detail["role"]),
            "second_factor": Word("second_factor", "on" if row.detail["second_factor"] else "off"),
        },
    )


_SESSION = """
SELECT s.id AS about_id, o.language, o.time_zone, o.name AS organization, u.id AS user_id,
       u.email AS address, u.mail_blocked_at IS NOT NULL AS blocked,
       jsonb_build_object('at', s.created_at, 'ip', host(s.source_ip), 'user_agent', s.user_agent) AS detail
  FROM sessions AS s
  JOIN users AS u ON u.organization_id = s.organization_id AND u.id = s.user_id
  JOIN organizations AS o ON o.id = s.organization_id
 WHERE s.organization_id = %(organization_id)s
   AND s.id = %(session_id)s
"""


def _new_login(tx: Tx, job: Job, now: datetime) -> Matter | None:
    row = tx.maybe(_Row, _SESSION, _named(job, "session_id", now))
    return row and _matter(
        row,
        {
            "at": _instant(row, "at"),
            "ip": row.detail["ip"] or "?",
            "device": device_of(row.detail["user_agent"]),
        },
    )


def _session_reuse(tx: Tx, job: Job, now: datetime) -> Matter | None:
    """Somebody may hold a stolen token, so the owners are told too."""
    row = tx.maybe(_Row, _SESSION, _named(job, "session_id", now))
    return row and _matter(row, {"person": row.address, "at": made_at(job.id)}, *_owners(tx, job))


_API_KEY = """
SELECT k.id AS about_id, o.language, o.time_zone, o.name AS organization, u.id AS user_id,
       u.email AS address, u.mail_blocked_at IS NOT NULL AS blocked,
       jsonb_build_object('at', k.created_at, 'key', k.name) AS detail
  FROM api_keys AS k
  JOIN users AS u ON u.organization_id = k.organization_id AND u.id = k.user_id
  JOIN organizations AS o ON o.id = k.organization_id
 WHERE k.organization_id = %(organization_id)s
   AND k.id = %(key_id)s
"""


def _api_key(tx: Tx, job: Job, now: datetime) -> Matter | None:
    """A new way into the organisation is the owners' business, whoever made it."""
    row = tx.maybe(_Row, _API_KEY, _named(job, "key_id", now))
    return row and _matter(
        row,
        {
            "person": row.address,
            "organization": Name(row.organization),
            "key": Name(row.detail["key"]),
            "at": _instant(row, "at"),
        },
        *_owners(tx, job),
    )


# -- what happened to something that the owners look after --------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Thing:
    about_id: UUID
    language: Language
    time_zone: str
    detail: dict[str, Any]


def _owners_matter(tx: Tx, job: Job, thing: _Thing, facts: Mapping[str, Fact]) -> Matter | None:
    owners = _owners(tx, job)
    if not owners:
        return None
    return Matter(thing.about_id, tuple(owners), facts, thing.language, thing.time_zone)


_INVOICE = """
SELECT i.id AS about_id, o.language, o.time_zone,
       jsonb_build_object('number', i.number, 'month', i.month, 'total', i.total, 'currency', i.currency) AS detail
  FROM invoices AS i
  JOIN organizations AS o ON o.id = i.organization_id
 WHERE i.organization_id = %(organization_id)s
   AND i.id = %(invoice_id)s
"""


def _invoice_ready(tx: Tx, job: Job, now: datetime) -> Matter | None:
    thing = tx.maybe(_Thing, _INVOICE, _named(job, "invoice_id", now))
    return thing and _owners_matter(
        tx,
        job,
        thing,
        {
            "invoice": Name(thing.detail["number"]),
            "month": Name(thing.detail["month"][:7]),
            "total": Money(thing.detail["total"], thing.detail["currency"]),
        },
    )


_TEMPLATE = """
SELECT t.id AS about_id, o.language, o.time_zone,
       jsonb_build_object('name', t.name, 'language', t.language, 'state', t.state) AS detail
  FROM templates AS t
  JOIN organizations AS o ON o.id = t.organization_id
 WHERE t.organization_id = %(organization_id)s
   AND t.id = %(template_id)s
"""


def _template_stopped(tx: Tx, job: Job, now: datetime) -> Matter | None:
    thing = tx.maybe(_Thing, _TEMPLATE, _named(job, "template_id", now))
    return thing and _owners_matter(
        tx,
        job,
        thing,
        {
            "at": made_at(job.id),
            "template": Name(thing.detail["name"]),
            "template_language": Name(thing.detail["language"]),
            "template_state": Word("template_state", thing.detail["state"]),
        },
    )


# Set right in the meantime, it is no matter any more.
_CHANNEL = """
SELECT c.id AS about_id, o.language, o.time_zone,
       jsonb_build_object('address', c.address, 'name', nullif(c.name, ''), 'since', c.trouble_since) AS detail
  FROM channels AS c
  JOIN organizations AS o ON o.id = c.organization_id
 WHERE c.organization_id = %(organization_id)s
   AND c.id = %(channel_id)s
   AND c.trouble IS NOT NULL
"""


def _channel_trouble(tx: Tx, job: Job, now: datetime) -> Matter | None:
    thing = tx.maybe(_Thing, _CHANNEL, _named(job, "channel_id", now))
    return thing and _owners_matter(
        tx,
        job,
        thing,
        {
            "at": datetime.fromisoformat(thing.detail["since"]),
            "channel": _called(thing),
        },
    )


# Replaced in the meantime, or past its end, it is no matter any more.
_EXPIRING = """
SELECT c.id AS about_id, o.language, o.time_zone,
       jsonb_build_object('address', c.address, 'name', nullif(c.name, ''), 'until', c.token_expires_at) AS detail
  FROM channels AS c
  JOIN organizations AS o ON o.id = c.organization_id
 WHERE c.organization_id = %(organization_id)s
   AND c.id = %(channel_id)s
   AND c.token_expires_at > %(now)s
"""


def _token_expiring(tx: Tx, job: Job, now: datetime) -> Matter | None:
    thing = tx.maybe(_Thing, _EXPIRING, _named(job, "channel_id", now))
    return thing and _owners_matter(
        tx,
        job,
        thing,
        {"until": datetime.fromisoformat(thing.detail["until"]), "channel": _called(thing)},
    )


def _called(channel: _Thing) -> Name:
    """The channel's number; of a page the name that somebody gave it."""
    return Name(channel.detail["address"] or channel.detail["name"] or "Meta")


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


def _export_ready(tx: Tx, job: Job, now: datetime) -> Matter | None:
    row = tx.maybe(_Row, _EXPORT, _named(job, "export_id", now))
    return row and _matter(
        row,
        {
            "at": _instant(row, "at"),
            "until": _instant(row, "until"),
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


def _policy_change(tx: Tx, job: Job, now: datetime) -> Matter | None:
    return _policy(tx, job, now, unless_accepted=False)


def _policy_reminder(tx: Tx, job: Job, now: datetime) -> Matter | None:
    return _policy(tx, job, now, unless_accepted=True)


def _policy(tx: Tx, job: Job, now: datetime, *, unless_accepted: bool) -> Matter | None:
    given = {**_named(job, "version_id", now), "unless_accepted": unless_accepted}
    thing = tx.maybe(_Thing, _POLICY, given)
    return thing and _owners_matter(
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


def _incident(tx: Tx, job: Job, now: datetime) -> Matter | None:
    thing = tx.maybe(_Thing, _INCIDENT, _named(job, "incident_id", now))
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
    return _owners_matter(tx, job, thing, facts)


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


def _account_deletion(tx: Tx, job: Job, now: datetime) -> Matter | None:
    thing = tx.maybe(_Thing, _DELETION, _named(job, "deletion_id", now))
    return thing and _owners_matter(
        tx,
        job,
        thing,
        {
            "until": datetime.fromisoformat(thing.detail["until"]),
            "organization": Name(thing.detail["organization"]),
        },
    )


_OWNERS = """
SELECT id AS user_id, email AS address, mail_blocked_at IS NOT NULL AS blocked
  FROM users
 WHERE organization_id = %(organization_id)s
   AND role = 'owner'
 ORDER BY id
"""


def _owners(tx: Tx, job: Job) -> list[Recipient]:
    return tx.all(Recipient, _OWNERS, {"organization_id": job.organization_id})


def _named(job: Job, name: str, now: datetime) -> dict[str, Any]:
    return {"organization_id": job.organization_id, name: UUID(job.payload[name]), "now": now}


def _instant(row: _Row, name: str) -> datetime:
    return datetime.fromisoformat(row.detail[name])


TELLINGS: Final[Mapping[Kind, Telling]] = {
    "verify_signup": Telling(_signup, Link("/verify", "signup")),
    "account_exists": Telling(_user, Link("/login")),
    "reset_password": Telling(_reset, Link("/reset", "reset")),
    "password_changed": Telling(_user),
    "change_email": Telling(_change_email, Link("/email", "email")),
    "email_changed": Telling(_email_changed),
    "invitation": Telling(_invitation, Link("/invite", "invite")),
    "new_login": Telling(_new_login),
    "role_changed": Telling(_user),
    "api_key_created": Telling(_api_key),
    "second_factor_changed": Telling(_user),
    "session_reuse": Telling(_session_reuse),
    "invoice_ready": Telling(_invoice_ready, Link("/settings/billing")),
    "template_stopped": Telling(_template_stopped, Link("/templates")),
    "channel_trouble": Telling(_channel_trouble, Link("/channels")),
    "channel_attention": Telling(_channel_trouble, Link("/channels")),
    "token_expiring": Telling(_token_expiring, Link("/channels")),
    "account_deletion": Telling(_account_deletion, Link("/settings/privacy")),
    "export_ready": Telling(_export_ready, Link("/settings/privacy")),
    "policy_change": Telling(_policy_change, Link("/policy")),
    "policy_reminder": Telling(_policy_reminder, Link("/policy")),
    "incident": Telling(_incident),
}
