"""Intake through the one-process host: 8 kept connections, signed texts, every tenth a repeat.

Scoring is on, so each new text writes the same three durable rows as the limit (pgbench, 8 clients) and a
receipt and its conversation besides. Only the intake function is served, so that no queue worker takes the
cores; the `whole host` has every function, with the workers taking up the jobs but no model to call. After
each run the stored texts must be exactly those that were answered 2xx.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from bench.cluster import Cluster, cluster
from bench.figures import Figure, alone, beside
from bench.floor import Floor, measure_floor, three_rows
from bench.house import Line, furnish
from bench.load import Load, apply_load
from bench.serving import served

_CONTACTS = 50_000
_CLIENTS = 8
_STORING = ("house", "usual", "whole")
_EMPTY = ("http", "socket")


@dataclass(frozen=True, slots=True)
class Run:
    load: Load
    cpu: float  # milliseconds of the server's process, a request
    memory: float  # MB


def measure(*, quick: bool) -> list[Figure]:
    """Interleaved rounds: pgbench, then each contender started afresh."""
    rounds, count, seconds = (2, 3_000, 2) if quick else (5, 10_000, 4)
    floors: list[Floor] = []
    runs: dict[str, list[Run]] = {what: [] for what in (*_STORING, *_EMPTY)}
    with cluster() as pg:
        line = furnish(pg, contacts=_CONTACTS)
        sql = three_rows(pg, line)
        first = 0
        for _ in range(rounds):
            floors.append(measure_floor(pg, sql, contacts=_CONTACTS, clients=_CLIENTS, seconds=seconds))
            for what, done in runs.items():
                done.append(_run(pg, line, what, first, count))
                first += 1_000 + count
    return _figures(floors, runs)


def _run(pg: Cluster, line: Line, what: str, first: int, count: int) -> Run:
    with served(what, pg, line) as server:
        apply_load(server.port, line, contacts=_CONTACTS, first=first, count=500, clients=_CLIENTS)  # warms
        before, spent = _rows(pg), server.cpu()
        load = apply_load(
            server.port, line, contacts=_CONTACTS, first=first + 1_000, count=count, clients=_CLIENTS
        )
        cpu = (server.cpu() - spent) * 1000 / count
        receipts, messages, logged = (now - then for now, then in zip(_rows(pg), before, strict=True))
        sent = count - count // 10
        if load.answers != count or len(load.accepted) != sent:
            raise RuntimeError(
                f"{what}: {load.answers} answers to {count}, {len(load.accepted)} of {sent} taken"
            )
        if what in _STORING and (receipts, messages, logged) != (sent, sent, count):
            raise RuntimeError(
                f"{what}: {receipts} receipts, {messages} messages, {logged} log rows of {sent}"
            )
        return Run(load, cpu, server.memory())


def _rows(pg: Cluster) -> tuple[int, ...]:
    tables = ("message_receipts", "messages", "delivery_log")
    return pg.execute("SELECT " + ", ".join(f"(SELECT count(*) FROM {table})" for table in tables))[0]


def _figures(floors: Sequence[Floor], runs: dict[str, list[Run]]) -> list[Figure]:
    limits = [floor.rate for floor in floors]
    limit = f"8 clients, 3 rows in 1 statement; {floors[0].used}"
    rate = {what: [run.load.rate for run in done] for what, done in runs.items()}

    def middle(what: str, of: Callable[[Run], float]) -> float:
        return median(of(run) for run in runs[what])

    return [
        beside("intake_host rate", rate["house"], "req/s", limits, limit, at_least=0.4),
        beside("whole host rate", rate["whole"], "req/s", limits, "the same"),
        beside("usual FastAPI rate", rate["usual"], "req/s", limits, "the same"),
        beside("intake_host beside usual", rate["house"], "req/s", rate["usual"], "FastAPI", at_least=1.5),
        alone("intake_host p50", middle("house", lambda run: run.load.p50), "ms"),
        alone("intake_host p99", middle("house", lambda run: run.load.p99), "ms", at_most=10),
        alone("usual FastAPI p99", middle("usual", lambda run: run.load.p99), "ms"),
        alone("intake_host CPU a request", middle("house", lambda run: run.cpu), "ms"),
        alone("usual FastAPI CPU a request", middle("usual", lambda run: run.cpu), "ms"),
        alone("intake_host memory", middle("house", lambda run: run.memory), "MB"),
        alone("empty answer through uvicorn", median(rate["http"]), "req/s", note="what HTTP alone allows"),
        alone(
            "empty answer from a socket",
            median(rate["socket"]),
            "req/s",
            note=f"what the load can ask for, using {middle('socket', lambda run: run.load.cpu):.3f} ms a request",
        ),
    ]
