"""Invitations: who may come in, with which role, until when.

An address that already has an account with somebody else is invited like any other: whether it has one is told to
nobody but the person who reads its mail.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from leadsrally.accounts import audit, limits, members
from leadsrally.accounts.audit import Actor
from leadsrally.accounts.types import Role
from leadsrally.jobs.enqueue import enqueue
from leadsrally.kit.crypto import KeyedHash
from leadsrally.kit.db import Tx
from leadsrally.kit.errors import Conflict, NotFound
from leadsrally.kit.ids import new_id
from leadsrally.kit.mailbox import one_mailbox

LIFETIME = timedelta(days=7)
LINK = "invite"  # what the link in the mail is signed for

State = Literal["open", "expired", "accepted", "revoked"]


@dataclass(frozen=True, slots=True)
class Invitation:
    id: UUID
    email: str
    role: Role
    invited_by: UUID
    state: State
    created_at: datetime
    expires_at: datetime
    mail_blocked_at: datetime | None = None  # our mail to this address came back
    mail_blocked_because: str | None = None


_SHOWN = """
SELECT id, email, role, invited_by, created_at, expires_at, mail_blocked_at, mail_blocked_because,
       CASE WHEN accepted_at IS NOT NULL THEN 'accepted'
            WHEN revoked_at IS NOT NULL THEN 'revoked'
            WHEN expires_at <= %(now)s THEN 'expired'
            ELSE 'open' END AS state
  FROM invitations
"""

_INVITATION = (
    _SHOWN
    + """ WHERE organization_id = %(organization_id)s
   AND id = %(invitation_id)s
   FOR UPDATE
"""
)


def invitation(tx: Tx, organization_id: UUID, invitation_id: UUID, *, now: datetime) -> Invitation:
    """One invitation, locked until the end of the transaction. Raises `NotFound`."""
    found = tx.maybe(
        Invitation,
        _INVITATION,
        {"organization_id": organization_id, "invitation_id": invitation_id, "now": now},
    )
    if found is None:
        raise NotFound("There is no such invitation.", code="invitation_not_found")
    return found


_NEWEST = (
    _SHOWN
    + """ WHERE organization_id = %(organization_id)s
   AND (created_at, id) < (%(before)s, %(before_id)s)
 ORDER BY created_at DESC, id DESC
 LIMIT %(limit)s
"""
)


def newest(
    tx: Tx, organization_id: UUID, *, before: datetime, before_id: UUID, limit: int, now: datetime
) -> list[dict[str, Any]]:
    """Newest first, after the given place (keyset); the settled and the expired too."""
    return tx.dicts(
        _NEWEST,
        {
            "organization_id": organization_id,
            "before": before,
            "before_id": before_id,
            "limit": limit,
            "now": now,
        },
    )


_IS_MEMBER = """
SELECT count(*) > 0 FROM users WHERE organization_id = %(organization_id)s AND lower(email) = lower(%(email)s)
"""

# One that nobody followed in time makes room for the next.
_CLEAR = """
UPDATE invitations
   SET revoked_at = %(now)s
 WHERE organization_id = %(organization_id)s
   AND lower(email) = lower(%(email)s)
   AND accepted_at IS NULL
   AND revoked_at IS NULL
   AND expires_at <= %(now)s
