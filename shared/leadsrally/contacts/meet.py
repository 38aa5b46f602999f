"""Find the person who told us of themselves, or write down that we have met them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from leadsrally.contacts import store
from leadsrally.contacts.types import Identity, Person
from leadsrally.kit.db import Tx
from leadsrally.kit.ids import new_id
from leadsrally.kit.phone import one_form, variants


@dataclass(frozen=True, slots=True)
class Introduction:
    """What a person told of themselves. One of `phone` (E.164) and `email` is there."""

    phone: str | None
    email: str
    name: str

    @property
    def keys(self) -> list[str]:
        """What tells this person from others: the same for both ways to write a number, and for any case of letters."""
        found = [] if self.phone is None else [one_form(self.phone)]
        return sorted([*found, self.email.lower()] if self.email else found)


# Held to the end of the transaction: two introductions of one person at once make one contact.
_ALONE = """
SELECT pg_advisory_xact_lock(hashtextextended(%(organization_id)s::text || ' ' || key, 0))
  FROM unnest(%(keys)s::text[]) WITH ORDINALITY AS given (key, place)
 ORDER BY place
"""

# An address may be shared by a family or an office, a number less often: who gave a number is met by an address
# only as somebody whose number is not known.
_BY_EMAIL = """
SELECT id
  FROM contacts
 WHERE organization_id = %(organization_id)s
   AND email_key = lower(%(email)s)
   AND email <> ''
   AND (%(phone)s::text IS NULL OR phone IS NULL)
 ORDER BY created_at, id
 LIMIT 1
"""

_MEET = """
INSERT INTO contacts (organization_id, id, phone, name, email, created_at, updated_at)
VALUES (%(organization_id)s, %(contact_id)s, %(phone)s, %(name)s, %(email)s, %(now)s, %(now)s)
ON CONFLICT (organization_id, phone) DO UPDATE SET phone = excluded.phone
RETURNING id
"""

# What the customer has written down is never overwritten.
_LEARN = """
UPDATE contacts AS c
   SET phone = coalesce(c.phone, %(free_phone)s),
       name = CASE WHEN c.name = '' THEN %(name)s ELSE c.name END,
       email = CASE WHEN c.email = '' THEN %(email)s ELSE c.email END,
       updated_at = %(now)s
 WHERE c.organization_id = %(organization_id)s
   AND c.id = %(contact_id)s
   AND ((c.phone IS NULL AND %(free_phone)s::text IS NOT NULL)
        OR (c.name = '' AND %(name)s <> '')
        OR (c.email = '' AND %(email)s <> ''))
"""


def meet(tx: Tx, organization_id: UUID, person: Introduction, *, now: datetime) -> UUID:
    """The contact that this number leads to, whichever way it is written; without one, that of the address; else new.

    Learns what was not known of a known contact, and changes nothing that was.
    """
    values: dict[str, Any] = {
        "organization_id": organization_id,
        "phone": person.phone,
        "email": person.email,
        "name": person.name,
        "now": now,
    }
    tx.run(_ALONE, {"organization_id": organization_id, "keys": person.keys})
    by_phone = _by_phone(tx, organization_id, person.phone)
    known = by_phone or (tx.value(_BY_EMAIL, values) if person.email else None)
    if known is None:
        return tx.value(_MEET, {**values, "contact_id": new_id(now)})
    free_phone = person.phone if by_phone is None else None
    tx.run(_LEARN, {**values, "contact_id": known, "free_phone": free_phone})
    return known


def _by_phone(tx: Tx, organization_id: UUID, phone: str | None) -> UUID | None:
    if phone is None:
        return None
    names = tuple(Identity("wa_id", written.removeprefix("+")) for written in variants(phone))
    return store.contact_of(tx, organization_id, Person(phone, names))
