"""Show again who one is, before something dangerous (A13)."""

from datetime import datetime
from uuid import UUID

from leadsrally.accounts import limits, passwords, second_factor, store
from leadsrally.accounts.callers import CONFIRMED_FOR
from leadsrally.accounts.front_desk import FrontDesk, count_try
from leadsrally.accounts.second_factor import Shown
from leadsrally.accounts.store import Login
from leadsrally.accounts.types import Person
from leadsrally.kit.errors import Forbidden, Invalid, Unauthenticated

_CONFIRM = """
UPDATE sessions
   SET confirmed_at = %(now)s
 WHERE organization_id = %(organization_id)s
   AND id = %(session_id)s
   AND revoked_at IS NULL
   AND expires_at > %(now)s
"""


def confirm(
    desk: FrontDesk, person: Person, session_id: UUID, *, password: str | None = None, code: str | None = None
) -> datetime:
    """Open to this session, for ten minutes, what asks for a confirmation; returns until when.

    By the password or, where a second factor is set up, by a code. Raises `Invalid` for both or neither, `Forbidden`
    for a wrong one, and `Limited` after too many.
    """
    if (password is None) == (code is None):
        raise Invalid("Send either the password or a code.", code="proof_missing")
    shown: Shown | None = None
    if password is not None:
        prove(desk, person, session_id, password)
    elif code is not None:
        shown = _code(desk, person, session_id, code)
    now = desk.clock()
    with desk.db.tenant(person.organization_id) as tx:
        if shown and not second_factor.use(tx, desk, person.organization_id, person.id, shown, now=now):
            raise second_factor.wrong_code()
        place = {"organization_id": person.organization_id, "session_id": session_id, "now": now}
        if not tx.run(_CONFIRM, place):
            raise Unauthenticated("Log in again: this session has ended.", code="session_ended")
        limits.give_back(tx, desk.hashes, limits.CONFIRM, str(session_id))
    return now + CONFIRMED_FOR


def prove(desk: FrontDesk, person: Person, session_id: UUID, password: str) -> Login:
    """Compare a person's password; returns the state of the account that it was compared with.

    Tries are counted for the session that asks: whoever stole one cannot keep its owner out of the others.
    """
    count_try(desk, limits.CONFIRM, str(session_id))
    login = store.login_by_email(desk.db, person.email)
    if not passwords.matches(password, login.password_hash if login else None) or login is None:
        raise Forbidden("The password is wrong.", code="password_wrong")
    return login


def _code(desk: FrontDesk, person: Person, session_id: UUID, code: str) -> Shown:
    count_try(desk, limits.CONFIRM, str(session_id))
    with desk.db.tenant(person.organization_id) as tx:
        factor = second_factor.of(tx, person.organization_id, person.id)
    if factor is None:
        raise second_factor.wrong_code()
    return second_factor.judge(desk, person.organization_id, person.id, factor, code)
