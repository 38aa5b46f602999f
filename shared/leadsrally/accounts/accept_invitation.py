"""Follow the link of an invitation: come in with a password of one's own, at the address that was invited.

The role and the address are the invitation's; nothing that is sent can change them. Whoever invited must still
be allowed to, at the moment the link is followed.
"""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from leadsrally.accounts import audit, limits, members, passwords
from leadsrally.accounts.acceptances import record_acceptances, refuse_unattested
from leadsrally.accounts.audit import Actor
from leadsrally.accounts.front_desk import FrontDesk, count_link
from leadsrally.accounts.invitations import LINK
from leadsrally.accounts.types import Role, Visitor
from leadsrally.kit import links
from leadsrally.kit.db import Tx
from leadsrally.kit.errors import Conflict
from leadsrally.kit.ids import new_id


@dataclass(frozen=True, slots=True)
class Acceptance:
    token: str = field(repr=False)
    password: str = field(repr=False)
    business_use: bool  # attested: for a business
    age_16: bool  # attested: of 16 years or more (P9.1)
    terms_version: str
    policy_version: str


_GUEST = """
SELECT i.email, i.role, i.invited_by, o.name AS organization
  FROM invitations AS i
  JOIN organizations AS o ON o.id = i.organization_id
 WHERE i.organization_id = %(organization_id)s
   AND i.id = %(invitation_id)s
   AND i.accepted_at IS NULL
   AND i.revoked_at IS NULL
   AND i.expires_at > %(now)s
   AND o.state IN ('active', 'paused')
   FOR UPDATE OF i
"""


@dataclass(frozen=True, slots=True)
class _Guest:
    email: str = field(repr=False)
    role: Role
    invited_by: UUID
    organization: str


def accept_invitation(desk: FrontDesk, accepted: Acceptance, visitor: Visitor) -> None:
    """Make the member whom an invitation speaks of.

    Raises `NotFound` for a link that is not ours, was used or revoked, is older than a week, or whose sender may
    not invite any more; `Invalid` for what is not attested and for a password not to be had here; `Conflict` when
    the address has an account already; `Limited` after too many links.
    """
    refuse_unattested(business_use=accepted.business_use, age_16=accepted.age_16)
    organization_id, invitation_id = links.read(desk.link_key, LINK, accepted.token)
    count_link(desk, visitor)
    with desk.db.tenant(organization_id) as tx:
        guest = _guest(tx, organization_id, invitation_id, desk.clock())
    passwords.refuse_weak(accepted.password, about=(guest.email, guest.organization))
    password_hash = passwords.hash_password(accepted.password)
    now = desk.clock()
    with desk.db.tenant(organization_id) as tx:
        members.in_turn(tx, organization_id)
        guest = _guest(tx, organization_id, invitation_id, now)
        user_id = new_id(now)
        _join(tx, organization_id, user_id, invitation_id, guest, password_hash, now)
        record_acceptances(
            tx,
            organization_id,
            user_id,
            terms_version=accepted.terms_version,
            policy_version=accepted.policy_version,
            at=now,
        )
        limits.remember_source(tx, desk.hashes, guest.email.lower(), visitor.network, now)


def _guest(tx: Tx, organization_id: UUID, invitation_id: UUID, now: datetime) -> _Guest:
    """Who is invited, while the invitation stands."""
    found = tx.maybe(
        _Guest, _GUEST, {"organization_id": organization_id, "invitation_id": invitation_id, "now": now}
    )
    if found is None or not members.may_give(tx, organization_id, found.invited_by, found.role):
        raise links.no_longer()
    return found


# The address is unique over all organisations.
_JOIN = """
INSERT INTO users (organization_id, id, email, password_hash, role, created_at)
VALUES (%(organization_id)s, %(user_id)s, %(email)s, %(password_hash)s, %(role)s, %(now)s)
ON CONFLICT (lower(email)) DO NOTHING
"""

_ACCEPTED = """
UPDATE invitations
   SET accepted_at = %(now)s
 WHERE organization_id = %(organization_id)s
   AND id = %(invitation_id)s
"""


def _join(
    tx: Tx,
    organization_id: UUID,
    user_id: UUID,
    invitation_id: UUID,
    guest: _Guest,
    password_hash: str,
    now: datetime,
) -> None:
    row = {"organization_id": organization_id, "user_id": user_id, "email": guest.email, "role": guest.role}
    if not tx.run(_JOIN, {**row, "password_hash": password_hash, "now": now}):
        raise Conflict(
            "This address has an account already. Log in with it, or ask to be invited at another address.",
            code="address_taken",
        )
    tx.run(_ACCEPTED, {"organization_id": organization_id, "invitation_id": invitation_id, "now": now})
    audit.record(
        tx,
        organization_id,
        Actor("person", user_id),
        "member.joined",
        now=now,
        target=("user", user_id),
        details={"role": guest.role},
    )
