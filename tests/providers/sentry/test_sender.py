"""Canaries planted everywhere an error report could pick them up, and the bytes that really left searched for them."""

import gzip
import json
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import UUID

import pytest
import sentry_sdk
import sentry_sdk.logger

from leadsrally.kit.errors import Invalid
from leadsrally.providers.sentry import sender as sentry
from leadsrally.providers.sentry.sender import SentrySender
from leadsrally.telemetry import log
from leadsrally.telemetry.errors import Errors, report

PHONE = "+15550100001"
EMAIL = "canary@example.com"
TOKEN = "canary-verify-token-7f3a"
SIGNATURE = "canary-signature-91c2"
BODY = "canary body: please call my sister"
CANARIES = (PHONE, EMAIL, TOKEN, SIGNATURE, BODY, "canary")
ID = UUID("018f0000-0000-7000-8000-0000000000a1")
REQUEST = {
    "url": f"https://example.com/u/{TOKEN}?email={EMAIL}",
    "method": "GET",
    "query_string": f"hub.mode=subscribe&hub.verify_token={TOKEN}&hub.challenge=1",
    "headers": {"X-Twilio-Signature": SIGNATURE, "X-Hub-Signature-256": SIGNATURE, "Authorization": TOKEN},
    "cookies": {"session": TOKEN},
    "data": {"From": PHONE, "Body": BODY},
    "env": {"REMOTE_ADDR": "canary"},
}


class Sink:
    """Keeps every envelope that arrives, as the bytes that left, unpacked."""

    def __init__(self) -> None:
        self.envelopes: list[bytes] = []
        self.headers: list[str] = []
        self.dsn = ""

    def items(self) -> list[tuple[str, dict[str, Any]]]:
        found: list[tuple[str, dict[str, Any]]] = []
        for envelope in self.envelopes:
            _, *rest = [line for line in envelope.split(b"\n") if line]
            found += [
                (json.loads(head)["type"], json.loads(body))
                for head, body in zip(rest[::2], rest[1::2], strict=True)
            ]
        return found

    def events(self) -> list[dict[str, Any]]:
        return [body for kind, body in self.items() if kind == "event"]

    def holds(self) -> list[str]:
        everything = b"\n".join(self.envelopes).decode() + "\n".join(self.headers)
        return [canary for canary in CANARIES if canary in everything]


@pytest.fixture
def sink() -> Iterator[Sink]:
    sink = Sink()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["content-length"]))
            sink.headers.append(str(self.headers))
            sink.envelopes.append(gzip.decompress(raw) if self.headers["content-encoding"] == "gzip" else raw)
            self.send_response(200)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    sink.dsn = f"http://key@127.0.0.1:{server.server_port}/1"
    yield sink
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def sender(sink: Sink) -> Iterator[SentrySender]:
    sender = SentrySender(sink.dsn, "test", "v1")
    yield sender
    sender.close()


@pytest.fixture
def everywhere(sink: Sink) -> Iterator[SentrySender]:
    """The worst case: sampling on, so the SDK's global scope knows our client and anybody may use it."""
    scope = sentry_sdk.get_global_scope()
    before = scope.client
    # Scopes of its own: clearing one would leave the event processors that a test added.
    with sentry_sdk.isolation_scope(), sentry_sdk.new_scope():
        sender = SentrySender(sink.dsn, "test", "v1", traces_sample_rate=1.0)
        yield sender
        sender.close()
        scope.set_client(before)


def clash(phone: str) -> None:
    raise KeyError(f"Key (phone)=({phone}) already exists")


def explode() -> None:
    phone, email, secret_token = PHONE, EMAIL, TOKEN
    try:
        clash(phone)
    except KeyError as cause:
        cause.add_note(BODY)
        raise Invalid(f"{BODY} {email} {secret_token}", code="key_in_use") from cause


