"""Servers under load, each a process of its own: `python -m bench.serving WHAT`, settings as JSON on stdin.

* `house`: the one-process host with the intake function only, so that no queue worker shares its cores;
* `api`: the same with the customer API only;
* `whole`: the same with every function, queues and schedules, as `make up` has it, but without a model;
* `usual`: what a team writes with FastAPI;
* `http`: uvicorn with an answer and nothing else; `socket`: an answer without an HTTP server.
"""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psutil
import uvicorn
from psycopg.conninfo import make_conninfo

from bench.cluster import Cluster
from bench.house import ENVIRONMENT, PUBLIC_URL, Line
from infra.local import serve
from infra.local.functions import PROJECT


@dataclass(frozen=True, slots=True)
class Served:
    """A running server."""

    port: int
    process: psutil.Process

    def cpu(self) -> float:
        """Seconds of processor time so far."""
        times = self.process.cpu_times()
        return times.user + times.system

    def memory(self) -> float:
        """MB that are resident now."""
        return self.process.memory_info().rss / 1e6


@contextmanager
def served(what: str, cluster: Cluster, line: Line | None = None) -> Iterator[Served]:
    """Start a server and wait until it listens; SIGTERM in the end. `usual` knows no number but `line`."""
    order = json.dumps({"url": cluster.url(), "line": line and line.to_dict()})
    with subprocess.Popen(
        [sys.executable, "-m", "bench.serving", what],
        cwd=PROJECT,
        env={**os.environ, "LEADSRALLY_LOG_LEVEL": "WARNING"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(order)
        child.stdin.close()
        try:
            port = int(child.stdout.readline())
            yield Served(port, psutil.Process(child.pid))
        finally:
            child.terminate()
            child.stdout.close()


def _house(order: dict[str, Any], *, only: frozenset[str] | None) -> None:
    if only is not None:
        every = serve.load()
        serve.load = lambda: tuple(function for function in every if function.name in only)
    with serve.take_port("127.0.0.1", 0) as listening:
        serve.serve(
            listening,
            ENVIRONMENT,
            lambda role: make_conninfo(order["url"], user=role),
            ready=lambda: print(listening.getsockname()[1], flush=True),
        )


def _usual(order: dict[str, Any]) -> None:
    from bench.usual import application  # noqa: PLC0415  FastAPI's imports are not the house's

    _uvicorn(application(order["url"], PUBLIC_URL, order["line"]))


async def _answer(_scope: Any, receive: Any, send: Any) -> None:
    while (await receive()).get("more_body"):
        pass
    headers = [(b"content-type", b"text/xml"), (b"content-length", b"11")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"<Response/>"})


def _uvicorn(application: Any) -> None:
    with serve.take_port("127.0.0.1", 0) as listening:
        config = uvicorn.Config(application, access_log=False, log_level="warning", server_header=False)
        print(listening.getsockname()[1], flush=True)
        listening.listen()
        uvicorn.Server(config).run(sockets=[listening])


class _Echo(asyncio.Protocol):
    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, _data: bytes) -> None:
        self._transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n<Response/>")


async def _socket() -> None:
    server = await asyncio.get_running_loop().create_server(_Echo, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def main(what: str) -> None:
    """Serve until SIGTERM."""
    order = json.loads(sys.stdin.read())
    match what:
        case "house":
            _house(order, only=frozenset({"webhook_twilio"}))
        case "api":
            _house(order, only=frozenset({"api"}))
        case "whole":
            _house(order, only=None)
        case "usual":
            _usual(order)
        case "http":
            _uvicorn(_answer)
        case _:
            with asyncio.Runner(loop_factory=uvicorn.Config(_answer).get_loop_factory()) as runner:
                runner.run(_socket())


if __name__ == "__main__":
    main(sys.argv[1])
