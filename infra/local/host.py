"""The one-process host's HTTP side: every route of serverless.yml, answered by the handler Lambda would call."""

import asyncio
import json
import threading
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from contextlib import suppress
from ipaddress import ip_address
from queue import SimpleQueue
from typing import Any

from infra.local import gateway
from infra.local.context import Context
from infra.local.functions import Function
from infra.local.site import NOT_BUILT, Site
from leadsrally.telemetry import log

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
Answer = tuple[int, list[tuple[bytes, bytes]], bytes]
Invoke = Callable[[Function, dict[str, Any]], Answer]


class Host:
    """An ASGI application. `mounted` are applications under a path prefix of their own (the simulators).

    `site` answers what no function does: the front end's files and pages. `address_header` is the header in which the platform's own proxy says whose connection it passes on.
    """

    def __init__(
        self,
        functions: Sequence[Function],
        *,
        threads: int = 16,
        mounted: dict[str, Application] | None = None,
        site: Site | None = None,
        address_header: str | None = None,
    ) -> None:
        self._routes = gateway.Routes(functions)
        self._handlers = {function.name: function.handler() for function in functions if function.routes}
        self._threads = _Threads(threads, self._invoke)
        self._mounted = mounted or {}
        self._site = site
        self._address_header = address_header

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        path: str = scope["raw_path"].decode("latin-1")
        for prefix, application in self._mounted.items():
            if path.startswith(prefix):
                await application(scope, receive, send)
                return
        matched = self._routes.match(scope["method"], path)
        if matched is None:
            await self._without_function(scope, receive, send)
            return
        body = await _read(receive)
        if body is None:
            await _say(send, 413, "The body is larger than 10 MB.")
            return
        route, parameters = matched
        event = gateway.event(
            route,
            parameters,
            method=scope["method"],
            path=path,
            query=scope["query_string"].decode("latin-1"),
            headers=scope["headers"],
            body=body,
            source_ip=source_of(scope, self._address_header),
            protocol=f"HTTP/{scope['http_version']}",
        )
        status, headers, raw = await self._threads.answer(route.function, event)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": raw})

    async def _without_function(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._site is not None and self._site.serves(scope):
            await self._site(scope, receive, send)
        elif self._site is not None and scope["path"] == "/" and not self._site.built:
            await _say(send, 404, NOT_BUILT)
        else:
            status = 405 if self._routes.knows(scope["raw_path"].decode("latin-1")) else 404
            await _say(send, status, "There is nothing at this address.")

    def _invoke(self, function: Function, event: dict[str, Any]) -> Answer:
        context = Context(function, event["requestContext"]["requestId"])
        try:
            return gateway.answer(self._handlers[function.name](event, context))
        except Exception as error:
            # As API Gateway does when a function crashes: no word of why to the caller.
            log.error("function.crashed", function=function.name, error=error)
            return 500, [(b"content-type", b"application/json")], b'{"message":"Internal Server Error"}'

    def close(self) -> None:
        """Wait for what is running and take nothing more."""
        self._threads.stop()


Task = tuple[asyncio.Future[Answer], Function, dict[str, Any]]
Seat = SimpleQueue[Task | None]


def source_of(scope: Scope, address_header: str | None) -> str:
    """Whose connection it is: an address, or "" when that cannot be told.

    Headers are what the caller writes, so none is read unless the operator names the one that the proxy in front
    replaces. The proxy's own address would make one source of everybody.
    """
    if not address_header:
        return scope["client"][0] if scope.get("client") else ""
    wanted = address_header.lower().encode()
    told = [value for name, value in scope["headers"] if name == wanted]
    try:
        return str(ip_address(told[-1].decode("latin-1").strip())) if told else ""
    except ValueError:
        return ""


class _Threads:
    """Runs handlers beside the event loop.

    Each thread waits at a queue of its own, and only the loop knows who is idle: at a common queue each task
    wakes a second thread, for nothing, and they take the interpreter from each other. A `ThreadPoolExecutor`
    has a common queue, and two futures and three locks a call besides.
    """

    def __init__(self, count: int, invoke: Invoke) -> None:
        self._invoke = invoke
        self._seats: list[Seat] = [SimpleQueue() for _ in range(count)]
        self._idle = list(self._seats)
        self._waiting: deque[Task] = deque()
        self._threads = [
            threading.Thread(target=self._work, args=(seat,), name=f"function-{number}", daemon=True)
            for number, seat in enumerate(self._seats)
        ]
        for thread in self._threads:
            thread.start()

    async def answer(self, function: Function, event: dict[str, Any]) -> Answer:
        answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        task = (answered, function, event)
        if self._idle:
            self._idle.pop().put(task)
        else:
            self._waiting.append(task)
        return await answered

    def _work(self, seat: Seat) -> None:
        while (task := seat.get()) is not None:
            answered, function, event = task
            answer = self._invoke(function, event)
            with suppress(RuntimeError):  # the loop has ended, and nobody waits for an answer any more
                answered.get_loop().call_soon_threadsafe(self._settle, seat, answered, answer)

    def _settle(self, seat: Seat, answered: asyncio.Future[Answer], answer: Answer) -> None:
        """In the loop: give the thread its next task, and the caller, who may have gone, the answer."""
        if self._waiting:
            seat.put(self._waiting.popleft())
        else:
            self._idle.append(seat)
        if not answered.done():
            answered.set_result(answer)

    def stop(self) -> None:
        """Wait for what is running; what is still waiting is let go."""
        self._waiting.clear()
        for seat in self._seats:
            seat.put(None)
        for thread in self._threads:
            thread.join()


async def _read(receive: Receive) -> bytes | None:
    """The whole body, or None when it is larger than API Gateway would take."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b"".join(parts)
        part: bytes = message.get("body", b"")
        size += len(part)
        if size > gateway.MAX_BODY:
            return None
        parts.append(part)
        if not message.get("more_body"):
            return parts[0] if len(parts) == 1 else b"".join(parts)


async def _say(send: Send, status: int, sentence: str) -> None:
    body = json.dumps({"type": "about:blank", "status": status, "detail": sentence}).encode()
    headers = [(b"content-type", b"application/problem+json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
