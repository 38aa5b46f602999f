"""Tell an app's webhook as Meta does: raw bytes signed, unicode escaped, again and again until a 200.

https://developers.facebook.com/docs/graph-api/webhooks/getting-started
"""

import asyncio
import hashlib
import hmac
import json
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import httpx2

from infra.simulators.meta.accounts import MetaApp
from infra.simulators.reach import Reach

SIGNATURE_HEADER = "X-Hub-Signature-256"
USER_AGENT = "facebookplatform/1.0 (+http://developers.facebook.com)"


@dataclass(frozen=True)
class Delivery:
    """How often and how patiently. Meta retries for seven days; here `waits` are the seconds before each repeat."""

    waits: tuple[float, ...] = (0.5, 2.0, 8.0)
    timeout: float = 20.0


@dataclass(frozen=True)
class Answer:
    """What came back last. `status` is None when nothing did, and `error` says why."""

    status: int | None
    body: str = ""
    error: str | None = None
    attempts: int = 1

    @property
    def accepted(self) -> bool:
        return self.status == 200

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def on_the_wire(document: Any) -> bytes:
    r"""JSON as Meta writes it: nothing but ASCII, lower-case `\u00e4`, and `\/` for a slash."""
    return json.dumps(document, separators=(",", ":")).replace("/", "\\/").encode("ascii")


def sign(secret: str, body: bytes) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


class WebhookCaller:
    """Signs and sends."""

    def __init__(self, delivery: Delivery | None = None, reach: Mapping[str, str] | None = None) -> None:
        self.delivery = delivery or Delivery()
        self.reach = Reach(reach or {})
        self.history: deque[dict[str, Any]] = deque(maxlen=10_000)

    async def tell(
        self, app: MetaApp, document: Any, *, secret: str | None = None, retry: bool = True
    ) -> Answer:
        """Deliver one notification; any answer but 200 is tried again. `secret` signs in place of the app's own."""
        of_page = isinstance(document, Mapping) and document.get("object") == "page"
        url = (of_page and app.page_callback_url) or app.callback_url
        return await self.tell_raw(app, on_the_wire(document), secret=secret, retry=retry, url=url)

    async def tell_raw(
        self,
        app: MetaApp,
        body: bytes,
        *,
        secret: str | None = None,
        retry: bool = True,
        url: str | None = None,
    ) -> Answer:
        url = app.callback_url if url is None else url
        if not url:
            return Answer(None, error="the app has no webhook address", attempts=0)
        key = secret or app.secret
        headers = {
            "Content-Type": "application/json",
            "User-Agent": USER_AGENT,
            "Accept": "*/*",
            SIGNATURE_HEADER: sign(key, body),
            "X-Hub-Signature": "sha1=" + hmac.new(key.encode(), body, hashlib.sha1).hexdigest(),
        }
        answer = Answer(None)
        waits = self.delivery.waits if retry else ()
        for attempt, wait in enumerate((*waits, None), start=1):
            answer = await self._once(app, url, body, headers, attempt)
            if answer.accepted or wait is None:
                break
            await asyncio.sleep(wait)
        return answer

    async def _once(
        self, app: MetaApp, url: str, body: bytes, headers: Mapping[str, str], attempt: int
    ) -> Answer:
        try:
            response = await self.reach.http().post(
                self.reach.served(url),
                content=body,
                headers=headers,
                timeout=self.delivery.timeout,
            )
            answer = Answer(response.status_code, response.text[:1_000], attempts=attempt)
        except (httpx2.HTTPError, httpx2.InvalidURL) as failure:
            answer = Answer(None, error=type(failure).__name__, attempts=attempt)
        at = datetime.now(UTC).isoformat()
        self.history.append({"at": at, "app_id": app.app_id, "body": body.decode(), **answer.as_json()})
        return answer

    async def challenge(self, url: str, verify_token: str) -> bool:
        """The GET by which Meta makes sure of an address before it is stored."""
        challenge = hashlib.sha256(url.encode()).hexdigest()[:10]
        query = urlencode(
            {
                "hub.mode": "subscribe",
                "hub.challenge": str(int(challenge, 16)),
                "hub.verify_token": verify_token,
            }
        )
        try:
            response = await self.reach.http().get(
                f"{self.reach.served(url)}?{query}", timeout=self.delivery.timeout
            )
        except (httpx2.HTTPError, httpx2.InvalidURL):
            return False
        return response.status_code == 200 and response.text == str(int(challenge, 16))
