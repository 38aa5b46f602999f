"""What stands about each clause since the newest round of checks, as the public pages show it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from leadsrally.kit.db import Tx


@dataclass(frozen=True, slots=True)
class Stands:
    """What stands about a clause. `passed_at`: when its check passed last; `since`: since when it stands so."""

    clause: str
    promise: str
    state: Literal["kept", "broken", "not built"]
    sentence: str
    checked_at: datetime
    passed_at: datetime | None
    since: datetime


_STANDINGS: Final = """
SELECT clause, promise, state, sentence, checked_at, passed_at, since
  FROM clause_standings
"""


def standings(tx: Tx) -> dict[str, Stands]:
    """By clause; of one that was never checked there is nothing."""
    return {found.clause: found for found in tx.all(Stands, _STANDINGS, {})}
