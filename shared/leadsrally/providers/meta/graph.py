"""The Graph API: signed calls, one attempt each, and what is certain about one that failed.

https://developers.facebook.com/docs/graph-api/overview. Nothing here logs, and no error carries an address, a token or
what Meta wrote, since all of these can hold personal data. The HTTP status is no guide: Meta answers the same code with
several, so only the code counts (…/whatsapp/support/error-codes, 15 May 2026).
"""

import hmac
import json
import math
import threading
import time
import weakref
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, cast

from leadsrally.kit.errors import Misconfigured
from leadsrally.providers.meta.credentials import MetaCredentials

if TYPE_CHECKING:
    import httpx2

BASE_URL: Final = "https://graph.facebook.com"
VERSION: Final = "v26.0"
MAX_PAGES: Final = 100

# A connection that was idle for longer is not trusted: Lambda freezes between calls while balancers on the way drop idle
# connections, and a write into a dropped one ends in a silence that may mean "sent".
IDLE_SECONDS: Final = 15.0
_CONNECT_SECONDS: Final = 5.0
_LONGEST_WAIT: Final = 86_400.0

Fields = Mapping[str, Any]


class GraphFailure(Exception):
    """A call that brought nothing. `what` is a word of ours, fit for logs."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


class Refusal(GraphFailure):
    """Meta answered with an error. `code` is Meta's own, or None when the answer was not Meta's."""

    def __init__(self, code: int | None, status: int, wait: float | None = None) -> None:
        super().__init__(f"HTTP {status}" if code is None else f"error {code}")
        self.code = code
        self.status = status
        self.wait = wait  # seconds, when Meta says how long


class Unreached(GraphFailure):
    """The request never left: no connection, or no address. Safe to repeat."""


class Silence(GraphFailure):
    """The request left and no usable answer came. What it asked for may have been done."""


class Graph:
    """Calls as one customer's app. Keeps its connection; safe to keep and reuse, by one thread at a time or several."""

    def __init__(
        self, credentials: MetaCredentials, *, base_url: str | None = None, timeout: float = 10.0
    ) -> None:
        """`base_url` replaces https://graph.facebook.com, for a simulator. `timeout` in seconds, per wait for bytes.

        Raises `Misconfigured` when there is no access token.
        """
        if not credentials.access_token:
            raise Misconfigured("The channel has no Meta access token. Connect it again.")
        self._credentials = credentials
        self._base = f"{(base_url or BASE_URL).rstrip('/')}/{VERSION}"
        self._timeout = timeout
        self._last_used = 0.0
        self._under_way = 0
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return "Graph()"

    def get(self, path: str, **params: str | int) -> Fields:
        """The node or edge. Raises a `GraphFailure`."""
        return self._call("GET", path, params)

    def post(self, path: str, body: Fields) -> Fields:
        """Raises a `GraphFailure`; after a `Silence` it may have been done all the same."""
        return self._call("POST", path, {}, json=body)

    def delete(self, path: str) -> Fields:
        return self._call("DELETE", path, {})

    def upload(
        self,
        path: str,
        fields: Mapping[str, str],
        file_name: str,
        content: Iterable[bytes],
        *,
        content_type: str,
        size: int,
    ) -> Fields:
        """A multipart upload of one file of `size` bytes, streamed. Raises a `GraphFailure`."""
        from leadsrally.providers.meta.multipart import Multipart

        form = Multipart(fields, file_name, content, content_type=content_type, size=size)
        return self._call("POST", path, {}, content=form, headers=form.headers)

    def listing(self, path: str, **params: str | int) -> Iterator[Fields]:
        """Every item of an edge, page after page.

        Follows cursors and never the `next` address that Meta gives, which holds the token. Raises a `GraphFailure`, also
        for a list that does not end within `MAX_PAGES`.
        """
        after: str | None = None
        for _ in range(MAX_PAGES):
            items, after = self.page(path, **params, **({} if after is None else {"after": after}))
            yield from items
            if after is None:
                return
        raise Silence("a list without an end")

    def page(self, path: str, **params: str | int) -> tuple[list[Fields], str | None]:
        """One page of an edge, and the cursor `after` it; None: it was the last. Raises a `GraphFailure`."""
        page = self.get(path, **params)
        items = page.get("data")
        if not isinstance(items, list):
            raise Silence("a page without data")
        paging = cast("object", page.get("paging"))
        told = cast("dict[str, Any]", paging) if isinstance(paging, dict) else {}
        cursors = told.get("cursors")
        after = cast("dict[str, Any]", cursors).get("after") if isinstance(cursors, dict) else None
        last = not items or not told.get("next") or not isinstance(after, str)
        found = [cast("Fields", item) for item in cast("list[object]", items) if isinstance(item, dict)]
        return found, None if last else cast("str", after)

    def as_app(self, app_id: str) -> "Graph":
        """The same app, signing in as itself, for what only the app may ask.

        https://developers.facebook.com/docs/facebook-login/guides/access-tokens#apptokens
        """
        secret = self._credentials.app_secrets[0]
        own = MetaCredentials(self._credentials.app_secrets, "", f"{app_id}|{secret}")
        twin = Graph(own, timeout=self._timeout)
        twin._base = self._base
        return twin

    @cached_property
    def _proof(self) -> str:
        """https://developers.facebook.com/docs/graph-api/guides/secure-requests"""
        secret = self._credentials.app_secrets[0].encode()
        return hmac.digest(secret, self._credentials.access_token.encode(), "sha256").hex()

    @cached_property
    def _client(self) -> "httpx2.Client":
        import httpx2  # slow to import

        client = httpx2.Client(
            headers={"Authorization": f"Bearer {self._credentials.access_token}"},
            timeout=httpx2.Timeout(self._timeout, connect=_CONNECT_SECONDS),
            limits=httpx2.Limits(max_keepalive_connections=4, keepalive_expiry=IDLE_SECONDS),
            follow_redirects=False,  # a redirect would carry the token to another host
            trust_env=False,
        )
        # Whoever keeps this object lets it go after a while without a word.
        weakref.finalize(self, client.close)
        return client

    @contextmanager
    def _fresh(self) -> "Generator[httpx2.Client]":
        """The client, anew after an idle time. Never while a call is under way: closing would cut that one off."""
        with self._lock:
            if not self._under_way and not 0 <= time.time() - self._last_used < IDLE_SECONDS:
                self.close()
            client = self._client
            self._under_way += 1
        try:
            yield client
        finally:
            with self._lock:
                self._under_way -= 1
                self._last_used = time.time()

    def close(self) -> None:
        """Let go of the connection; the next call makes a new one."""
        if "_client" in vars(self):
            self._client.close()
            del self._client

    def _call(self, method: str, path: str, params: Mapping[str, str | int], **content: Any) -> Fields:
        import httpx2

        try:
            with self._fresh() as client:
                answer = client.request(
                    method,
                    f"{self._base}/{path}",
                    params={**params, "appsecret_proof": self._proof},
                    **content,
                )
        except (
            httpx2.ConnectError,
            httpx2.ConnectTimeout,
            httpx2.PoolTimeout,
            httpx2.UnsupportedProtocol,
        ) as error:
            raise Unreached(type(error).__name__) from None
        except httpx2.HTTPError as error:
            raise Silence(type(error).__name__) from None
        return _read(answer)


