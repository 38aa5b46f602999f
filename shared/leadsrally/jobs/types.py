"""Work promised for later, and what can become of one attempt at it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Job:
    """A claimed job. `payload` holds ids only; `attempts` counts this one."""

    id: UUID
    organization_id: UUID
    queue: str
    kind: str
    payload: dict[str, Any]
    attempts: int
    max_attempts: int
    ordering_key: str | None


@dataclass(frozen=True, slots=True)
class Done:
    """It is done, or there was nothing left to do."""


@dataclass(frozen=True, slots=True)
class Later:
    """Not now. Runs again after `delay`; does not count as a failed attempt."""

    delay: timedelta
    reason: str


Result = Done | Later
Perform = Callable[[Job], Result]


@dataclass(frozen=True, slots=True)
class Report:
    """What one batch came to, in jobs."""

    done: int = 0
    later: int = 0
    failed: int = 0
    dead: int = 0
    skipped: int = 0  # not claimable: done already, not due, leased elsewhere, or not its turn yet
