"""Those of whom a condition is true: page by page, and how many.

A page costs the same wherever it is and whatever is asked. Where a question has an index, the newest candidates come
from there; else the newest contacts themselves are looked at. Either way no more than some thousand a page: one that
found few says where to go on. A count is exact up to some thousand candidates, and beyond that estimated from one
contact in 256, unless it is asked to be exact (docs/decisions/0021).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from leadsrally.contacts.compile import Compiled, Way, compiled, ways_to
from leadsrally.contacts.conditions import AnyOf, Condition, Question, read_condition
from leadsrally.contacts.fields import Field
from leadsrally.contacts.people import SHOWN, Contact
from leadsrally.kit import phone
from leadsrally.kit.db import Tx
from leadsrally.kit.phone import variants

NEWEST: Final = UUID(int=2**128 - 1)  # before everybody, in lists that run from the newest to the oldest
LOOKED_AT: Final = 5_000  # contacts, by one page or one exact count
_SAMPLED: Final = 256


@dataclass(frozen=True, slots=True)
class Found:
    """A page, newest first. `next`: before whom the next one begins; it may hold nobody. None: this is the last."""

    contacts: list[Contact]
    next: UUID | None


@dataclass(frozen=True, slots=True)
class Count:
    """How many there are. Of an estimate, nineteen in twenty are off by `margin` at most."""

    contacts: int
    exact: bool
    margin: int = 0


# Ids of candidates, newest first, from the index of one question.
_FOUND: Final = "SELECT contacts_found(%(kind)s, %(wanted)s, %(before)s, %(at_most)s)"
_TAGGED: Final = """
SELECT contact_id
  FROM contact_tags
 WHERE organization_id = %(organization_id)s
   AND tag_id = %(wanted)s
   AND contact_id < %(before)s
 ORDER BY contact_id DESC
 LIMIT %(at_most)s
"""
_NUMBERED: Final = """
SELECT id
  FROM contacts
 WHERE organization_id = %(organization_id)s
   AND phone = ANY (%(wanted)s)
   AND id < %(before)s
 UNION
SELECT contact_id
  FROM contact_identities
 WHERE organization_id = %(organization_id)s
   AND kind = 'number'
   AND value = ANY (%(wanted)s)
   AND retired_at IS NULL
   AND contact_id < %(before)s
"""


def _candidates(
    tx: Tx, organization_id: UUID, ways: Sequence[Way], before: UUID, at_most: int
) -> tuple[list[UUID], UUID | None]:
    """The newest before `before` whom one of the ways leads to, and before whom to go on: None, these are all."""
    ids: set[UUID] = set()
    ends: list[UUID] = []
    for way in ways:
        wanted = (
            list(variants(way.wanted)) if way.kind == "number" and isinstance(way.wanted, str) else way.wanted
        )
        given = {"organization_id": organization_id, "kind": way.kind, "wanted": wanted, "before": before}
        sql = _TAGGED if way.kind == "tag" else _NUMBERED if way.kind == "number" else _FOUND
        found: list[UUID] = tx.values(sql, {**given, "at_most": at_most})
        ids.update(found)
        if len(found) >= at_most:
            ends.append(min(found))
    end = max(ends, default=None)  # beyond the first that was cut off, another way's would come too early
    return [one for one in ids if end is None or one >= end], end


def page(
    tx: Tx,
    organization_id: UUID,
    condition: Condition,
    *,
    before: UUID = NEWEST,
    limit: int,
    now: datetime,
) -> Found:
    """The newest contacts before `before` of whom the condition is true."""
    asked, ways = compiled(condition, now=now), ways_to(condition)
    given = {**asked.params, "organization_id": organization_id, "before": before, "limit": limit}
    if not ways:
        return _walk(tx, asked, given, limit)
    # Where the index answers the whole question, each candidate is one.
    first = limit if isinstance(condition, Question) else 4 * limit
    at_most = first
    while True:
        ids, end = _candidates(tx, organization_id, ways, before, at_most)
        contacts = _those(tx, asked, given, ids)
        if len(contacts) == limit:
            return Found(contacts, contacts[-1].id)
        if end is None or at_most == LOOKED_AT:
            return Found(contacts, end)
        # As many as a full page takes if they are as seldom as among these, and half as many again.
        at_most = min(LOOKED_AT, at_most * limit * 3 // (2 * max(1, len(contacts))))


def _those(tx: Tx, asked: Compiled, given: Mapping[str, object], ids: Sequence[UUID]) -> list[Contact]:
    return tx.all(Contact, SHOWN + _AMONG + asked.sql + _NEWEST_FIRST, {**given, "ids": ids}) if ids else []


_AMONG: Final = """
  FROM contacts AS c
 WHERE c.organization_id = %(organization_id)s
   AND c.id = ANY (%(ids)s)
   AND """
_NEWEST_FIRST: Final = """
 ORDER BY c.id DESC
 LIMIT %(limit)s
