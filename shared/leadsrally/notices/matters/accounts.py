"""Matters of one person: links to prove an address with, and what happened to an account.

A link that was used or has expired is no matter any more.
"""

from datetime import datetime

from leadsrally.jobs.types import Job
from leadsrally.kit.db import Tx
from leadsrally.kit.ids import made_at
from leadsrally.notices.device import device_of
from leadsrally.notices.matters.addressed import UserRow, instant, matter_of, named, owners_of
from leadsrally.notices.types import Matter, Name, Word

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


def signup(tx: Tx, job: Job, now: datetime) -> Matter | None:
    row = tx.maybe(UserRow, _SIGNUP, named(job, "signup_id", now))
    return row and matter_of(row, {"until": instant(row, "until")})


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


def invitation(tx: Tx, job: Job, now: datetime) -> Matter | None:
    row = tx.maybe(UserRow, _INVITATION, named(job, "invitation_id", now))
    return row and matter_of(
        row,
        {
            "organization": Name(row.organization),
            "inviter": row.detail["inviter"],
            "role": Word("role", row.detail["role"]),
            "until": instant(row, "until"),
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


def reset(tx: Tx, job: Job, now: datetime) -> Matter | None:
    row = tx.maybe(UserRow, _RESET, named(job, "reset_id", now))
    return row and matter_of(row, {"until": instant(row, "until")})


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


def change_email(tx: Tx, job: Job, now: datetime) -> Matter | None:
    row = tx.maybe(UserRow, _EMAIL_CHANGE, {**named(job, "change_id", now), "done": False})
    return row and matter_of(row, {"until": instant(row, "until")})


def email_changed(tx: Tx, job: Job, now: datetime) -> Matter | None:
    row = tx.maybe(UserRow, _EMAIL_CHANGE, {**named(job, "change_id", now), "done": True})
    return row and matter_of(row, {"at": instant(row, "at")})


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


def user(tx: Tx, job: Job, now: datetime) -> Matter | None:
    """The person's row says what is so now; the job's id says since when."""
    row = tx.maybe(UserRow, _USER, named(job, "user_id", now))
    return row and matter_of(
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


def new_login(tx: Tx, job: Job, now: datetime) -> Matter | None:
    row = tx.maybe(UserRow, _SESSION, named(job, "session_id", now))
    return row and matter_of(
        row,
        {
            "at": instant(row, "at"),
            "ip": row.detail["ip"] or "?",
            "device": device_of(row.detail["user_agent"]),
        },
    )


def session_reuse(tx: Tx, job: Job, now: datetime) -> Matter | None:
    """Somebody may hold a stolen token, so the owners are told too."""
    row = tx.maybe(UserRow, _SESSION, named(job, "session_id", now))
    return row and matter_of(row, {"person": row.address, "at": made_at(job.id)}, *owners_of(tx, job))


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


def api_key(tx: Tx, job: Job, now: datetime) -> Matter | None:
    """A new way into the organisation is the owners' business, whoever made it."""
    row = tx.maybe(UserRow, _API_KEY, named(job, "key_id", now))
    return row and matter_of(
        row,
        {
            "person": row.address,
            "organization": Name(row.organization),
            "key": Name(row.detail["key"]),
            "at": instant(row, "at"),
        },
        *owners_of(tx, job),
    )
