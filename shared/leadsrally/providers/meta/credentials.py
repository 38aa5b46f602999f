"""What one customer's Meta app and business share with us."""

import json
from dataclasses import dataclass, field
from typing import Self, cast

from leadsrally.kit.errors import Misconfigured


@dataclass(frozen=True, slots=True)
class MetaCredentials:
    """Sealed at rest as `to_json`; never shown by `repr`.

    `app_secrets` holds the current secret first. A second one is there only while the secret is being rotated:
    Meta documents no overlap, so both verify, and the first one proves our own calls. `verify_token` is the word
    that Meta repeats when the webhook's address is set; `access_token` signs in to the Graph API.
    """

    app_secrets: tuple[str, ...] = field(repr=False)
    verify_token: str = field(repr=False)
    access_token: str = field(repr=False)

    def to_json(self) -> bytes:
        """The credentials as UTF-8 JSON, for sealing."""
        document = {
            "app_secrets": list(self.app_secrets),
            "verify_token": self.verify_token,
            "access_token": self.access_token,
        }
        return json.dumps(document, separators=(",", ":")).encode()

    @classmethod
    def from_json(cls, document: bytes) -> Self:
        """Read back what `to_json` wrote. Raises `Misconfigured` for anything else, without quoting it."""
        try:
            read = cast("object", json.loads(document))
        except (ValueError, RecursionError):
            read = None
        if isinstance(read, dict):
            fields = cast("dict[str, object]", read)
            secrets, verify, access = (
                fields.get(name) for name in ("app_secrets", "verify_token", "access_token")
            )
            if isinstance(secrets, list) and isinstance(verify, str) and isinstance(access, str):
                listed = cast("list[object]", secrets)
                kept = tuple(secret for secret in listed if isinstance(secret, str) and secret)
                if kept and len(kept) == len(listed):
                    return cls(kept, verify, access)
        raise Misconfigured("The stored Meta credentials cannot be read. Connect the channel again.")
