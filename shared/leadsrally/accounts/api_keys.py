"""API keys: what a person lets a program do in their name, and never more than they may do themselves.

A key is shown once. It goes with its person; what it may do shrinks with their role.
"""

import secrets
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from leadsrally.accounts import audit
from leadsrally.accounts.api_key import SECRET_BYTES, ApiKey
from leadsrally.accounts.audit import Actor, AuditAction
from leadsrally.accounts.permissions import ACTIONS, Action, scopes_of
from leadsrally.accounts.types import Role
from leadsrally.jobs.enqueue import enqueue
from leadsrally.kit.db import Tx
from leadsrally.kit.errors import Conflict, Forbidden, Invalid, NotFound
from leadsrally.kit.ids import new_id

MOST = 20  # keys of one person that count at a time
LONGEST = timedelta(days=5 * 366)

_LIST = """
SELECT id, user_id, name, scopes, created_at, last_used_at, expires_at, revoked_at
  FROM api_keys
 WHERE organization_id = %(organization_id)s
   AND (created_at, id) < (%(before)s, %(before_id)s)
 ORDER BY created_at DESC, id DESC
 LIMIT %(limit)s
"""


def newest(
    tx: Tx, organization_id: UUID, *, before: datetime, before_id: UUID, limit: int
) -> list[dict[str, Any]]:
    """Keys of all members, newest first, after the given place (keyset); dead ones too."""
    return tx.dicts(
        _LIST,
        {"organization_id": organization_id, "before": before, "before_id": before_id, "limit": limit},
    )


@dataclass(frozen=True, slots=True)
class Made:
    """A new key. The only time that its text exists outside the program it is for."""

    id: UUID
    spelled: str = field(repr=False)
    expires_at: datetime | None


# The person's row is held, so that a removal that is under way either finds the key or leaves nobody to hold it.
_HOLDER = """
SELECT role,
       (SELECT count(*)
          FROM api_keys AS k
         WHERE k.organization_id = u.organization_id
           AND k.user_id = u.id
           AND k.revoked_at IS NULL
           AND (k.expires_at IS NULL OR k.expires_at > %(now)s)) AS living
  FROM users AS u
 WHERE u.organization_id = %(organization_id)s
   AND u.id = %(user_id)s
   FOR NO KEY UPDATE
"""

_MAKE = """
INSERT INTO api_keys (organization_id, id, user_id, name, key_hash, scopes, created_at, expires_at)
VALUES (
    %(organization_id)s, %(id)s, %(user_id)s, %(name)s, %(key_hash)s, %(scopes)s, %(now)s, %(expires_at)s
)
"""


@dataclass(frozen=True, slots=True)
class _Holder:
    role: Role
    living: int


def make(
    tx: Tx,
    organization_id: UUID,
    user_id: UUID,
    name: str,
    scopes: Collection[Action],
    *,
    expires_at: datetime | None,
    now: datetime,
) -> Made:
    """A key for this person. They are told by mail.

    Raises `Forbidden` for a scope that their role does not allow, `Invalid` for an end that is past or more than
    five years away, and `Conflict` for one key too many.
    """
    holder = _holder(tx, organization_id, user_id, now)
    if not scopes_of(holder.role) >= set(scopes):
        raise Forbidden("A key can do no more than your own role allows.", code="scope_beyond_role")
    if expires_at is not None and not now < expires_at <= now + LONGEST:
        raise Invalid("A key ends in the future, and within five years.", code="expiry_out_of_range")
    if holder.living >= MOST:
        raise Conflict(f"You have {MOST} keys. Revoke one that you do not need.", code="too_many_keys")
    made = _make(tx, organization_id, user_id, name, scopes, expires_at, now)
    _record(tx, organization_id, user_id, "api_key.created", made.id, now)
    return made