def _read(answer: "httpx2.Response") -> Fields:
    try:
        body = cast("object", json.loads(answer.content))
    except (ValueError, RecursionError):
        body = None
    fields = cast("dict[str, Any]", body) if isinstance(body, dict) else {}
    error: object = fields.get("error")
    if isinstance(error, dict):
        code: object = cast("dict[str, Any]", error).get("code")
        known = code if isinstance(code, int) and not isinstance(code, bool) else None
        raise Refusal(known, answer.status_code, _wait(answer.headers))
    if not 200 <= answer.status_code < 300:
        raise Refusal(None, answer.status_code, _wait(answer.headers))
    if not fields:
        raise Silence("an answer that cannot be read")
    return fields


def _wait(headers: Mapping[str, str]) -> float | None:
    """Seconds until calls are taken again, as far as Meta says.

    `Retry-After` (RFC 9110 §10.2.3), or the estimate in minutes of a business's usage:
    https://developers.facebook.com/docs/graph-api/overview/rate-limiting#headers
    """
    given = headers.get("retry-after", "")
    if given.isascii() and given.isdecimal():
        return min(float(given), _LONGEST_WAIT)
    try:
        usage = cast("object", json.loads(headers.get("x-business-use-case-usage", "null")))
    except (ValueError, RecursionError):
        return None
    minutes = [
        cast("dict[str, Any]", entry).get("estimated_time_to_regain_access")
        for entries in (cast("dict[str, object]", usage).values() if isinstance(usage, dict) else ())
        for entry in (cast("list[object]", entries) if isinstance(entries, list) else ())
        if isinstance(entry, dict)
    ]
    longest = max((m for m in minutes if isinstance(m, (int, float)) and math.isfinite(m)), default=0)
    return min(longest * 60.0, _LONGEST_WAIT) if longest > 0 else None
