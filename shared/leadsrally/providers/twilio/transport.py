"""How the SDK's requests travel: one connection, one attempt, no log line, and the answer kept for the caller.

Imported only by `sender.py` when it first sends, since `twilio.rest` and `requests` are slow to import. The SDK's own
transport is not used: it logs addresses and parameters, and it keeps the last request with its password.
"""

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

import requests
from twilio.http import HttpClient
from twilio.http.response import Response
from urllib3.exceptions import MaxRetryError, NewConnectionError

# The SDK wants a logger. This one has no parent and no handler, whatever the process configures.
_SILENT: Final = logging.Logger("twilio.silent", logging.CRITICAL + 1)  # noqa: LOG001
# At debug level urllib3 writes every address it calls, and a look-up has phone numbers in its query.
logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)

# A connection that was idle for longer is not trusted. Lambda freezes between calls while balancers on the way drop
# idle connections; writing into a dropped one would end in a reset, and a reset means "may have been sent".
IDLE_SECONDS: Final = 15.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back over HTTP, whatever the SDK made of it."""

    status: int
    headers: Mapping[str, str]  # whatever the case of the name
    code: int | None = None  # Twilio's own, of a refusal; the SDK loses it when a list is refused


class Transport(HttpClient):
    """The SDK's way to the network. `answer` belongs to the calling thread's last request; None if none came."""

    def __init__(self, timeout: float) -> None:
        """`timeout` in seconds, for connecting and for each wait for bytes."""
        super().__init__(_SILENT, False, timeout)
        self._session = requests.Session()
        self._last_used = 0.0
        self._thread = threading.local()

    @property
    def answer(self) -> Answer | None:
        return cast("Answer | None", getattr(self._thread, "answer", None))

    def close(self) -> None:
        """Hang up. It may be used again, on a new connection."""
        self._session.close()

    def request(
        self,
        method: str,
        uri: str,
        params: dict[str, object] | None = None,
        data: dict[str, object] | None = None,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,
        allow_redirects: bool = False,  # noqa: ARG002
    ) -> Response:
        self._thread.answer = None
        if not 0 <= time.time() - self._last_used < IDLE_SECONDS:
            self.close()  # closes what is pooled; the session itself goes on
        answer = self._session.request(
            method.upper(),
            uri,
            params=cast("Any", params),
            data=data,
            headers=headers,
            auth=auth,
            timeout=timeout or self.timeout,
            allow_redirects=False,  # a redirect would carry the password to another host
        )
        self._last_used = time.time()
        code = _code(answer) if answer.status_code >= 400 else None
        self._thread.answer = Answer(answer.status_code, answer.headers, code)
        return Response(answer.status_code, answer.text, answer.headers)


def _code(answer: requests.Response) -> int | None:
    try:
        body: object = answer.json()
    except ValueError:
        return None
    code = cast("dict[str, object]", body).get("code") if isinstance(body, dict) else None
    return code if isinstance(code, int) else None


def never_left(error: BaseException) -> bool:
    """Whether `error` proves that nothing of the request reached the other side."""
    if isinstance(error, requests.exceptions.ConnectTimeout | requests.exceptions.InvalidURL):
        return True
    if isinstance(error, requests.exceptions.ConnectionError) and error.args:
        cause: object = error.args[0]
        # Refused, unreachable, or a name that does not resolve. A reset while reading is no such proof.
        return isinstance(cause, MaxRetryError) and isinstance(cause.reason, NewConnectionError)
    return False
