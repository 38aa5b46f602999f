"""Deleting what Twilio has of a message: its text, its files and its place in the log.

https://www.twilio.com/docs/messaging/api/message-resource#delete-a-message-resource
"""

# The SDK's resources are typed only in part.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from typing import TYPE_CHECKING, Final

from leadsrally.messaging.copies.types import Answer, Gone, NotYet, What
from leadsrally.providers.twilio.client import code_of, connect, retry_after
from leadsrally.providers.twilio.signature import TwilioCredentials

if TYPE_CHECKING:
    from twilio.rest import Client

    from leadsrally.providers.twilio.transport import Transport

_NOT_THERE: Final = 404
_NOT_LET_IN: Final = frozenset({401, 403})


class TwilioCopies:
    """`leadsrally.messaging.copies.types.Copies` of one Twilio account."""

    def __init__(
        self,
        credentials: TwilioCredentials,
        account_sid: str,
        *,
        base_url: str | None = None,
        timeout: float = 10.0,
    ) -> None:
        """The parameters are those of `client.connect`."""
        self._credentials = credentials
        self._account_sid = account_sid
        self._base_url = base_url
        self._timeout = timeout
        self._connected: tuple[Client, Transport] | None = None

    def __repr__(self) -> str:
        return f"TwilioCopies({self._account_sid})"

    def delete(self, what: What, provider_id: str) -> Answer:  # noqa: ARG002  a message's files go with it
        """Deleting twice is harmless: what is not there is gone. One that is not final yet is refused (20009)."""
        if not self._credentials.auth_tokens:
            return NotYet("no_token", everything=True)
        client, transport = self._connect()
        try:
            client.messages(provider_id).delete()
        except Exception as error:  # noqa: BLE001  whatever it was, it was not deleted
            return _not_deleted(error, transport)
        return Gone()

    def _connect(self) -> "tuple[Client, Transport]":
        if self._connected is None:
            self._connected = connect(self._credentials, self._account_sid, self._base_url, self._timeout)
        return self._connected


def _not_deleted(error: Exception, transport: "Transport") -> Answer:
    answer = transport.answer
    if answer is None:
        return NotYet(f"no_answer_{type(error).__name__}", everything=True)
    if answer.status == _NOT_THERE:
        return Gone()
    wait = retry_after(answer.headers)
    away = answer.status in _NOT_LET_IN or answer.status == 429 or answer.status >= 500
    return NotYet(code_of(answer), wait, everything=away)
