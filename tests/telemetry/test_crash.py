"""The real Lambda runtime client, given a handler that fails: what it writes and posts holds no text of the error."""

import inspect
from typing import Any

import pytest

from leadsrally.kit.errors import Conflict
from leadsrally.telemetry import crash

bootstrap = pytest.importorskip("awslambdaric.bootstrap")
marshaller = pytest.importorskip("awslambdaric.lambda_runtime_marshaller")

PHONE = "+15550100001"


class Runtime:
    """Takes what the runtime client would post to AWS."""

    def __init__(self) -> None:
        self.posted: list[Any] = []
        self.marshaller = marshaller.LambdaMarshaller()

    def post_invocation_error(self, *told: Any) -> None:
        self.posted.append(told)

    def post_invocation_result(self, *told: Any) -> None:
        self.posted.append(told)


class Sink:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def log_error(self, lines: list[str]) -> None:
        self.lines += lines

    def log(self, line: str, *_: Any) -> None:
        self.lines.append(line)


def store(phone: str) -> None:
    raise Conflict(f"Key (phone)=({phone}) already exists", code="key_in_use")


def leaking(_event: Any, _context: Any) -> None:
    store(PHONE)


def careful(_event: Any, _context: Any) -> None:
    try:
        store(PHONE)
    except Conflict as error:
        raise crash.nameless(error) from None


def outcome(handler: Any) -> str:
    """Everything that left the runtime, as text."""
    runtime, sink = Runtime(), Sink()
    known: dict[str, Any] = {
        "lambda_runtime_client": runtime,
        "request_handler": handler,
        "invoke_id": "id",
        "event_body": b"{}",
        "content_type": "application/json",
        "epoch_deadline_time_in_ms": 0,
        "log_sink": sink,
    }
    names = inspect.signature(bootstrap.handle_event_request).parameters
    bootstrap.handle_event_request(*(known.get(name) for name in names))
    assert runtime.posted
    assert sink.lines
    return f"{runtime.posted} {sink.lines}"


def test_the_runtime_tells_the_text_of_what_escapes() -> None:
    """The reason for all this; when it fails one day, `crash` may go."""
    assert PHONE in outcome(leaking)


def test_O4_O5_a_crash_tells_class_and_code() -> None:
    told = outcome(careful)
    assert PHONE not in told
    assert "leadsrally.kit.errors.Conflict key_in_use" in told


def test_an_error_without_a_code_is_its_class() -> None:
    assert str(crash.nameless(ValueError(PHONE))) == "ValueError"
