"""Sign webhooks as Twilio does. Written from the description, not with the SDK, so that each checks the other.

https://www.twilio.com/docs/usage/webhooks/webhooks-security
https://www.twilio.com/docs/usage/webhooks/webhook-shared-keys
"""

import base64
import hashlib
import hmac
from collections import defaultdict
from collections.abc import Iterable

SIGNATURE_HEADER = "X-Twilio-Signature"
SETTINGS_HEADER = "X-Twilio-Webhooks-Signature-Settings"
IDEMPOTENCY_HEADER = "I-Twilio-Idempotency-Token"

HMAC_SHA1 = "HMAC_SHA1"
HMAC_SHA256 = "HMAC_SHA256"

_HASHES = {HMAC_SHA1: hashlib.sha1, HMAC_SHA256: hashlib.sha256}


def sign(url: str, params: Iterable[tuple[str, str]], secret: str, algorithm: str = HMAC_SHA1) -> str:
    """The signature over the URL as called and the form's parameters, blank values included.

    Every distinct name in byte order, followed by each of its distinct values in order.
    """
    values: defaultdict[str, set[str]] = defaultdict(set)
    for name, value in params:
        values[name].add(value)
    signed = [url.encode()]
    for name in sorted(values, key=str.encode):
        for value in sorted(values[name], key=str.encode):
            signed += [name.encode(), value.encode()]
    digest = hmac.new(secret.encode(), b"".join(signed), _HASHES[algorithm]).digest()
    return base64.b64encode(digest).decode()


def settings(key_id: str, algorithm: str = HMAC_SHA256) -> str:
    """The value of the header that tells which shared key signed and how."""
    return f"key={key_id},algorithm={algorithm}"
