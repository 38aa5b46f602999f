"""Access tokens: signed, for fifteen minutes, naming a session, what it may do, and nothing about its person."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import jwt

from leadsrally.accounts.permissions import ACTIONS, Action
from leadsrally.kit.clock import Clock
from leadsrally.kit.errors import Unauthenticated

LIFETIME = timedelta(minutes=15)  # P8.1
_ALGORITHM = "HS256"
_AUDIENCE = "leadsrally"


@dataclass(frozen=True, slots=True)
class Bearer:
    """What a token says. Whether it is still so, the database is asked at each request."""

    organization_id: UUID
    user_id: UUID
    session_id: UUID
    scopes: frozenset[Action]


def issue(key: bytes, bearer: Bearer, clock: Clock) -> str:
    now = clock()
    claims = {
        "sub": str(bearer.user_id),
        "org": str(bearer.organization_id),
        "sid": str(bearer.session_id),
        "scope": " ".join(sorted(bearer.scopes)),  # as RFC 6749 section 3.3 writes scopes
        "aud": _AUDIENCE,
        "iat": int(now.timestamp()),
        "exp": int((now + LIFETIME).timestamp()),
    }
    return jwt.encode(claims, key, _ALGORITHM)


def read(key: bytes, token: str, clock: Clock) -> Bearer:
    """What the token says. Raises `Unauthenticated` for one that is forged, foreign or past its time."""
    try:
        claims = jwt.decode(
            token,
            key,
            algorithms=[_ALGORITHM],
            audience=_AUDIENCE,
            options={
                "require": ["sub", "org", "sid", "scope", "aud", "iat", "exp"],
                "verify_exp": False,
                "verify_iat": False,
            },
        )
        expires = int(claims["exp"])
        granted = claims["scope"].split()
        bearer = Bearer(
            UUID(claims["org"]),
            UUID(claims["sub"]),
            UUID(claims["sid"]),
            frozenset(action for action in ACTIONS if action in granted),
        )
    except (jwt.InvalidTokenError, ValueError, TypeError, AttributeError):
        raise Unauthenticated("Log in again: this token is not valid.", code="token_invalid") from None
    # The clock is ours to pass in; the library would ask the machine.
    if clock().timestamp() >= expires:
        raise Unauthenticated("Log in again: this token has expired.", code="token_expired")
    return bearer
