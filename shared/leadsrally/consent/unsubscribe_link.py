"""The unsubscribe link: how it is spelled, and the row that it leads to.

A token is 20 characters of base64url: a number of 48 bits, drawn by chance, and 72 bits of an HMAC-SHA256 over it.
It names nobody, costs a message few characters, and is refused without a look at the database unless we made it. It
does not expire: CAN-SPAM asks for thirty days (15 U.S.C. 7704(a)(3)), and a message may be read years later.
"""

import base64
import binascii
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from leadsrally.consent.store import lock
from leadsrally.consent.types import ChannelKind
from leadsrally.kit.db import Tx
from leadsrally.kit.errors import NotFound

_NUMBER: Final = 6  # bytes
_MAC: Final = 9
TOKEN_CHARACTERS: Final = (_NUMBER + _MAC) * 4 // 3


@dataclass(frozen=True, slots=True)
class Links:
    """Makes the addresses."""

    key: bytes
    public_url: str  # without a final slash

    def __repr__(self) -> str:
        return "Links()"

    def url(self, number: int) -> str:
        return f"{self.public_url}/u/{spell(self.key, number)}"


def spell(key: bytes, number: int) -> str:
    place = number.to_bytes(_NUMBER)
    return base64.urlsafe_b64encode(place + _mac(key, place)).decode()


def read(key: bytes, token: str) -> int:
    """The number of a link. Raises `NotFound` for anything that we did not spell."""
    try:
        raw = base64.b64decode(token, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    place, mac = raw[:_NUMBER], raw[_NUMBER:]
    if len(raw) != _NUMBER + _MAC or not hmac.compare_digest(mac, _mac(key, place)):
        raise unknown()
    return int.from_bytes(place)


def unknown() -> NotFound:
    """The same for what was never a link, and for one whose organisation is gone."""
    return NotFound("This link leads nowhere.", code="link_unknown")


def _mac(key: bytes, place: bytes) -> bytes:
    return hmac.digest(key, b"leadsrally.unsubscribe.1\x00" + place, "sha256")[:_MAC]


@dataclass(frozen=True, slots=True)
class Link:
    """Whose permission a link is about. `contact_id` is None once the person is erased."""

    organization_id: UUID
    contact_id: UUID | None
    channel_kind: ChannelKind
    address_hashes: list[bytes]
    organization_name: str
    language: str
    opt_out_scope: Literal["channel", "every_channel"]


_FIND = """
SELECT organization_id, contact_id, channel_kind, address_hashes, organization_name, language, opt_out_scope
  FROM unsubscribe_link(%(number)s)
"""


def find(session: psycopg.Connection[Any], number: int) -> Link:
    """The one look-up before a tenant is known. Raises `NotFound`."""
    with session.cursor(row_factory=class_row(Link)) as cursor:
        found = cursor.execute(_FIND, {"number": number}).fetchone()
    if found is None:
        raise unknown()
    return found


# With the addresses as they are now; of several, which a merge brought together, the first.
_KNOWN = """
WITH known AS (
    UPDATE unsubscribe_links
       SET address_hashes = %(hashes)s::bytea[]
     WHERE organization_id = %(organization_id)s
       AND contact_id = %(contact_id)s
       AND channel_kind = %(channel_kind)s
    RETURNING number, created_at
)
SELECT number
  FROM known
 ORDER BY created_at, number
 LIMIT 1
"""
# A number that is taken makes no row, and another is drawn.
_MAKE = """
INSERT INTO unsubscribe_links (organization_id, number, contact_id, channel_kind, address_hashes, created_at)
VALUES (%(organization_id)s, %(number)s, %(contact_id)s, %(channel_kind)s, %(hashes)s::bytea[], %(now)s)
ON CONFLICT DO NOTHING
RETURNING number
"""
_DRAWS: Final = 8  # one in millions is taken


def number_of(
    tx: Tx,
    organization_id: UUID,
    contact_id: UUID,
    kind: ChannelKind,
    addresses: Sequence[bytes],
    *,
    now: datetime,
) -> int:
    """The number of this person's link for this kind of channel, made when there is none yet.

    `addresses` are the hashes of all that the person is reached by.
    """
    given = {
        "organization_id": organization_id,
        "contact_id": contact_id,
        "channel_kind": kind,
        "hashes": list(addresses),
        "now": now,
    }
    known = tx.value(_KNOWN, given)
    if known is None:
        lock(
            tx, organization_id, contact_id
        )  # of two who write to somebody new at once the second finds the first's
        known = tx.value(_KNOWN, given)
    draws = 0
    while known is None and draws < _DRAWS:
        known = tx.value(_MAKE, {**given, "number": secrets.randbits(8 * _NUMBER)})
        draws += 1
    if known is None:
        raise RuntimeError("no number is free")
    return known
