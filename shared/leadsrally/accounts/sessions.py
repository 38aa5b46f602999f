"""Sessions: one log-in on one device, from its first token to its end."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from leadsrally.accounts import audit
from leadsrally.accounts.audit import Actor
from leadsrally.accounts.types import Role, Visitor
from leadsrally.kit.db import Tx

LONGEST = timedelta(days=30)
IDLE = timedelta(days=14)

Kind = Literal["browser", "client"]
Reason = Literal[
    "logged_out",
    "reuse",
    "password_changed",
    "password_reset",
    "email_changed",
    "role_changed",
    "second_factor_changed",
]


def end_of(created_at: datetime, now: datetime) -> datetime:
    """Until when a session lives that is used now: 14 days unused, 30 days in all."""
    return min(created_at + LONGEST, now + IDLE)


# The lock makes it wait for a change of the account that is under way, and a change wait for it. So either the
# version is another one and nothing begins, or the change finds this session and ends it.
_BEGIN = """
INSERT INTO sessions (
    organization_id, id, user_id, kind, token_hash, rotated_at, confirmed_at, source_ip, user_agent, created_at,
    last_used_at, expires_at
)
SELECT u.organization_id, %(id)s, u.id, %(kind)s, %(token_hash)s, %(now)s, %(now)s, %(source_ip)s, %(user_agent)s,
       %(now)s, %(now)s, %(expires_at)s
  FROM users AS u
 WHERE u.organization_id = %(organization_id)s
   AND u.id = %(user_id)s
   AND u.version = %(version)s
   FOR SHARE
"""


def begin(
    tx: Tx,
    organization_id: UUID,
    user_id: UUID,
    session_id: UUID,
    *,
    version: int,
    kind: Kind,
    token_hash: bytes,
    visitor: Visitor,
    now: datetime,
) -> bool:
    """Returns False, and begins none, when the account is not the one any more that `version` speaks of."""
    begun = tx.run(
        _BEGIN,
        {
            "organization_id": organization_id,
            "user_id": user_id,
            "id": session_id,
            "version": version,
            "kind": kind,
            "token_hash": token_hash,
            "source_ip": visitor.address,
            "user_agent": visitor.device,
            "now": now,
            "expires_at": end_of(now, now),
        },
    )
    if begun:
        target = ("session", session_id)
        audit.record(tx, organization_id, Actor("person", user_id), "session.began", now=now, target=target)
    return begun == 1


@dataclass(frozen=True, slots=True)
class Kept:
    """A session as it rests, for whoever shows its refresh token."""

    user_id: UUID
    role: Role
    kind: Kind
    token_hash: bytes
    previous_hash: bytes | None
    rotated_at: datetime
    user_agent: str
    created_at: datetime


# Locked, so that of two who refresh at once the second sees what the first has made of it.
_LIVING = """
SELECT s.user_id, u.role, s.kind, s.token_hash, s.previous_hash, s.rotated_at, s.user_agent, s.created_at
  FROM sessions AS s
  JOIN users AS u ON u.organization_id = s.organization_id AND u.id = s.user_id
  JOIN organizations AS o ON o.id = s.organization_id
 WHERE s.organization_id = %(organization_id)s
   AND s.id = %(id)s
   AND s.revoked_at IS NULL
   AND s.expires_at > %(now)s
   AND (o.state IN ('active', 'paused') OR (o.state = 'leaving' AND u.role = 'owner'))
   FOR UPDATE OF s
"""


def living(tx: Tx, organization_id: UUID, session_id: UUID, *, now: datetime) -> Kept | None:
    """The session, locked until the end of the transaction; None when it has ended or never was."""
    return tx.maybe(Kept, _LIVING, {"organization_id": organization_id, "id": session_id, "now": now})


_USE = """
UPDATE sessions
   SET token_hash = %(token_hash)s, previous_hash = %(previous_hash)s, rotated_at = %(rotated_at)s,
       last_used_at = %(now)s, expires_at = %(expires_at)s, source_ip = %(source_ip)s,
       user_agent = %(user_agent)s
 WHERE organization_id = %(organization_id)s
   AND id = %(id)s
"""


def use(
    tx: Tx,
    organization_id: UUID,
    session_id: UUID,
    *,
    token_hash: bytes,
    previous_hash: bytes | None,
    rotated_at: datetime,
    expires_at: datetime,
    visitor: Visitor,
    now: datetime,
) -> None:
    """Write down that a session was used, and which refresh token it takes next."""
    tx.run(
        _USE,
        {
            "organization_id": organization_id,
            "id": session_id,
            "token_hash": token_hash,
            "previous_hash": previous_hash,
            "rotated_at": rotated_at,
            "expires_at": expires_at,
            "source_ip": visitor.address,
            "user_agent": visitor.device,
            "now": now,
        },
    )


_END = """
UPDATE sessions
   SET revoked_at = %(now)s, revoked_because = %(because)s
 WHERE organization_id = %(organization_id)s
   AND id = %(id)s
   AND user_id = coalesce(%(user_id)s, user_id)
   AND revoked_at IS NULL
   AND expires_at > %(now)s
"""


def end(
    tx: Tx,
    organization_id: UUID,
    session_id: UUID,
    because: Reason,
    *,
    actor: Actor,
    now: datetime,
    user_id: UUID | None = None,
) -> bool:
    """End one session, of this person if one is named. Returns False when there was none to end."""
    ended = tx.run(
        _END,
        {
            "organization_id": organization_id,
            "id": session_id,
            "user_id": user_id,
            "because": because,
            "now": now,
        },
    )
    if ended and because != "reuse":
        target, details = ("session", session_id), {"reason": because}
        audit.record(tx, organization_id, actor, "session.ended", now=now, target=target, details=details)
    return ended == 1


_END_ALL = """
UPDATE sessions
   SET revoked_at = %(now)s, revoked_because = %(because)s
 WHERE organization_id = %(organization_id)s
   AND user_id = %(user_id)s
   AND id IS DISTINCT FROM %(besides)s
   AND revoked_at IS NULL
   AND expires_at > %(now)s
"""


def end_all(
    tx: Tx,
    organization_id: UUID,
    user_id: UUID,
    because: Reason,
    *,
    actor: Actor,
    now: datetime,
    besides: UUID | None = None,
) -> int:
    """End every session of a person, besides the one they ask from if it is named; returns how many.

    After a change of the account it must come later in the transaction than the change itself: only then has
    every log-in that still went by the old password either begun or been refused.
    """
    ended = tx.run(
        _END_ALL,
        {
            "organization_id": organization_id,
            "user_id": user_id,
            "because": because,
            "besides": besides,
            "now": now,
        },
    )
    if ended:
        target, details = ("user", user_id), {"reason": because}
        audit.record(tx, organization_id, actor, "sessions.ended", now=now, target=target, details=details)
    return ended


_OF_PERSON = """
SELECT id, kind, host(source_ip) AS source_ip, user_agent, created_at, last_used_at, expires_at
  FROM sessions
 WHERE organization_id = %(organization_id)s
   AND user_id = %(user_id)s
   AND revoked_at IS NULL
   AND expires_at > %(now)s
 ORDER BY last_used_at DESC, id DESC
 LIMIT 100
"""


def of_person(tx: Tx, organization_id: UUID, user_id: UUID, *, now: datetime) -> list[dict[str, Any]]:
    """Where a person is logged in now, the last used first; at most 100."""
    return tx.dicts(_OF_PERSON, {"organization_id": organization_id, "user_id": user_id, "now": now})
