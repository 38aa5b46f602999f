"""What a text costs before it is stored: its signature, its words, its sender's place, its hash.

Each beside what the same bytes cost at the least: one HMAC of the library that signs. In the thread's own time, which
other work on the machine does not lengthen.
"""

import base64
import hashlib
import hmac
import time
import timeit
from collections.abc import Callable
from urllib.parse import urlencode
from uuid import UUID

from bench.figures import Figure, beside
from leadsrally.consent.keywords import read
from leadsrally.consent.whereabouts import whereabouts
from leadsrally.kit.crypto import KeyedHash
from leadsrally.providers.twilio.signature import TwilioCredentials, verify

_URL = "https://app.example.test/webhooks/twilio/k/inbound"
_TOKEN = "0123456789abcdef0123456789abcdef"
_FORM = "application/x-www-form-urlencoded"
_PARAMETERS = [
    ("MessageSid", "SM" + "0" * 32),
    ("From", "+13055551234"),
    ("To", "+12025550100"),
    *((f"FromPart{number}", "x") for number in range(17)),
    ("Body", "See you at nine"),
]
# Of one HMAC over the same bytes: what each may cost.
_AIMS = {
    "signature": 20,
    "keywords STOP": 2,
    "keywords usual": 4,
    "keywords refusal": 20,
    "whereabouts": 2,
    "keyed hash": 4,
}
_USUAL = "Hi, can you call me tomorrow about pricing for 20 seats?"
_REFUSAL = "please don't text me anymore"


def measure(*, quick: bool) -> list[Figure]:
    """Rounds of each in turn, each beside an HMAC over the same body."""
    rounds, calls = (5, 500) if quick else (15, 2000)
    body = urlencode(_PARAMETERS).encode()
    signed = _URL + "".join(name + value for name, value in sorted(_PARAMETERS))
    signature = hmac.new(_TOKEN.encode(), signed.encode(), hashlib.sha1).digest()
    headers = {"x-twilio-signature": base64.b64encode(signature).decode()}
    credentials = TwilioCredentials("AC1", (_TOKEN,))
    hashes = KeyedHash(b"s" * 32)
    asked: dict[str, Callable[[], object]] = {
        "hmac": lambda: hmac.new(_TOKEN.encode(), body, hashlib.sha1).digest(),
        "signature": lambda: verify(_URL, body, _FORM, headers, credentials),
        "keywords STOP": lambda: read("STOP"),
        "keywords usual": lambda: read(_USUAL),
        "keywords refusal": lambda: read(_REFUSAL),
        "whereabouts": lambda: whereabouts(["+13055551234"], None, "UTC"),
        "keyed hash": lambda: hashes.of(UUID(int=1), "inbound", "SM" + "0" * 32),
    }
    took: dict[str, list[float]] = {name: [] for name in asked}
    for _ in range(rounds):
        for name, call in asked.items():
            took[name].append(timeit.timeit(call, number=calls, timer=time.thread_time) / calls * 1e6)
    return [
        beside(f"words {name}", took[name], "µs", took["hmac"], "one HMAC-SHA1 of the body", at_most=at_most)
        for name, at_most in _AIMS.items()
    ]
