"""Log in with an address and a password."""

from dataclasses import dataclass

from leadsrally.accounts import passwords, store, tokens
from leadsrally.kit.clock import Clock
from leadsrally.kit.db import Database
from leadsrally.kit.errors import Unauthenticated


@dataclass(frozen=True, slots=True)
class LoggedIn:
    access_token: str
    expires_in: int  # seconds


def log_in(db: Database, clock: Clock, key: bytes, email: str, password: str) -> LoggedIn:
    """A fresh access token. Raises `Unauthenticated`, in the same words and time for an unknown address."""
    login = _known(db, email.strip())
    if not passwords.matches(password, login.password_hash if login else None) or login is None:
        raise Unauthenticated("The e-mail address or the password is wrong.", code="login_failed")
    token = tokens.issue(key, tokens.Bearer(login.organization_id, login.id), clock)
    return LoggedIn(token, int(tokens.LIFETIME.total_seconds()))


def _known(db: Database, email: str) -> store.Login | None:
    if "\x00" in email:  # Postgres takes no NUL, and nobody's address has one
        return None
    with db.session() as session:
        return store.login_by_email(session, email)
