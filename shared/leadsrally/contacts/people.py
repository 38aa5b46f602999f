"""A contact as a customer sees it: written down, read, corrected."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.errors import UniqueViolation
from psycopg.types.json import Jsonb

from leadsrally.accounts import audit
from leadsrally.accounts.audit import Actor
from leadsrally.accounts.places import refuse_unknown_zone
from leadsrally.consent import change
from leadsrally.consent.types import Evidence
from leadsrally.contacts import store
from leadsrally.contacts.fields import Field, Value, fitting_values, shown_values
from leadsrally.contacts.types import Person
from leadsrally.kit import phone
from leadsrally.kit.crypto import KeyedHash
from leadsrally.kit.db import Tx
from leadsrally.kit.errors import Conflict, Invalid, NotFound, Stale
from leadsrally.kit.ids import new_id
from leadsrally.kit.mailbox import one_mailbox


@dataclass(frozen=True, slots=True)
class Contact:
    """`fields` are by slot, as they are stored; `shown` has them by key."""

    id: UUID
    phone: str | None
    other_numbers: list[str]
    name: str
    email: str
    time_zone: str | None
    fields: dict[str, Value]
    tags: list[dict[str, str]]
    restricted_at: datetime | None
    last_message_at: datetime | None
    version: int
    created_at: datetime
    updated_at: datetime

    def shown(self, known: Mapping[str, Field]) -> dict[str, Any]:
        """For an answer of the API."""
        return {
            "id": self.id,
            "phone": self.phone,
            "other_numbers": self.other_numbers,
            "name": self.name,
            "email": self.email,
            "time_zone": self.time_zone,
            "fields": shown_values(known, self.fields),
            "tags": self.tags,
            "restricted": self.restricted_at is not None,
            "last_message_at": self.last_message_at,
            "created_at": self.created_at,
            "updated_at": self.updated_at,
        }


# Of a row `c` of `contacts`.
SHOWN = """
SELECT c.id, c.phone, c.name, c.email, c.time_zone, c.fields, c.restricted_at, c.version, c.created_at, c.updated_at,
       ARRAY(SELECT i.value
               FROM contact_identities AS i
              WHERE i.organization_id = c.organization_id
                AND i.contact_id = c.id
                AND i.kind = 'number'
                AND i.retired_at IS NULL
              ORDER BY i.value) AS other_numbers,
       coalesce((SELECT jsonb_agg(jsonb_build_object('id', t.id, 'name', t.name) ORDER BY lower(t.name))
                   FROM contact_tags AS ct
                   JOIN tags AS t ON t.organization_id = ct.organization_id AND t.id = ct.tag_id AND t.deleted_at IS NULL
                  WHERE ct.organization_id = c.organization_id
                    AND ct.contact_id = c.id), '[]') AS tags,
       (SELECT max(v.last_message_at)
          FROM conversations AS v
         WHERE v.organization_id = c.organization_id
           AND v.contact_id = c.id) AS last_message_at
"""

_ONE = (
    SHOWN
    + """
  FROM contacts AS c
 WHERE c.organization_id = %(organization_id)s
   AND c.id = %(contact_id)s
"""
)


def contact(tx: Tx, organization_id: UUID, contact_id: UUID) -> Contact:
    """Raises `NotFound`."""
    found = tx.maybe(Contact, _ONE, {"organization_id": organization_id, "contact_id": contact_id})
    if found is None:
        raise NotFound("There is no such contact.", code="contact_not_found")
    return found


_CREATE = """
INSERT INTO contacts (organization_id, id, phone, name, email, time_zone, fields, created_at, updated_at)
VALUES (%(organization_id)s, %(id)s, %(phone)s, %(name)s, %(email)s, %(time_zone)s, %(fields)s, %(now)s, %(now)s)
ON CONFLICT (organization_id, phone) DO NOTHING
"""


def create(
    tx: Tx, organization_id: UUID, given: Mapping[str, Any], *, actor: Actor, now: datetime
) -> Contact:
    """Write down a person. `given` has some of phone, name, email, time_zone, and fields by key.

    No permission comes with it, and an opt-out of the same number holds. Raises `Invalid` for what does not fit
    and `Conflict` when the number, however it is written, leads to somebody already.
    """
    number = given.get("phone") and number_as_typed(tx, organization_id, given["phone"])
    if not number and not given.get("email"):
        raise Invalid("A contact needs a phone number or an e-mail address.", code="unreachable")
    if given.get("time_zone"):
        refuse_unknown_zone(given["time_zone"])
    if number and store.contact_of(tx, organization_id, Person(number)) is not None:
        raise _taken()
    contact_id = new_id(now)
    values = fitting_values(tx, organization_id, given.get("fields") or {})
    created = tx.run(
        _CREATE,
        {
            "organization_id": organization_id,
            "id": contact_id,
            "phone": number or None,
            "name": one_line(given.get("name") or ""),
            "email": one_mailbox(given["email"]) if given.get("email") else "",
            "time_zone": given.get("time_zone") or None,
            "fields": Jsonb({slot: value for slot, value in values.items() if value is not None}),
            "now": now,
        },
    )
    if not created:  # somebody else was a moment faster
        raise _taken()
    target = ("contact", contact_id)
    audit.record(tx, organization_id, actor, "contact.created", now=now, target=target)
    return contact(tx, organization_id, contact_id)


EDITABLE = ("phone", "name", "email", "time_zone", "fields", "restricted")

# Values are laid over those that are there; NULL takes one away.
_EDIT = """
UPDATE contacts
   SET phone = CASE WHEN %(sets_phone)s THEN %(phone)s ELSE phone END,
       name = coalesce(%(name)s, name),
       email = coalesce(%(email)s, email),
       time_zone = CASE WHEN %(sets_time_zone)s THEN %(time_zone)s ELSE time_zone END,
       fields = jsonb_strip_nulls(fields || %(fields)s::jsonb),
       restricted_at = CASE %(restricted)s::boolean
                            WHEN true THEN coalesce(restricted_at, %(now)s)
                            WHEN false THEN NULL
                            ELSE restricted_at END,
       version = version + 1,
       updated_at = %(now)s
 WHERE organization_id = %(organization_id)s
   AND id = %(contact_id)s
   AND version = %(version)s
