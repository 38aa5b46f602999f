"""What every simulator has in common: it remembers what it received, and it fails on order.

    GET    {base}/_sim/log     JSON array, oldest first: {at, method, path, headers, body}
    DELETE {base}/_sim/log     forget it
    POST   {base}/_sim/faults  a list of orders (see faults.py), each consumed once per `times`
    GET    {base}/_sim/faults  the orders still open
    DELETE {base}/_sim/faults  withdraw them

`path` is relative to the simulator's base and carries the query, so a log reads the same wherever it is mounted.
Requests below `{base}/_sim/` are stage directions: neither recorded nor failed.
"""

import asyncio
import gzip
import json
import zlib
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from infra.simulators import connections
from infra.simulators.faults import BadOrder, Fault, FaultQueue
from infra.simulators.production import refuse_in_production

KEPT = 10_000
"""The newest so many requests are remembered."""

_A_LONG_TIME = 3600.0


@dataclass(frozen=True)
class Received:
    """One request as it arrived; `body` is text, decompressed if it came compressed."""

    at: datetime
    method: str
    path: str
    headers: Mapping[str, str]
    body: str


def _nothing_more(_: Received) -> Mapping[str, Any]:
    return {}


def plain_error(status: int) -> Response:
    """What an ordered status carries when neither the order nor the provider has a body for it."""
    return PlainTextResponse(f"simulated {status}", status)


class Recorder:
    """ASGI wrapper around a simulator.

    `error_for(status)` gives the provider's own form of an error, used when an order names no body;
    `describe(received)` adds keys to a log entry, such as a decoded envelope.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        error_for: Callable[[int], Response] = plain_error,
        describe: Callable[[Received], Mapping[str, Any]] = _nothing_more,
        keep: int = KEPT,
    ) -> None:
        refuse_in_production()
        self.app = app
        self.faults = FaultQueue()
        self._error_for = error_for
        self._describe = describe
        self._log: deque[Received] = deque(maxlen=keep)

    def log(self) -> list[dict[str, Any]]:
        """The log as `GET _sim/log` shows it, for tests that run in the same process."""
        return [
            {
                "at": received.at.isoformat(),
                "method": received.method,
                "path": received.path,
                "headers": dict(received.headers),
                "body": received.body,
                **self._describe(received),
            }
            for received in tuple(self._log)
        ]

    def forget(self) -> None:
        self._log.clear()
        self.faults.clear()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        raw = await _whole_body(receive)
        if raw is None:
            return
        replay = _replay(raw, receive)
        path = scope["path"].removeprefix(scope.get("root_path", "")) or "/"
        if path in ("/_sim/log", "/_sim/faults"):
            await self._direct(scope["method"], path, raw)(scope, replay, send)
            return
        if path.startswith("/_sim/"):
            await self.app(scope, replay, send)
            return
        received = _received(scope, path, raw)
        self._log.append(received)
        fault = self.faults.take(received.method, received.path, received.body)
        if fault is None:
            await self.app(scope, replay, send)
        else:
            await self._fail(fault, scope, replay, receive, send)

    async def _fail(self, fault: Fault, scope: Scope, replay: Receive, receive: Receive, send: Send) -> None:
        if fault.do == "delay":
            await asyncio.sleep(fault.seconds or 0)
            await self.app(scope, replay, send)
            return
        if fault.do.startswith("accept_then_"):
            await self.app(scope, replay, _discard)
        match fault.do.removeprefix("accept_then_"):
            case "status":
                await self._answer(fault)(scope, receive, send)
            case "hang":
                try:
                    async with asyncio.timeout(_A_LONG_TIME if fault.seconds is None else fault.seconds):
                        await connections.until_gone(receive)
                except TimeoutError:
                    await connections.reset(scope, receive)
            case _:
                await connections.reset(scope, receive)

    def _answer(self, fault: Fault) -> Response:
        response = self._error_for(fault.status)
        if isinstance(fault.body, str):
            response = PlainTextResponse(fault.body, fault.status)
        elif fault.body is not None:
            response = JSONResponse(fault.body, fault.status)
        for name, value in fault.headers.items():
            response.headers[name] = value
        return response

    def _direct(self, method: str, path: str, raw: bytes) -> Response:
        kept = self._log if path == "/_sim/log" else self.faults
        if method == "GET":
            return JSONResponse(self.log() if path == "/_sim/log" else self.faults.as_json())
        if method == "DELETE":
            kept.clear()
            return Response(status_code=204)
        if method == "POST" and path == "/_sim/faults":
            try:
                return JSONResponse({"open": self.faults.add(json.loads(raw))})
            except (BadOrder, ValueError, TypeError) as problem:
                return JSONResponse({"problem": str(problem)}, 400)
        return PlainTextResponse("Method Not Allowed", 405)


async def _whole_body(receive: Receive) -> bytes | None:
    """Everything the client sends, or nothing when it went away before it had sent everything."""
    chunks: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        chunks.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(chunks)


def _replay(raw: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body once more and is the true one afterwards."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": raw, "more_body": False}

    return replay


async def _discard(_: Message) -> None:
    """Where the answer to an accepted request goes when the client must not see it."""


def _received(scope: Scope, path: str, raw: bytes) -> Received:
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        key, text = name.decode("latin-1"), value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    query = scope.get("query_string", b"").decode("latin-1")
    return Received(
        at=datetime.now(UTC),
        method=scope["method"],
        path=f"{path}?{query}" if query else path,
        headers=headers,
        body=decompressed(raw, headers.get("content-encoding", "")).decode("utf-8", "replace"),
    )


def decompressed(raw: bytes, encoding: str) -> bytes:
    """Undo the content encodings the providers' SDKs use; what can't be undone stays as it came."""
    try:
        match encoding.strip().lower():
            case "gzip":
                return gzip.decompress(raw)
            case "deflate":
                return zlib.decompress(raw)
    except (OSError, EOFError, zlib.error):
        pass
    return raw
