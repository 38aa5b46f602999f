"""Hear of a window that is not kept: a sweep that left something, and a night in which nobody swept.

Who watches is not who sweeps: a sweep that is dead cannot say so.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from leadsrally.kit.clock import Clock
from leadsrally.kit.db import Database, Tx
from leadsrally.kit.errors import LeadsRallyError
from leadsrally.privacy import store
from leadsrally.privacy.keep_windows import SWEPT
from leadsrally.telemetry import log

SILENT_AFTER: Final = timedelta(hours=25)
"""Sweeps run each hour and every window has a day of slack, so by then a promise is near to being broken."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """`silent`: no sweep came to its end for a day, or ever; `left`: the last one left rows that are due."""

    rule: str
    reason: Literal["silent", "left"]


class WindowNotKept(LeadsRallyError):
    """What is reported of an alarm."""


def alarms(tx: Tx, rules: Iterable[str], now: datetime) -> list[Alarm]:
    """Whatever is wrong with the windows of these names, in their order."""
    names = list(rules)
    last = store.last_sweeps(tx, names)
    found: list[Alarm] = []
    for name in names:
        run = last.get(name)
        if run is None or run.finished_at < now - SILENT_AFTER:
            found.append(Alarm(name, "silent"))
        elif run.due_after:
            found.append(Alarm(name, "left"))
    return found


def watch_windows(db: Database, clock: Clock) -> list[WindowNotKept]:
    """Log every alarm; returns one error for each kind of them, to be reported to the operator."""
    with db.across() as tx:
        found = alarms(tx, SWEPT, clock())
    for alarm in found:
        log.error("retention.alarm", rule=alarm.rule, reason=alarm.reason)
    told = {
        "silent": "A retention sweep has been silent for a day.",
        "left": "A sweep left rows that are due.",
    }
    return [
        WindowNotKept(told[reason], code=f"retention_{reason}")
        for reason in sorted({alarm.reason for alarm in found})
    ]
