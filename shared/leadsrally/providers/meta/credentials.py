"""What one customer's Meta app and business share with us."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Self, cast

from leadsrally.kit.errors import Misconfigured


@dataclass(frozen=True, slots=True)
class MetaCredentials:
    """Sealed at rest as `to_json`; never shown by `repr`.

    `app_secrets` holds the current secret first. A second one is there only while the secret is being rotated:
    Meta documents no overlap, so both verify, and the first one proves our own calls; from `previous_until` on the
    second one verifies no more (None: no end is set). `verify_token` is the word that Meta repeats when the webhook's
    address is set; `access_token` signs in to the Graph API.
    """

    app_secrets: tuple[str, ...] = field(repr=False)
    verify_token: str = field(repr=False)
    access_token: str = field(repr=False)
    previous_until: datetime | None = field(default=None, repr=False)

    def at(self, now: datetime) -> "MetaCredentials":
        """What is valid at this time."""
        if self.previous_until is None or now < self.previous_until:
            return self
        return MetaCredentials(self.app_secrets[:1], self.verify_token, self.access_token)

    def renewed(self, by: "MetaReplacement", until: datetime) -> "MetaCredentials":
        """With what `by` brings; a secret of ours that it replaces still verifies `until` then."""
        secrets, ends = self.app_secrets, self.previous_until
        if by.app_secret is not None and by.app_secret != secrets[0]:
            secrets, ends = (by.app_secret, secrets[0]), until
        return MetaCredentials(
            secrets, by.verify_token or self.verify_token, by.access_token or self.access_token, ends
        )

    def to_json(self) -> bytes:
        """The credentials as UTF-8 JSON, for sealing."""
        return _written(
            {
                "app_secrets": list(self.app_secrets),
                "verify_token": self.verify_token,
                "access_token": self.access_token,
                "previous_until": None if self.previous_until is None else self.previous_until.isoformat(),
            }
        )

    @classmethod
    def from_json(cls, document: bytes) -> Self:
        """Read back what `to_json` wrote. Raises `Misconfigured` for anything else, without quoting it."""
        fields = _read(document)
        secrets, verify, access = (
            fields.get(name) for name in ("app_secrets", "verify_token", "access_token")
        )
        until = _moment(fields.get("previous_until"))
        if isinstance(secrets, list) and isinstance(verify, str) and isinstance(access, str):
            listed = cast("list[object]", secrets)
            kept = tuple(secret for secret in listed if isinstance(secret, str) and secret)
            if kept and len(kept) == len(listed) and until is not False:
                return cls(kept, verify, access, until)
        raise _unreadable()


@dataclass(frozen=True, slots=True)
class MetaReplacement:
    """What takes the place of some of a channel's credentials; None: that one stays. Sealed as `to_json`."""

    app_secret: str | None = field(default=None, repr=False)
    verify_token: str | None = field(default=None, repr=False)
    access_token: str | None = field(default=None, repr=False)

    def to_json(self) -> bytes:
        """As UTF-8 JSON, for sealing."""
        return _written(
            {
                "app_secret": self.app_secret,
                "verify_token": self.verify_token,
                "access_token": self.access_token,
            }
        )

    @classmethod
    def from_json(cls, document: bytes) -> Self:
        """Read back what `to_json` wrote. Raises `Misconfigured` for anything else, without quoting it."""
        fields = _read(document)
        given = [fields.get(name, 0) for name in ("app_secret", "verify_token", "access_token")]
        if any(word is not None and not (isinstance(word, str) and word) for word in given):
            raise _unreadable()
        return cls(*cast("list[str | None]", given))


def _written(document: Mapping[str, object]) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def _read(document: bytes) -> dict[str, object]:
    try:
        read = cast("object", json.loads(document))
    except (ValueError, RecursionError):
        read = None
    return cast("dict[str, object]", read) if isinstance(read, dict) else {}


def _moment(written: object) -> datetime | Literal[False] | None:
    """The moment, None for none, False for what is no moment."""
    if written is None:
        return None
    try:
        moment = datetime.fromisoformat(str(written))
    except ValueError:
        return False
    return moment if moment.tzinfo is not None else False


def _unreadable() -> Misconfigured:
    return Misconfigured("The stored Meta credentials cannot be read. Connect the channel again.")
