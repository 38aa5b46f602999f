"""How the SDK's requests travel: one attempt, no redirect, no log line, with the account of the call at hand.

The SDK keeps its key, its address and its HTTP client in globals of its module. Only the last is set here, once; key
and address come from the call itself, so two mailers in one process never mix. Imported only by `mailer.py` when it
first sends, since `resend` and `requests` are slow to import.
"""

import logging
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final, cast
from urllib.parse import urlsplit

import requests
import resend
from requests.auth import AuthBase
from resend.http_client import HTTPClient

# At debug level urllib3 writes every address it calls, and a suppression's has a mail address in it.
logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)

CONNECT_SECONDS: Final = 5.0
ANSWER_SECONDS: Final = 10.0  # for each wait for bytes


@dataclass(frozen=True, slots=True)
class _Account:
    base_url: str
    api_key: str


class _Bearer(AuthBase):
    """As the library's own hook, so that it looks for no other credentials on the machine."""

    def __init__(self, api_key: str) -> None:
        self._api_key = api_key

    def __call__(self, r: requests.PreparedRequest) -> requests.PreparedRequest:
        r.headers["Authorization"] = f"Bearer {self._api_key}"
        return r


_account: ContextVar[_Account | None] = ContextVar("leadsrally_resend_account", default=None)


@contextmanager
def as_account(base_url: str, api_key: str) -> Generator[None]:
    """What the SDK is asked inside the block, by this thread, goes to this address with this key."""
    token = _account.set(_Account(base_url, api_key))
    try:
        yield
    finally:
        _account.reset(token)


class Transport(HTTPClient):
    """The SDK's way to the network. A new connection each time: one kept through Lambda's sleep is often dead.

    Outside `as_account` it is the SDK's own, for whoever else in the process may use it.
    """

    def __init__(self, otherwise: HTTPClient) -> None:
        self._otherwise = otherwise

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        json: Any = None,
        files: Any = None,
        data: Any = None,
    ) -> tuple[bytes, int, Mapping[str, str]]:
        account = _account.get()
        if account is None:
            return self._otherwise.request(method, url, headers, json, files, data)
        answer = requests.request(
            method.upper(),
            account.base_url + urlsplit(url).path,
            headers=dict(headers),
            json=json,
            auth=_Bearer(account.api_key),
            timeout=(CONNECT_SECONDS, ANSWER_SECONDS),
            allow_redirects=False,  # a redirect would carry the mail to another host
        )
        return answer.content, answer.status_code, answer.headers


resend.default_http_client = Transport(cast("HTTPClient", resend.default_http_client))
