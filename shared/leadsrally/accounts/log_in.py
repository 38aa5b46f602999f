"""Log in with an address, a password and, where one is set up, a code.

A wrong password and an unknown address get the same answer after the same statements and the same comparison of
hashes (A7). Tries are counted before any hashing, since a hash is dear on purpose (A8).
"""

from dataclasses import dataclass, field

from leadsrally.accounts import limits, passwords, refresh_tokens, second_factor, sessions, store
from leadsrally.accounts.front_desk import FrontDesk, Tokens, count_try
from leadsrally.accounts.leaving import refuse_leaving
from leadsrally.accounts.limits import (
    LOG_IN_ACCOUNT,
    LOG_IN_KNOWN,
    LOG_IN_SOURCE,
    SECOND_FACTOR,
    SECOND_FACTOR_KNOWN,
    Limit,
)
from leadsrally.accounts.second_factor import Factor, Shown
from leadsrally.accounts.sessions import Kind
from leadsrally.accounts.store import Login
from leadsrally.accounts.types import Visitor
from leadsrally.jobs.enqueue import enqueue
from leadsrally.kit.db import Tx
from leadsrally.kit.errors import Conflict, Unauthenticated
from leadsrally.kit.ids import new_id


@dataclass(frozen=True, slots=True)
class Attempt:
    email: str
    password: str = field(repr=False)
    code: str | None = field(default=None, repr=False)  # of the app, or a recovery code
    kind: Kind = "client"

    @property
    def account(self) -> str:
        """The address in the one form under which its tries are counted."""
        return self.email.strip().lower()


def log_in(desk: FrontDesk, attempt: Attempt, visitor: Visitor) -> Tokens:
    """The tokens of a session that begins now.

    Raises `Forbidden` while the organisation leaves, for all but owners; `Limited` after too many tries, `Unauthenticated` for a wrong password or code, for an unknown address and
    when a code is needed, and `Conflict` when the account was changed while the password was compared.
    """
    known = _count(desk, attempt, visitor)
    login = store.login_by_email(desk.db, attempt.account)
    right = passwords.matches(attempt.password, login.password_hash if login else None)
    if login is None or not right:
        raise Unauthenticated("The e-mail address or the password is wrong.", code="login_failed")
    renewed = passwords.renewed(attempt.password, login.password_hash)
    with desk.db.tenant(login.organization_id) as tx:
        refuse_leaving(tx, login.organization_id, login.role)
        factor = second_factor.of(tx, login.organization_id, login.id)
        _take_back(desk, tx, attempt, visitor, known=known)
        if factor is None:
            return _begin(desk, tx, login, attempt, visitor, known=known, renewed=renewed)
    shown = _code(desk, login, attempt, visitor, factor, known=known)
    with desk.db.tenant(login.organization_id) as tx:
        if not second_factor.use(tx, desk, login.organization_id, login.id, shown, now=desk.clock()):
            raise Unauthenticated("The code is wrong, or was used before.", code="code_wrong")
        limit, subject = _of_code(login, visitor, known=known)
        limits.give_back(tx, desk.hashes, limit, subject)
        return _begin(desk, tx, login, attempt, visitor, known=known, renewed=renewed)


def _count(desk: FrontDesk, attempt: Attempt, visitor: Visitor) -> bool:
    """Count the try. Returns whether the account was logged in from this source before."""
    now = desk.clock()
    source, account = visitor.network, attempt.account
    with desk.db.across() as tx:
        wait = limits.spend(tx, desk.hashes, LOG_IN_SOURCE, source, now)
        known = limits.knows_source(tx, desk.hashes, account, source, now)
        if wait is None:
            limit, subject = _of_account(account, source, known=known)
            wait = limits.spend(tx, desk.hashes, limit, subject, now)
    limits.refuse(wait)
    return known


def _of_account(account: str, source: str, *, known: bool) -> tuple[Limit, str]:
    return (LOG_IN_KNOWN, f"{account}\n{source}") if known else (LOG_IN_ACCOUNT, account)


def _take_back(desk: FrontDesk, tx: Tx, attempt: Attempt, visitor: Visitor, *, known: bool) -> None:
    """The password was right, and only wrong ones are counted."""
    limit, subject = _of_account(attempt.account, visitor.network, known=known)
    limits.give_back(tx, desk.hashes, LOG_IN_SOURCE, visitor.network)
    limits.give_back(tx, desk.hashes, limit, subject)


def _code(
    desk: FrontDesk, login: Login, attempt: Attempt, visitor: Visitor, factor: Factor, *, known: bool
) -> Shown:
    """What the code is that came along. Counted like a password, for whoever knows the password guesses on."""
    if attempt.code is None:
        raise Unauthenticated("Send the code of your app too.", code="second_factor_required")
    limit, subject = _of_code(login, visitor, known=known)
    count_try(desk, limit, subject)
    return second_factor.judge(desk, login.organization_id, login.id, factor, attempt.code)


def _of_code(login: Login, visitor: Visitor, *, known: bool) -> tuple[Limit, str]:
    if known:
        return SECOND_FACTOR_KNOWN, f"{login.id}\n{visitor.network}"
    return SECOND_FACTOR, str(login.id)


def _begin(
    desk: FrontDesk,
    tx: Tx,
    login: Login,
    attempt: Attempt,
    visitor: Visitor,
    *,
    known: bool,
    renewed: str | None,
) -> Tokens:
    now = desk.clock()
    if renewed is not None:  # first, since two log-ins that share a lock could not both go on to write
        store.renew_hash(tx, login.organization_id, login.id, renewed, version=login.version)
    token = refresh_tokens.first(login.organization_id, new_id(now))
    begun = sessions.begin(
        tx,
        login.organization_id,
        login.id,
        token.session_id,
        version=login.version,
        kind=attempt.kind,
        token_hash=token.hash,
        visitor=visitor,
        now=now,
    )
    if not begun:
        raise Conflict("The account was changed in this moment. Log in again.", code="account_changed")
    limits.remember_source(tx, desk.hashes, attempt.account, visitor.network, now)
    if not known:
        ids = {"user_id": str(login.id), "session_id": str(token.session_id)}
        enqueue(tx, login.organization_id, "notify", "new_login", ids, now=now)
    return desk.tokens(login.id, login.role, token)
