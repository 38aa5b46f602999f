"""Sending a text through Twilio, and finding out later whether one was sent.

Creating a message has no idempotency key (https://www.twilio.com/docs/messaging/api/message-resource), so what can
be known about a failed call decides everything: `NotProcessed` may be tried again, `Unclear` must not be.
"""

# The SDK's resources are typed only in part.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from leadsrally.kit.errors import Misconfigured, Unavailable
from leadsrally.providers.twilio.client import code_of, connect, retry_after
from leadsrally.providers.twilio.error_codes import explain
from leadsrally.providers.twilio.signature import TwilioCredentials
from leadsrally.sending.types import Accepted, NotProcessed, OutboundMessage, Outcome, Rejected, Unclear

if TYPE_CHECKING:
    from twilio.base.page import Page
    from twilio.rest import Client

    from leadsrally.providers.twilio.transport import Answer, Transport

PAGE_SIZE: Final = 1000  # the most that Twilio gives at once
MAX_PAGES: Final = 10  # ten thousand texts between two numbers; more is not one conversation

# The sender's queue is full, or it answers itself in a loop: https://www.twilio.com/docs/api/errors/21611 and …/14107.
_TOO_FAST: Final = frozenset({"21611", "14107"})
_QUEUE_SECONDS: Final = 60.0
# How long to wait where somebody has to set something right; with the next try it is found out whether they have.
ATTENTION_SECONDS: Final = 900.0

# Twilio puts this before every body while an account is on trial.
_TRIAL: Final = "Sent from your Twilio trial account - "
_DIGITS: Final = re.compile(r"[0-9]{1,9}", re.ASCII)


class TwilioSender:
    """`leadsrally.sending.types.Sender` for one Twilio account. Keeps its connection; safe to keep and reuse."""

    def __init__(
        self,
        credentials: TwilioCredentials,
        account_sid: str,
        *,
        base_url: str | None = None,
        timeout: float = 10.0,
    ) -> None:
        """`account_sid` owns the messages and may be a sub-account of the one that signs in.

        `base_url` replaces https://api.twilio.com, for a simulator. `timeout` is in seconds and counts for
        connecting and for each wait for bytes. Raises `Misconfigured` when there is no token to sign in with.
        """
        if not credentials.auth_tokens:
            raise Misconfigured("The channel has no Twilio auth token. Connect it again.")
        self._credentials = credentials
        self._account_sid = account_sid
        self._base_url = base_url
        self._timeout = timeout
        self._connected: tuple[Client, Transport] | None = None

    def __repr__(self) -> str:
        return f"TwilioSender({self._account_sid})"

    def _connect(self) -> "tuple[Client, Transport]":
        if self._connected is None:
            self._connected = connect(self._credentials, self._account_sid, self._base_url, self._timeout)
        return self._connected

    def send(self, text: OutboundMessage) -> Outcome:
        """Call Twilio once. Never raises for what Twilio or the network did; reasons hold no text and no number."""
        client, transport = self._connect()
        from twilio.base import values

        try:
            message = client.messages.create(
                to=text.recipient,
                from_=text.sender,
                body=text.body or values.unset,
                media_url=[file.place for file in text.files] or values.unset,
                status_callback=text.status_callback,
                validity_period=values.unset if text.validity_seconds is None else text.validity_seconds,
            )
            sid, segments = message.sid, message.num_segments
        except Exception as error:  # noqa: BLE001  after the call has left, every failure has a meaning
            return _outcome(error, transport)
        if not isinstance(sid, str) or not sid:
            return Unclear("Twilio's answer named no message")
        return Accepted(sid, _positive(segments))

    def find(self, text: OutboundMessage, not_before: datetime) -> tuple[str, ...]:
        """Ids of messages at Twilio with the same sender, recipient and body, created at `not_before` or later.

        The date is compared here, on creation: Twilio's own filter goes by the date of sending, which a message that
        still waits in its queue does not have. Raises `Unavailable` when Twilio cannot be asked, or has so many
        messages between the two numbers that the answer would be incomplete.
        """
        client, _ = self._connect()
        since = not_before.replace(microsecond=0)  # Twilio's dates are whole seconds
        found: list[str] = []
        try:
            page: Page | None = client.messages.page(
                to=text.recipient, from_=text.sender, page_size=PAGE_SIZE
            )
            for _ in range(MAX_PAGES):
                if page is None:
                    return tuple(found)
                for message in page:
                    created = message.date_created
                    # A date that cannot be read excludes nothing: one candidate too many is looked at by a person.
                    if _same(message, text) and (created is None or created >= since):
                        found.append(str(message.sid))
                page = page.next_page()
        except Exception as error:  # noqa: BLE001  whatever it was, the question has no answer
            raise Unavailable("Twilio cannot be asked at the moment.", code=type(error).__name__) from None
        if page is None:
            return tuple(found)
        raise Unavailable("Twilio lists too many messages between these numbers.", code="twilio_pages")


def _outcome(error: Exception, transport: "Transport") -> Outcome:
    """What a failed call means. Twilio's rules: https://www.twilio.com/docs/api/errors/20429 and …/20500."""
    from leadsrally.providers.twilio.transport import never_left

    answer = transport.answer
    if answer is None:
        kind = type(error).__name__
        return NotProcessed(f"no connection: {kind}") if never_left(error) else Unclear(f"no answer: {kind}")
    status = answer.status
    # 408 is what something between us gives up with; it does not know how far the request got.
    if 400 <= status < 500 and status != 408:
        return _refused(code_of(answer), answer)
    if 200 <= status < 300:
        return Unclear(f"HTTP {status} with an answer that cannot be read")
    return Unclear(f"HTTP {status}")  # a 500 may have been sent


def _refused(code: str, answer: "Answer") -> Rejected | NotProcessed:
    """Twilio did nothing. Whether it would later is in its code."""
    wait = retry_after(answer.headers)
    if answer.status == 429:  # never processed, says Twilio
        return NotProcessed("rate limit", wait)
    if code in _TOO_FAST:
        return NotProcessed("rate limit", wait or _QUEUE_SECONDS)
    if explain(code).effect == "attention":
        return NotProcessed(f"code {code}", wait or ATTENTION_SECONDS, trouble=code)
    return Rejected(code)


def _positive(raw: object) -> int | None:
    """Twilio's `num_segments`: a decimal string, "0" until a sender is picked."""
    return int(raw) or None if isinstance(raw, str) and _DIGITS.fullmatch(raw) else None


def _same(theirs: Any, ours: OutboundMessage) -> bool:
    """The same words and as many files; Twilio counts them in a decimal string."""
    body, files = theirs.body or "", theirs.num_media or "0"
    if not isinstance(body, str) or files != str(len(ours.files)):
        return False
    return body.removeprefix(_TRIAL).strip() == ours.body.strip()
