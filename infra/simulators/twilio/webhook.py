"""Call a customer's webhook as Twilio's edge does: signed, with a deadline, retried on connection failure only.

Time-outs and retry: https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import parse_qsl, urldefrag, urlencode
from uuid import uuid4

import httpx2

from infra.simulators.reach import Reach
from infra.simulators.twilio import signing
from infra.simulators.twilio.accounts import TwilioAccount

Params = Sequence[tuple[str, str]]

USER_AGENT = "TwilioProxy/1.1"


@dataclass(frozen=True)
class Limits:
    """Seconds and counts; the defaults are Twilio's."""

    connect: float = 5.0
    total: float = 15.0
    retries: int = 1

    def overridden(self, fragment: str) -> "Limits":
        """A URL's fragment may say otherwise: `#ct=2000&rt=5000&rc=0`, in milliseconds."""
        asked = dict(parse_qsl(fragment))
        return Limits(
            connect=_milliseconds(asked.get("ct"), self.connect, 10_000),
            total=min(
                _milliseconds(asked.get("tt"), self.total, 15_000),
                _milliseconds(asked.get("rt"), self.total, 15_000),
            ),
            retries=min(int(asked["rc"]), 5) if asked.get("rc", "").isdigit() else self.retries,
        )


def _milliseconds(asked: str | None, default: float, most: int) -> float:
    return min(max(int(asked), 100), most) / 1000 if asked and asked.isdigit() else default


@dataclass(frozen=True)
class Answer:
    """What came back. `status` is None when nothing did, and `error` says why."""

    url: str
    status: int | None
    body: str = ""
    content_type: str = ""
    error: str | None = None
    attempts: int = 1

    @property
    def accepted(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class WebhookCaller:
    """Signs and sends."""

    def __init__(self, limits: Limits | None = None, reach: Mapping[str, str] | None = None) -> None:
        self.limits = limits or Limits()
        self.reach = Reach(reach or {})

    async def call(
        self,
        url: str,
        params: Params,
        account: TwilioAccount,
        *,
        method: str = "POST",
        algorithm: str | None = None,
        token: str | None = None,
    ) -> Answer:
        """Deliver one webhook.

        `algorithm` None means the account's own mode; `token` repeats an earlier delivery's idempotency token.
        """
        address, fragment = urldefrag(url)
        limits = self.limits.overridden(fragment)
        signed: Params = params
        if method.upper() == "GET":
            address += ("&" if "?" in address else "?") + urlencode(params)
            signed = ()
        headers = {
            "User-Agent": USER_AGENT,
            "Accept": "*/*",
            signing.IDEMPOTENCY_HEADER: token or str(uuid4()),
            **_signature(address, signed, account, algorithm),
        }
        body = None
        if method.upper() != "GET":
            headers["Content-Type"] = "application/x-www-form-urlencoded; charset=UTF-8"
            body = urlencode(params).encode()
        attempts = 0
        try:
            async with asyncio.timeout(limits.total):
                while True:
                    attempts += 1
                    try:
                        response = await self.reach.http().request(
                            method.upper(),
                            self.reach.served(address),
                            content=body,
                            headers=headers,
                            timeout=httpx2.Timeout(None, connect=limits.connect),
                        )
                    except (httpx2.ConnectError, httpx2.ConnectTimeout):
                        if attempts > limits.retries:
                            raise
                    else:
                        return Answer(
                            address,
                            response.status_code,
                            response.text,
                            response.headers.get("content-type", ""),
                            attempts=attempts,
                        )
        except TimeoutError:
            return Answer(address, None, error=f"no answer within {limits.total:g} s", attempts=attempts)
        except (httpx2.HTTPError, httpx2.InvalidURL) as failure:
            return Answer(address, None, error=f"{type(failure).__name__}: {failure}", attempts=attempts)


def _signature(url: str, params: Params, account: TwilioAccount, algorithm: str | None) -> dict[str, str]:
    algorithm = algorithm or (signing.HMAC_SHA256 if account.signing_key else signing.HMAC_SHA1)
    if algorithm == signing.HMAC_SHA1:
        return {signing.SIGNATURE_HEADER: signing.sign(url, params, account.auth_token)}
    key_id = account.signing_key or next(iter(account.shared_keys))
    return {
        signing.SIGNATURE_HEADER: signing.sign(url, params, account.shared_keys[key_id], algorithm),
        signing.SETTINGS_HEADER: signing.settings(key_id, algorithm),
    }
