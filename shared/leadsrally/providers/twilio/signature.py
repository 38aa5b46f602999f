"""Was this request really sent by Twilio? Nothing of it is believed before `verify` has answered.

The rules are Twilio's (https://www.twilio.com/docs/usage/webhooks/webhooks-security) and the arithmetic is that
of its own SDK. Around it this file closes what the SDK leaves open: headers that are missing, bodies that are
not forms, and the choice of the secret, which is ours and never the request's.
"""

# The SDK's validator carries no types.
# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal, Self, cast
from urllib.parse import parse_qs, unquote, urlsplit

from twilio.request_validator import (
    HMAC_SHA1,
    HMAC_SHA256,
    add_port,
    get_signature_algorithm,
    remove_port,
)

from leadsrally.kit.errors import Forbidden, Misconfigured, Unsupported

SIGNATURE_HEADER: Final = "x-twilio-signature"
SETTINGS_HEADER: Final = "x-twilio-webhooks-signature-settings"

# A usual SMS carries about 20 parameters and an MMS with ten pictures about 45. Twilio adds new ones without notice.
MAX_PARAMETERS: Final = 500

_FORM: Final = "application/x-www-form-urlencoded"
_JSON: Final = "application/json"
_HASHES: Final = {HMAC_SHA1: "sha1", HMAC_SHA256: "sha256"}


