"""Show again who one is, before something dangerous (A13)."""

from datetime import datetime
from uuid import UUID

from leadsrally.accounts import limits, passwords, store
from leadsrally.accounts.callers import CONFIRMED_FOR
from leadsrally.accounts.front_desk import FrontDesk
from leadsrally.accounts.store import Login
from leadsrally.accounts.types import Person
from leadsrally.kit.errors import Forbidden, Unauthenticated

_CONFIRM = """
UPDATE sessions
   SET confirmed_at = %(now)s
 WHERE organization_id = %(organization_id)s
   AND id = %(session_id)s
   AND revoked_at IS NULL
   AND expires_at > %(now)s
"""


def confirm(desk: FrontDesk, person: Person, session_id: UUID, password: str) -> datetime:
    """Open to this session, for ten minutes, what asks for a confirmation; returns until when.

    Raises `Forbidden` for a wrong password, and `Limited` after too many.
    """
    prove(desk, person, session_id, password)
    now = desk.clock()
    with desk.db.tenant(person.organization_id) as tx:
        place = {"organization_id": person.organization_id, "session_id": session_id, "now": now}
        if not tx.run(_CONFIRM, place):
            raise Unauthenticated("Log in again: this session has ended.", code="session_ended")
        limits.give_back(tx, desk.hashes, limits.CONFIRM, str(session_id))
    return now + CONFIRMED_FOR


def prove(desk: FrontDesk, person: Person, session_id: UUID, password: str) -> Login:
    """Compare a person's password; returns the state of the account that it was compared with.

    Tries are counted for the session that asks: whoever stole one cannot keep its owner out of the others.
    """
    with desk.db.across() as tx:
        wait = limits.spend(tx, desk.hashes, limits.CONFIRM, str(session_id), desk.clock())
    limits.refuse(wait)
    login = store.login_by_email(desk.db, person.email)
    if not passwords.matches(password, login.password_hash if login else None) or login is None:
        raise Forbidden("The password is wrong.", code="password_wrong")
    return login
