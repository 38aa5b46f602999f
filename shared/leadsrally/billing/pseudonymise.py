"""What is left of an organisation's billing when it is erased: invoices, under a pseudonym and without a name (P6.5)."""

from datetime import datetime
from typing import Final
from uuid import UUID, uuid4

from leadsrally.billing.close import final_invoices
from leadsrally.kit.db import Tx

_FORGET_USAGE: Final = """
DELETE FROM usage
 WHERE ctid = ANY (ARRAY(SELECT ctid
                           FROM usage
                          WHERE organization_id = %(organization_id)s
                          LIMIT %(limit)s))
   AND organization_id = %(organization_id)s
"""


def forget_usage(tx: Tx, organization_id: UUID, *, limit: int) -> int:
    """Delete at most so many rows of usage; returns how many.

    Only once `final_invoices` was committed: what is deleted before is charged to nobody. Then it may be done in bites,
    and `pseudonymise` finds little left.
    """
    return tx.run(_FORGET_USAGE, {"organization_id": organization_id, "limit": limit})


_PSEUDONYMISE: Final = """
SELECT invoices_pseudonymise(%(pseudonym)s)
"""
_ALL: Final = 2**31 - 1


def pseudonymise(tx: Tx, organization_id: UUID, *, now: datetime) -> int:
    """Issue what is still to be charged, delete the usage, and leave the invoices to nobody; returns how many there are.

    Afterwards an invoice has its number, month, country, lines and sums, and neither its customer's name nor its id.
    All of one customer have the same pseudonym, made up here and written down nowhere else. May be repeated.
    """
    final_invoices(tx, organization_id, now=now)
    forget_usage(tx, organization_id, limit=_ALL)
    return tx.value(_PSEUDONYMISE, {"pseudonym": uuid4()})
