"""The Sentry simulator: a sink for envelopes that shows what left the house.

    POST {base}/api/{project}/envelope/   200 {}
    GET  {base}/api/0/projects/{organization}/{project}/events/?start=&end=   error events, newest first
    GET  {base}/_sim/log                  each entry with `envelope: {header, items: [{header, payload}]}`
    GET  {base}/_sim/leaks                the personal data found in all of it; empty when all is well

DSN: `http://key@127.0.0.1:8000/simulators/sentry/1`.
Format: https://develop.sentry.dev/sdk/data-model/envelopes/
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from infra.simulators.recorder import Received, Recorder

# What must never reach an error tracker, and how it looks.
LEAKS = {
    "phone": re.compile(r"(?<![\w.:+-])(?:\+|%2[Bb]|whatsapp:\+?)\d{8,15}(?![\w.])"),
    "email": re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)*\.[a-zA-Z]{2,}"),
    "signature": re.compile(
        r"x-(?:twilio|hub)-signature[\w-]*\W{1,6}(?!\[Filtered\]|\[)[\w+/=]{16,}", re.IGNORECASE
    ),
    "token": re.compile(
        r"(?:access_token|verify_token|auth_token|authorization|api[_-]?key|password|secret)"
        r"\"?\s*[=:]\s*\"?(?!\[Filtered\]|null|\"|\[|\{|true|false)[^\s\"&,}]{6,}",
        re.IGNORECASE,
    ),
}


def leaks(text: str) -> list[dict[str, str]]:
    """Every piece of text that looks like personal data or a secret, with what it looks like."""
    return [
        {"kind": kind, "text": found.group(0)}
        for kind, pattern in LEAKS.items()
        for found in pattern.finditer(text)
    ]


def decode(body: str) -> dict[str, Any]:
    """An envelope as JSON: its header, then each item's header and payload. What is no JSON stays text."""
    raw = body.encode()
    first, _, rest = raw.partition(b"\n")
    items: list[dict[str, Any]] = []
    while rest.strip():
        line, _, rest = rest.partition(b"\n")
        header = _json(line)
        length = header.get("length") if isinstance(header, dict) else None
        payload, rest = (rest[:length], rest[length:]) if length else rest.partition(b"\n")[::2]
        items.append({"header": header, "payload": _json(payload)})
        rest = rest.removeprefix(b"\n")
    return {"header": _json(first), "items": items}


def _json(line: bytes) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return line.decode("utf-8", "replace")


class SentrySimulator:
    """ASGI application. It checks the key's presence as the real ingest does, and keeps every envelope."""

    def __init__(self) -> None:
        self.events: list[datetime] = []
        """Events that were there before it started; those that came since are in the log."""
        self.recorder = Recorder(
            Starlette(
                routes=[
                    Route("/api/{project}/envelope/", _envelope, methods=["POST"]),
                    Route("/api/0/projects/{organization}/{project}/events/", self._events, methods=["GET"]),
                    Route("/_sim/leaks", self._leaks, methods=["GET"]),
                ]
            ),
            describe=_describe,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.recorder(scope, receive, send)

    def leaks(self) -> list[dict[str, str]]:
        return [leak for entry in self.recorder.log() for leak in leaks(entry["body"])]

    async def _events(self, request: Request) -> Response:
        """https://docs.sentry.io/api/events/list-a-projects-error-events/ (an auth token, a span of time)."""
        if not request.headers.get("authorization", "").startswith("Bearer "):
            return JSONResponse({"detail": "Authentication credentials were not provided."}, 401)
        first, last = (
            datetime.fromisoformat(request.query_params[name]).replace(tzinfo=UTC)
            for name in ("start", "end")
        )
        came = [
            datetime.fromisoformat(entry["at"])
            for entry in self.recorder.log()
            if "envelope" in entry["path"]
        ]
        found = sorted((at for at in [*self.events, *came] if first <= at <= last), reverse=True)
        listed = [{"id": f"{number:032x}", "dateCreated": at.isoformat()} for number, at in enumerate(found)]
        return JSONResponse(listed[:100])

    async def _leaks(self, _: Request) -> Response:
        return JSONResponse(self.leaks())


async def _envelope(request: Request) -> Response:
    named = request.headers.get("x-sentry-auth", "") + request.url.query
    if "sentry_key=" not in named:
        return JSONResponse({"detail": "missing authorization information"}, 403)
    return JSONResponse({})


def _describe(received: Received) -> Mapping[str, Any]:
    return {"envelope": decode(received.body)} if "/envelope" in received.path else {}
