"""Every setting of the product, and what one function may see of them.

`serverless.yml` names the settings of each function; a test compares that list with this table.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass

from leadsrally.kit.errors import Misconfigured


@dataclass(frozen=True, slots=True)
class Setting:
    name: str
    meaning: str
    secret: bool = False
    required: bool = False  # where a function is given it, production will not start without it
    instead: str | None = None  # but it will, when this one is set


SETTINGS: tuple[Setting, ...] = (
    Setting("LEADSRALLY_ENV", "`production` or `development`; unset means production"),
    Setting("LEADSRALLY_RELEASE", "version that logs and error reports carry"),
    Setting("LEADSRALLY_LOG_LEVEL", "DEBUG, INFO, WARNING or ERROR; INFO when unset"),
    Setting("LEADSRALLY_PUBLIC_URL", "the address providers call, without a final slash", required=True),
    Setting(
        "LEADSRALLY_APP_URL",
        "the front end's address, without a final slash; mails link to it",
        required=True,
    ),
    Setting("DATABASE_URL", "Postgres, with the function's own role", secret=True, required=True),
    Setting(
        "LEADSRALLY_MASTER_KEYS",
        "`id=base64` pairs, comma between; the first one seals, unless a KMS key is set",
        secret=True,
        required=True,
        instead="LEADSRALLY_KMS_KEY",
    ),
    Setting("LEADSRALLY_KMS_KEY", "ARNs or ids of AWS KMS keys, comma between; the first one seals"),
    Setting("LEADSRALLY_HASH_KEY", "base64 key of suppressions and message ids; never changes", True, True),
    Setting("LEADSRALLY_TOKEN_KEY", "base64 key that signs access tokens", secret=True, required=True),
    Setting("LEADSRALLY_LINK_KEY", "base64 key that signs links", secret=True, required=True),
    Setting("LEADSRALLY_BUCKET", "S3 bucket of files; unset: the folder below"),
    Setting("LEADSRALLY_STORAGE_DIR", "folder of files, on a host without a bucket"),
    Setting("LEADSRALLY_QUEUES", "SQS queue address up to the function's name; unset: LISTEN and poll"),
    Setting("ANTHROPIC_API_KEY", "key of the model's provider; unset: scoring is off", secret=True),
    Setting("ANTHROPIC_BASE_URL", "another address of the model's provider"),
    Setting("LEADSRALLY_AI_MODEL", "model that scores; claude-haiku-5-5 when unset"),
    Setting("TWILIO_BASE_URL", "another address of Twilio's API; development only"),
    Setting("META_BASE_URL", "another address of Meta's Graph API; development only"),
    Setting(
        "LEADSRALLY_MAIL_FROM", "`Name <address>` of our mail, its domain verified at Resend", required=True
    ),
    Setting("LEADSRALLY_SELLER", "who invoices are from: name, address and tax number, lines apart by ` / `"),
    Setting("LEADSRALLY_SUPPORT_EMAIL", "where questions go; support@ the domain of our mail when unset"),
    Setting("LEADSRALLY_PRIVACY_EMAIL", "where privacy questions go; privacy@ that domain when unset"),
    Setting(
        "LEADSRALLY_OPERATORS",
        "mail addresses of who is alarmed when a deadline is near, comma between; unset: only log and error report",
    ),
    Setting("RESEND_API_KEY", "key of the mail's provider", secret=True, required=True),
    Setting(
        "RESEND_WEBHOOK_SECRETS",
        "`whsec_…` of its webhook, comma between while one replaces another",
        True,
        True,
    ),
    Setting("RESEND_BASE_URL", "another address of Resend's API; development only"),
    Setting(
        "LEADSRALLY_HOSTED_BY",
        "who runs this deployment, comma between: `railway`, `aws`; railway when unset. Shown at `/subprocessors`",
    ),
    Setting("SENTRY_DSN", "where errors are reported; unset: nowhere", secret=True),
)
_BY_NAME = {setting.name: setting for setting in SETTINGS}


class Settings:
    """What one function may see. Reading a setting that it was not given is an error in our code."""

    def __init__(self, values: Mapping[str, str], allowed: frozenset[str] | None = None) -> None:
        names = _BY_NAME.keys() if allowed is None else allowed
        self._values = {name: values[name] for name in names if values.get(name)}
        self._allowed = frozenset(names)

    def __repr__(self) -> str:
        return f"Settings({', '.join(sorted(self._values))})"

    @property
    def production(self) -> bool:
        """Unset means production: forgetting a variable must not open the simulators' door."""
        return self.optional("LEADSRALLY_ENV") != "development"

    def optional(self, name: str) -> str | None:
        """The value, or None when it is unset or empty."""
        if name not in self._allowed and name != "LEADSRALLY_ENV":
            raise Misconfigured(f"{name} is not among this function's settings in serverless.yml.")
        return self._values.get(name)

    def required(self, name: str) -> str:
        """The value. Raises `Misconfigured` naming the setting when it is unset or empty."""
        value = self.optional(name)
        if value is None:
            raise Misconfigured(f"{name} is not set: {_BY_NAME[name].meaning}.", code="missing_setting")
        return value

    def key(self, name: str) -> bytes:
        """A base64 key of at least 32 bytes. Raises `Misconfigured` when it is missing, short or not base64."""
        return _key(name, self.required(name))

    def keys(self, name: str) -> dict[str, bytes]:
        """`id=base64` pairs in the order given, each at least 32 bytes."""
        pairs = [pair.partition("=") for pair in self.required(name).split(",")]
        return {identifier.strip(): _key(name, encoded) for identifier, _, encoded in pairs}

    def refuse_gaps(self) -> None:
        """Raise `Misconfigured` for the first required setting that this function was promised and lacks."""
        for name in sorted(self._allowed):
            setting = _BY_NAME[name]
            if setting.required and not (setting.instead and self._values.get(setting.instead)):
                self.required(name)


def _key(name: str, encoded: str) -> bytes:
    try:
        key = base64.b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) < 32:
        raise Misconfigured(f"{name} must hold base64 of 32 bytes or more.", code="bad_setting")
    return key
