"""People."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from leadsrally.contacts.types import Identity, Person
from leadsrally.kit.db import Tx
from leadsrally.kit.phone import variants

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


_EMAIL = """
SELECT email
  FROM contacts
 WHERE organization_id = %(organization_id)s
   AND id = %(contact_id)s
"""


def email_of(tx: Tx, organization_id: UUID, contact_id: UUID) -> str:
    return tx.value(_EMAIL, {"organization_id": organization_id, "contact_id": contact_id}) or ""


# The surest name first, the number last. A number that somebody gave up leads to nobody.
_CONTACT_OF = """
WITH given AS (
    SELECT g.place, i.contact_id, i.retired_at
      FROM unnest(%(kinds)s::text[], %(values)s::text[]) WITH ORDINALITY AS g (kind, value, place)
      JOIN contact_identities AS i
        ON i.organization_id = %(organization_id)s AND i.kind = g.kind AND i.value = g.value
)
SELECT found.id
  FROM (SELECT contact_id AS id, place
          FROM given
         WHERE retired_at IS NULL
         UNION ALL
        SELECT id, CASE WHEN phone = %(phone)s THEN 10 ELSE 11 END
          FROM contacts
         WHERE organization_id = %(organization_id)s
           AND phone = ANY (%(phones)s::text[])
           AND NOT EXISTS (SELECT 1 FROM given WHERE retired_at IS NOT NULL)) AS found
 ORDER BY found.place
 LIMIT 1
"""


def contact_of(tx: Tx, organization_id: UUID, person: Person) -> UUID | None:
    """The contact that these names or this number lead to, whichever way the number is written."""
    phones = [] if person.phone is None else list(variants(person.phone))
    names = [*person.identities, *(Identity("number", phone) for phone in phones)]
    return tx.value(
        _CONTACT_OF,
        {
            "organization_id": organization_id,
            "kinds": [name.kind for name in names],
            "values": [name.value for name in names],
            "phone": person.phone,
            "phones": phones,
        },
    )


_POINT = """
INSERT INTO contact_identities AS i (organization_id, kind, value, contact_id, created_at)
SELECT %(organization_id)s, g.kind, g.value, %(contact_id)s, %(now)s
  FROM unnest(%(kinds)s::text[], %(values)s::text[]) AS g (kind, value)
 ORDER BY g.kind, g.value
ON CONFLICT (organization_id, kind, value)
DO UPDATE SET contact_id = excluded.contact_id, retired_at = NULL
"""


def point(
    tx: Tx, organization_id: UUID, contact_id: UUID, identities: Sequence[Identity], *, now: datetime
) -> None:
    """Let these names lead to this contact, wherever they led before."""
    tx.run(_POINT, _given(organization_id, contact_id, identities, now))


_LEARN = """
INSERT INTO contact_identities (organization_id, kind, value, contact_id, created_at)
SELECT %(organization_id)s, g.kind, g.value, %(contact_id)s, %(now)s
  FROM unnest(%(kinds)s::text[], %(values)s::text[]) AS g (kind, value)
 ORDER BY g.kind, g.value
ON CONFLICT DO NOTHING
"""


def learn(
    tx: Tx, organization_id: UUID, contact_id: UUID, identities: Sequence[Identity], *, now: datetime
) -> None:
    """Let those of these names that lead nowhere yet lead to this contact."""
    tx.run(_LEARN, _given(organization_id, contact_id, identities, now))


# A number that only the contact itself carried is written down too, so that whoever has it next is not taken
# for the same person.
_RETIRE = """
INSERT INTO contact_identities AS i (organization_id, kind, value, contact_id, created_at, retired_at)
SELECT %(organization_id)s, g.kind, g.value, %(contact_id)s, %(now)s, %(now)s
  FROM unnest(%(kinds)s::text[], %(values)s::text[]) AS g (kind, value)
 ORDER BY g.kind, g.value
ON CONFLICT (organization_id, kind, value)
DO UPDATE SET retired_at = excluded.retired_at
        WHERE i.contact_id = excluded.contact_id
"""


def retire(
    tx: Tx, organization_id: UUID, contact_id: UUID, identities: Sequence[Identity], *, now: datetime
) -> None:
    """Let these names lead to this contact no more."""
    tx.run(_RETIRE, _given(organization_id, contact_id, identities, now))


def _given(
    organization_id: UUID, contact_id: UUID, identities: Sequence[Identity], now: datetime
) -> dict[str, Any]:
    return {
        "organization_id": organization_id,
        "contact_id": contact_id,
        "kinds": [identity.kind for identity in identities],
        "values": [identity.value for identity in identities],
        "now": now,
    }


_ANSWER_TO_NUMBER = """
UPDATE conversations AS v
   SET address = NULL
  FROM channels AS ch
 WHERE v.organization_id = %(organization_id)s
   AND v.contact_id = %(contact_id)s
   AND v.address IS NOT NULL
   AND v.merge_id IS NULL
   AND ch.organization_id = v.organization_id
   AND ch.id = v.channel_id
   AND ch.kind = 'sms'
"""


def answer_to_number(tx: Tx, organization_id: UUID, contact_id: UUID) -> None:
    """Let texts go to the number of the person's record, not to the one that they last wrote from."""
    tx.run(_ANSWER_TO_NUMBER, {"organization_id": organization_id, "contact_id": contact_id})
