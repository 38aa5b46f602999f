"""A promise of the policy, its check, and what came of it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from leadsrally.kit.db import Tx


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found, in a sentence without personal data."""

    kept: bool
    sentence: str


Check = Callable[[Tx, datetime], Finding]


@dataclass(frozen=True, slots=True)
class Clause:
    id: str
    promise: str
    check: Check | None = None


@dataclass(frozen=True, slots=True)
class Result:
    clause: Clause
    state: Literal["kept", "broken", "not built"]
    sentence: str
