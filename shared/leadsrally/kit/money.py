"""Sums of money: whole minor units of a currency, never a fraction, never a float."""

from dataclasses import dataclass
from typing import Final

# How many digits the minor unit has where it is not two (ISO 4217).
_DIGITS: Final = {
    "BHD": 3,
    "CLP": 0,
    "ISK": 0,
    "JOD": 3,
    "JPY": 0,
    "KRW": 0,
    "KWD": 3,
    "OMR": 3,
    "TND": 3,
    "VND": 0,
}


@dataclass(frozen=True, slots=True)
class Money:
    """So many minor units (cents) of a currency by its code of ISO 4217."""

    minor: int
    currency: str

    def __add__(self, other: "Money") -> "Money":
        """Raises `ValueError` for two currencies: there is no sum of them."""
        if other.currency != self.currency:
            raise ValueError("two currencies have no sum")
        return Money(self.minor + other.minor, self.currency)

    def __str__(self) -> str:
        """As in `1,234.50 USD`."""
        digits = _DIGITS.get(self.currency, 2)
        whole, rest = divmod(abs(self.minor), 10**digits)
        decimals = f".{rest:0{digits}}" if digits else ""
        return f"{'-' if self.minor < 0 else ''}{whole:,}{decimals} {self.currency}"


def share(price: int, quantity: int, per: int) -> int:
    """What `quantity` units cost at `price` minor units for `per` of them: a half is rounded up. None is negative."""
    return (2 * price * quantity + per) // (2 * per)
