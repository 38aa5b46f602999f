"""What is counted and charged."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Literal, NamedTuple, get_args
from uuid import UUID

from leadsrally.kit.money import share

Kind = Literal[
    "sms_in",  # parts of texts
    "sms_out",
    "mms_in",  # messages with files over SMS
    "mms_out",
    "whatsapp_out",  # messages of ours; detail: the category by which Meta charges
    "ai_input",  # tokens; detail: the model
    "ai_output",
    "ai_cache_read",
    "ai_cache_write",
]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)


class Used(NamedTuple):
    """What is counted together: one kind of unit in one UTC month. `month` is its first day."""

    month: date
    kind: Kind
    detail: str


Usage = Mapping[Used, int]
"""Units of each."""


@dataclass(frozen=True, slots=True)
class Rate:
    """What a unit costs: `price` minor units for `per` of them, beyond those that the month's fee includes.

    `detail` narrows it to the categories or models whose names begin so; an empty one is for all others. What is
    included is so of each category and model for itself.
    """

    kind: Kind
    included: int
    price: int
    per: int
    detail: str = ""

    def charge(self, units: int) -> int:
        """For so many units in a month, in minor units."""
        return share(self.price, max(units - self.included, 0), self.per)


@dataclass(frozen=True, slots=True)
class Plan:
    """What LeadsRally charges from the month that begins on `since`."""

    name: str
    since: date
    currency: str
    fee: int  # for a whole month, in minor units
    rates: tuple[Rate, ...]

    def rate(self, kind: Kind, detail: str) -> Rate:
        """Raises `LookupError` for a kind without a price."""
        fitting = [rate for rate in self.rates if rate.kind == kind and detail.startswith(rate.detail)]
        if not fitting:
            raise LookupError(f"the plan has no price for {kind}")
        return max(fitting, key=lambda rate: len(rate.detail))


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an invoice.

    `month` is when it was used: one before the invoice's own corrects what was charged then. Of a plan `quantity` are
    the days charged, and `per` those of the month.
    """

    month: date
    kind: Kind | Literal["plan"]
    detail: str  # of a plan its name
    quantity: int
    included: int  # of the quantity, paid for with the plan
    price: int  # minor units for `per` units
    per: int
    amount: int  # minor units


@dataclass(frozen=True, slots=True)
class Draft:
    """What an invoice for the month would say now."""

    month: date
    plan: str
    currency: str
    lines: tuple[Line, ...]

    @property
    def total(self) -> int:
        return sum(line.amount for line in self.lines)


@dataclass(frozen=True, slots=True)
class Invoice:
    """An invoice as it was issued. After its customer's erasure it has no name."""

    id: UUID
    number: str
    month: date
    plan: str
    currency: str
    seller: str  # some lines of text
    customer_name: str
    customer_country: str
    total: int
    issued_at: datetime
    kept_until: date  # the first day on which it may be deleted
