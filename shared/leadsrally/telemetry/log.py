"""One JSON line per event: a fixed name, the bound ids, and fields that are ids, counts, durations or closed words.

    with log.bound(request_id=request_id, function="webhook_twilio"):
        log.info("inbound.stored", message_id=message.id, duration_ms=12)

Logging never raises and never writes what `fields.passed` does not know to be harmless. Written through
Powertools' Logger, which costs about 10 ms of a cold start beside psycopg and adds the X-Ray trace id.
"""

import json
import logging
import os
import re
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any, LiteralString, cast

from leadsrally.telemetry import failure
from leadsrally.telemetry.fields import WITHHELD, is_name, passed
from leadsrally.telemetry.types import Field

_EVENT = re.compile(r"[a-z][a-z_]*(\.[a-z][a-z_]*)+", re.ASCII)
_SERVICE = "leadsrally"
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
# Names that the line itself uses; a caller's field of the same name would hide them.
_RESERVED = frozenset({"level", "event", "timestamp", "error", "xray_trace_id"})

# A context variable, so that threads of the one-process host do not mix, and reset on the way out, so that an
# execution environment does not carry one invocation's ids into the next.
_bound: ContextVar[dict[str, object]] = ContextVar("leadsrally_log_bound", default={})  # noqa: B039 (replaced, never changed)


@contextmanager
def bound(**ids: object) -> Generator[None]:
    """Puts these fields on every line written inside the block, by this thread and what it calls.

    They are checked when a line is written: most calls write none.
    """
    token = _bound.set({**_bound.get(), **ids})
    try:
        yield
    finally:
        _bound.reset(token)


def bound_fields() -> dict[str, Field]:
    """A copy of what is bound here and now, for error reports and for work handed to another thread."""
    return _checked(_bound.get())


def debug(event: LiteralString, **fields: object) -> None:
    _write(logging.DEBUG, event, fields)


def info(event: LiteralString, **fields: object) -> None:
    _write(logging.INFO, event, fields)


def warning(event: LiteralString, *, error: BaseException | None = None, **fields: object) -> None:
    _write(logging.WARNING, event, fields, error)


def error(event: LiteralString, *, error: BaseException | None = None, **fields: object) -> None:
    """Says that something failed. Of `error` it tells class, code and stack, never the text or the variables."""
    _write(logging.ERROR, event, fields, error)


def _write(level: int, event: str, fields: Mapping[str, object], error: BaseException | None = None) -> None:
    logger = _logger()
    if not logger.isEnabledFor(level):
        return
    line: dict[str, Any] = {
        "event": event if _is_event(event) else WITHHELD,
        **_checked(_bound.get()),
        **_checked(fields),
    }
    if error is not None:
        line["error"] = _told(error)
    logger.log(level, line)


def _is_event(event: str) -> bool:
    return len(event) <= 64 and _EVENT.fullmatch(event) is not None


def _checked(fields: Mapping[str, object]) -> dict[str, Field]:
    return {_named(name): passed(name, value) for name, value in fields.items()}


def _named(name: str) -> str:
    return name if is_name(name) and name not in _RESERVED else "unnamed"


def _told(error: BaseException) -> dict[str, Any]:
    failed, *causes = failure.told(error)
    told: dict[str, Any] = {"class": failed.name}
    if failed.code is not None:
        told["code"] = failed.code
    if causes:
        told["caused_by"] = [cause.name for cause in causes]
    told["stack"] = [str(frame) for frame in failed.frames]
    return told


@cache
def _logger() -> logging.Logger:
    """Made at the first line, so that importing this module changes nothing and the level is read when it is set."""
    from aws_lambda_powertools import Logger  # 20 ms, and a door that has nothing to tell never pays them

    asked = os.environ.get("LEADSRALLY_LOG_LEVEL", "INFO").upper()
    Logger(
        service=_SERVICE,
        level=asked if asked in _LEVELS else "INFO",
        stream=_Stdout(),  # pyright: ignore[reportArgumentType]  (a stream handler needs only write and flush)
        json_serializer=_serialized,
        utc=True,
        use_rfc3339=True,
    )
    logger = logging.getLogger(_SERVICE)
    logger.propagate = False  # a root handler added by somebody else would write every line twice
    return logger


def _serialized(log: dict[str, Any]) -> str:
    """The bytes of one line. ASCII only, so no line break, terminal code or look-alike can come out of a value."""
    message = log.get("message")
    # Anything but our own dictionary got here past `_write`, so it is not known to be harmless.
    told = cast("dict[str, Any]", message) if isinstance(message, dict) else {"event": WITHHELD}
    head = {"timestamp": log["timestamp"], "level": log["level"]}
    if "xray_trace_id" in log:
        head["xray_trace_id"] = log["xray_trace_id"]
    return json.dumps(head | told, separators=(",", ":"), allow_nan=False)


class _Stdout:
    """Whatever standard output is at the moment: hosts and tests exchange it after the logger was made."""

    def write(self, text: str) -> None:
        sys.stdout.write(text)

    def flush(self) -> None:
        sys.stdout.flush()
