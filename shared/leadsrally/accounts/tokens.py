"""Access tokens: signed, for fifteen minutes, naming a person and an organisation and nothing about them."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import jwt

from leadsrally.kit.clock import Clock
from leadsrally.kit.errors import Unauthenticated

LIFETIME = timedelta(minutes=15)  # P8.1
_ALGORITHM = "HS256"
_AUDIENCE = "leadsrally"


@dataclass(frozen=True, slots=True)
class Bearer:
    organization_id: UUID
    user_id: UUID


def issue(key: bytes, bearer: Bearer, clock: Clock) -> str:
    now = clock()
    claims = {
        "sub": str(bearer.user_id),
        "org": str(bearer.organization_id),
        "aud": _AUDIENCE,
        "iat": int(now.timestamp()),
        "exp": int((now + LIFETIME).timestamp()),
    }
    return jwt.encode(claims, key, _ALGORITHM)


def read(key: bytes, token: str, clock: Clock) -> Bearer:
    """Whose token this is. Raises `Unauthenticated` for one that is forged, foreign or past its time.

    Whether the person still exists, and with which role, is for the database to say at each request.
    """
    try:
        claims = jwt.decode(
            token,
            key,
            algorithms=[_ALGORITHM],
            audience=_AUDIENCE,
            options={
                "require": ["sub", "org", "aud", "iat", "exp"],
                "verify_exp": False,
                "verify_iat": False,
            },
        )
        expires = int(claims["exp"])
        bearer = Bearer(UUID(claims["org"]), UUID(claims["sub"]))
    except (jwt.InvalidTokenError, ValueError, TypeError, AttributeError):
        raise Unauthenticated("Log in again: this token is not valid.", code="token_invalid") from None
    # The clock is ours to pass in; the library would ask the machine.
    if clock().timestamp() >= expires:
        raise Unauthenticated("Log in again: this token has expired.", code="token_expired")
    return bearer