"""

_IDS_AMONG: Final = """
SELECT c.id
  FROM contacts AS c
 WHERE c.organization_id = %(organization_id)s
   AND c.id = ANY (%(ids)s)
   AND """
_IDS_WALKED: Final = """
SELECT c.id
  FROM contacts AS c
 WHERE c.organization_id = %(organization_id)s
   AND c.id < %(before)s
   AND c.id >= %(end)s
   AND """


def bite(
    tx: Tx, organization_id: UUID, condition: Condition, *, before: UUID, at_most: int, now: datetime
) -> tuple[list[UUID], UUID | None]:
    """Of the newest before `before` that may fit, some `at_most` of each question's, those of whom the condition is true.

    With them, before whom to go on. None: there are no more.
    """
    asked, ways = compiled(condition, now=now), ways_to(condition)
    given = {**asked.params, "organization_id": organization_id, "before": before}
    if ways:
        ids, end = _candidates(tx, organization_id, ways, before, at_most)
        return tx.values(_IDS_AMONG + asked.sql, {**given, "ids": ids}) if ids else [], end
    end = tx.value(_END, {**given, "at_most": at_most})
    return tx.values(_IDS_WALKED + asked.sql, {**given, "end": end or UUID(int=0)}), end


# The end of the stretch is looked up first, so that the page itself may stop as soon as it is full.
_END: Final = """
SELECT id
  FROM contacts
 WHERE organization_id = %(organization_id)s
   AND id < %(before)s
 ORDER BY id DESC
OFFSET %(at_most)s - 1
 LIMIT 1
"""
_WALKED: Final = """
  FROM contacts AS c
 WHERE c.organization_id = %(organization_id)s
   AND c.id < %(before)s
   AND c.id >= %(end)s
   AND """


def _walk(tx: Tx, asked: Compiled, given: Mapping[str, object], limit: int) -> Found:
    end: UUID | None = tx.value(_END, {**given, "at_most": LOOKED_AT})
    reach = {**given, "end": end or UUID(int=0)}
    contacts = tx.all(Contact, SHOWN + _WALKED + asked.sql + _NEWEST_FIRST, reach)
    return Found(contacts, contacts[-1].id if len(contacts) == limit else end)


_COUNT_AMONG: Final = """
SELECT count(*)
  FROM contacts AS c
 WHERE c.organization_id = %(organization_id)s
   AND c.id = ANY (%(ids)s)
   AND """
_COUNT_SAMPLE: Final = """
SELECT count(*)
  FROM contacts AS c
 WHERE c.organization_id = %(organization_id)s
   AND right(c.id::text, 2) = '00'
   AND """
_COUNT_ALL: Final = """
SELECT count(*)
  FROM contacts AS c
 WHERE c.organization_id = %(organization_id)s
   AND """


def count(
    tx: Tx, organization_id: UUID, condition: Condition, *, now: datetime, exact: bool = False
) -> Count:
    """How many contacts the condition is true of. `exact` may take seconds where there are a million."""
    asked, ways = compiled(condition, now=now), ways_to(condition)
    given = {**asked.params, "organization_id": organization_id}
    if exact:
        return Count(tx.value(_COUNT_ALL + asked.sql, given), exact=True)
    hits: int = tx.value(_COUNT_SAMPLE + asked.sql, given)
    if hits * _SAMPLED <= LOOKED_AT:
        ids, end = (
            _candidates(tx, organization_id, ways, NEWEST, LOOKED_AT) if ways else _everybody(tx, given)
        )
        if end is None and ways and isinstance(condition, Question):
            return Count(len(ids), exact=True)  # the index answers the whole question
        if end is None:
            found = tx.value(_COUNT_AMONG + asked.sql, {**given, "ids": ids}) if ids else 0
            return Count(found, exact=True)
    # Of what was never met among so many, there is one in a third of them at most (rule of three).
    margin = 1.96 * math.sqrt(hits) if hits else 3
    return Count(hits * _SAMPLED, exact=False, margin=round(margin * _SAMPLED))


_EVERYBODY: Final = """
SELECT id
  FROM contacts
 WHERE organization_id = %(organization_id)s
 ORDER BY id DESC
 LIMIT %(at_most)s
"""


def _everybody(tx: Tx, given: Mapping[str, object]) -> tuple[list[UUID], UUID | None]:
    found: list[UUID] = tx.values(_EVERYBODY, {**given, "at_most": LOOKED_AT})
    return found, found[-1] if len(found) == LOOKED_AT else None


def typed(search: str, country: str) -> Condition:
    """What somebody who typed this into a search box looks for.

    A number in any way of writing it, or its last four digits or more; an address or its beginning; else words of
    a name, or their beginnings. One word may be the beginning of an address as well.
    """
    text = search.strip()
    digits = "".join(character for character in text if character in "0123456789")
    if digits and not text.strip("0123456789 ()+-./\N{NO-BREAK SPACE}"):
        number = phone.read(text, country)
        if number is not None:
            return Question("phone", "equal", number)
        if len(digits) >= _FEWEST_DIGITS:
            return Question("phone", "ends", digits[-15:])
    if "@" in text:
        return Question("email", "starts", text)
    words = Question("name", "words", text)
    if " " in text or len(text) < _SHORTEST_ADDRESS:
        return words
    return AnyOf((words, Question("email", "starts", text)))


_FEWEST_DIGITS: Final = 4
_SHORTEST_ADDRESS: Final = 3


def with_value(known: Mapping[str, Field], key: str, value: str | None) -> Condition:
    """Who has this value in the field of this key. Raises `Invalid`."""
    field = known.get(key)
    if field is not None and field.type == "boolean":
        return read_condition(
            {"on": f"fields.{key}", "is": "equal", "value": (value or "").lower() == "true"}, known
        )
    return read_condition({"on": f"fields.{key}", "is": "equal", "value": value}, known)
