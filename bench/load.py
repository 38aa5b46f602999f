"""A load of signed texts from processes of their own: keep-alive connections, requests made beforehand.

Each connection sends the next request as soon as it has the answer. Requests are plain bytes and answers are
read to their length, so that the generator costs a small part of what it measures.
"""

import multiprocessing
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench.house import FORM_TYPE, Text


@dataclass(frozen=True, slots=True)
class Answers:
    """What came back: requests a second, milliseconds of each, and the message ids that were answered 2xx."""

    rate: float
    took: list[float]
    accepted: set[str]
    refused: int


def request_of(text: Text) -> bytes:
    head = (
        f"POST {text.path} HTTP/1.1\r\nHost: hooks.example.test\r\nUser-Agent: TwilioProxy/1.1\r\n"
        f"Content-Type: {FORM_TYPE}\r\nX-Twilio-Signature: {text.signature}\r\n"
        f"Content-Length: {len(text.body)}\r\n\r\n"
    )
    return head.encode() + text.body


def send(port: int, texts: Sequence[Text], *, clients: int, repeat_every: int = 10) -> Answers:
    """Send all `texts` over `clients` connections; every `repeat_every`-th delivery comes twice."""
    shares = [texts[place::clients] for place in range(clients)]
    context = multiprocessing.get_context("fork")
    pipes = []
    for share in shares:
        deliveries = [
            (text.sid, request_of(text))
            for number, text in enumerate(share)
            for _ in range(2 if number % repeat_every == 0 else 1)
        ]
        ours, theirs = context.Pipe()
        worker = context.Process(target=_client, args=(port, deliveries, theirs), daemon=True)
        worker.start()
        pipes.append((worker, ours))
    for _, pipe in pipes:
        pipe.recv()  # connected
    started = time.perf_counter()
    for _, pipe in pipes:
        pipe.send("go")
    results = [pipe.recv() for _, pipe in pipes]
    seconds = time.perf_counter() - started
    for worker, _ in pipes:
        worker.join()
    took = [each for result in results for each in result[0]]
    accepted = {sid for result in results for sid in result[1]}
    return Answers(len(took) / seconds, took, accepted, sum(result[2] for result in results))


def _client(
    port: int, deliveries: list[tuple[str, bytes]], pipe: multiprocessing.connection.Connection
) -> None:
    took: list[float] = []
    accepted: list[str] = []
    refused = 0
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        pipe.send("ready")
        pipe.recv()
        for sid, request in deliveries:
            started = time.perf_counter()
            connection.sendall(request)
            answer = connection.recv(65_536)
            while not _whole(answer):
                more = connection.recv(65_536)
                if not more:
                    break
                answer += more
            took.append((time.perf_counter() - started) * 1000)
            if answer.startswith(b"HTTP/1.1 2"):
                accepted.append(sid)
            else:
                refused += 1
    pipe.send((took, accepted, refused))


def _whole(answer: bytes) -> bool:
    head, found, body = answer.partition(b"\r\n\r\n")
    if not found:
        return False
    length = next(
        (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
    )
    return len(body) >= length
