"""Sends error reports to Sentry, and nothing else that the SDK would like to send.

Out of the box the SDK leaks, `send_default_pii` or not: exception texts, local variables, query strings with
`hub.verify_token`, signature headers, outgoing addresses with access tokens. So three things hold here. Nothing is
collected: no integration, no breadcrumb, no variable, no request. The event is made by us from a report that has no
free text. And a hook on every kind of outgoing item lets through only our own, key by known key.

The SDK is imported at the first error, not at start: import and set-up cost 60 to 270 ms, most invocations have no
error, and one that has can wait. Only with performance sampling on is it set up with the sender.
"""

import re
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any, LiteralString, cast

from leadsrally.telemetry.types import Failure, Report

if TYPE_CHECKING:
    from sentry_sdk import Client
    from sentry_sdk.types import Event, Hint

# Beyond Sentry's own list: names under which this software and its providers carry what must not leave.
DENYLIST = (
    "accountsid", "access_token", "address", "app_secret", "auth_token", "body", "contact", "content", "email", "from",
    "hub.challenge", "hub.verify_token", "name", "number", "phone", "phone_number", "query_string", "recipient", "sealed",
    "sender", "signature", "signed_request", "text", "to", "url", "verify_token", "wa_id", "x-hub-signature-256",
    "x-twilio-signature", "x_hub_signature_256", "x_twilio_signature",
)  # fmt: skip

_OURS = "leadsrally_report"
_IN_APP = ("leadsrally/", "functions/", "infra/")
_SPAN_NAME = re.compile(r"[a-z][a-z_]*(?:\.[a-z][a-z_]*)*", re.ASCII)
_HEX = re.compile(r"[0-9a-f]{16}(?:[0-9a-f]{16})?", re.ASCII)
_EVENT_KEYS = ("event_id", "timestamp", "platform", "level", "environment", "release", "tags")
_TRANSACTION_KEYS = ("event_id", "type", "start_timestamp", "timestamp", "platform", "environment", "release")


class SentrySender:
    """Implements `leadsrally.telemetry.types.ReportSender`. Safe to share between threads."""

    __slots__ = ("_client", "_dsn", "_environment", "_lock", "_release", "_traces_sample_rate")

    def __init__(
        self, dsn: str, environment: str, release: str | None = None, *, traces_sample_rate: float = 0.0
    ) -> None:
        self._dsn = dsn
        self._environment = environment
        self._release = release
        self._traces_sample_rate = traces_sample_rate
        self._client: Client | None = None
        self._lock = Lock()
        if traces_sample_rate > 0:
            self._started()

    def __repr__(self) -> str:
        return f"SentrySender(environment={self._environment!r})"

    def send(self, report: Report) -> None:
        """Queues the report for sending in the background."""
        self._started().capture_event(event(report), hint={_OURS: True})

    def flush(self, seconds: float) -> None:
        """Waits until what is queued was sent, at most `seconds`. At once when there never was an error."""
        if self._client is not None:
            self._client.flush(timeout=seconds)

    def close(self) -> None:
        """Sends what is queued, for at most two seconds, and ends the background thread."""
        with self._lock:
            if self._client is not None:
                self._client.close(timeout=2)
                self._client = None

    @contextmanager
    def span(self, name: LiteralString) -> Generator[None]:
        """Measures the block as a step of the current transaction, or as a transaction of its own."""
        if self._traces_sample_rate <= 0 or self._client is None:
            yield
            return
        import sentry_sdk

        outermost = sentry_sdk.get_current_span() is None
        start = sentry_sdk.start_transaction if outermost else sentry_sdk.start_span
        with start(op="leadsrally", name=name):
            yield

    def _started(self) -> "Client":
        with self._lock:
            if self._client is None:
                self._client = self._start()
            return self._client

    def _start(self) -> "Client":
        import sentry_sdk
        from sentry_sdk.scrubber import DEFAULT_DENYLIST, EventScrubber

        client = sentry_sdk.Client(
            dsn=self._dsn,
            environment=self._environment,
            release=self._release or "",  # None would run git to find one
            # None of the defaults: `logging` sends log texts, `stdlib` addresses, `argv` arguments, `modules` the
            # list of packages, `excepthook` and `threading` exceptions as they are; `atexit` waits for the network.
            default_integrations=False,
            auto_enabling_integrations=False,
            integrations=[],
            include_local_variables=False,
            include_source_context=False,
            # Neither `send_default_pii` nor `data_collection` is given: off is the default, the first is deprecated,
            # and the second, whatever its value, turns the scrubber off.
            max_request_body_size="never",
            max_breadcrumbs=0,
            server_name="",
            event_scrubber=EventScrubber(recursive=True, denylist=[*DEFAULT_DENYLIST, *DENYLIST]),
            before_send=_before_send,
            before_send_transaction=_before_send_transaction,
            before_breadcrumb=_drop,
            before_send_log=_drop,
            before_send_metric=_drop,
            enable_logs=False,
            enable_metrics=False,
            auto_session_tracking=False,
            send_client_reports=False,
            spotlight=False,  # its environment variable would send a second copy somewhere else
            debug=False,
            trace_propagation_targets=[],
            traces_sample_rate=self._traces_sample_rate or None,
        )
        if self._traces_sample_rate > 0:
            sentry_sdk.get_global_scope().set_client(client)  # spans find their client through the scope
        return client


