"""The server that Lambda's runtime talks to, for running the real bootstrap on this machine.

Speaks https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html (2018-06-01) and enforces what Lambda
enforces from outside: the time-out, one answer to an event, and the size of a response.
"""

import json
import queue
import socket
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

LONGEST_RESPONSE = 6_291_556  # bytes; Lambda's own figure for "6 MB"
_PREFIX = "/2018-06-01/runtime"
_LOOK_EVERY = 0.05


@dataclass(frozen=True, slots=True)
class Answered:
    """The handler returned; `payload` is what it returned, as JSON brought it."""

    payload: Any


@dataclass(frozen=True, slots=True)
class Failed:
    """The invocation ended without a response. `kind` is the error type that Lambda shows."""

    kind: str
    message: str
    text: str = ""  # everything that was reported, for looking what it gives away


Outcome = Answered | Failed


@dataclass
class _Invocation:
    event: bytes
    deadline_ms: int
    arn: str
    id: str = field(default_factory=lambda: str(uuid4()))
    outcome: Outcome | None = None
    ended: threading.Event = field(default_factory=threading.Event)

    def end(self, outcome: Outcome) -> None:
        self.outcome = outcome
        self.ended.set()


class RuntimeApi:
    """`with RuntimeApi() as api:` listens on a loopback port of its own, for one execution environment."""

    def __init__(self) -> None:
        self._waiting: queue.Queue[_Invocation | None] = queue.Queue()
        self._running: dict[str, _Invocation] = {}
        self._init_error: Failed | None = None
        self._lost = threading.Event()  # the process is gone, or was given up
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.api = self
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    @property
    def address(self) -> str:
        """What AWS_LAMBDA_RUNTIME_API holds."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lost.set()
        self._waiting.put(None)
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def invoke(
        self, event: Any, *, timeout: float, arn: str = "arn:aws:lambda:local:0:function:f"
    ) -> Outcome:
        """Hand the event to the runtime and wait for its end, at most `timeout` seconds as Lambda would.

        After a time-out the process must be killed: Lambda never uses such an environment again.
        """
        if self._init_error is not None:
            return self._init_error
        raw = json.dumps(event).encode()
        invocation = _Invocation(raw, int((time.time() + timeout) * 1000), arn)
        self._running[invocation.id] = invocation
        self._waiting.put(invocation)
        until = time.monotonic() + timeout
        while not invocation.ended.wait(_LOOK_EVERY):
            if self._init_error is not None:
                invocation.end(self._init_error)
            elif self._lost.is_set():
                invocation.end(Failed("Runtime.ExitError", "the process exited without an answer"))
            elif time.monotonic() > until:
                invocation.end(Failed("Sandbox.Timedout", f"Task timed out after {timeout:.2f} seconds"))
        self._running.pop(invocation.id, None)
        assert invocation.outcome is not None
        return invocation.outcome

    def process_ended(self) -> None:
        """Tell that the runtime's process is gone."""
        self._lost.set()

    # -- what the runtime asks ----------------------------------------------------------------------------

    def next(self) -> _Invocation | None:
        return self._waiting.get()

    def respond(self, invocation_id: str, body: bytes) -> int:
        invocation = self._running.get(invocation_id)
        if invocation is None or invocation.ended.is_set():
            return 400
        if len(body) > LONGEST_RESPONSE:
            sentence = (
                f"Response payload size exceeded maximum allowed payload size ({LONGEST_RESPONSE} bytes)."
            )
            invocation.end(Failed("Function.ResponseSizeTooLarge", sentence))
            return 413
        try:
            payload = json.loads(body)
        except ValueError:
            invocation.end(
                Failed("Runtime.InvalidResponse", "the response is not JSON", body.decode("latin-1"))
            )
            return 400
        invocation.end(Answered(payload))
        return 202

    def fail(self, invocation_id: str, body: bytes) -> int:
        invocation = self._running.get(invocation_id)
        if invocation is None or invocation.ended.is_set():
            return 400
        invocation.end(_failed(body))
        return 202

    def fail_init(self, body: bytes) -> int:
        self._init_error = _failed(body)
        return 202


def _failed(body: bytes) -> Failed:
    text = body.decode("utf-8", "replace")
    told = json.loads(text)
    return Failed(told["errorType"], told["errorMessage"], text)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # a thread may be waiting in `next` for an event that never comes
    api: RuntimeApi

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A process that was killed leaves a broken connection, and that is all there is to say about it."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # headers and body in one packet; in two, each answer waits 40 ms for a delayed ACK
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def do_GET(self) -> None:
        if self.path != f"{_PREFIX}/invocation/next":
            self._say(404)
            return
        invocation = self.server.api.next()
        if invocation is None:
            self.close_connection = True
            return
        self._say(
            200,
            invocation.event,
            {
                "Lambda-Runtime-Aws-Request-Id": invocation.id,
                "Lambda-Runtime-Deadline-Ms": str(invocation.deadline_ms),
                "Lambda-Runtime-Invoked-Function-Arn": invocation.arn,
                "Lambda-Runtime-Trace-Id": "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0",
            },
        )

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == f"{_PREFIX}/init/error":
            self._say(self.server.api.fail_init(body))
            return
        head, _, verb = self.path.rpartition("/")
        invocation_id = head.removeprefix(f"{_PREFIX}/invocation/")
        if verb == "response":
            self._say(self.server.api.respond(invocation_id, body))
        elif verb == "error":
            self._say(self.server.api.fail(invocation_id, body))
        else:
            self._say(404)

    def _say(self, status: int, body: bytes = b"{}", headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class names it so
        pass
