"""Intake through the one-process host: eight keep-alive clients, signed texts, every tenth delivery repeated.

The host is a process of its own, the load comes from others, and Postgres shares the two cores with them. The
limit is pgbench with eight clients and the three durable rows. Scoring is off, so that no queue works beside.
Every text that was answered 2xx must be stored, once, and no other.
"""

import multiprocessing
import socket
import time
from itertools import islice

import psutil

from bench import usual
from bench.cluster import Cluster, cluster
from bench.figures import Figure, alone, beside, percentile
from bench.floor import Floor, measure_floor, three_rows
from bench.house import CONVERSATION_ID, ENVIRONMENT, Line, furnish, texts
from bench.load import Answers, send
from infra.local.provision import role_of
from infra.local.serve import serve, take_port

_CONTACTS = 50_000
_CLIENTS = 8


def measure(*, quick: bool) -> list[Figure]:
    """Interleaved rounds: pgbench, the host, a usual FastAPI handler."""
    rounds, count, seconds = (2, 2_000, 2) if quick else (5, 8_000, 4)
    floors: list[Floor] = []
    ours: list[Answers] = []
    others: list[Answers] = []
    cpu = 0.0
    with cluster() as pg:
        line = furnish(pg, contacts=_CONTACTS, scoring=False)
        sql = three_rows(pg, line)
        conversation = pg.value(f"SELECT {CONVERSATION_ID.format(n=1)}::text")
        with (
            _running(_host, pg, line) as (port, process),
            _running(_usual, pg, line, conversation) as (other, _),
        ):
            _send(port, line, 0, 500)
            _send(other, line, 0, 500)
            sent = accepted = 0
            for number in range(rounds):
                floors.append(measure_floor(pg, sql, contacts=_CONTACTS, clients=_CLIENTS, seconds=seconds))
                before = pg.value("SELECT count(*) FROM message_receipts")
                spent = sum(process.cpu_times()[:2])
                answers = _send(port, line, 1_000 + number * count, count)
                cpu += sum(process.cpu_times()[:2]) - spent
                stored = pg.value("SELECT count(*) FROM message_receipts") - before
                if stored != len(answers.accepted) or answers.refused:
                    raise RuntimeError(
                        f"{stored} stored, {len(answers.accepted)} accepted, {answers.refused} refused"
                    )
                sent += len(answers.took)
                accepted += len(answers.accepted)
                ours.append(answers)
                others.append(_send(other, line, 1_000 + number * count, count))
    rates = [floor.rate for floor in floors]
    limit = f"8 clients, 3 rows in 1 statement; {floors[0].used}"
    return [
        beside(
            "intake_host texts a second",
            [answers.rate for answers in ours],
            "/s",
            rates,
            limit,
            at_least=0.4,
            note=f"{sent:,} answered 2xx, {accepted:,} different ones, as many stored",
        ),
        beside("a usual FastAPI handler", [a.rate for a in others], "/s", rates, "the same"),
        alone("intake_host p99", percentile([each for a in ours for each in a.took], 0.99), "ms"),
        alone("intake_host CPU a call", cpu * 1000 / sent, "ms", note="of the host's process"),
    ]


def _send(port: int, line: Line, first: int, count: int) -> Answers:
    return send(port, list(islice(texts(line, contacts=_CONTACTS, first=first), count)), clients=_CLIENTS)


class _running:  # noqa: N801  reads as words in a with statement
    """A server in a process of its own, until the end of the block."""

    def __init__(self, target: object, pg: Cluster, line: Line, *more: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port: int = free.getsockname()[1]
        context = multiprocessing.get_context("spawn")
        urls = {name: pg.url(name) for name in _FUNCTIONS} | {"": pg.url()}
        self._process = context.Process(target=target, args=(self._port, urls, line, *more))  # pyright: ignore[reportArgumentType]

    def __enter__(self) -> tuple[int, psutil.Process]:
        self._process.start()
        while True:
            try:
                socket.create_connection(("127.0.0.1", self._port)).close()
            except ConnectionRefusedError:
                if not self._process.is_alive():
                    raise RuntimeError("the server did not start") from None
                time.sleep(0.05)
            else:
                return self._port, psutil.Process(self._process.pid)

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.join(30)


_FUNCTIONS = ("api", "webhook_twilio", "ai_score", "send_message", "retention_sweep", "tick")


def _host(port: int, urls: dict[str, str], _line: Line) -> None:
    by_role = {role_of(name): url for name, url in urls.items() if name}
    with take_port("127.0.0.1", port) as listening:
        serve(listening, {**ENVIRONMENT, "LEADSRALLY_LOG_LEVEL": "ERROR"}, by_role.__getitem__)


def _usual(port: int, urls: dict[str, str], line: Line, conversation: str) -> None:
    usual.serve(urls[""], line, conversation, port)
