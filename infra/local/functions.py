"""The list of functions, read from serverless.yml: what this host serves is what AWS deploys."""

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

PROJECT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Function:
    """One function as declared. `routes` are (method, path) with `{name}` and `{name+}` as API Gateway has them."""

    name: str
    module: str
    routes: tuple[tuple[str, str], ...]
    queue: bool
    batch_size: int
    schedules: tuple[str, ...]
    settings: frozenset[str]
    memory_mb: int
    timeout_seconds: int

    def handler(self) -> Callable[[dict[str, Any], Any], Any]:
        """The same callable that Lambda calls."""
        return importlib.import_module(self.module).handler


class _Loader(yaml.SafeLoader):
    """Reads `!GetAtt` and its like as plain strings; only AWS resolves them."""


def _as_text(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> str:
    return f"{suffix} {loader.construct_scalar(node)}" if isinstance(node, yaml.ScalarNode) else suffix


_Loader.add_multi_constructor("!", _as_text)


@cache
def declaration() -> dict[str, Any]:
    """serverless.yml as it stands."""
    return yaml.load((PROJECT / "serverless.yml").read_text(encoding="utf-8"), Loader=_Loader)


@cache
def load() -> tuple[Function, ...]:
    """Every declared function."""
    declared = declaration()
    shared = frozenset(declared["provider"]["environment"])
    return tuple(_function(name, entry, shared) for name, entry in declared["functions"].items())


def _function(name: str, entry: dict[str, Any], shared: frozenset[str]) -> Function:
    events = entry["events"]
    queues = [event["sqs"] for event in events if "sqs" in event]
    return Function(
        name=name,
        module=entry["handler"].removesuffix(".handler").replace("/", "."),
        routes=tuple(
            (event["httpApi"]["method"], event["httpApi"]["path"]) for event in events if "httpApi" in event
        ),
        queue=bool(queues),
        batch_size=queues[0]["batchSize"] if queues else 0,
        schedules=tuple(_schedules(events)),
        settings=shared | frozenset(entry.get("environment", {})),
        memory_mb=entry["memorySize"],
        timeout_seconds=entry["timeout"],
    )


def _schedules(events: list[dict[str, Any]]) -> Iterator[str]:
    for event in events:
        if "schedule" in event:
            yield from event["schedule"]["rate"]
