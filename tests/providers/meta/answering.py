"""A server in Meta's place that answers as it is told, on a real socket."""

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

WAMID = "wamid.HBgLMTIwMjU1NTAxMTEVAgARGBI="


@dataclass
class Seen:
    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.raw)


@dataclass
class FakeMeta:
    """Answers with `status`, `headers` and `body`; `misbehave` takes the socket instead of answering.

    `before` is called between a request and its answer.
    """

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = field(
        default_factory=lambda: {
            "messaging_product": "whatsapp",
            "contacts": [{"input": "12025550111", "wa_id": "12025550111", "user_id": "US.1"}],
            "messages": [{"id": WAMID}],
        }
    )
    pages: list[Any] = field(default_factory=list)
    misbehave: Callable[[socket.socket], None] | None = None
    before: Callable[[], object] = lambda: None
    seen: list[Seen] = field(default_factory=list)
    base_url: str = ""

    def refuse(self, code: int, status: int = 400, **more: Any) -> None:
        """The form of a refusal: https://developers.facebook.com/docs/graph-api/guides/error-handling"""
        error = {
            "message": f"(#{code}) canary-message",
            "type": "OAuthException",
            "code": code,
            "error_data": {"messaging_product": "whatsapp", "details": "canary-details +12025550111"},
            "fbtrace_id": "Az8or2yhqkZfEZ-_4Qn_Bam",
            **more,
        }
        self.status, self.body = status, {"error": error}


def reset(connection: socket.socket) -> None:
    """End the connection as a broken network does, with a reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@contextmanager
def answering() -> Iterator[FakeMeta]:
    fake = FakeMeta()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            parts = urlsplit(self.path)
            fake.seen.append(
                Seen(self.command, parts.path, parse_qs(parts.query), dict(self.headers.items()), raw)
            )
            fake.before()
            if fake.misbehave is not None:
                self.close_connection = True
                fake.misbehave(self.connection)
                return
            told = fake.pages.pop(0) if fake.pages else fake.body
            body = told if isinstance(told, bytes) else json.dumps(told).encode()
            self.send_response(fake.status)
            for name, value in fake.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_DELETE = answer  # noqa: N815

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    fake.base_url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
