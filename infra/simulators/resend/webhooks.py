"""Tell a webhook what became of a mail: signed as Svix signs, again after a while when it did not answer 2xx.

https://docs.svix.com/receiving/verifying-payloads/how-manual · https://resend.com/docs/webhooks/retries-and-replays
"""

import asyncio
import base64
import hmac
import json
import secrets
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import httpx2

# Resend waits 5 s, 5 min, 30 min and then hours; here the later ones come sooner.
PAUSES = (5.0, 30.0, 60.0)
_PATIENCE = 15.0


@dataclass
class Endpoint:
    """Where events go. Each secret makes one signature; there are two while one takes the other's place."""

    url: str
    secrets: Sequence[str]


def sign(secret: str, event_id: str, timestamp: str, body: bytes) -> str:
    """One entry of `svix-signature`."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{event_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()


class Teller:
    """Delivers events, each in a task of its own. `history` holds every attempt, oldest first."""

    def __init__(
        self,
        endpoint: Endpoint | None,
        *,
        pauses: Sequence[float] = PAUSES,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.endpoint = endpoint
        self.history: deque[dict[str, Any]] = deque(maxlen=10_000)
        self._pauses = pauses
        self._now = now
        self._tasks: set[asyncio.Task[None]] = set()

    def later(self, work: Any) -> None:
        """Run a coroutine beside everything else."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def tell(self, event: dict[str, Any], event_id: str | None = None) -> dict[str, Any] | None:
        """Deliver one event once; the attempt as `history` has it, or None when nobody listens."""
        if self.endpoint is None:
            return None
        event_id = event_id or f"msg_{secrets.token_urlsafe(20)}"
        body = json.dumps(event, ensure_ascii=False).encode()
        attempt = await self._call(self.endpoint, event_id, body)
        if attempt["status"] is None or attempt["status"] >= 300:
            self.later(self._again(self.endpoint, event_id, body))
        return attempt

    async def _again(self, endpoint: Endpoint, event_id: str, body: bytes) -> None:
        for pause in self._pauses:
            await asyncio.sleep(pause)
            attempt = await self._call(endpoint, event_id, body)
            if attempt["status"] is not None and attempt["status"] < 300:
                return

    async def _call(self, endpoint: Endpoint, event_id: str, body: bytes) -> dict[str, Any]:
        timestamp = str(int(self._now()))
        headers = {
            "content-type": "application/json",
            "user-agent": "Svix-Webhooks/1.0",
            "svix-id": event_id,
            "svix-timestamp": timestamp,
            "svix-signature": " ".join(
                sign(secret, event_id, timestamp, body) for secret in endpoint.secrets
            ),
        }
        attempt: dict[str, Any] = {"id": event_id, "event": json.loads(body), "status": None, "error": None}
        try:
            async with httpx2.AsyncClient(trust_env=False, verify=False, timeout=_PATIENCE) as http:
                answer = await http.post(endpoint.url, content=body, headers=headers)
            attempt["status"] = answer.status_code
        except httpx2.HTTPError as failure:
            attempt["error"] = type(failure).__name__
        self.history.append(attempt)
        return attempt
