"""What is told about an error, as values that hold no word of its text and no variable of its stack."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import LiteralString, Protocol

Field = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Frame:
    file: str  # from the root of the code on, so that no machine's folders show
    line: int
    function: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.function}"


@dataclass(frozen=True, slots=True)
class Failure:
    """One exception: its class, our code or Postgres' state for it, and its stack, outermost frame first."""

    name: str
    code: str | None
    frames: tuple[Frame, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """An error and what led to it, the error itself first, with the ids of the work it happened in."""

    failures: tuple[Failure, ...]
    fields: Mapping[str, Field]


class ReportSender(Protocol):
    """Speaks the language of a service that collects errors. Handed to `Errors` by the runtime."""

    def send(self, report: Report) -> None: ...

    def flush(self, seconds: float) -> None: ...

    def span(self, name: LiteralString) -> AbstractContextManager[None]: ...


class ErrorSink(Protocol):
    """Where doors and loops report what nobody expected. Never raises, so it may stand in any `except`."""

    def capture(self, error: BaseException, **ids: object) -> None:
        """Reports the error with the fields bound in the log here and these; only what the log would show."""
        ...

    def flush(self, seconds: float) -> None:
        """Waits until reports have left, at most so long. A Lambda that was answered for is frozen, so before that."""
        ...
