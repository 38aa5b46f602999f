"""Time-based one-time passwords: RFC 6238 with the parameters that every authenticator app knows.

Six digits, SHA-1, thirty seconds. The step before and the step after count too (section 5.2), since clocks differ.
"""

import base64
import os
from datetime import datetime
from hmac import compare_digest
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.twofactor.totp import TOTP

STEP_SECONDS: Final = 30
DIGITS: Final = 6
_SECRET_BYTES: Final = 20  # as long as SHA-1's output: RFC 4226 section 4, R6
_ISSUER: Final = "LeadsRally"


def new_secret() -> bytes:
    return os.urandom(_SECRET_BYTES)


def spell(secret: bytes) -> str:
    """The secret as a person types it into an app: base32."""
    return base64.b32encode(secret).decode()


def address(secret: bytes, account: str) -> str:
    """The `otpauth://` address that a QR code holds."""
    return _totp(secret).get_provisioning_uri(account, _ISSUER)


def code_at(secret: bytes, step: int) -> str:
    return _totp(secret).generate(step * STEP_SECONDS).decode()


def step_at(now: datetime) -> int:
    return int(now.timestamp()) // STEP_SECONDS


def matching_step(secret: bytes, code: str, now: datetime, *, after: int) -> int | None:
    """The step whose code this is, of those around `now` that come after the last one that was used."""
    here = step_at(now)
    found: int | None = None
    for step in (here - 1, here, here + 1):
        # All three are compared, so that the time taken tells nothing of which it was.
        if compare_digest(code_at(secret, step).encode(), code.encode()) and step > after:
            found = step
    return found


def _totp(secret: bytes) -> "TOTP":
    from cryptography.hazmat.primitives.hashes import SHA1
    from cryptography.hazmat.primitives.twofactor.totp import TOTP

    return TOTP(secret, DIGITS, SHA1(), STEP_SECONDS)  # noqa: S303  # nosec B303  what apps know, keyed
