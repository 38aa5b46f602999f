"""The clock of one process: rings schedule functions as EventBridge Scheduler would."""

import os
import re
import threading
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from infra.local.context import Context
from infra.local.functions import Function
from leadsrally.kit.clock import Clock
from leadsrally.telemetry import log

_RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
_CRON = re.compile(r"cron\((\d+|\*) (\d+|\*) \* \* \? \*\)")


def next_time(expression: str, after: datetime) -> datetime:
    """When the schedule rings next, strictly after `after` (UTC).

    Knows `rate(n unit)`, counted from midnight UTC, and the daily or hourly forms of `cron`. Raises
    `ValueError` for any other, so that a schedule this host cannot keep is noticed when it is written.
    """
    minute = after.replace(second=0, microsecond=0)
    if rate := _RATE.fullmatch(expression):
        step = timedelta(**{f"{rate[2]}s": int(rate[1])})
        midnight = minute.replace(hour=0, minute=0)
        return midnight + ((after - midnight) // step + 1) * step
    if cron := _CRON.fullmatch(expression):
        at = minute + timedelta(minutes=1)
        while not (cron[1] in ("*", str(at.minute)) and cron[2] in ("*", str(at.hour))):
            at += timedelta(minutes=1)
        return at
    raise ValueError(f"this host cannot keep the schedule {expression}")


def event_for(function: Function, at: datetime) -> dict[str, Any]:
    """EventBridge Scheduler's own envelope; its `detail` is a string."""
    return {
        "version": "0",
        "id": os.urandom(16).hex(),
        "detail-type": "Scheduled Event",
        "source": "aws.scheduler",
        "account": "local",
        "time": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": "local",
        "resources": [f"arn:aws:scheduler:local:0:schedule/default/{function.name}"],
        "detail": "{}",
    }


class Schedules:
    """A thread for each schedule. What was missed while the process was down is made up for at the start.

    Those of `at_once` are rung by their own thread as soon as it runs.
    """

    def __init__(
        self, functions: Sequence[Function], clock: Clock, *, at_once: Sequence[Function] = ()
    ) -> None:
        self._clock = clock
        self._at_once = frozenset(function.name for function in at_once)
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(
                target=self._keep, args=(function, expression), name=f"schedule-{function.name}", daemon=True
            )
            for function in functions
            for expression in function.schedules
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join(timeout=10)

    def _keep(self, function: Function, expression: str) -> None:
        if function.name in self._at_once:
            ring(function, self._clock())
        while True:
            now = self._clock()
            wait = (next_time(expression, now) - now).total_seconds()
            if self._stopping.wait(wait):
                return
            ring(function, self._clock())


def ring(function: Function, at: datetime) -> Any:
    """Call a schedule function once. An error is logged by the function itself and does not stop the clock."""
    try:
        return function.handler()(event_for(function, at), Context(function))
    except Exception as error:
        log.error("schedule.failed", function=function.name, error=error)
        return None
