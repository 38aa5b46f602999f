"""Orders that say how the next messages of a simulator are told about: each for so many messages, or for all."""

from typing import Any, Generic, Protocol, Self, TypeVar


class Order(Protocol):
    """`times` None: for every message until withdrawn. Made without arguments it is the usual way."""

    times: int | None

    def fits(self, message: Any) -> bool:
        """Whether it is meant for this message."""
        ...

    @classmethod
    def parse(cls, order: Any) -> Self:
        """Read one; raises `BadOrder` with a sentence."""
        ...


Kind = TypeVar("Kind", bound=Order)


class Orders(Generic[Kind]):
    """The orders that stand, oldest first."""

    def __init__(self, kind: type[Kind]) -> None:
        self._kind = kind
        self._standing: list[Kind] = []

    def add(self, orders: Any) -> int:
        """Take one order or a list; returns how many stand. Raises `BadOrder`, and then takes none."""
        self._standing += [
            self._kind.parse(order) for order in (orders if isinstance(orders, list) else [orders])
        ]
        return len(self._standing)

    def clear(self) -> None:
        self._standing.clear()

    def take(self, message: Any) -> Kind:
        """The first order that is meant for this message, used up by one; the usual way without one."""
        for order in self._standing:
            if order.fits(message):
                if order.times is not None:
                    order.times -= 1
                    if order.times <= 0:
                        self._standing.remove(order)
                return order
        return self._kind()
