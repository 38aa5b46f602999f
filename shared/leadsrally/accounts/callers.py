"""Who is asking, found out anew at each request: a removed person, a lost role, an ended session count at once."""

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from leadsrally.accounts import limits
from leadsrally.accounts.api_key import ApiKey, unknown
from leadsrally.accounts.audit import Actor
from leadsrally.accounts.leaving import leaving_account
from leadsrally.accounts.permissions import Action, scopes_of
from leadsrally.accounts.tokens import Bearer
from leadsrally.accounts.types import Person, Role
from leadsrally.kit.crypto import KeyedHash
from leadsrally.kit.db import Tx
from leadsrally.kit.errors import Unauthenticated

CONFIRMED_FOR = timedelta(minutes=10)  # how long a proof of who one is opens what is dangerous


@dataclass(frozen=True, slots=True)
class Session:
    """The log-in that a person asks from."""

    id: UUID
    confirmed_at: datetime

    def is_confirmed(self, now: datetime) -> bool:
        """Whether the person has shown who they are within the last ten minutes."""
        return now - self.confirmed_at < CONFIRMED_FOR


@dataclass(frozen=True, slots=True)
class Caller:
    """A person, what was shown in their name, and what it is good for at most."""

    person: Person
    actor: Actor  # whose name stands in the audit log
    scopes: frozenset[Action]
    session: Session | None  # none behind an API key
    leaving: bool = False  # their organisation is being deleted


@dataclass(frozen=True, slots=True)
class _Found:
    email: str
    role: Role
    confirmed_at: datetime
    leaving: bool


_BY_SESSION = """
SELECT u.email, u.role, s.confirmed_at, o.state IN ('leaving', 'erasing') AS leaving
  FROM sessions AS s
  JOIN users AS u ON u.organization_id = s.organization_id AND u.id = s.user_id
  JOIN organizations AS o ON o.id = s.organization_id
 WHERE s.organization_id = %(organization_id)s
   AND s.id = %(session_id)s
   AND s.user_id = %(user_id)s
   AND s.revoked_at IS NULL
   AND s.expires_at > %(now)s
   AND o.state <> 'pending'
"""


def by_session(tx: Tx, bearer: Bearer, now: datetime) -> Caller:
    """Who holds this access token. Raises `Unauthenticated` when the session or its person is no more."""
    found = tx.maybe(
        _Found,
        _BY_SESSION,
        {
            "organization_id": bearer.organization_id,
            "session_id": bearer.session_id,
            "user_id": bearer.user_id,
            "now": now,
        },
    )
    if found is None:
        raise Unauthenticated("Log in again: this session has ended.", code="session_ended")
    if found.leaving and found.role != "owner":
        raise leaving_account()
    person = Person(bearer.organization_id, bearer.user_id, found.email, found.role)
    session = Session(bearer.session_id, found.confirmed_at)
    return Caller(person, Actor("person", person.id), bearer.scopes, session, found.leaving)


@dataclass(frozen=True, slots=True)
class _Key:
    user_id: UUID
    email: str
    role: Role
    key_hash: bytes
    scopes: list[str]
    last_used_at: datetime | None


_BY_API_KEY = """
SELECT k.user_id, u.email, u.role, k.key_hash, k.scopes, k.last_used_at
  FROM api_keys AS k
  JOIN users AS u ON u.organization_id = k.organization_id AND u.id = k.user_id
  JOIN organizations AS o ON o.id = k.organization_id
 WHERE k.organization_id = %(organization_id)s
   AND k.id = %(key_id)s
   AND k.revoked_at IS NULL
   AND (k.expires_at IS NULL OR k.expires_at > %(now)s)
   AND o.state IN ('active', 'paused')
"""


def by_api_key(tx: Tx, key: ApiKey, now: datetime) -> Caller:
    """Who stands behind this key, and what it may do now: its scopes, as far as their role still allows them.

    Raises `Unauthenticated` for a key that is wrong, revoked or expired, and when its person is gone.
    """
    found = _key(tx, key, now)
    person = Person(key.organization_id, found.user_id, found.email, found.role)
    scopes = scopes_of(found.role) & set(found.scopes)
    return Caller(person, Actor("api_key", key.id), scopes, None)


def _key(tx: Tx, key: ApiKey, now: datetime) -> _Key:
    place = {"organization_id": key.organization_id, "key_id": key.id}
    found = tx.maybe(_Key, _BY_API_KEY, {**place, "now": now})
    if found is None or not hmac.compare_digest(found.key_hash, key.hash()):
        raise unknown()
    return found


# Skipped when another request of this key writes it down just now.
_TOUCH = """
UPDATE api_keys
   SET last_used_at = %(now)s
 WHERE organization_id = %(organization_id)s
   AND id IN (SELECT id
                FROM api_keys
               WHERE organization_id = %(organization_id)s
                 AND id = %(key_id)s
                 FOR NO KEY UPDATE SKIP LOCKED)
"""
_TOUCHED_FOR = timedelta(minutes=1)


def count_use(tx: Tx, hashes: KeyedHash, key: ApiKey, now: datetime) -> timedelta | None:
    """Count a request of this key, and once a minute write down that it was used.

    Returns how long to wait when it is one too many. In a transaction of its own, so that requests of one key do
    not wait for each other, and that those count which are refused. Raises as `by_api_key` does.
    """
    last_used_at = _key(tx, key, now).last_used_at
    if last_used_at is None or now - last_used_at >= _TOUCHED_FOR:
        tx.run(_TOUCH, {"organization_id": key.organization_id, "key_id": key.id, "now": now})
    return limits.spend(tx, hashes, limits.API_KEY, str(key.id), now)
