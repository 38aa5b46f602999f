"""Servers of somebody else: each name leads to one local server, which remembers who was asked for what."""

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import SplitResult


@dataclass(frozen=True)
class Asked:
    host: str
    target: str
    headers: dict[str, str]


@dataclass
class Elsewhere:
    """`answers` by `host/path`: status, headers, body; or a function that writes to the socket itself."""

    port: int
    answers: dict[str, "tuple[int, dict[str, str], bytes] | Callable[[BaseHTTPRequestHandler], None]"]
    asked: list[Asked] = field(default_factory=list)
    connected: list[str] = field(default_factory=list)

    def connect(self, address: SplitResult) -> http.client.HTTPConnection:
        """For `download`: a connection to this server, whatever the name."""
        self.connected.append(address.netloc)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        original = connection.putheader

        def named(header: str, *values: str) -> None:
            original(header, *([address.netloc] if header == "Host" else values))

        connection.putheader = named  # pyright: ignore[reportAttributeAccessIssue]
        return connection


@contextmanager
def elsewhere() -> Iterator[Elsewhere]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            host = self.headers["Host"]
            made.asked.append(Asked(host, self.path, {k.lower(): v for k, v in self.headers.items()}))
            answer = made.answers.get(f"{host}{self.path.partition('?')[0]}", (404, {}, b""))
            if not isinstance(answer, tuple):
                answer(self)
                return
            status, headers, body = answer
            self.send_response(status)
            for name, value in {"content-length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    made = Elsewhere(server.server_address[1], {})
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
