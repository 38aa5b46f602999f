"""Who is asking, found out anew at each request: a removed person, a lost role, an ended session count at once."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from leadsrally.accounts.audit import Actor
from leadsrally.accounts.permissions import Action
from leadsrally.accounts.tokens import Bearer
from leadsrally.accounts.types import Person, Role
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


@dataclass(frozen=True, slots=True)
class _Found:
    email: str
    role: Role
    confirmed_at: datetime


_BY_SESSION = """
SELECT u.email, u.role, s.confirmed_at
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
    person = Person(bearer.organization_id, bearer.user_id, found.email, found.role)
    session = Session(bearer.session_id, found.confirmed_at)
    return Caller(person, Actor("person", person.id), bearer.scopes, session)
