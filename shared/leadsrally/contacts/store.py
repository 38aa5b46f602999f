"""People."""

from uuid import UUID

from leadsrally.kit.db import Tx

_ADDRESSES = """
SELECT array_remove(ARRAY(SELECT CASE i.kind WHEN 'wa_id' THEN '+' || i.value ELSE i.value END
                            FROM contact_identities AS i
                           WHERE i.organization_id = p.organization_id
                             AND i.contact_id = p.id
                             AND i.retired_at IS NULL) || p.phone, NULL)
  FROM contacts AS p
 WHERE p.organization_id = %(organization_id)s
   AND p.id = %(contact_id)s
"""


def addresses_of(tx: Tx, organization_id: UUID, contact_id: UUID) -> list[str] | None:
    """All that the person is reached by: numbers in E.164 and business-scoped ids. None: the contact is gone."""
    return tx.value(_ADDRESSES, {"organization_id": organization_id, "contact_id": contact_id})


_NAMES = """
SELECT name
  FROM contacts
 WHERE organization_id = %(organization_id)s
   AND id = %(contact_id)s
"""


def name_of(tx: Tx, organization_id: UUID, contact_id: UUID) -> str:
    return tx.value(_NAMES, {"organization_id": organization_id, "contact_id": contact_id}) or ""
