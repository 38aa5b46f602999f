"""Intake, one invocation in process: a signed text into `handler`, answered after its commit.

As a Lambda environment works: one event at a time on one kept connection, no HTTP server. Nine of ten texts
are from known people, every text is new. The limit is one pgbench client that inserts the three durable rows
(log, message, job) in one statement; we also look up the contact, keep the receipt and update the conversation.
"""

import gc
import os
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from bench.cluster import Cluster, cluster
from bench.figures import Figure, alone, beside, percentile
from bench.floor import Floor, measure_floor, three_rows
from bench.house import ENVIRONMENT, FORM_TYPE, PUBLIC_URL, Line, furnish, texts
from functions.webhook_twilio.handler import handler
from infra.local import gateway
from infra.local.context import Context
from infra.local.functions import load
from leadsrally import runtime
from leadsrally.kit.settings import Settings
from leadsrally.providers.twilio import inbound
from leadsrally.providers.twilio.signature import TwilioCredentials, verify
from leadsrally.runtime import Runtime

_CONTACTS = 50_000


@dataclass(frozen=True, slots=True)
class Round:
    p50: float
    p99: float
    cpu: float  # of this process, a call


def measure(*, quick: bool) -> list[Figure]:
    """Interleaved rounds: pgbench, then the handler."""
    rounds, calls, seconds = (3, 1_000, 2) if quick else (7, 3_000, 4)
    floors: list[Floor] = []
    ours: list[Round] = []
    with cluster() as pg:
        line = furnish(pg, contacts=_CONTACTS)
        sql = three_rows(pg, line)
        with _installed(pg):
            run_handler(events(line, 0, 300))  # warms plans and caches
            for number in range(rounds):
                floors.append(measure_floor(pg, sql, contacts=_CONTACTS, clients=1, seconds=seconds))
                ours.append(run_handler(events(line, 1_000 + number * calls, calls)))
        stored = pg.value("SELECT count(*) FROM message_receipts")
        if stored != 300 + rounds * calls:
            raise RuntimeError(f"{stored} texts stored of {300 + rounds * calls}")
    limit = f"1 client, 3 rows in 1 statement; {floors[0].used}"
    return [
        beside(
            "intake_handler p50", [r.p50 for r in ours], "ms", [f.p50 for f in floors], limit, at_most=1.5
        ),
        beside("intake_handler p99", [r.p99 for r in ours], "ms", [f.p99 for f in floors], "the same"),
        alone("intake_handler CPU a call", percentile([r.cpu for r in ours], 0.5), "ms", at_most=0.25),
        alone(
            "intake_handler parse + verify only",
            _verify_only(line),
            "ms",
            note="of the p50 above; no database",
        ),
    ]


class _installed:  # noqa: N801  reads as a word in a with statement
    """The function's runtime on its own role, one connection, nobody to ring."""

    def __init__(self, pg: Cluster) -> None:
        function = next(function for function in load() if function.name == "webhook_twilio")
        settings = {**ENVIRONMENT, "DATABASE_URL": pg.url("webhook_twilio")}
        self._runtime = Runtime("webhook_twilio", Settings(settings, allowed=function.settings))

    def __enter__(self) -> None:
        runtime.install(self._runtime)

    def __exit__(self, *_: object) -> None:
        self._runtime.db.close()
        runtime.uninstall("webhook_twilio")


def events(line: Line, first: int, count: int) -> list[dict[str, Any]]:
    """Events as API Gateway brings them; made beforehand, since the invocation begins with one."""
    routes = gateway.Routes(load())
    made: list[dict[str, Any]] = []
    for text in islice(texts(line, contacts=_CONTACTS, first=first), count):
        matched = routes.match("POST", text.path)
        if matched is None:
            raise LookupError(text.path)
        route, parameters = matched
        made.append(
            gateway.event(
                route,
                parameters,
                method="POST",
                path=text.path,
                query="",
                headers=[
                    (b"host", b"hooks.example.test"),
                    (b"user-agent", b"TwilioProxy/1.1"),
                    (b"content-type", FORM_TYPE.encode()),
                    (b"x-twilio-signature", text.signature.encode()),
                ],
                body=text.body,
                source_ip="203.0.113.7",
                protocol="HTTP/1.1",
            )
        )
    return made


def run_handler(given: list[dict[str, Any]]) -> Round:
    """Call the handler with each event; every answer must be 200."""
    function = next(function for function in load() if function.name == "webhook_twilio")
    context = Context(function)
    took: list[float] = []
    gc.collect()
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
        cpu = time.process_time()
        for event in given:
            started = time.perf_counter()
            answer = handler(event, context)
            took.append((time.perf_counter() - started) * 1000)
            if answer["statusCode"] != 200:
                raise RuntimeError(f"answered {answer}")
        cpu = time.process_time() - cpu
    return Round(percentile(took, 0.5), percentile(took, 0.99), cpu * 1000 / len(given))


def _verify_only(line: Line) -> float:
    credentials = TwilioCredentials(line.account_sid, (line.auth_token,))
    given = list(islice(texts(line, contacts=_CONTACTS, first=0), 500))

    def once(place: int) -> None:
        text = given[place]
        headers = {"x-twilio-signature": text.signature}
        inbound.parse_message(verify(PUBLIC_URL + text.path, text.body, FORM_TYPE, headers, credentials))

    return _median_ms(once, len(given))


def _median_ms(act: Callable[[int], None], count: int) -> float:
    took: list[float] = []
    for place in range(count):
        started = time.perf_counter()
        act(place)
        took.append((time.perf_counter() - started) * 1000)
    return percentile(took, 0.5)