def event(report: Report) -> "Event":
    """The report in Sentry's words.

    https://develop.sentry.dev/sdk/data-model/event-payloads/ names the keys.
    """
    made: Event = {
        "level": "error",
        "platform": "python",
        # Theirs is oldest first: the cause before what it led to.
        "exception": {"values": [_exception(failure) for failure in reversed(report.failures)]},
        "tags": {
            name: str(value).lower() if isinstance(value, bool) else str(value)
            for name, value in report.fields.items()
        },
    }
    return made


def _exception(failure: Failure) -> dict[str, Any]:
    module, _, name = failure.name.rpartition(".")
    frames = [
        {
            "filename": frame.file,
            "function": frame.function,
            "lineno": frame.line,
            "in_app": frame.file.startswith(_IN_APP),
        }
        for frame in failure.frames
    ]
    told: dict[str, Any] = {"type": name, "stacktrace": {"frames": frames}}
    if module:
        told["module"] = module
    if failure.code is not None:
        told["value"] = failure.code  # our word for it; the exception's own text never gets here
    return told


def _before_send(event: "Event", hint: "Hint") -> "Event | None":
    """Our reports, key by known key. What anybody else captured through the SDK is dropped."""
    if not hint.get(_OURS):
        return None
    given = cast("Mapping[str, Any]", event)
    kept = {key: given[key] for key in _EVENT_KEYS if key in given}
    kept["exception"] = {"values": [_kept_exception(told) for told in given["exception"]["values"]]}
    kept["sdk"] = _sdk(given)
    return cast("Event", kept)


def _kept_exception(told: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: told[key] for key in ("type", "module", "value") if key in told}
    frames: Sequence[Mapping[str, Any]] = told["stacktrace"]["frames"]
    keys = ("filename", "function", "lineno", "in_app")
    kept["stacktrace"] = {"frames": [{key: frame[key] for key in keys if key in frame} for frame in frames]}
    return kept


def _before_send_transaction(event: "Event", _hint: "Hint") -> "Event | None":
    """Names of steps and their times. Their data (addresses, thread names, whatever a library adds) stays here."""
    given = cast("Mapping[str, Any]", event)
    kept = {key: given[key] for key in _TRANSACTION_KEYS if key in given}
    kept["transaction"] = _span_name(given.get("transaction"))
    kept["contexts"] = {"trace": _kept_trace(given.get("contexts", {}).get("trace", {}))}
    kept["spans"] = [
        _kept_trace(span)
        | {key: span[key] for key in ("start_timestamp", "timestamp") if key in span}
        | {"description": _span_name(span.get("description"))}
        for span in given.get("spans", ())
    ]
    kept["sdk"] = _sdk(given)
    return cast("Event", kept)


def _kept_trace(trace: Mapping[str, Any]) -> dict[str, Any]:
    ids = {key: trace.get(key) for key in ("trace_id", "span_id", "parent_span_id")}
    kept: dict[str, Any] = {
        key: value for key, value in ids.items() if isinstance(value, str) and _HEX.fullmatch(value)
    }
    kept["op"] = "leadsrally"
    if trace.get("status") in {"ok", "internal_error"}:
        kept["status"] = trace["status"]
    return kept


def _span_name(name: object) -> str:
    return name if isinstance(name, str) and _SPAN_NAME.fullmatch(name) else "unnamed"


def _sdk(given: Mapping[str, Any]) -> dict[str, Any]:
    sdk: Mapping[str, Any] = given.get("sdk") or {}
    return {key: sdk[key] for key in ("name", "version") if key in sdk}


def _drop(_item: object, _hint: object) -> None:
    return None
