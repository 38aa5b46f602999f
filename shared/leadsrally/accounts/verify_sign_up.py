"""Follow the link of a sign-up: the address is proven, the organisation is active, its owner can log in."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

from leadsrally.accounts import audit, limits
from leadsrally.accounts.acceptances import record_acceptances
from leadsrally.accounts.audit import Actor
from leadsrally.accounts.front_desk import FrontDesk, count_link
from leadsrally.accounts.types import Visitor
from leadsrally.kit import links
from leadsrally.kit.db import Tx
from leadsrally.kit.errors import Conflict
from leadsrally.kit.ids import new_id

_SIGN_UP = """
SELECT id, email, password_hash, terms_version, policy_version, created_at, used_at
  FROM signups
 WHERE organization_id = %(organization_id)s
   AND id = %(id)s
   AND (used_at IS NOT NULL OR expires_at > %(now)s)
   FOR UPDATE
"""


@dataclass(frozen=True, slots=True)
class _SignUp:
    id: UUID
    email: str
    password_hash: str = field(repr=False)
    terms_version: str
    policy_version: str
    created_at: datetime
    used_at: datetime | None


def verify_sign_up(desk: FrontDesk, token: str, visitor: Visitor) -> Literal["verified", "already_verified"]:
    """Make the owner of the sign-up that a link speaks of.

    Raises `NotFound` for a link that is not ours or is older than a day, and `Conflict` when the address has got
    an account meanwhile.
    """
    organization_id, signup_id = links.read(desk.link_key, "signup", token)
    count_link(desk, visitor)
    now = desk.clock()
    with desk.db.tenant(organization_id) as tx:
        found = tx.maybe(_SignUp, _SIGN_UP, {"organization_id": organization_id, "id": signup_id, "now": now})
        if found is None:
            raise links.no_longer()
        if found.used_at is not None:
            return "already_verified"
        user_id = new_id(now)
        _make_owner(tx, organization_id, user_id, found, now)
        record_acceptances(
            tx,
            organization_id,
            user_id,
            terms_version=found.terms_version,
            policy_version=found.policy_version,
            at=found.created_at,
        )
        limits.remember_source(tx, desk.hashes, found.email.lower(), visitor.network, now)
    return "verified"


# The address is unique over all organisations.
_OWNER = """
INSERT INTO users (organization_id, id, email, password_hash, role, created_at)
VALUES (%(organization_id)s, %(user_id)s, %(email)s, %(password_hash)s, 'owner', %(now)s)
ON CONFLICT (lower(email)) DO NOTHING
"""
_ACTIVE = """
WITH used AS (
    UPDATE signups
       SET used_at = %(now)s
     WHERE organization_id = %(organization_id)s
       AND id = %(id)s
)
UPDATE organizations
   SET state = 'active'
 WHERE id = %(organization_id)s
   AND state = 'pending'
"""


def _make_owner(tx: Tx, organization_id: UUID, user_id: UUID, found: _SignUp, now: datetime) -> None:
    row = {"organization_id": organization_id, "user_id": user_id, "email": found.email, "now": now}
    if not tx.run(_OWNER, {**row, "password_hash": found.password_hash}):
        raise Conflict("This address has an account already. Log in with it.", code="address_taken")
    tx.run(_ACTIVE, {"organization_id": organization_id, "id": found.id, "now": now})
    target = ("organization", organization_id)
    audit.record(
        tx, organization_id, Actor("person", user_id), "organization.created", now=now, target=target
    )
