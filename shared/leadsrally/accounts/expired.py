"""What has expired of people's coming and going, table by table.

Each statement looks at the instant once more where it deletes: of two who write the same row, the one that prolongs
it wins.
"""

from typing import Final

from leadsrally.kit.expiring import Expiring

# A sign-up that nobody proved takes its organisation with it, and the mail that was to be sent for it.
SIGNUPS: Final = Expiring(
    "signups",
    "SELECT count(*) FROM signups WHERE expires_at <= %(cutoff)s",
    """
WITH due AS (
    SELECT organization_id, id
      FROM signups
     WHERE expires_at <= %(cutoff)s
     ORDER BY organization_id, id
     LIMIT %(limit)s
), deleted AS (
    DELETE FROM signups AS s
     USING due
     WHERE s.organization_id = due.organization_id
       AND s.id = due.id
    RETURNING s.organization_id
), pending AS (
    SELECT o.id
      FROM deleted AS d
      JOIN organizations AS o ON o.id = d.organization_id
     WHERE o.state = 'pending'
), unsent AS (
    DELETE FROM jobs AS j
     USING pending
     WHERE j.organization_id = pending.id
), unproven AS (
    DELETE FROM organizations AS o
     USING pending
     WHERE o.id = pending.id
       AND o.state = 'pending'
)
SELECT count(*) FROM deleted
""",
    "SELECT min(expires_at) FROM signups",
)

SESSIONS: Final = Expiring(
    "sessions",
    "SELECT count(*) FROM sessions WHERE least(revoked_at, expires_at) <= %(cutoff)s",
    """
WITH due AS (
    SELECT organization_id, id
      FROM sessions
     WHERE least(revoked_at, expires_at) <= %(cutoff)s
     ORDER BY organization_id, id
     LIMIT %(limit)s
), deleted AS (
    DELETE FROM sessions AS s
     USING due
     WHERE s.organization_id = due.organization_id
       AND s.id = due.id
       AND least(s.revoked_at, s.expires_at) <= %(cutoff)s
    RETURNING 1
)
SELECT count(*) FROM deleted
""",
    "SELECT min(least(revoked_at, expires_at)) FROM sessions",
)

PASSWORD_RESETS: Final = Expiring(
    "password_resets",
    "SELECT count(*) FROM password_resets WHERE expires_at <= %(cutoff)s",
    """
WITH due AS (
    SELECT organization_id, id
      FROM password_resets
     WHERE expires_at <= %(cutoff)s
     ORDER BY organization_id, id
     LIMIT %(limit)s
), deleted AS (
    DELETE FROM password_resets AS r
     USING due
     WHERE r.organization_id = due.organization_id
       AND r.id = due.id
    RETURNING 1
)
SELECT count(*) FROM deleted
""",
    "SELECT min(expires_at) FROM password_resets",
)

EMAIL_CHANGES: Final = Expiring(
    "email_changes",
    "SELECT count(*) FROM email_changes WHERE expires_at <= %(cutoff)s",
    """
WITH due AS (
    SELECT organization_id, id
      FROM email_changes
     WHERE expires_at <= %(cutoff)s
     ORDER BY organization_id, id
     LIMIT %(limit)s
), deleted AS (
    DELETE FROM email_changes AS c
     USING due
     WHERE c.organization_id = due.organization_id
       AND c.id = due.id
    RETURNING 1
)
SELECT count(*) FROM deleted
""",
    "SELECT min(expires_at) FROM email_changes",
)

IDEMPOTENCY_KEYS: Final = Expiring(
    "idempotency_keys",
    "SELECT count(*) FROM idempotency_keys WHERE created_at <= %(cutoff)s",
    """
WITH due AS (
    SELECT organization_id, actor_id, key
      FROM idempotency_keys
     WHERE created_at <= %(cutoff)s
     ORDER BY organization_id, actor_id, key
     LIMIT %(limit)s
), deleted AS (
    DELETE FROM idempotency_keys AS k
     USING due
     WHERE k.organization_id = due.organization_id
       AND k.actor_id = due.actor_id
       AND k.key = due.key
       AND k.created_at <= %(cutoff)s
    RETURNING 1
)
SELECT count(*) FROM deleted
""",
    "SELECT min(created_at) FROM idempotency_keys",
)

# No tenant: nobody is known yet when a try is counted.
RATE_LIMITS: Final = Expiring(
    "rate_limits",
    "SELECT count(*) FROM rate_limits WHERE full_at <= %(cutoff)s",
    """
WITH due AS (
    SELECT bucket, subject
      FROM rate_limits
     WHERE full_at <= %(cutoff)s
     ORDER BY bucket, subject
     LIMIT %(limit)s
), deleted AS (
    DELETE FROM rate_limits AS l
     USING due
     WHERE l.bucket = due.bucket
       AND l.subject = due.subject
       AND l.full_at <= %(cutoff)s
    RETURNING 1
)
SELECT count(*) FROM deleted
""",
    "SELECT min(full_at) FROM rate_limits",
)
