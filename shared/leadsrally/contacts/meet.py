"""Find the person who told us of themselves, or write down that we have met them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from leadsrally.contacts import store
from leadsrally.contacts.fields import Value
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
    fields: Mapping[str, Value] = field(default_factory=dict[str, Value])  # of the customer's own, by slot

    @property
    def keys(self) -> list[str]:
        """What tells this person from others: the same for both ways to write a number, and for any case of letters."""
        found = [] if self.phone is None else [one_form(self.phone)]
        return sorted([*found, self.email.lower()] if self.email else found)


@dataclass(frozen=True, slots=True)
class _Met:
    id: UUID
    phone: str | None


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

# A record may still carry a number that its person gave up: then the number is the new person's further one.
_MEET = """
INSERT INTO contacts (organization_id, id, phone, name, email, fields, created_at, updated_at)
VALUES (
    %(organization_id)s, %(contact_id)s,
    CASE WHEN NOT EXISTS (SELECT 1
                            FROM contacts
                           WHERE organization_id = %(organization_id)s
                             AND phone = ANY (%(phones)s::text[]))
         THEN %(phone)s END,
    %(name)s, %(email)s, %(fields)s, %(now)s, %(now)s
)
ON CONFLICT (organization_id, phone) DO UPDATE SET phone = excluded.phone
RETURNING id, phone
"""

# What the customer has written down is never overwritten, and of a restricted person nothing is written (GDPR Art. 18).
_LEARN = """
UPDATE contacts AS c
   SET phone = coalesce(c.phone, %(free_phone)s),
       name = CASE WHEN c.name = '' THEN %(name)s ELSE c.name END,
       email = CASE WHEN c.email = '' THEN %(email)s ELSE c.email END,
       fields = %(fields)s::jsonb || c.fields,
       version = c.version + 1,
       updated_at = %(now)s
 WHERE c.organization_id = %(organization_id)s
   AND c.id = %(contact_id)s
   AND c.restricted_at IS NULL
   AND ((c.phone IS NULL AND %(free_phone)s::text IS NOT NULL)
        OR (c.name = '' AND %(name)s <> '')
        OR (c.email = '' AND %(email)s <> '')
        OR NOT c.fields @> (%(fields)s::jsonb || c.fields))
"""


def meet(tx: Tx, organization_id: UUID, person: Introduction, *, now: datetime) -> UUID:
    """The contact that this number leads to, whichever way it is written; without one, that of the address; else new.

    Learns what was not known of a known contact, and changes nothing that was.
    """
    values: dict[str, Any] = {
        "organization_id": organization_id,
        "phone": person.phone,
        "phones": [] if person.phone is None else list(variants(person.phone)),
        "email": person.email,
        "name": person.name,
        "fields": Jsonb(dict(person.fields)),
        "now": now,
    }
    tx.run(_ALONE, {"organization_id": organization_id, "keys": person.keys})
    by_phone = _by_phone(tx, organization_id, person.phone)
    known = by_phone or (tx.value(_BY_EMAIL, values) if person.email else None)
    if known is None:
        met = tx.one(_Met, _MEET, {**values, "contact_id": new_id(now)})
        if person.phone is not None and met.phone is None:
            store.learn(tx, organization_id, met.id, [Identity("number", person.phone)], now=now)
        return met.id
    free_phone = person.phone if by_phone is None else None
    tx.run(_LEARN, {**values, "contact_id": known, "free_phone": free_phone})
    return known


def _by_phone(tx: Tx, organization_id: UUID, phone: str | None) -> UUID | None:
    if phone is None:
        return None
    names = tuple(Identity("wa_id", written.removeprefix("+")) for written in variants(phone))
    return store.contact_of(tx, organization_id, Person(phone, names))
