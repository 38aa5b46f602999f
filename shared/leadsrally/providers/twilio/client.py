"""The way to Twilio's REST API for one account, and the reading of an answer that is a no.

Light to import; the SDK comes with the first connection.
"""

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

from leadsrally.providers.twilio.signature import TwilioCredentials

if TYPE_CHECKING:
    from twilio.rest import Client

    from leadsrally.providers.twilio.transport import Answer, Transport

LONGEST_WAIT: Final = 86_400.0  # seconds; a longer Retry-After is taken for this
_DIGITS: Final = re.compile(r"[0-9]{1,9}", re.ASCII)


def connect(
    credentials: TwilioCredentials, account_sid: str, base_url: str | None, timeout: float
) -> "tuple[Client, Transport]":
    """A client that signs in with the first token, and the transport that keeps its last answer.

    `account_sid` may be a sub-account of the one that signs in. `base_url` replaces https://api.twilio.com, for a
    simulator. `timeout` is in seconds and counts for connecting and for each wait for bytes.
    """
    from twilio.rest import Client  # slow to import

    from leadsrally.providers.twilio.transport import Transport

    transport = Transport(timeout)
    client = Client(
        credentials.account_sid, credentials.auth_tokens[0], account_sid=account_sid, http_client=transport
    )
    if base_url is not None:
        client.api.base_url = base_url.rstrip("/")
    return client, transport


def code_of(answer: "Answer") -> str:
    """Twilio's own code of a refusal, or `http_403` for an answer that is not Twilio's."""
    return str(answer.code) if answer.code is not None and answer.code >= 10_000 else f"http_{answer.status}"


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait (RFC 9110 §10.2.3). A date is read against the answer's own `Date`, so no clock is needed."""
    raw = headers.get("Retry-After", "").strip()
    if _DIGITS.fullmatch(raw):
        return min(float(raw), LONGEST_WAIT)
    try:
        wait = parsedate_to_datetime(raw) - parsedate_to_datetime(headers.get("Date", ""))
    except (TypeError, ValueError):
        return None
    return min(max(wait.total_seconds(), 0.0), LONGEST_WAIT)
