"""The people of an organisation: who they are, what role they have, and how one of them goes.

Changes of who may do what happen one after another within an organisation: each takes the organisation's row
first and only then looks who is asking, who is asked about, and how many owners there are. So two owners who
demote each other at once do not both succeed, and what an admin could do a moment ago is not done.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from leadsrally.accounts import audit, sessions
from leadsrally.accounts.audit import Actor
from leadsrally.accounts.permissions import MAY, Action
from leadsrally.accounts.types import ROLES, Role
from leadsrally.jobs.enqueue import enqueue
from leadsrally.kit.db import Tx
from leadsrally.kit.errors import Conflict, Forbidden, NotFound, Stale

_MANAGE: Action = "members.manage"


@dataclass(frozen=True, slots=True)
class Member:
    id: UUID
    email: str
    role: Role
    mail_blocked_at: datetime | None
    mail_blocked_because: str | None
    version: int
    created_at: datetime


_MEMBER = """
SELECT id, email, role, mail_blocked_at, mail_blocked_because, version, created_at
  FROM users
 WHERE organization_id = %(organization_id)s
   AND id = %(user_id)s
"""


def member(tx: Tx, organization_id: UUID, user_id: UUID) -> Member:
    """Raises `NotFound` for somebody who is no member, or not any more."""
    found = tx.maybe(Member, _MEMBER, {"organization_id": organization_id, "user_id": user_id})
    if found is None:
        raise NotFound("There is no such member.", code="member_not_found")
    return found


_MEMBERS = """
SELECT id, email, role, mail_blocked_at, mail_blocked_because, version, created_at
  FROM users
 WHERE organization_id = %(organization_id)s
   AND (created_at, id) < (%(before)s, %(before_id)s)
 ORDER BY created_at DESC, id DESC
 LIMIT %(limit)s
"""


def members(
    tx: Tx, organization_id: UUID, *, before: datetime, before_id: UUID, limit: int
) -> list[dict[str, Any]]:
    """Who joined last comes first, after the given place (keyset)."""
    return tx.dicts(
        _MEMBERS,
        {"organization_id": organization_id, "before": before, "before_id": before_id, "limit": limit},
    )


# NO KEY, so that rows which merely refer to the organisation can be written meanwhile.
_IN_TURN = """
SELECT 1 FROM organizations WHERE id = %(organization_id)s FOR NO KEY UPDATE
"""

_ROLE = """
SELECT role FROM users WHERE organization_id = %(organization_id)s AND id = %(user_id)s
"""


def in_turn(tx: Tx, organization_id: UUID) -> None:
    """Until the end of the transaction nobody else of the organisation changes who may do what."""
    tx.run(_IN_TURN, {"organization_id": organization_id})


def may_give(tx: Tx, organization_id: UUID, user_id: UUID, *roles: Role) -> bool:
    """Whether this person may, at this moment, give and take these roles; False for one who is gone.

    Asked again under the lock, since the role that was read at the start of the request may be gone.
    """
    role: Role | None = tx.value(_ROLE, {"organization_id": organization_id, "user_id": user_id})
    return role in MAY[_MANAGE] and (role == "owner" or "owner" not in roles)


def refuse_giving(tx: Tx, organization_id: UUID, user_id: UUID, *roles: Role) -> None:
    """Raise `Forbidden` unless this person may give and take these roles."""
    if may_give(tx, organization_id, user_id, *roles):
        return
    if may_give(tx, organization_id, user_id):
        raise Forbidden("Only an owner can make, change or remove an owner.", code="owners_only")
    raise Forbidden("Your role does not allow this. Ask an owner for another role.", code="forbidden")


_SET_ROLE = """
UPDATE users
   SET role = %(role)s, version = version + 1
 WHERE organization_id = %(organization_id)s
   AND id = %(user_id)s
RETURNING id, email, role, mail_blocked_at, mail_blocked_because, version, created_at
"""


def change_role(
    tx: Tx,
    organization_id: UUID,
    user_id: UUID,
    role: Role,
    *,
    version: int,
    by: UUID,
    now: datetime,
) -> Member:
    """Give a member another role; a lower one ends all their sessions (A4). They are told by mail.

    Raises `NotFound`, `Stale`, `Forbidden` for what only owners may do, and `Conflict` for the last owner.
    """
    in_turn(tx, organization_id)
    old = member(tx, organization_id, user_id)
    refuse_giving(tx, organization_id, by, old.role, role)
    if old.version != version:
        raise Stale
    if old.role == role:
        return old
    if old.role == "owner":
        _refuse_last_owner(tx, organization_id)
    changed = tx.one(
        Member, _SET_ROLE, {"organization_id": organization_id, "user_id": user_id, "role": role}
    )
    actor, target = Actor("person", by), ("user", user_id)
    details = {"from": old.role, "to": role}
    audit.record(tx, organization_id, actor, "member.role_changed", now=now, target=target, details=details)
    if ROLES.index(role) > ROLES.index(old.role):
        sessions.end_all(tx, organization_id, user_id, "role_changed", actor=actor, now=now)
    enqueue(tx, organization_id, "notify", "role_changed", {"user_id": str(user_id)}, now=now)
    return changed


_REMOVE = """
DELETE FROM users WHERE organization_id = %(organization_id)s AND id = %(user_id)s
"""


def remove_member(
    tx: Tx, organization_id: UUID, user_id: UUID, *, version: int, by: UUID, now: datetime
) -> None:
    """Remove a member, and with them their sessions, keys and factors at once; what they wrote stays.

    Raises as `change_role` does.
    """
    in_turn(tx, organization_id)
    gone = member(tx, organization_id, user_id)
    refuse_giving(tx, organization_id, by, gone.role)
    if gone.version != version:
        raise Stale
    _remove(tx, organization_id, gone, by=by, now=now)


def leave(tx: Tx, organization_id: UUID, user_id: UUID, *, now: datetime) -> None:
    """Remove oneself. Raises `Conflict` for the last owner."""
    in_turn(tx, organization_id)
    _remove(tx, organization_id, member(tx, organization_id, user_id), by=user_id, now=now)


def _remove(tx: Tx, organization_id: UUID, gone: Member, *, by: UUID, now: datetime) -> None:
    if gone.role == "owner":
        _refuse_last_owner(tx, organization_id)
    tx.run(_REMOVE, {"organization_id": organization_id, "user_id": gone.id})
    actor, target = Actor("person", by), ("user", gone.id)
    details = {"role": gone.role}
    audit.record(tx, organization_id, actor, "member.removed", now=now, target=target, details=details)


_OWNERS = """
SELECT count(*) FROM users WHERE organization_id = %(organization_id)s AND role = 'owner'
"""


def _refuse_last_owner(tx: Tx, organization_id: UUID) -> None:
    if tx.value(_OWNERS, {"organization_id": organization_id}) < 2:
        raise Conflict(
            "This is the last owner. Make somebody else an owner first, or delete the account.",
            code="last_owner",
        )