def test_O4_G4_what_leaves_is_class_code_stack_and_ids(sink: Sink, sender: SentrySender) -> None:
    errors = Errors(sender)
    with log.bound(request_id=ID, function="webhook_twilio", body=BODY):
        try:
            explode()
        except Invalid as error:
            errors.capture(error, organization_id=ID, phone=PHONE, note=BODY)
    errors.flush(5)

    (event,) = sink.events()
    assert event["tags"] == {"request_id": str(ID), "function": "webhook_twilio", "organization_id": str(ID)}
    cause, raised = event["exception"]["values"]
    assert (raised["type"], raised["module"], raised["value"]) == (
        "Invalid",
        "leadsrally.kit.errors",
        "key_in_use",
    )
    assert (cause["type"], "value" in cause) == ("KeyError", False)
    assert raised["stacktrace"]["frames"][-1]["function"] == "explode"
    assert raised["stacktrace"]["frames"][-1]["lineno"] > 0
    assert event["level"] == "error"
    assert (event["environment"], event["release"]) == ("test", "v1")
    assert set(event) == {
        "event_id",
        "timestamp",
        "platform",
        "level",
        "environment",
        "release",
        "tags",
        "exception",
        "sdk",
    }
    assert sink.holds() == []


def test_O4_no_machine_name_no_variables_no_source_lines(sink: Sink, sender: SentrySender) -> None:
    import socket

    try:
        explode()
    except Invalid as error:
        sender.send(report(error))
    sender.flush(5)
    (event,) = sink.events()
    frame = event["exception"]["values"][0]["stacktrace"]["frames"][0]
    assert set(frame) == {"filename", "function", "lineno", "in_app"}
    assert not frame["filename"].startswith("/")
    everything = b"".join(sink.envelopes).decode()
    assert socket.gethostname() not in everything.replace("localhost", "")
    assert "secret_token" not in everything


def test_O4_the_query_string_with_the_verify_token_never_leaves(sink: Sink, sender: SentrySender) -> None:
    """The shape that integrations attach to events; seen to leak `hub.verify_token` with the SDK's own settings."""
    made = sentry.event(report(Invalid("x")))
    hostile: Any = made | {
        "request": REQUEST,
        "user": {"ip_address": "canary", "email": EMAIL},
        "extra": {"body": BODY, "sys.argv": [TOKEN]},
        "contexts": {"aws": {"event": BODY}, "trace": {"data": {"http.query": TOKEN}}},
        "breadcrumbs": {"values": [{"message": PHONE, "data": {"url": REQUEST["url"]}}]},
        "logentry": {"message": BODY},
        "message": BODY,
        "server_name": "canary",
        "modules": {"canary": "1"},
        "transaction": f"/u/{TOKEN}",
        "fingerprint": [PHONE],
    }
    values = hostile["exception"]["values"]
    values[0]["mechanism"] = {"type": "x", "data": {"x": BODY}}
    values[0]["stacktrace"]["frames"] = [
        {
            "filename": "a.py",
            "function": "f",
            "lineno": 1,
            "vars": {"x": PHONE},
            "context_line": BODY,
            "pre_context": [TOKEN],
        }
    ]
    client = sender._started()
    client.capture_event(hostile, hint={sentry._OURS: True})
    sender.flush(5)
    assert len(sink.events()) == 1
    assert sink.holds() == []


def test_O4_G4_what_others_capture_through_the_sdk_is_dropped(sink: Sink, everywhere: SentrySender) -> None:
    scope = sentry_sdk.get_isolation_scope()
    scope.set_user({"email": EMAIL})
    scope.set_tag("phone", PHONE)
    scope.set_extra("body", BODY)
    scope.set_context("aws", {"event": BODY})
    sentry_sdk.add_breadcrumb(message=PHONE, data={"url": REQUEST["url"]})
    sentry_sdk.capture_message(BODY)
    sentry_sdk.capture_event({"message": BODY, "request": REQUEST, "level": "error"})
    try:
        explode()
    except Invalid as error:
        sentry_sdk.capture_exception(error)
        logging.getLogger("some.library").exception(BODY)
        sentry_sdk.logger.error(BODY)
        sentry_sdk.metrics.count("canary", 1, attributes={"phone": PHONE})
        Errors(everywhere).capture(error)
    everywhere.flush(5)
    assert len(sink.events()) == 1
    assert [kind for kind, _ in sink.items()] == ["event"]
    assert sink.holds() == []


