"""A report holds what the log would show of an error, and reporting never breaks the work."""

import json
from contextlib import AbstractContextManager, nullcontext
from typing import LiteralString
from uuid import UUID

import pytest

from leadsrally.kit.errors import Conflict
from leadsrally.telemetry import log
from leadsrally.telemetry.errors import Errors
from leadsrally.telemetry.types import ErrorSink, Report

PHONE = "+15550100001"
ID = UUID("018f0000-0000-7000-8000-0000000000a1")


class Remembers:
    """A sender that keeps what it was given."""

    def __init__(self) -> None:
        self.sent: list[Report] = []
        self.flushed: list[float] = []
        self.spans: list[str] = []

    def send(self, report: Report) -> None:
        self.sent.append(report)

    def flush(self, seconds: float) -> None:
        self.flushed.append(seconds)

    def span(self, name: LiteralString) -> AbstractContextManager[None]:
        self.spans.append(name)
        return nullcontext()


class Breaks:
    def send(self, report: Report) -> None:
        raise OSError(PHONE)

    def flush(self, seconds: float) -> None:
        raise OSError(PHONE)

    def span(self, name: LiteralString) -> AbstractContextManager[None]:
        return nullcontext()


def find(phone: str) -> None:
    raise ValueError(phone)


def failed() -> Conflict:
    try:
        try:
            find(PHONE)
        except ValueError as cause:
            raise Conflict(PHONE, code="key_in_use") from cause
    except Conflict as error:
        return error


def test_O4_a_report_is_class_code_stack_and_ids() -> None:
    sender = Remembers()
    errors: ErrorSink = Errors(sender)
    with log.bound(request_id=ID, function="webhook_twilio", phone=PHONE):
        errors.capture(failed(), organization_id=ID, body=PHONE, attempt=3, **{PHONE: 1})
    errors.flush(2.0)
    (report,) = sender.sent
    assert report.fields == {
        "request_id": str(ID),
        "function": "webhook_twilio",
        "organization_id": str(ID),
        "attempt": 3,
    }
    assert [(failure.name, failure.code) for failure in report.failures] == [
        ("leadsrally.kit.errors.Conflict", "key_in_use"),
        ("ValueError", None),
    ]
    assert report.failures[0].frames[-1].function == "failed"
    assert PHONE not in repr(report)
    assert sender.flushed == [2.0]


def test_O4_a_broken_sender_breaks_nothing_and_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    errors = Errors(Breaks())
    errors.capture(failed())
    errors.flush(1)
    shown = capsys.readouterr().out
    assert [json.loads(line)["event"] for line in shown.splitlines()] == ["error_report.failed"] * 2
    assert PHONE not in shown


def test_without_a_sender_it_is_off() -> None:
    errors = Errors()
    errors.capture(failed())
    errors.flush(1)
    with errors.span("score.ask"):
        pass


def test_a_span_is_the_senders_business() -> None:
    sender = Remembers()
    with Errors(sender).span("score.ask"):
        pass
    assert sender.spans == ["score.ask"]
