"""Replace a forgotten password, with the link that went to the account's address (A9).

It is good once, for an hour, and only as long as no newer one was asked for. Nobody is logged in by it: who has a
second factor needs it still.
"""

from dataclasses import dataclass
from uuid import UUID

from leadsrally.accounts import limits, passwords
from leadsrally.accounts.front_desk import FrontDesk, count_link
from leadsrally.accounts.set_password import set_password
from leadsrally.accounts.types import Visitor
from leadsrally.kit import links

_OPEN = """
SELECT r.user_id, u.email, u.version, o.name AS organization_name
  FROM password_resets AS r
  JOIN users AS u ON u.organization_id = r.organization_id AND u.id = r.user_id
  JOIN organizations AS o ON o.id = r.organization_id
 WHERE r.organization_id = %(organization_id)s
   AND r.id = %(id)s
   AND r.used_at IS NULL
   AND r.expires_at > %(now)s
   AND NOT EXISTS (
    SELECT 1
      FROM password_resets AS newer
     WHERE newer.organization_id = r.organization_id
       AND newer.user_id = r.user_id
       AND (newer.created_at, newer.id) > (r.created_at, r.id))
"""


@dataclass(frozen=True, slots=True)
class _Open:
    user_id: UUID
    email: str
    version: int
    organization_name: str


def reset_password(desk: FrontDesk, token: str, password: str, visitor: Visitor) -> None:
    """Set the password and end every session of the person.

    Raises `NotFound` for a link that is not valid or no longer, `Invalid` for no password to be had here, and
    `Conflict` when the account was changed in the same moment.
    """
    organization_id, reset_id = links.read(desk.link_key, "reset", token)
    count_link(desk, visitor)
    place = {"organization_id": organization_id, "id": reset_id, "now": desk.clock()}
    with desk.db.tenant(organization_id) as tx:
        found = tx.maybe(_Open, _OPEN, place)
    if found is None:
        raise links.no_longer()
    passwords.refuse_weak(password, about=(found.email, found.organization_name))
    password_hash = passwords.hash_password(password)
    now = desk.clock()
    with desk.db.tenant(organization_id) as tx:
        set_password(
            tx,
            organization_id,
            found.user_id,
            password_hash,
            version=found.version,
            because="password_reset",
            now=now,
        )
        # Whoever reads the mail may come back from here, whatever others try elsewhere.
        limits.remember_source(tx, desk.hashes, found.email.lower(), visitor.network, now)
