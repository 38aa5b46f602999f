"""What was set aside and never became a message, or part of one, table by table."""

from typing import Final

from leadsrally.kit.expiring import Expiring

EARLY_REPORTS: Final = Expiring(
    "early_reports",
    "SELECT count(*) FROM early_reports WHERE received_at <= %(cutoff)s",
    """
WITH due AS (
    SELECT organization_id, provider_hash, status
      FROM early_reports
     WHERE received_at <= %(cutoff)s
     ORDER BY organization_id, provider_hash, status
     LIMIT %(limit)s
), deleted AS (
    DELETE FROM early_reports AS r
     USING due
     WHERE r.organization_id = due.organization_id
       AND r.provider_hash = due.provider_hash
       AND r.status = due.status
    RETURNING 1
)
SELECT count(*) FROM deleted
""",
    "SELECT min(received_at) FROM early_reports",
)

# A newer change of the same kind takes the row over, and its instant with it.
EARLY_AMENDMENTS: Final = Expiring(
    "early_amendments",
    "SELECT count(*) FROM early_amendments WHERE received_at <= %(cutoff)s",
    """
WITH due AS (
    SELECT organization_id, channel_id, target_hash, action
      FROM early_amendments
     WHERE received_at <= %(cutoff)s
     ORDER BY organization_id, channel_id, target_hash, action
     LIMIT %(limit)s
), deleted AS (
    DELETE FROM early_amendments AS a
     USING due
     WHERE a.organization_id = due.organization_id
       AND a.channel_id = due.channel_id
       AND a.target_hash = due.target_hash
       AND a.action = due.action
       AND a.received_at <= %(cutoff)s
    RETURNING 1
)
SELECT count(*) FROM deleted
""",
    "SELECT min(received_at) FROM early_amendments",
)

QUARANTINE: Final = Expiring(
    "quarantine",
    "SELECT count(*) FROM quarantine WHERE received_at <= %(cutoff)s",
    """
WITH due AS (
    SELECT organization_id, channel_id, piece_hash
      FROM quarantine
     WHERE received_at <= %(cutoff)s
     ORDER BY organization_id, channel_id, piece_hash
     LIMIT %(limit)s
), deleted AS (
    DELETE FROM quarantine AS q
     USING due
     WHERE q.organization_id = due.organization_id
       AND q.channel_id = due.channel_id
       AND q.piece_hash = due.piece_hash
    RETURNING 1
)
SELECT count(*) FROM deleted
""",
    "SELECT min(received_at) FROM quarantine",
)
