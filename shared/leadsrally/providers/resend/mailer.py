"""Sending mail through Resend, and what its answers mean.

Contract: POST /emails with an Idempotency-Key (https://resend.com/docs/dashboard/emails/idempotency-keys): within 24
hours the same key with the same words is one mail, so whatever ends without a usable answer may be tried again.
"""

# The SDK's responses are typed only in part.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

import math
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, cast

from leadsrally.kit.errors import Misconfigured, Unavailable
from leadsrally.notices.types import Mail, NotNow, Outcome, Refused, Taken
from leadsrally.providers.resend.webhook import NOTICE_TAG, ORGANIZATION_TAG

if TYPE_CHECKING:
    from resend.exceptions import ResendError

BASE_URL: Final = "https://api.resend.com"
LONGEST_WAIT: Final = 3_600.0  # seconds; a longer Retry-After is taken for this

_KIND = re.compile(r"[a-z_]{1,40}", re.ASCII)
_KEY = re.compile(r"[\x21-\x7e]+", re.ASCII)
_HEADER_BREAK = re.compile(r"[\x00-\x1f\x7f]")
# Their words for "put your account right": the key, the sender's domain, or the address of the API.
_OPERATOR: Final = frozenset({401, 403, 404, 405})


class ResendMailer:
    """Implements `leadsrally.notices.types.Mailer`. Safe to share between threads.

    The SDK is imported at the first call, not before: it takes 280 ms, and few events send mail.
    """

    __slots__ = ("_api_key", "_base_url", "_reply_to", "_sender")

    def __init__(self, api_key: str, sender: str, *, reply_to: str, base_url: str | None = None) -> None:
        """`sender` is `Name <address>` of a domain that is verified at Resend. Raises `Misconfigured`."""
        if not _KEY.fullmatch(api_key):
            raise Misconfigured("RESEND_API_KEY is malformed.", code="resend_credentials")
        for address in (sender, reply_to):
            if "@" not in address or _HEADER_BREAK.search(address):
                raise Misconfigured("The address that our mail comes from, or is answered to, is malformed.")
        self._api_key = api_key
        self._sender = sender
        self._reply_to = reply_to
        self._base_url = (base_url or BASE_URL).rstrip("/")

    def __repr__(self) -> str:
        return "ResendMailer()"

    def send(self, mail: Mail) -> Outcome:
        """Call Resend once. Raises `Misconfigured` when it does not accept our key or our sender."""
        import resend
        from resend.exceptions import ResendError

        from leadsrally.providers.resend.transport import as_account

        params: Any = {
            "from": self._sender,
            "to": [mail.recipient],
            "reply_to": self._reply_to,
            "subject": mail.subject,
            "text": mail.text,
            "html": mail.html,
            # No machine shall answer this one (RFC 3834).
            "headers": {"Auto-Submitted": "auto-generated"},
            "tags": [
                {"name": ORGANIZATION_TAG, "value": str(mail.organization_id)},
                {"name": NOTICE_TAG, "value": str(mail.key)},
            ],
        }
        try:
            with as_account(self._base_url, self._api_key):
                answer = cast("object", resend.Emails.send(params, {"idempotency_key": str(mail.key)}))
        except ResendError as error:
            return _outcome(error)
        provider_id = cast("dict[str, object]", answer).get("id") if isinstance(answer, dict) else None
        return Taken(provider_id) if isinstance(provider_id, str) else NotNow("answer_without_id")

    def allow(self, address: str) -> None:
        """Take the address off Resend's suppression list. Raises `Unavailable`, and `Misconfigured` as `send`."""
        import resend
        from resend.exceptions import ResendError

        from leadsrally.providers.resend.transport import as_account

        try:
            with as_account(self._base_url, self._api_key):
                resend.Suppressions.remove(address)
        except ResendError as error:
            if _status(error) == 404 and error.error_type == "not_found":
                return
            outcome = _outcome(error)
            wait = outcome.retry_after if isinstance(outcome, NotNow) else None
            raise Unavailable(
                "Resend cannot be asked at the moment.", code="resend_suppressions", retry_after=wait
            ) from None


def _outcome(error: "ResendError") -> Outcome:
    """What a failed call means: https://resend.com/docs/api-reference/errors"""
    status, kind = _status(error), _kind(error)
    # `application_error` is the SDK's word for a page that is no JSON: something between us, whatever its status.
    if status == 429 or status >= 500 or status == 408 or kind == "application_error":
        return NotNow(kind, _retry_after(error.headers))
    if status == 409:
        # The same key with other words: an earlier try was taken before what it says was changed.
        return Taken(None) if kind == "invalid_idempotent_request" else NotNow(kind)
    if status in _OPERATOR:
        raise Misconfigured(
            "Resend does not accept the API key or the sender's domain.", code="resend_credentials"
        ) from None
    return Refused(kind)


def _status(error: "ResendError") -> int:
    return int(error.code) if str(error.code).isdigit() else 500


def _kind(error: "ResendError") -> str:
    """Resend's own name for the error; `network` when there was no answer; the status for what is neither."""
    if error.error_type == "HttpClientError":
        return "network"
    return error.error_type if _KIND.fullmatch(str(error.error_type)) else f"http_{_status(error)}"


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, at most an hour; None when absent or not a number."""
    told = {name.lower(): value for name, value in headers.items()}.get("retry-after", "")
    try:
        seconds = float(told)
    except ValueError:
        return None
    return min(seconds, LONGEST_WAIT) if math.isfinite(seconds) and seconds >= 0 else None
