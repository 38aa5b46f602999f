"""Fault orders: what a simulator is told to do badly, and to which request."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

KINDS = frozenset(
    {"status", "accept_then_status", "accept_then_hang", "hang", "reset", "accept_then_reset", "delay"}
)
"""`accept_then_…` really processes the request (a message is taken, callbacks happen) and then answers badly.
`hang` never answers: after `seconds` the connection is closed. `delay` waits, then answers properly."""

_KNOWN = frozenset({"match", "times", "do", "status", "headers", "body", "seconds"})
_MATCHABLE = frozenset({"method", "path_contains", "body_contains"})


class BadOrder(ValueError):
    """An order that no request could ever be answered by."""


@dataclass
class Fault:
    do: str
    times: int = 1
    status: int = 500
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    seconds: float | None = None
    match: dict[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, order: Any) -> "Fault":
        """Read one order; raise BadOrder with a sentence rather than ignore a misspelt one."""
        if not isinstance(order, Mapping):
            raise BadOrder("A fault order is a JSON object.")
        if unknown := set(order) - _KNOWN:
            raise BadOrder(f"Unknown in a fault order: {', '.join(sorted(unknown))}.")
        if order.get("do") not in KINDS:
            raise BadOrder(f"`do` is one of {', '.join(sorted(KINDS))}.")
        match = dict(order.get("match") or {})
        if unknown := set(match) - _MATCHABLE:
            raise BadOrder(
                f"`match` knows {', '.join(sorted(_MATCHABLE))}; not {', '.join(sorted(unknown))}."
            )
        return cls(
            do=order["do"],
            times=int(order.get("times", 1)),
            status=int(order.get("status", 500)),
            headers={str(name): str(value) for name, value in (order.get("headers") or {}).items()},
            body=order.get("body"),
            seconds=None if order.get("seconds") is None else float(order["seconds"]),
            match=match,
        )

    def fits(self, method: str, path: str, body: str) -> bool:
        return (
            self.match.get("method", method).upper() == method
            and self.match.get("path_contains", "") in path
            and self.match.get("body_contains", "") in body
        )

    def as_json(self) -> dict[str, Any]:
        return {"do": self.do, "times": self.times, "status": self.status, "match": self.match}


class FaultQueue:
    """Orders in the order of their arrival; a request takes the oldest one that fits it."""

    def __init__(self) -> None:
        self._orders: deque[Fault] = deque()

    def add(self, orders: Any) -> int:
        faults = [Fault.parse(order) for order in (orders if isinstance(orders, list) else [orders])]
        self._orders.extend(fault for fault in faults if fault.times > 0)
        return len(self._orders)

    def take(self, method: str, path: str, body: str) -> Fault | None:
        for fault in self._orders:
            if fault.fits(method, path, body):
                fault.times -= 1
                if fault.times <= 0:
                    self._orders.remove(fault)
                return fault
        return None

    def clear(self) -> None:
        self._orders.clear()

    def as_json(self) -> list[dict[str, Any]]:
        return [fault.as_json() for fault in self._orders]
