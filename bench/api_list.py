"""GET /v1/conversations?limit=50 through the one-process host, one logged-in person on one kept connection.

The inbox of a tenant with thousands of threads, always its first page. The limit is the same statement by
psycopg alone, as the same role, on a kept connection inside an open transaction. What lies between is HTTP,
the event, the look at the token and at the person, BEGIN and COMMIT, and the making of the answer.
"""

import json
import socket
import time
from datetime import UTC, datetime
from http import HTTPStatus
from statistics import median
from typing import Any
from urllib.request import Request, urlopen
from uuid import uuid4

from bench.archive import Archive, load_archive
from bench.cluster import Cluster, cluster
from bench.figures import Figure, alone, beside, percentile, within
from bench.load import connected, whole
from bench.serving import Served, served
from leadsrally.accounts.passwords import hash_password
from leadsrally.kit.cursor import START
from leadsrally.kit.db import Database
from leadsrally.messaging import inbox

_PAGE = 50
_PATH = f"/v1/conversations?limit={_PAGE}"
_EMAIL, _PASSWORD = "owner@bench.example", "correct horse battery staple"
_AIM = 5.0  # milliseconds


def measure(*, quick: bool) -> list[Figure]:
    """Interleaved rounds against one warm process."""
    rounds, calls = (3, 200) if quick else (7, 1_000)
    alone_p50: list[float] = []
    ours: list[list[float]] = []
    cpu: list[float] = []
    with cluster() as pg:
        archive = load_archive(pg, messages=50_000 if quick else 500_000)
        _employ(pg, archive)
        with served("api", pg) as server:
            request = _request(server)
            _ask(server, request, 100)  # warms
            for _ in range(rounds):
                alone_p50.append(percentile(_query(pg, archive, calls), 0.5))
                spent = server.cpu()
                ours.append(_ask(server, request, calls))
                cpu.append((server.cpu() - spent) * 1000 / calls)
    p50 = [percentile(took, 0.5) for took in ours]
    query = "the same statement by psycopg"
    return [
        beside("api_list p50", p50, "ms", alone_p50, query),
        within(
            "api_list p99",
            median(percentile(took, 0.99) for took in ours),
            "ms",
            median(alone_p50),
            f"{query}, p50",
        ),
        alone(
            "api_list overhead",
            median(whole - query for whole, query in zip(p50, alone_p50, strict=True)),
            "ms",
            at_most=_AIM,
            note="p50 less that of the statement, median of the rounds",
        ),
        alone("api_list CPU a request", median(cpu), "ms", note="of the host's process"),
    ]


def _employ(pg: Cluster, archive: Archive) -> None:
    pg.execute(
        "INSERT INTO users (organization_id, id, email, password_hash, role, created_at)"
        " VALUES (%(organization_id)s, %(id)s, %(email)s, %(password_hash)s, 'owner', %(now)s)",
        organization_id=archive.organization_id,
        id=uuid4(),
        email=_EMAIL,
        password_hash=hash_password(_PASSWORD),
        now=datetime.now(UTC),
    )


def _request(server: Served) -> bytes:
    """The request of somebody who has just logged in."""
    login = Request(
        f"http://127.0.0.1:{server.port}/v1/auth/login",
        data=json.dumps({"email": _EMAIL, "password": _PASSWORD}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urlopen(login, timeout=30) as answer:
        token = json.load(answer)["access_token"]
    head = f"GET {_PATH} HTTP/1.1\r\nHost: api.example.test\r\nAccept: application/json\r\n"
    return f"{head}Authorization: Bearer {token}\r\n\r\n".encode()


def _ask(server: Served, request: bytes, calls: int) -> list[float]:
    """Milliseconds of each request; every answer must be a full page."""
    took: list[float] = []
    with connected(server.port) as made:
        for _ in range(calls):
            answer = b""
            started = time.perf_counter()
            made.sendall(request)
            while not whole(answer):
                answer += _received(made)
            took.append((time.perf_counter() - started) * 1000)
            _check(answer)
    return took


def _received(made: socket.socket) -> bytes:
    part = made.recv(262_144)
    if not part:
        raise ConnectionError("the server closed the connection")
    return part


def _check(answer: bytes) -> None:
    head, _, body = answer.partition(b"\r\n\r\n")
    status = int(head.split(b" ", 2)[1])
    if status != HTTPStatus.OK or len(json.loads(body)["items"]) != _PAGE:
        raise RuntimeError(f"answered {status}: {body[:200]!r}")


def _query(pg: Cluster, archive: Archive, calls: int) -> list[float]:
    took: list[float] = []
    db = Database(pg.url("api"))
    with db.tenant(archive.organization_id) as tx:
        for _ in range(calls):
            started = time.perf_counter()
            rows: list[Any] = inbox.conversations(
                tx, archive.organization_id, inbox.Wanted(), before=START.at, before_id=START.id, limit=_PAGE
            )
            took.append((time.perf_counter() - started) * 1000)
            if len(rows) != _PAGE:
                raise RuntimeError(f"{len(rows)} rows")
    db.close()
    return took