def work(sender: SentrySender) -> None:
    with sender.span("score.conversation"):
        sentry_sdk.get_current_scope().set_tag("phone", PHONE)
        with sender.span("score.ask"):
            step = sentry_sdk.get_current_span()
            assert step is not None
            step.set_data("http.query", REQUEST["query_string"])
        with sentry_sdk.start_span(op="http.client", name=f"GET {REQUEST['url']}"):
            pass
        explode()


def test_O4_a_transaction_tells_names_and_times_only(sink: Sink, everywhere: SentrySender) -> None:
    def attach(event: Any, _hint: Any) -> Any:
        return event | {"request": REQUEST, "user": {"email": EMAIL}}

    sentry_sdk.get_isolation_scope().add_event_processor(attach)
    with pytest.raises(Invalid):
        work(everywhere)
    everywhere.flush(5)
    ((kind, transaction),) = sink.items()
    assert kind == "transaction"
    assert transaction["transaction"] == "score.conversation"
    assert [span["description"] for span in transaction["spans"]] == ["score.ask", "unnamed"]
    assert transaction["contexts"]["trace"]["status"] == "internal_error"
    assert transaction["spans"][0]["parent_span_id"] == transaction["contexts"]["trace"]["span_id"]
    assert sink.holds() == []


def test_without_sampling_a_span_is_nothing(sink: Sink, sender: SentrySender) -> None:
    with sender.span("score.ask"):
        pass
    sender.flush(1)
    assert sender._client is None
    assert sink.envelopes == []


def test_the_options_that_leak_are_off(sender: SentrySender) -> None:
    client = sender._started()
    options = client.options
    assert client.integrations == {}
    assert options["include_local_variables"] is False
    assert options["include_source_context"] is False
    assert options["max_request_body_size"] == "never"
    assert options["server_name"] == ""
    assert options["event_scrubber"].recursive
    assert {"hub.verify_token", "x-twilio-signature", "body", "phone", "password"} <= set(
        options["event_scrubber"].denylist
    )
    assert not client.should_send_default_pii()
    for hook in (
        "before_send",
        "before_send_transaction",
        "before_send_log",
        "before_breadcrumb",
        "before_send_metric",
    ):
        assert options[hook] is not None


def test_threads_share_one_client(sink: Sink, sender: SentrySender) -> None:
    errors = Errors(sender)
    threads = [threading.Thread(target=errors.capture, args=(ValueError(BODY),)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    errors.flush(5)
    assert len(sink.events()) == 8


def test_a_sink_that_is_away_breaks_nothing() -> None:
    sender = SentrySender("http://key@127.0.0.1:9/1", "test")
    errors = Errors(sender)
    errors.capture(ValueError(BODY))
    errors.flush(0.2)
    sender.close()


def test_a_dsn_that_cannot_be_one_breaks_no_work(capsys: pytest.CaptureFixture[str]) -> None:
    Errors(SentrySender("canary", "test")).capture(ValueError(BODY))
    shown = capsys.readouterr().out
    assert json.loads(shown)["event"] == "error_report.failed"
    assert "canary" not in shown


def test_O4_the_dsn_is_not_shown(sender: SentrySender, sink: Sink) -> None:
    assert "key@" not in repr(sender)
    assert sink.dsn not in repr(sender)


def test_the_sdk_waits_for_the_first_error() -> None:
    code = (
        "import sys; from leadsrally.providers.sentry.sender import SentrySender; from leadsrally.telemetry.errors import Errors;"
        "Errors(SentrySender('http://key@127.0.0.1:9/1', 'test')).flush(1); print('sentry_sdk' in sys.modules)"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "False"
