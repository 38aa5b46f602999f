"""The errors of the house. Each says what kind it is; the edge alone gives it an HTTP status or a retry."""

from enum import StrEnum
from typing import ClassVar


class Kind(StrEnum):
    INVALID = "invalid"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    STALE = "stale"
    UNCONDITIONAL = "unconditional"
    TOO_LARGE = "too_large"
    UNSUPPORTED = "unsupported"
    LIMITED = "limited"
    UNAVAILABLE = "unavailable"
    BROKEN = "broken"


# One table gives every kind its form at the edge: HTTP status, and whether a job that met it tries again.
HTTP_STATUS: dict[Kind, int] = {
    Kind.INVALID: 422,
    Kind.UNAUTHENTICATED: 401,
    Kind.FORBIDDEN: 403,
    Kind.NOT_FOUND: 404,
    Kind.CONFLICT: 409,
    Kind.STALE: 412,
    Kind.UNCONDITIONAL: 428,  # RFC 6585 section 3
    Kind.TOO_LARGE: 413,
    Kind.UNSUPPORTED: 415,
    Kind.LIMITED: 429,
    Kind.UNAVAILABLE: 503,
    Kind.BROKEN: 500,
}
RETRYABLE: frozenset[Kind] = frozenset({Kind.LIMITED, Kind.UNAVAILABLE, Kind.BROKEN})
OUR_FAULT: frozenset[Kind] = frozenset({Kind.BROKEN})


class LeadsRallyError(Exception):
    """Base of all expected errors. `sentence` is shown to the user, so it says what to do and names nobody."""

    kind: ClassVar[Kind] = Kind.BROKEN

    def __init__(self, sentence: str, *, code: str | None = None, retry_after: float | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.code = code or self.kind.value
        self.retry_after = retry_after  # seconds


class Invalid(LeadsRallyError):
    kind = Kind.INVALID


class Unauthenticated(LeadsRallyError):
    kind = Kind.UNAUTHENTICATED


class Forbidden(LeadsRallyError):
    kind = Kind.FORBIDDEN


class NotFound(LeadsRallyError):
    kind = Kind.NOT_FOUND


class Conflict(LeadsRallyError):
    kind = Kind.CONFLICT


class Stale(LeadsRallyError):
    """Somebody else changed it since it was read, so that an edit made then would undo theirs."""

    kind = Kind.STALE

    def __init__(self) -> None:
        super().__init__("Somebody has changed this meanwhile. Load it again and repeat your change.")


class Unconditional(LeadsRallyError):
    """An edit that does not say which version it was made of."""

    kind = Kind.UNCONDITIONAL


class TooLarge(LeadsRallyError):
    kind = Kind.TOO_LARGE


class Unsupported(LeadsRallyError):
    kind = Kind.UNSUPPORTED


class Limited(LeadsRallyError):
    kind = Kind.LIMITED


class Unavailable(LeadsRallyError):
    kind = Kind.UNAVAILABLE


class Misconfigured(LeadsRallyError):
    """Start-up stops with this; the sentence names the setting or the role that is wrong."""

    kind = Kind.BROKEN
