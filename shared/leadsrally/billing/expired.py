"""Billing records of months that ended seven years ago, table by table (P6.5). The cut-off is the end of the newest of them."""

from typing import Final

from leadsrally.kit.expiring import Expiring

USAGE: Final = Expiring(
    "usage",
    "SELECT count(*) FROM usage WHERE occurred_on < (%(cutoff)s AT TIME ZONE 'UTC')::date",
    """
WITH due AS (
    SELECT organization_id, occurred_on, kind, cause_id
      FROM usage
     WHERE occurred_on < (%(cutoff)s AT TIME ZONE 'UTC')::date
     ORDER BY organization_id, occurred_on, kind, cause_id
     LIMIT %(limit)s
), deleted AS (
    DELETE FROM usage AS u
     USING due
     WHERE u.organization_id = due.organization_id
       AND u.occurred_on = due.occurred_on
       AND u.kind = due.kind
       AND u.cause_id = due.cause_id
    RETURNING 1
)
SELECT count(*) FROM deleted
""",
)

# An invoice says itself until when it is kept, and a trigger holds it to that. Its lines go with it.
INVOICES: Final = Expiring(
    "invoices",
    "SELECT count(*) FROM invoices WHERE kept_until <= ((%(cutoff)s AT TIME ZONE 'UTC') + interval '7 years')::date",
    """
WITH due AS (
    SELECT organization_id, id
      FROM invoices
     WHERE kept_until <= ((%(cutoff)s AT TIME ZONE 'UTC') + interval '7 years')::date
     ORDER BY organization_id, id
     LIMIT %(limit)s
), deleted AS (
    DELETE FROM invoices AS i
     USING due
     WHERE i.organization_id = due.organization_id
       AND i.id = due.id
    RETURNING 1
)
SELECT count(*) FROM deleted
""",
)