def _make(
    tx: Tx,
    organization_id: UUID,
    user_id: UUID,
    name: str,
    scopes: Collection[Action],
    expires_at: datetime | None,
    now: datetime,
) -> Made:
    key = ApiKey(organization_id, new_id(now), secrets.token_bytes(SECRET_BYTES))
    tx.run(
        _MAKE,
        {
            "organization_id": organization_id,
            "id": key.id,
            "user_id": user_id,
            "name": name,
            "key_hash": key.hash(),
            "scopes": [action for action in ACTIONS if action in scopes],
            "now": now,
            "expires_at": expires_at,
        },
    )
    enqueue(tx, organization_id, "notify", "api_key_created", {"key_id": str(key.id)}, now=now)
    return Made(key.id, key.spell(), expires_at)


def _holder(tx: Tx, organization_id: UUID, user_id: UUID, now: datetime) -> _Holder:
    holder = tx.maybe(_Holder, _HOLDER, {"organization_id": organization_id, "user_id": user_id, "now": now})
    if holder is None:
        raise NotFound("You are no member any more.", code="member_not_found")
    return holder


@dataclass(frozen=True, slots=True)
class _Old:
    user_id: UUID
    name: str
    scopes: list[Action]
    created_at: datetime
    expires_at: datetime | None
    living: bool


_OLD = """
SELECT user_id, name, scopes, created_at, expires_at,
       revoked_at IS NULL AND (expires_at IS NULL OR expires_at > %(now)s) AS living
  FROM api_keys
 WHERE organization_id = %(organization_id)s
   AND id = %(key_id)s
   FOR UPDATE
"""

_END_AT = """
UPDATE api_keys
   SET expires_at = least(expires_at, %(ends_at)s)
 WHERE organization_id = %(organization_id)s
   AND id = %(key_id)s
"""


def rotate(
    tx: Tx, organization_id: UUID, user_id: UUID, key_id: UUID, *, overlap: timedelta, now: datetime
) -> Made:
    """A new key in place of this one, which goes on to count for `overlap`.

    The new one has the name and the scopes of the old, as far as the role still allows them, and lives as long as
    the old was made for. Raises `NotFound` for somebody else's key, since whoever rotates it is shown the new one,
    and `Conflict` for one that does not count any more.
    """
    holder = _holder(tx, organization_id, user_id, now)
    old = _old(tx, organization_id, key_id, now)
    if old.user_id != user_id:
        raise _missing()
    if not old.living:
        raise Conflict("This key does not count any more. Make a new one.", code="api_key_ended")
    if holder.living >= 2 * MOST:
        raise Conflict("Too many keys wait for their end. Revoke one of them.", code="too_many_keys")
    place = {"organization_id": organization_id, "key_id": key_id}
    tx.run(_END_AT, {**place, "ends_at": now + overlap})
    expires_at = None if old.expires_at is None else now + (old.expires_at - old.created_at)
    scopes = scopes_of(holder.role) & set(old.scopes)
    made = _make(tx, organization_id, user_id, old.name, scopes, expires_at, now)
    _record(tx, organization_id, user_id, "api_key.rotated", key_id, now)
    return made


_REVOKE = """
UPDATE api_keys
   SET revoked_at = coalesce(revoked_at, %(now)s)
 WHERE organization_id = %(organization_id)s
   AND id = %(key_id)s
"""


def revoke(tx: Tx, organization_id: UUID, key_id: UUID, *, by: UUID, now: datetime) -> None:
    """End a key at once, anybody's. Raises `NotFound`."""
    if _old(tx, organization_id, key_id, now).living:
        tx.run(_REVOKE, {"organization_id": organization_id, "key_id": key_id, "now": now})
        _record(tx, organization_id, by, "api_key.revoked", key_id, now)


def _old(tx: Tx, organization_id: UUID, key_id: UUID, now: datetime) -> _Old:
    found = tx.maybe(_Old, _OLD, {"organization_id": organization_id, "key_id": key_id, "now": now})
    if found is None:
        raise _missing()
    return found


def _missing() -> NotFound:
    return NotFound("There is no such API key.", code="api_key_not_found")


def _record(
    tx: Tx, organization_id: UUID, by: UUID, action: AuditAction, key_id: UUID, now: datetime
) -> None:
    audit.record(tx, organization_id, Actor("person", by), action, now=now, target=("api_key", key_id))
