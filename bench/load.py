"""A lean load: kept connections, requests made beforehand, the next sent when an answer is whole.

A process of its own, since it must not share the server's interpreter: `python -m bench.load` reads JSON that
says what to send, and writes JSON that says what came back.
"""

import json
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bench.figures import percentile
from bench.house import FORM_TYPE, Line, Text, texts
from infra.local.functions import PROJECT

_STALLED = 30.0  # seconds without any answer
_REPEAT_EVERY = 10


@dataclass(frozen=True, slots=True)
class Load:
    """What one run of the load came to; `accepted` are the ids that were answered with 2xx, each once."""

    rate: float
    p50: float
    p99: float
    answers: int
    accepted: frozenset[str]
    cpu: float  # milliseconds of the load's own, a request


@dataclass(slots=True)
class _Connection:
    socket: socket.socket
    sid: str = ""
    sent: float = 0.0
    answer: bytes = b""


def apply_load(port: int, line: Line, *, contacts: int, first: int, count: int, clients: int) -> Load:
    """Send `count` requests from a process of its own, every tenth of them a repeat of an earlier one."""
    order = {"line": line.to_dict(), "contacts": contacts, "first": first, "count": count}
    done = subprocess.run(
        [sys.executable, "-m", "bench.load"],
        cwd=PROJECT,
        input=json.dumps({**order, "port": port, "clients": clients}),
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    told = json.loads(done.stdout)
    return Load(**{**told, "accepted": frozenset(told["accepted"])})


def _requests(line: Line, contacts: int, first: int, count: int) -> Iterator[tuple[str, bytes]]:
    recent: list[tuple[str, bytes]] = []
    fresh = texts(line, contacts=contacts, first=first)
    for place in range(count):
        if place % _REPEAT_EVERY == _REPEAT_EVERY - 1:
            yield recent[-5]  # often while the first one is still being answered
            continue
        recent = [*recent[-5:], _wire(next(fresh))]
        yield recent[-1]


def _wire(text: Text) -> tuple[str, bytes]:
    head = (
        f"POST {text.path} HTTP/1.1\r\nHost: hooks.example.test\r\nUser-Agent: TwilioProxy/1.1\r\n"
        f"Accept: */*\r\nContent-Type: {FORM_TYPE}\r\nX-Twilio-Signature: {text.signature}\r\n"
        f"Content-Length: {len(text.body)}\r\n\r\n"
    )
    return text.sid, head.encode() + text.body


def _run(port: int, requests: list[tuple[str, bytes]], clients: int) -> dict[str, Any]:
    waiting = iter(requests)
    selector = selectors.DefaultSelector()
    connections = [_Connection(connected(port)) for _ in range(clients)]
    took: list[float] = []
    accepted: set[str] = set()
    cpu, started = time.process_time(), time.perf_counter()
    for connection in connections:
        selector.register(connection.socket, selectors.EVENT_READ, connection)
        _send(connection, next(waiting))
    busy = clients
    while busy:
        ready = selector.select(_STALLED)
        if not ready:
            raise TimeoutError(f"{busy} requests got no answer in {_STALLED:g} s")
        for key, _ in ready:
            connection = key.data
            part = connection.socket.recv(65_536)
            if not part:
                raise ConnectionError("the server closed a connection")
            connection.answer += part
            if not whole(connection.answer):
                continue
            took.append((time.perf_counter() - connection.sent) * 1000)
            if connection.answer.startswith(b"HTTP/1.1 2"):
                accepted.add(connection.sid)
            following = next(waiting, None)
            if following is None:
                busy -= 1
                selector.unregister(connection.socket)
            else:
                _send(connection, following)
    span = time.perf_counter() - started
    return {
        "rate": len(took) / span,
        "p50": percentile(took, 0.5),
        "p99": percentile(took, 0.99),
        "answers": len(took),
        "accepted": sorted(accepted),
        "cpu": (time.process_time() - cpu) * 1000 / len(took),
    }


def connected(port: int) -> socket.socket:
    """A connection that sends at once what it is given."""
    made = socket.create_connection(("127.0.0.1", port))
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


def _send(connection: _Connection, sending: tuple[str, bytes]) -> None:
    connection.sid, connection.answer, connection.sent = sending[0], b"", time.perf_counter()
    connection.socket.sendall(sending[1])


def whole(answer: bytes) -> bool:
    """Whether the answer has come to the end that its Content-Length tells."""
    head, found, body = answer.partition(b"\r\n\r\n")
    if not found:
        return False
    length = head.lower().partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0]
    return len(body) >= int(length or 0)


if __name__ == "__main__":
    given = json.loads(sys.stdin.read())
    made = list(_requests(Line(**given["line"]), given["contacts"], given["first"], given["count"]))
    print(json.dumps(_run(given["port"], made, given["clients"])))
