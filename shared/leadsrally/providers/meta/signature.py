"""Was this request really sent by Meta? Nothing of it is believed before `verify` has answered.

https://developers.facebook.com/docs/graph-api/webhooks/getting-started: HMAC-SHA256 with the app secret over the
bytes of the body, in `X-Hub-Signature-256`; and a word agreed on beforehand when the address is set.
"""

import hmac
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl

from leadsrally.kit.errors import Forbidden, Unsupported
from leadsrally.providers.meta.credentials import MetaCredentials

SIGNATURE_HEADER: Final = "x-hub-signature-256"

_SIGNATURE: Final = re.compile(r"sha256=([0-9a-f]{64})", re.ASCII)
# Meta's challenge is a number. Nothing that a browser could take for markup is ever echoed.
_CHALLENGE: Final = re.compile(r"[0-9A-Za-z_-]{1,200}", re.ASCII)
_MOST_PARAMETERS: Final = 20


def verify(raw_body: bytes, headers: Mapping[str, str], credentials: MetaCredentials) -> None:
    """Return for a genuine request, whichever of the app's secrets signed it.

    `raw_body` is the bytes on the wire: Meta escapes every character beyond ASCII, so a body that was parsed and
    written again has another signature. `headers` have lower-case names. The caller has already limited the size.

    Raises `Forbidden` when the request is not proven to come from Meta and `Unsupported` for a body that Meta does
    not send. Says nothing about age: no timestamp is signed, so repeats must be harmless further in.
    """
    signature = headers.get(SIGNATURE_HEADER) or ""
    if not signature:
        raise Forbidden("The request carries no Meta signature.", code="signature_missing")
    if headers.get("content-encoding"):
        raise Unsupported("Meta webhooks are sent uncompressed.", code="content_encoding")
    kind, _, _ = headers.get("content-type", "").partition(";")
    if kind.strip().lower() != "application/json":
        raise Unsupported("Send Meta webhooks as JSON.", code="content_type")
    given = _SIGNATURE.fullmatch(signature)
    if given is None or not _matches(raw_body, given[1], credentials):
        raise Forbidden(
            "The signature does not match. Check the app secret of this channel.", code="signature"
        )


def _matches(raw_body: bytes, signature: str, credentials: MetaCredentials) -> bool:
    return any(
        hmac.compare_digest(hmac.digest(secret.encode(), raw_body, "sha256").hex(), signature)
        for secret in credentials.app_secrets
    )


def answer_challenge(query: str, credentials: MetaCredentials) -> str:
    """What to answer when Meta asks whether this address is ours: the challenge, word for word.

    `query` is the query as received. Raises `Forbidden` when the agreed word is wrong or missing, for any other
    mode, and for a challenge that holds more than letters, digits, `-` and `_`.
    """
    try:
        fields = dict(parse_qsl(query, keep_blank_values=True, max_num_fields=_MOST_PARAMETERS))
    except ValueError:
        fields = {}
    token = fields.get("hub.verify_token", "").encode("utf-8", "replace")
    challenge = _CHALLENGE.fullmatch(fields.get("hub.challenge", ""))
    known = hmac.compare_digest(token, credentials.verify_token.encode())
    if not credentials.verify_token or not known or fields.get("hub.mode") != "subscribe":
        raise Forbidden("The verify token is not the one of this channel.", code="verify_token")
    if challenge is None:
        raise Forbidden("The challenge is none that Meta sends.", code="challenge")
    return challenge[0]
