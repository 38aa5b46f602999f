"""A webhook of ours, as plain as possible: it remembers each request and answers what it was told to."""

import asyncio
import threading
import time
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send


@dataclass(frozen=True)
class Call:
    method: str
    target: str  # path and query as they were received
    headers: dict[str, str]
    pairs: list[tuple[str, str]]
    body: str = ""

    @property
    def params(self) -> dict[str, str]:
        return dict(self.pairs)


@dataclass
class Door:
    calls: list[Call] = field(default_factory=list)
    status: int = 200
    body: str = "<Response/>"
    media_type: str = "text/xml"
    delay: float = 0.0

    def __post_init__(self) -> None:
        self._arrived = threading.Condition()
        methods = ["GET", "POST"]
        self.app = Starlette(routes=[Route("/{path:path}", self._receive, methods=methods)])

    async def _receive(self, request: Request) -> Response:
        body = (await request.body()).decode()
        target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        pairs = parse_qsl(body, keep_blank_values=True)
        call = Call(request.method, target, dict(request.headers), pairs, body)
        with self._arrived:
            self.calls.append(call)
            self._arrived.notify_all()
        await asyncio.sleep(self.delay)
        return Response(self.body, self.status, media_type=self.media_type)

    def wait_for(self, count: int, seconds: float = 5.0) -> list[Call]:
        """The calls so far, once there are `count` of them."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.calls) >= count, seconds), self.calls
            return list(self.calls)


class Stand:
    """A server's application that each test exchanges for its own: starting a server for each is slow."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self.app(scope, receive, send)


def eventually(true, seconds: float = 5.0):
    """The first result of `true()` that holds."""
    deadline = time.monotonic() + seconds
    while not (result := true()):
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.005)
    return result
