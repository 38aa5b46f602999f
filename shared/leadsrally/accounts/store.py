"""Users and organisations."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from leadsrally.accounts.types import Organization, Person
from leadsrally.kit.db import Tx

_LOGIN = """
SELECT organization_id, id, role, password_hash
  FROM login_by_email(%(email)s)
"""


@dataclass(frozen=True, slots=True)
class Login:
    organization_id: UUID
    id: UUID
    role: str
    password_hash: str


def login_by_email(session: psycopg.Connection[Any], email: str) -> Login | None:
    """The one account with this address, found before a tenant is known."""
    with session.cursor(row_factory=class_row(Login)) as cursor:
        return cursor.execute(_LOGIN, {"email": email}).fetchone()


_PERSON = """
SELECT organization_id, id, email, role
  FROM users
 WHERE organization_id = %(organization_id)s
   AND id = %(user_id)s
"""


def person(tx: Tx, organization_id: UUID, user_id: UUID) -> Person | None:
    return tx.maybe(Person, _PERSON, {"organization_id": organization_id, "user_id": user_id})


_ORGANIZATION = """
SELECT id, name, time_zone, state, ai_scoring, ai_suggestions, ai_auto_reply
  FROM organizations
 WHERE id = %(organization_id)s
"""


def organization(tx: Tx, organization_id: UUID) -> Organization:
    return tx.one(Organization, _ORGANIZATION, {"organization_id": organization_id})
