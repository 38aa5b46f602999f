"""Move an account to another address: proven by a link to the new one, told to the old one.

Whether the new address has an account already is told to whoever reads its mail, when they follow the link (A7).
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import psycopg

from leadsrally.accounts import audit, limits, sessions
from leadsrally.accounts.audit import Actor
from leadsrally.accounts.front_desk import FrontDesk, count_link
from leadsrally.accounts.set_password import void_links
from leadsrally.accounts.types import Person, Visitor
from leadsrally.jobs.enqueue import enqueue
from leadsrally.kit import links
from leadsrally.kit.crypto import KeyedHash
from leadsrally.kit.db import Tx
from leadsrally.kit.errors import Conflict, Invalid
from leadsrally.kit.ids import new_id
from leadsrally.kit.mailbox import one_mailbox

LIFETIME = timedelta(hours=24)

_REQUEST = """
INSERT INTO email_changes (organization_id, id, user_id, old_email, new_email, created_at, expires_at)
VALUES (%(organization_id)s, %(id)s, %(user_id)s, %(old)s, %(new)s, %(now)s, %(expires_at)s)
"""


def request_email_change(tx: Tx, hashes: KeyedHash, person: Person, email: str, *, now: datetime) -> None:
    """Send a link to the new address; until it is followed, the old one stays.

    Raises `Invalid` for no address or the present one, and `Limited` after too many.
    """
    new = one_mailbox(email)
    if new.lower() == person.email.lower():
        raise Invalid("This is the address of the account already.", code="email_unchanged")
    limits.refuse(limits.spend(tx, hashes, limits.EMAIL_CHANGE, str(person.id), now))
    change_id = new_id(now)
    tx.run(
        _REQUEST,
        {
            "organization_id": person.organization_id,
            "id": change_id,
            "user_id": person.id,
            "old": person.email,
            "new": new,
            "now": now,
            "expires_at": now + LIFETIME,
        },
    )
    enqueue(tx, person.organization_id, "notify", "change_email", {"change_id": str(change_id)}, now=now)


# The row is used by the statement that finds it good, so a link that is followed twice at once counts once.
_USE = """
UPDATE email_changes AS c
   SET used_at = %(now)s
  FROM users AS u
 WHERE c.organization_id = %(organization_id)s
   AND c.id = %(id)s
   AND c.used_at IS NULL
   AND c.expires_at > %(now)s
   AND u.organization_id = c.organization_id
   AND u.id = c.user_id
   AND u.email = c.old_email
   AND NOT EXISTS (
    SELECT 1
      FROM email_changes AS newer
     WHERE newer.organization_id = c.organization_id
       AND newer.user_id = c.user_id
       AND (newer.created_at, newer.id) > (c.created_at, c.id))
RETURNING c.user_id, c.new_email
"""
# What was heard of the old address is nothing against the new one.
_MOVE = """
UPDATE users
   SET email = %(email)s, version = version + 1, mail_blocked_at = NULL, mail_blocked_because = NULL
 WHERE organization_id = %(organization_id)s
   AND id = %(user_id)s
"""


@dataclass(frozen=True, slots=True)
class _Used:
    user_id: UUID
    new_email: str = field(repr=False)


def change_email(desk: FrontDesk, token: str, visitor: Visitor) -> None:
    """Give the account the address that a link proves, and end every session of the person (A4).

    Raises `NotFound` for a link that is not valid or no longer, and `Conflict` for an address that has an account.
    """
    organization_id, change_id = links.read(desk.link_key, "email", token)
    count_link(desk, visitor)
    now = desk.clock()
    with desk.db.tenant(organization_id) as tx:
        used = tx.maybe(_Used, _USE, {"organization_id": organization_id, "id": change_id, "now": now})
        if used is None:
            raise links.no_longer()
        person = {"organization_id": organization_id, "user_id": used.user_id}
        try:
            tx.run(_MOVE, {**person, "email": used.new_email})
        except psycopg.errors.UniqueViolation:
            raise Conflict(
                "This address has an account already. Log in with it.", code="address_taken"
            ) from None
        void_links(tx, organization_id, used.user_id, now=now)
        actor = Actor("person", used.user_id)
        audit.record(tx, organization_id, actor, "email.changed", now=now, target=("user", used.user_id))
        sessions.end_all(tx, organization_id, used.user_id, "email_changed", actor=actor, now=now)
        enqueue(tx, organization_id, "notify", "email_changed", {"change_id": str(change_id)}, now=now)
        limits.remember_source(tx, desk.hashes, used.new_email.lower(), visitor.network, now)
