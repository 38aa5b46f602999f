"""Rows that are due once their instant has passed: how many there are, and how they are deleted, some at a time.

Run by the sweep for all tenants, through policies named in the migrations.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

from leadsrally.kit.db import Tx


@dataclass(frozen=True, slots=True)
class Expiring:
    """Rows of one table that are due once their instant is not later than a cut-off.

    `count` takes `cutoff`; `delete` takes `cutoff` and `limit` and returns how many rows went; `oldest` gives the least
    of the instants, or NULL.
    """

    table: str
    count: LiteralString
    delete: LiteralString
    oldest: LiteralString = "SELECT NULL::timestamptz"  # nobody asked


def count_due(tx: Tx, expiring: Expiring, cutoff: datetime) -> int:
    return tx.value(expiring.count, {"cutoff": cutoff})


def oldest(tx: Tx, expiring: Expiring) -> datetime | None:
    """The instant of the oldest row there is, where that is known."""
    return tx.value(expiring.oldest, {})


def delete_due(tx: Tx, expiring: Expiring, cutoff: datetime, *, limit: int) -> int:
    """Delete at most `limit` rows; returns how many."""
    return tx.value(expiring.delete, {"cutoff": cutoff, "limit": limit})