@dataclass(frozen=True, slots=True)
class TwilioCredentials:
    """What one customer's Twilio account shares with us. Sealed at rest as `to_json`; never shown by `repr`.

    `auth_tokens` holds the current token first. A second one is there only while tokens are being rotated: both
    verify, the first one sends; from `previous_until` on the second one verifies no more (None: no end is set).
    `shared_keys` maps the id of a webhook SharedKey to its secret.
    """

    account_sid: str
    auth_tokens: tuple[str, ...] = field(repr=False)
    shared_keys: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    previous_until: datetime | None = field(default=None, repr=False)

    def at(self, now: datetime) -> "TwilioCredentials":
        """What is valid at this time."""
        if self.previous_until is None or now < self.previous_until:
            return self
        return TwilioCredentials(self.account_sid, self.auth_tokens[:1], self.shared_keys)

    def renewed(self, token: str, until: datetime) -> "TwilioCredentials | None":
        """With `token` in the first place, and ours still verifying `until` then. None when it is ours already."""
        if self.auth_tokens[:1] == (token,):
            return None
        return TwilioCredentials(
            self.account_sid, (token, *self.auth_tokens[:1]), self.shared_keys, previous_until=until
        )

    def to_json(self) -> bytes:
        """The credentials as UTF-8 JSON, for sealing."""
        document = {
            "account_sid": self.account_sid,
            "auth_tokens": list(self.auth_tokens),
            "shared_keys": dict(self.shared_keys),
            "previous_until": None if self.previous_until is None else self.previous_until.isoformat(),
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
            account_sid, tokens = fields.get("account_sid"), fields.get("auth_tokens")
            keys = fields.get("shared_keys", {})
            if isinstance(account_sid, str) and isinstance(tokens, list) and isinstance(keys, dict):
                all_tokens = cast("list[object]", tokens)
                all_keys = cast("dict[str, object]", keys)
                auth_tokens = tuple(token for token in all_tokens if isinstance(token, str) and token)
                shared_keys = {
                    key: value for key, value in all_keys.items() if isinstance(value, str) and value
                }
                whole = len(auth_tokens) == len(all_tokens) and len(shared_keys) == len(all_keys)
                until = _moment(fields.get("previous_until"))
                if whole and until is not False:
                    return cls(account_sid, auth_tokens, shared_keys, until)
        raise Misconfigured("The stored Twilio credentials cannot be read. Connect the channel again.")


def _moment(written: object) -> datetime | Literal[False] | None:
    """The moment, None for none, False for what is no moment."""
    if written is None:
        return None
    try:
        moment = datetime.fromisoformat(str(written))
    except ValueError:
        return False
    return moment if moment.tzinfo is not None else False


def verify(
    url: str,
    raw_body: bytes,
    content_type: str,
    headers: Mapping[str, str],
    credentials: TwilioCredentials,
) -> list[tuple[str, str]]:
    """Return the form parameters of a genuine request, decoded, in wire order, blanks and repeats kept.

    `url` is the public address that Twilio was given, with the query exactly as received; `headers` have
    lower-case names. The caller has already limited the size of `raw_body`. For a JSON body the answer is an empty
    list: its bytes are proven by the signed hash in the query, and reading them is the caller's business.

    Raises `Forbidden` when the request is not proven to come from Twilio and `Unsupported` for a body that Twilio
    does not send. Says nothing about age: no timestamp is signed, so repeats must be harmless further in.
    """
    signature = headers.get(SIGNATURE_HEADER) or ""
    if not signature:
        raise Forbidden("The request carries no Twilio signature.", code="signature_missing")
    if headers.get("content-encoding"):
        raise Unsupported("Twilio webhooks are sent uncompressed.", code="content_encoding")

    kind = _media_type(content_type)
    algorithm, secrets = _secrets(headers.get(SETTINGS_HEADER) or "", credentials)
    try:
        pairs = _form(raw_body) if kind == _FORM else _proven_json(url, raw_body)
        genuine = _matches(url, pairs, signature, algorithm, secrets)
    except ValueError:
        # Bytes that are not UTF-8, too many parameters, an address that is none: Twilio sends nothing like it.
        raise Forbidden("The request cannot be verified.", code="signature_unreadable") from None
    if not genuine:
        raise Forbidden(
            "The signature does not match. Check the auth token and the webhook address.", code="signature"
        )
    return pairs


def _media_type(content_type: str) -> str:
    kind, _, parameters = content_type.partition(";")
    kind = kind.strip().lower()
    if kind not in (_FORM, _JSON):
        raise Unsupported("Send Twilio webhooks as a form.", code="content_type")
    charset = parameters.strip().lower().removeprefix("charset=").strip('"')
    if charset not in ("", "utf-8", "utf8"):
        raise Unsupported("Send Twilio webhooks in UTF-8.", code="charset")
    return kind


def _secrets(settings: str, credentials: TwilioCredentials) -> tuple[str, Sequence[str]]:
    """Which secrets may have signed. The header selects among ours; it can never bring or mix them.

    SHA-256 belongs to SharedKeys and SHA-1 to the account's auth token. Neither falls back to the other, so an
    added or removed header gains an attacker nothing.
    """
    algorithm = get_signature_algorithm(settings).upper()
    if algorithm == HMAC_SHA1:
        return algorithm, credentials.auth_tokens
    if algorithm == HMAC_SHA256:
        secret = credentials.shared_keys.get(_key_id(settings))
        if secret:
            return algorithm, (secret,)
        raise Forbidden(
            "The request names a signing key that this channel does not know.", code="signature_key"
        )
    raise Forbidden("The request is signed in a way that is not known here.", code="signature_algorithm")


def _key_id(settings: str) -> str:
    for part in settings.split(","):
        name, _, value = part.partition("=")
        if name.strip() == "key":
            return value.strip()
    return ""


def _form(raw_body: bytes) -> list[tuple[str, str]]:
    """What `urllib.parse.parse_qsl(..., keep_blank_values=True, errors="strict")` answers, in a third of its time.

    Blanks take part in the signature (geography is often sent empty). Strict UTF-8 keeps the decoding one to one:
    with replacement characters two different bodies could carry the same signature.
    """
    text = raw_body.decode("utf-8")
    if text.count("&") >= MAX_PARAMETERS:
        raise ValueError("too many parameters")
    if "+" in text:
        text = text.replace("+", " ")
    pairs: list[tuple[str, str]] = []
    for part in text.split("&"):
        if part:
            name, _, value = part.partition("=")
            if "%" in name:
                name = unquote(name, errors="strict")
            if "%" in value:
                value = unquote(value, errors="strict")
            pairs.append((name, value))
    return pairs


def _proven_json(url: str, raw_body: bytes) -> list[tuple[str, str]]:
    claimed = parse_qs(urlsplit(url).query, max_num_fields=MAX_PARAMETERS).get("bodySHA256", [""])[0]
    actual = hashlib.sha256(raw_body).hexdigest()
    if not hmac.compare_digest(claimed.encode(), actual.encode()):
        raise Forbidden("The body does not match its signed hash.", code="signature_body")
    return []


def _matches(
    url: str, pairs: Sequence[tuple[str, str]], signature: str, algorithm: str, secrets: Sequence[str]
) -> bool:
    given = signature.encode()
    keys = [secret.encode() for secret in secrets if secret]
    # As the SDK's `compute_signature`: sorted by name, each value of a name once, and nothing between them.
    params = "".join(name + value for name, value in sorted(set(pairs)))
    # The address as configured is right almost always; the other forms are tried only after it has failed.
    for form in _forms(url):
        signed = (form + params).encode()
        for key in keys:
            digest = hmac.digest(key, signed, _HASHES[algorithm])
            if hmac.compare_digest(base64.b64encode(digest), given):
                return True
    return False


def _forms(url: str) -> Iterator[str]:
    """The addresses that Twilio may have signed: with and without the port, a quote as itself and as `%27`."""
    yield url
    parsed = urlsplit(url)
    for form in (str(remove_port(parsed)), str(add_port(parsed))):
        if form != url:
            yield form
        if "'" in form:
            yield form.replace("'", "%27")
        if "%27" in form:
            yield form.replace("%27", "'")