"""

_INVITE = """
INSERT INTO invitations (organization_id, id, email, role, invited_by, created_at, expires_at)
VALUES (%(organization_id)s, %(id)s, %(email)s, %(role)s, %(invited_by)s, %(now)s, %(expires_at)s)
ON CONFLICT (organization_id, lower(email)) WHERE accepted_at IS NULL AND revoked_at IS NULL DO NOTHING
"""


def invite(
    tx: Tx, hashes: KeyedHash, organization_id: UUID, email: str, role: Role, *, by: UUID, now: datetime
) -> Invitation:
    """Let somebody in with this role for seven days. They are told by mail, with a link of their own.

    Raises `Invalid` for what is no address, `Forbidden` for what only owners may do, and `Conflict` for a member
    and for an address whose invitation is still open, and `Limited` after too many.
    """
    email = one_mailbox(email)
    members.in_turn(tx, organization_id)
    members.refuse_giving(tx, organization_id, by, role)
    place = {"organization_id": organization_id, "email": email, "now": now}
    if tx.value(_IS_MEMBER, place):
        raise Conflict("This person is a member already.", code="already_member")
    tx.run(_CLEAR, place)
    made = Invitation(new_id(now), email, role, by, "open", now, now + LIFETIME)
    row = {"id": made.id, "role": role, "invited_by": by, "expires_at": made.expires_at}
    if not tx.run(_INVITE, {**place, **row}):
        raise Conflict(
            "This address has an open invitation. Send that one again or revoke it.", code="already_invited"
        )
    details = {"role": role}
    target = ("invitation", made.id)
    audit.record(
        tx, organization_id, Actor("person", by), "invitation.sent", now=now, target=target, details=details
    )
    _tell(tx, hashes, organization_id, made.id, now)
    return made


_REVOKE = """
UPDATE invitations
   SET revoked_at = %(now)s
 WHERE organization_id = %(organization_id)s
   AND id = %(invitation_id)s
"""


def revoke(tx: Tx, organization_id: UUID, invitation_id: UUID, *, by: UUID, now: datetime) -> None:
    """Its link opens nothing any more. Raises `NotFound`, and `Conflict` for one that was accepted."""
    found = invitation(tx, organization_id, invitation_id, now=now)
    if found.state == "accepted":
        raise Conflict("This invitation was accepted. Remove the member instead.", code="invitation_accepted")
    if found.state == "revoked":
        return
    tx.run(_REVOKE, {"organization_id": organization_id, "invitation_id": invitation_id, "now": now})
    actor, target = Actor("person", by), ("invitation", invitation_id)
    audit.record(tx, organization_id, actor, "invitation.revoked", now=now, target=target)


_RENEW = """
UPDATE invitations
   SET expires_at = %(expires_at)s
 WHERE organization_id = %(organization_id)s
   AND id = %(invitation_id)s
"""


def resend(
    tx: Tx, hashes: KeyedHash, organization_id: UUID, invitation_id: UUID, *, by: UUID, now: datetime
) -> Invitation:
    """Send the link again and let it count for seven days from now.

    Raises `NotFound`, `Forbidden` for what only owners may do, `Conflict` for one that is settled, whose mail came
    back or whose sender may not invite any more, and `Limited` after too many.
    """
    members.in_turn(tx, organization_id)
    found = invitation(tx, organization_id, invitation_id, now=now)
    members.refuse_giving(tx, organization_id, by, found.role)
    if found.state in ("accepted", "revoked"):
        raise Conflict(f"This invitation was {found.state}. Make a new one.", code="invitation_settled")
    if found.mail_blocked_at is not None:
        raise Conflict(
            "Our mail to this address came back. Revoke the invitation and invite the right address.",
            code="mail_blocked",
        )
    if not members.may_give(tx, organization_id, found.invited_by, found.role):
        raise Conflict(
            "Whoever made this invitation may not do so any more. Revoke it and make a new one.",
            code="inviter_gone",
        )
    expires_at = now + LIFETIME
    tx.run(
        _RENEW, {"organization_id": organization_id, "invitation_id": invitation_id, "expires_at": expires_at}
    )
    actor, target = Actor("person", by), ("invitation", invitation_id)
    audit.record(tx, organization_id, actor, "invitation.sent", now=now, target=target)
    _tell(tx, hashes, organization_id, invitation_id, now)
    return Invitation(
        found.id, found.email, found.role, found.invited_by, "open", found.created_at, expires_at
    )


def _tell(tx: Tx, hashes: KeyedHash, organization_id: UUID, invitation_id: UUID, now: datetime) -> None:
    """Mail the link. Bounded, since these mails go to people who have not asked us for any."""
    for limit, subject in ((limits.INVITATIONS, organization_id), (limits.INVITATION, invitation_id)):
        limits.refuse(limits.spend(tx, hashes, limit, str(subject), now))
    enqueue(tx, organization_id, "notify", "invitation", {"invitation_id": str(invitation_id)}, now=now)
