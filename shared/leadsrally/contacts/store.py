"""People."""

from uuid import UUID

from leadsrally.kit.db import Tx

_PHONE = """
SELECT phone
  FROM contacts
 WHERE organization_id = %(organization_id)s
   AND id = %(contact_id)s
"""


def phone_of(tx: Tx, organization_id: UUID, contact_id: UUID) -> str | None:
    return tx.value(_PHONE, {"organization_id": organization_id, "contact_id": contact_id})


_NAMES = """
SELECT name
  FROM contacts
 WHERE organization_id = %(organization_id)s
   AND id = %(contact_id)s
"""


def name_of(tx: Tx, organization_id: UUID, contact_id: UUID) -> str:
    return tx.value(_NAMES, {"organization_id": organization_id, "contact_id": contact_id}) or ""
