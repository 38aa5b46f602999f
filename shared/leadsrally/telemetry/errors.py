"""Reports unexpected errors, by the same allow-list as the log: class, code, stack, ids."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import LiteralString

from leadsrally.telemetry import failure, log
from leadsrally.telemetry.fields import WITHHELD, is_name, passed
from leadsrally.telemetry.types import Field, Report, ReportSender


class Errors:
    """Implements `ErrorSink` on top of a sender; without one it is off and costs nothing."""

    __slots__ = ("_sender",)

    def __init__(self, sender: ReportSender | None = None) -> None:
        self._sender = sender

    def capture(self, error: BaseException, **ids: object) -> None:
        """Reports the error once it can, and never raises: a broken report must not break the work."""
        if self._sender is None:
            return
        try:
            self._sender.send(report(error, **ids))
        except Exception as broken:  # noqa: BLE001  whatever the sender does
            log.warning("error_report.failed", error=broken)

    def flush(self, seconds: float) -> None:
        """Waits until reports have left, at most `seconds`."""
        if self._sender is None:
            return
        try:
            self._sender.flush(seconds)
        except Exception as broken:  # noqa: BLE001  whatever the sender does
            log.warning("error_report.failed", error=broken)

    @contextmanager
    def span(self, name: LiteralString) -> Generator[None]:
        """Measures the block where performance is sampled; elsewhere only runs it."""
        if self._sender is None:
            yield
            return
        with self._sender.span(name):
            yield


def report(error: BaseException, **ids: object) -> Report:
    """What may be told about the error: no text, no variable, and of the ids only those that the log would show."""
    fields: dict[str, Field] = log.bound_fields()
    fields |= {name: passed(name, value) for name, value in ids.items() if is_name(name)}
    told = {name: value for name, value in fields.items() if value is not None and value != WITHHELD}
    return Report(failure.told(error), told)