"""


def edit(
    tx: Tx,
    hashes: KeyedHash,
    organization_id: UUID,
    contact_id: UUID,
    changes: Mapping[str, Any],
    *,
    version: int,
    actor: Actor,
    now: datetime,
) -> Contact:
    """Correct what `changes` names, out of `EDITABLE` (P7.3); the audit log says which, not to what.

    Consent was given for a number or a mail address and does not travel to another one; an opt-out holds for both
    (E17). Raises `NotFound`, `Invalid`, also when nothing would be left to reach them by, `Conflict` for a number of
    somebody else's, and `Stale`.
    """
    before = contact(tx, organization_id, contact_id)
    number = before.phone
    if "phone" in changes:
        number = number_as_typed(tx, organization_id, changes["phone"]) if changes["phone"] else None
    email = _email_after(before, changes)
    lost = before.phone or (before.email and not store.addresses_of(tx, organization_id, contact_id))
    if lost and not number and not email:
        raise Invalid("A contact needs a phone number or an e-mail address.", code="unreachable")
    if changes.get("time_zone"):
        refuse_unknown_zone(changes["time_zone"])
    if number and number != before.phone:
        found = store.contact_of(tx, organization_id, Person(number))
        if found not in (None, contact_id):
            raise _taken()
    values = fitting_values(tx, organization_id, changes.get("fields") or {})
    new = {
        "organization_id": organization_id,
        "contact_id": contact_id,
        "version": version,
        "sets_phone": "phone" in changes,
        "phone": number,
        "name": None if changes.get("name") is None else one_line(changes["name"]),
        "email": email,
        "sets_time_zone": "time_zone" in changes,
        "time_zone": changes.get("time_zone") or None,
        "fields": Jsonb(values),
        "restricted": changes.get("restricted"),
        "now": now,
    }
    try:
        edited = tx.run(_EDIT, new)
    except UniqueViolation:  # somebody else took the number a moment ago
        raise _taken() from None
    if not edited:
        raise Stale
    if number != before.phone:
        _leave_consent_behind(tx, hashes, organization_id, before, actor, now=now)
    _leave_mail_consent_behind(tx, hashes, organization_id, before, email, actor, now=now)
    fields = " ".join(name for name in EDITABLE if name in changes)
    target = ("contact", contact_id)
    audit.record(
        tx, organization_id, actor, "contact.edited", now=now, target=target, details={"fields": fields}
    )
    return contact(tx, organization_id, contact_id)


def _leave_consent_behind(
    tx: Tx, hashes: KeyedHash, organization_id: UUID, before: Contact, actor: Actor, *, now: datetime
) -> None:
    earlier = [*before.other_numbers, *([before.phone] if before.phone else [])]
    later = store.addresses_of(tx, organization_id, before.id) or ()
    store.answer_to_number(tx, organization_id, before.id)
    evidence = Evidence("staff", now, actor_id=actor.id)
    for kind in ("sms", "whatsapp"):
        change.lapse(tx, organization_id, before.id, kind, evidence, now=now)
        change.carry_over(tx, hashes, organization_id, kind, earlier, later)


def _email_after(before: Contact, changes: Mapping[str, Any]) -> str:
    if changes.get("email") is None:
        return before.email
    return one_mailbox(changes["email"]) if changes["email"] else ""


def _leave_mail_consent_behind(
    tx: Tx,
    hashes: KeyedHash,
    organization_id: UUID,
    before: Contact,
    email: str,
    actor: Actor,
    *,
    now: datetime,
) -> None:
    earlier, later = before.email.lower(), email.lower()
    if not earlier or later == earlier:
        return
    change.lapse(tx, organization_id, before.id, "email", Evidence("staff", now, actor_id=actor.id), now=now)
    change.carry_over(tx, hashes, organization_id, "email", [earlier], [later] if later else [])


def one_line(name: str) -> str:
    """With one space between its words, as imports read it too."""
    return " ".join(name.split())


def number_as_typed(tx: Tx, organization_id: UUID, typed: str) -> phone.Number:
    """In E.164, read in the organisation's country when it has no country code. Raises `Invalid`."""
    number = phone.read(typed, country_of(tx, organization_id))
    if number is None:
        raise Invalid(
            "This is not a valid phone number. Write it with its country code, as in +12025550101.",
            code="bad_number",
        )
    return number


_COUNTRY = "SELECT country FROM organizations WHERE id = %(organization_id)s"


def country_of(tx: Tx, organization_id: UUID) -> str:
    return tx.value(_COUNTRY, {"organization_id": organization_id})


def _taken() -> Conflict:
    return Conflict("There is a contact with this number. Look for it and edit it.", code="contact_exists")
