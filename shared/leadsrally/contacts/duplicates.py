"""Pairs of records that may be one person, from keys that have an index: nobody is compared with everybody."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal
from uuid import UUID

from leadsrally.contacts.fields import definitions
from leadsrally.contacts.find import NEWEST
from leadsrally.contacts.people import SHOWN, Contact
from leadsrally.kit.db import Tx
from leadsrally.kit.phone import variants

Reason = Literal["same_email", "same_number", "same_name_and_company", "same_name"]
_COMPANY: Final = "company"  # the key of the field that is compared


@dataclass(frozen=True, slots=True)
class Pair:
    """The newer of the two, the older, and the surest sign."""

    newer: UUID
    older: UUID
    reason: Reason


@dataclass(frozen=True, slots=True)
class Suspects:
    pairs: list[Pair]
    contacts: dict[UUID, Contact]
    next: UUID | None


_NEWEST: Final = """
SELECT id
  FROM contacts
 WHERE organization_id = %(organization_id)s
   AND id < %(before)s
 ORDER BY id DESC
 LIMIT %(limit)s
"""
_SAME_EMAIL: Final = """
SELECT c.id AS newer, o.id AS older
  FROM contacts AS c
 CROSS JOIN LATERAL (
    SELECT other.id
      FROM contacts AS other
     WHERE other.organization_id = %(organization_id)s
       AND other.email <> ''
       AND other.email_key = c.email_key
       AND other.id < c.id
     ORDER BY other.id DESC
     LIMIT 5) AS o
 WHERE c.organization_id = %(organization_id)s
   AND c.id = ANY (%(ids)s)
   AND c.email <> ''
"""
_NUMBERS: Final = """
SELECT id, phone
  FROM contacts
 WHERE organization_id = %(organization_id)s
   AND id = ANY (%(ids)s)
   AND phone IS NOT NULL
"""
_SAME_NUMBER: Final = """
SELECT given.id AS one, c.id AS other
  FROM unnest(%(of)s::uuid[], %(forms)s::text[]) AS given (id, form)
  JOIN contacts AS c ON c.organization_id = %(organization_id)s AND c.phone = given.form
"""
_SAME_NAME: Final = "SELECT id AS newer, older FROM contacts_namesakes(%(ids)s)"
_THOSE: Final = (
    SHOWN
    + """
  FROM contacts AS c
 WHERE c.organization_id = %(organization_id)s
   AND c.id = ANY (%(ids)s)
"""
)


def suspects(tx: Tx, organization_id: UUID, *, before: UUID = NEWEST, limit: int) -> Suspects:
    """Pairs whose newer half is one of the `limit` newest contacts before `before`, and where to go on."""
    given = {"organization_id": organization_id, "before": before, "limit": limit}
    ids: list[UUID] = tx.values(_NEWEST, given)
    pairs = _pairs(tx, organization_id, ids)
    return Suspects(*pairs, ids[-1] if len(ids) == limit else None)


def suspects_of(tx: Tx, organization_id: UUID, contact_id: UUID) -> Suspects:
    """Older records that may be this person's."""
    return Suspects(*_pairs(tx, organization_id, [contact_id]), None)


def _pairs(tx: Tx, organization_id: UUID, ids: Sequence[UUID]) -> tuple[list[Pair], dict[UUID, Contact]]:
    given = {"organization_id": organization_id, "ids": list(ids)}
    if not ids:
        return [], {}
    found: dict[tuple[UUID, UUID], Reason] = {}
    for row in tx.dicts(_SAME_NAME, given):
        found[row["newer"], row["older"]] = "same_name"
    for row in tx.dicts(_SAME_EMAIL, given):
        found[row["newer"], row["older"]] = "same_email"
    forms = [(row["id"], form) for row in tx.dicts(_NUMBERS, given) for form in variants(row["phone"])[1:]]
    if forms:
        others = {"of": [one for one, _ in forms], "forms": [form for _, form in forms]}
        for row in tx.dicts(_SAME_NUMBER, {**given, **others}):
            found[max(row["one"], row["other"]), min(row["one"], row["other"])] = "same_number"
    wanted = list({one for pair in found for one in pair})
    contacts = {one.id: one for one in tx.all(Contact, _THOSE, {**given, "ids": wanted})} if wanted else {}
    company = definitions(tx, organization_id).get(_COMPANY)
    pairs: list[Pair] = []
    for (newer, older), reason in sorted(found.items(), reverse=True):
        if newer in contacts and older in contacts:
            both = {contacts[one].fields.get(company.slot) for one in (newer, older)} if company else {None}
            alike = reason == "same_name" and len(both) == 1 and None not in both
            pairs.append(Pair(newer, older, "same_name_and_company" if alike else reason))
    return pairs, contacts
