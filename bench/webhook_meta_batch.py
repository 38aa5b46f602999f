"""WhatsApp: what a piece costs alone, and among a thousand in one delivery.

In process, one event at a time on one kept connection, as `intake_handler` does. Nine of ten messages are from
people who are known, every message is new. The limit of a delivery is the same number of calls with one piece
each, in the same round; of the memory, what the parsed document itself takes.
"""

import gc
import hmac
import json
import os
import time
import tracemalloc
from contextlib import redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any
from uuid import UUID, uuid4

from bench.cluster import Cluster, cluster
from bench.figures import Figure, alone, beside
from bench.house import ENVIRONMENT, Line, furnish
from functions.webhook_meta.handler import handler
from infra.local import gateway
from infra.local.context import Context
from infra.local.functions import load
from leadsrally import runtime
from leadsrally.kit.crypto import Vault
from leadsrally.kit.settings import Settings
from leadsrally.messaging.channels.directory import meta_context
from leadsrally.providers.keys.local import LocalKeys
from leadsrally.providers.meta.credentials import MetaCredentials
from leadsrally.runtime import Runtime

_CONTACTS = 20_000
_PIECES = 1_000
_SECRET = "bench-app-secret"
_NUMBER_ID = "106540352242922"


@dataclass(frozen=True, slots=True)
class Number:
    """A WhatsApp number of the organisation."""

    channel_id: str
    key: str


def measure(*, quick: bool) -> list[Figure]:
    """Interleaved rounds: calls with one piece, then one call with a thousand; messages, then statuses."""
    rounds, singles = (3, 200) if quick else (7, 500)
    alone_ms: list[float] = []
    together_ms: list[float] = []
    status_alone_ms: list[float] = []
    status_together_ms: list[float] = []
    with cluster() as pg:
        line = furnish(pg, contacts=_CONTACTS)
        number = _number(pg, line)
        with _installed(pg):
            pieces = _messages()
            _call(number, _delivery(islice(pieces, 200)))  # warms plans and caches
            for _ in range(rounds):
                alone_ms.append(_each_alone(number, islice(pieces, singles)))
                together_ms.append(_call(number, _delivery(islice(pieces, _PIECES))) / _PIECES)
                reports = iter(_statuses(pg, line, number, singles + _PIECES))
                status_alone_ms.append(_each_alone(number, islice(reports, singles)))
                status_together_ms.append(_call(number, _delivery(reports)) / _PIECES)
            grown, document = _memory(number, _delivery(islice(pieces, _PIECES)))
        expected = 200 + rounds * (singles + _PIECES) + _PIECES
        stored = pg.value("SELECT count(*) FROM messages WHERE direction = 'inbound'")
        if stored != expected:
            raise RuntimeError(f"{stored} messages stored of {expected}")
    name = "webhook_meta_batch"
    return [
        alone(f"{name} one message alone", median(alone_ms), "ms", note="one call, one piece, one log row"),
        beside(
            f"{name} one of {_PIECES} messages",
            together_ms,
            "ms",
            alone_ms,
            "one alone, same round",
            at_most=2,
        ),
        alone(f"{name} one status alone", median(status_alone_ms), "ms"),
        beside(
            f"{name} one of {_PIECES} statuses",
            status_together_ms,
            "ms",
            status_alone_ms,
            "one alone, same round",
            at_most=2,
        ),
        beside(
            f"{name} memory of {_PIECES} pieces",
            [grown],
            "MB",
            [document],
            "the parsed document",
            at_most=2,
            note="peak of the call, by tracemalloc",
        ),
    ]


def _number(pg: Cluster, line: Line) -> Number:
    number = Number(str(uuid4()), uuid4().hex)
    keys = Settings(ENVIRONMENT).keys("LEADSRALLY_MASTER_KEYS")
    place = meta_context(UUID(line.organization_id), UUID(number.channel_id))
    sealed = Vault(LocalKeys(keys, next(iter(keys)))).seal(
        MetaCredentials((_SECRET,), "word", "token").to_json(), place
    )
    pg.execute(
        "INSERT INTO channels (organization_id, id, key, kind, address, waba_id, phone_number_id, credentials,"
        " created_at) VALUES (%(organization_id)s, %(id)s, %(key)s, 'whatsapp', '+15550783881', '1022',"
        " %(number)s, %(sealed)s, %(now)s)",
        organization_id=line.organization_id,
        id=number.channel_id,
        key=number.key,
        number=_NUMBER_ID,
        sealed=sealed,
        now=datetime.now(UTC),
    )
    return number


