"""Users and organisations."""

from dataclasses import dataclass, field
from uuid import UUID

from psycopg.rows import class_row

from leadsrally.accounts.types import Organization, Role
from leadsrally.kit.db import Database, Tx

_LOGIN = """
SELECT organization_id, id, role, password_hash, version
  FROM login_by_email(%(email)s)
"""


@dataclass(frozen=True, slots=True)
class Login:
    """What is compared with what somebody typed. `version` says which state of the account it speaks of."""

    organization_id: UUID
    id: UUID
    role: Role
    password_hash: str = field(repr=False)
    version: int


def login_by_email(db: Database, email: str) -> Login | None:
    """The one account with this address, found before a tenant is known."""
    if "\x00" in email:  # Postgres takes no NUL, and nobody's address has one
        return None
    with db.session() as session, session.cursor(row_factory=class_row(Login)) as cursor:
        return cursor.execute(_LOGIN, {"email": email}).fetchone()


_RENEW_HASH = """
UPDATE users
   SET password_hash = %(password_hash)s
 WHERE organization_id = %(organization_id)s
   AND id = %(user_id)s
   AND version = %(version)s
"""


def renew_hash(tx: Tx, organization_id: UUID, user_id: UUID, password_hash: str, *, version: int) -> None:
    """Keep the same password under another hash, unless the account was changed since `version`."""
    tx.run(
        _RENEW_HASH,
        {
            "organization_id": organization_id,
            "user_id": user_id,
            "password_hash": password_hash,
            "version": version,
        },
    )


_ORGANIZATION = """
SELECT id, name, time_zone, state, ai_scoring, ai_suggestions, ai_auto_reply
  FROM organizations
 WHERE id = %(organization_id)s
"""


def organization(tx: Tx, organization_id: UUID) -> Organization:
    return tx.one(Organization, _ORGANIZATION, {"organization_id": organization_id})
