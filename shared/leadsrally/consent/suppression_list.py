"""The list of addresses that must not be written to, as a customer sees and adds to it.

Most entries are a hash and nothing else: whoever opted out and was erased stays suppressed, and stays unreadable.
A number is shown where the customer listed it. Staff may lift what staff listed, never what a person said.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from leadsrally.accounts import audit
from leadsrally.accounts.audit import Actor
from leadsrally.consent.change import address_hashes
from leadsrally.consent.types import ChannelKind, Purpose
from leadsrally.kit.crypto import KeyedHash
from leadsrally.kit.db import Tx
from leadsrally.kit.errors import Conflict, Invalid, NotFound
from leadsrally.kit.phone import Number, e164, variants

LISTED: Final = "list"  # the source of what a customer listed; every other one is a sign of the person's


@dataclass(frozen=True, slots=True)
class Listed:
    """One entry. `phone` is None where only its hash is known."""

    id: UUID
    channel_kind: ChannelKind
    purpose: Purpose
    source: str
    since: datetime
    phone: str | None
    number_hash: bytes


_NEWEST = """
SELECT s.id, s.channel_kind, s.purpose, s.source, s.since, n.phone, s.number_hash
  FROM suppressions AS s
  LEFT JOIN listed_numbers AS n ON n.organization_id = s.organization_id AND n.number_hash = s.number_hash
 WHERE s.organization_id = %(organization_id)s
   AND (%(number_hash)s::bytea IS NULL OR s.number_hash = %(number_hash)s)
   AND (s.since, s.id) < (%(before)s, %(before_id)s)
 ORDER BY s.since DESC, s.id DESC
 LIMIT %(limit)s
"""


def newest(
    tx: Tx,
    organization_id: UUID,
    *,
    number_hash: bytes | None,
    before: datetime,
    before_id: UUID,
    limit: int,
) -> list[Listed]:
    """Newest first, after the given place (keyset); with a hash, what is suppressed of that one address."""
    given = {"number_hash": number_hash, "before": before, "before_id": before_id, "limit": limit}
    return tx.all(Listed, _NEWEST, {"organization_id": organization_id, **given})


def hash_of(hashes: KeyedHash, organization_id: UUID, number: Number) -> bytes:
    """What a suppression keeps of this number."""
    return address_hashes(hashes, organization_id, [number])[0]


def number_of(typed: str, country: str) -> Number:
    """Raises `Invalid` for what is no number."""
    number = e164(typed, country)
    if number is None:
        raise Invalid("This is not a phone number. Write it with its country code.", code="phone_invalid")
    return number


_ADD = """
WITH noted AS (
    INSERT INTO listed_numbers (organization_id, number_hash, phone, listed_at)
    VALUES (%(organization_id)s, %(number_hash)s, %(phone)s, %(now)s)
    ON CONFLICT DO NOTHING
)
INSERT INTO suppressions (organization_id, channel_kind, number_hash, purpose, source, since)
SELECT %(organization_id)s, kind, %(number_hash)s, 'all', %(source)s, %(now)s
  FROM unnest(%(kinds)s::text[]) AS kind
 ORDER BY kind
ON CONFLICT DO NOTHING
"""


def add(
    tx: Tx,
    hashes: KeyedHash,
    organization_id: UUID,
    number: Number,
    kinds: Sequence[ChannelKind],
    *,
    actor: Actor,
    now: datetime,
) -> int:
    """Suppress a number on these kinds of channel; returns on how many it was free before.

    Counts for whoever is reached by it, now or later. What the person said before stays the first sign.
    """
    given = {
        "organization_id": organization_id,
        "number_hash": hash_of(hashes, organization_id, number),
        "phone": number,
        "kinds": list(kinds),
        "source": LISTED,
        "now": now,
    }
    added = tx.run(_ADD, given)
    if added:
        audit.record(tx, organization_id, actor, "suppression.added", now=now)
    return added


_FIND = """
SELECT s.channel_kind, s.source, s.number_hash, n.phone
  FROM suppressions AS s
  LEFT JOIN listed_numbers AS n ON n.organization_id = s.organization_id AND n.number_hash = s.number_hash
 WHERE s.organization_id = %(organization_id)s
   AND s.id = %(id)s
"""
_SAID_NO = """
SELECT EXISTS (
    SELECT 1
      FROM consent_states AS c
      JOIN contacts AS p ON p.organization_id = c.organization_id AND p.id = c.contact_id
     WHERE c.organization_id = %(organization_id)s
       AND c.channel_kind = %(channel_kind)s
       AND c.state = 'revoked'
       AND (p.phone = ANY (%(phones)s::text[])
            OR EXISTS (SELECT 1
                         FROM contact_identities AS i
                        WHERE i.organization_id = p.organization_id
                          AND i.contact_id = p.id
                          AND i.kind IN ('wa_id', 'number')
                          AND ltrim(i.value, '+') = ANY (%(digits)s::text[])))
)
"""
_LIFT = """
WITH lifted AS (
    DELETE FROM suppressions
     WHERE organization_id = %(organization_id)s
       AND id = %(id)s
)
DELETE FROM listed_numbers AS n
 WHERE n.organization_id = %(organization_id)s
   AND n.number_hash = %(number_hash)s
   AND NOT EXISTS (SELECT 1
                     FROM suppressions AS s
                    WHERE s.organization_id = %(organization_id)s
                      AND s.number_hash = %(number_hash)s
                      AND s.id <> %(id)s)
"""


def lift(tx: Tx, organization_id: UUID, suppression_id: UUID, *, actor: Actor, now: datetime) -> None:
    """Take off the list what a customer put on it.

    Raises `NotFound`, and `Conflict` for what goes back to the person: only they can take that back, or a new proof
    of their consent. So does an entry whose number is not known any more: what its person said cannot be looked up.
    """
    found = tx.dicts(_FIND, {"organization_id": organization_id, "id": suppression_id})
    if not found:
        raise NotFound("There is no such suppression.", code="suppression_not_found")
    entry = found[0]
    if entry["source"] != LISTED or entry["phone"] is None or _said_no(tx, organization_id, entry):
        raise Conflict(
            "This person opted out. Only they can take that back, by writing START or giving consent again.",
            code="opted_out_by_person",
        )
    given = {"organization_id": organization_id, "id": suppression_id, "number_hash": entry["number_hash"]}
    tx.run(_LIFT, given)
    audit.record(tx, organization_id, actor, "suppression.lifted", now=now)


def _said_no(tx: Tx, organization_id: UUID, entry: Mapping[str, Any]) -> bool:
    """Whether somebody with this number opted out themselves, before or after it was listed."""
    phones = variants(entry["phone"])
    given = {
        "organization_id": organization_id,
        "channel_kind": entry["channel_kind"],
        "phones": list(phones),
        "digits": [phone.lstrip("+") for phone in phones],
    }
    return tx.value(_SAID_NO, given)