class _installed:  # noqa: N801  reads as a word in a with statement
    """The function's runtime on its own role, one connection, nobody to ring."""

    def __init__(self, pg: Cluster) -> None:
        function = next(function for function in load() if function.name == "webhook_meta")
        settings = {**ENVIRONMENT, "DATABASE_URL": pg.url("webhook_meta")}
        self._runtime = Runtime("webhook_meta", Settings(settings, allowed=function.settings))

    def __enter__(self) -> None:
        runtime.install(self._runtime)

    def __exit__(self, *_: object) -> None:
        self._runtime.db.close()
        runtime.uninstall("webhook_meta")


def _messages() -> Any:
    """Messages without end; every tenth is from somebody unknown."""
    place = 0
    while True:
        place += 1
        sender = f"1202{place % _CONTACTS + 1:07d}" if place % 10 else f"1303{place:07d}"
        yield (
            "messages",
            {
                "from": sender,
                "id": f"wamid.{uuid4().hex}",
                "timestamp": str(int(time.time())),
                "type": "text",
                "text": {"body": f"Hello, is the blue bike number {place} still free on Saturday?"},
            },
        )


def _statuses(pg: Cluster, line: Line, number: Number, count: int) -> list[tuple[str, dict[str, Any]]]:
    """Reports about that many messages of ours, which are made for them."""
    tag = uuid4().hex[:12]
    pg.execute(
        "INSERT INTO messages (organization_id, id, conversation_id, direction, body, status, status_rank,"
        " provider_message_id, created_at)"
        " SELECT %(organization_id)s, gen_random_uuid(), (SELECT id FROM conversations WHERE channel_id ="
        " %(channel_id)s LIMIT 1), 'outbound', 'We open at nine', 'accepted', 30, 'wamid.' || %(tag)s || '.' || n,"
        " %(now)s FROM generate_series(1, %(count)s) AS n",
        organization_id=line.organization_id,
        channel_id=number.channel_id,
        tag=tag,
        count=count,
        now=datetime.now(UTC),
    )
    said = str(int(time.time()))
    return [
        ("statuses", {"id": f"wamid.{tag}.{n}", "status": "delivered", "timestamp": said})
        for n in range(1, count + 1)
    ]


def _delivery(pieces: Any) -> bytes:
    """One call with each piece in a change of its own, as Meta batches them."""
    metadata = {"display_phone_number": "15550783881", "phone_number_id": _NUMBER_ID}
    changes: list[dict[str, Any]] = []
    for name, piece in pieces:
        value: dict[str, Any] = {"messaging_product": "whatsapp", "metadata": metadata, name: [piece]}
        if name == "messages":
            value["contacts"] = [{"profile": {"name": "Somebody"}, "wa_id": piece["from"]}]
        changes.append({"field": "messages", "value": value})
    return json.dumps(
        {"object": "whatsapp_business_account", "entry": [{"id": "1022", "changes": changes}]}
    ).encode()


def _event(number: Number, body: bytes) -> dict[str, Any]:
    path = f"/webhooks/meta/{number.key}"
    matched = gateway.Routes(load()).match("POST", path)
    if matched is None:
        raise LookupError(path)
    signature = "sha256=" + hmac.digest(_SECRET.encode(), body, "sha256").hex()
    return gateway.event(
        *matched,
        method="POST",
        path=path,
        query="",
        headers=[(b"content-type", b"application/json"), (b"x-hub-signature-256", signature.encode())],
        body=body,
        source_ip="203.0.113.7",
        protocol="HTTP/1.1",
    )


def _call(number: Number, body: bytes) -> float:
    """Milliseconds of one call; it must be answered 200."""
    event = _event(number, body)
    context = Context(next(function for function in load() if function.name == "webhook_meta"))
    gc.collect()
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
        started = time.perf_counter()
        answer = handler(event, context)
        took = (time.perf_counter() - started) * 1000
    if answer["statusCode"] != 200:
        raise RuntimeError(f"answered {answer}")
    return took


def _each_alone(number: Number, pieces: Any) -> float:
    """Milliseconds of one piece: the mean of calls with one each."""
    events = [_event(number, _delivery([piece])) for piece in pieces]
    context = Context(next(function for function in load() if function.name == "webhook_meta"))
    gc.collect()
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
        started = time.perf_counter()
        for event in events:
            if handler(event, context)["statusCode"] != 200:
                raise RuntimeError("a call was not accepted")
        return (time.perf_counter() - started) * 1000 / len(events)


def _memory(number: Number, body: bytes) -> tuple[float, float]:
    """Megabytes: the peak of one call, and what the parsed document takes of it."""
    tracemalloc.start()
    document = json.loads(body)
    held, _ = tracemalloc.get_traced_memory()
    del document
    gc.collect()
    tracemalloc.reset_peak()
    before, _ = tracemalloc.get_traced_memory()
    _call(number, body)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return (peak - before) / 1e6, held / 1e6
