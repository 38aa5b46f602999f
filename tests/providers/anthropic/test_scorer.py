"""The official SDK against a scripted server on loopback: every way an answer can be late, cut, refused or wrong."""

import contextlib
import json
import logging
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from leadsrally.ai.answer import ScoreAnswer
from leadsrally.ai.types import Declined, Intent, ModelUnavailable, Scored
from leadsrally.kit.errors import Invalid, Misconfigured
from leadsrally.providers.anthropic.scorer import AnthropicScorer, retry_after

KEY = "sk-ant-canary-0123456789"
BODY = "canary body of a contact +15550100001"
FORM: dict[str, Any] = {
    "intent": "pricing",
    "interest": 72,
    "reason": "The contact asks for a price.",
    "suggestions": ["Which size do you have in mind?"],
    "wants_to_stop": False,
    "language": "en",
}
USAGE = {
    "input_tokens": 300,
    "cache_creation_input_tokens": 40,
    "cache_read_input_tokens": 2,
    "output_tokens": 60,
}


@dataclass
class Script:
    """What the server answers next, and what it was asked."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    wait: float = 0
    asked: list[tuple[str, dict[str, str], dict[str, Any]]] = field(default_factory=list)

    def says(self, text: str, **changes: Any) -> None:
        self.body = json.dumps(message(text, **changes)).encode()

    def fails(self, status: int, kind: str, **headers: str) -> None:
        self.status, self.headers = status, headers
        self.body = json.dumps({"type": "error", "error": {"type": kind, "message": BODY}}).encode()


def message(text: str, **changes: Any) -> dict[str, Any]:
    return {
        "id": "msg_01",
        "type": "message",
        "role": "assistant",
        "model": "claude-haiku-5-5-20261001",
        "content": [{"type": "text", "text": text}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": USAGE,
    } | changes


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def address(script: Script) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            script.asked.append((self.path, headers, json.loads(asked)))
            time.sleep(script.wait)
            self.send_response(script.status)
            for name, value in {"content-type": "application/json", **script.headers}.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(script.body)))
            self.end_headers()
            with contextlib.suppress(BrokenPipeError):  # the client has given up, as one test wants
                self.wfile.write(script.body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def scorer(address: str) -> Iterator[AnthropicScorer]:
    scorer = AnthropicScorer(KEY, ScoreAnswer, base_url=address)
    yield scorer
    scorer.close()


def ask(scorer: AnthropicScorer, timeout: float = 5) -> Scored | Declined | ModelUnavailable:
    return scorer.score("the system prompt", BODY, timeout=timeout)


def test_a_filled_form_becomes_a_score(scorer: AnthropicScorer, script: Script) -> None:
    script.says(json.dumps(FORM))
    scored = ask(scorer)
    assert isinstance(scored, Scored)
    assert scored.answer.intent is Intent.PRICING
    assert scored.answer.interest == 72
    assert scored.answer.suggestions == ("Which size do you have in mind?",)
    assert scored.model == "claude-haiku-5-5-20261001"
    assert (scored.input_tokens, scored.output_tokens) == (342, 60)
    assert (scored.cache_read_tokens, scored.cache_write_tokens) == (2, 40)


def test_the_request_is_what_the_contract_says(scorer: AnthropicScorer, script: Script) -> None:
    script.says(json.dumps(FORM))
    ask(scorer)
    ((path, headers, body),) = script.asked
    assert path == "/v1/messages"
    assert headers["authorization"] == f"Bearer {KEY}"
    assert "x-api-key" not in headers
    assert headers["anthropic-version"] == "2026-10-21"
    assert headers["x-stainless-retry-count"] == "0"
    assert body["model"] == "claude-haiku-5-5"
    assert body["max_tokens"] == 700
    assert body["thinking"] == {"type": "disabled"}
    assert body["system"] == "the system prompt"
    assert body["messages"] == [{"role": "user", "content": BODY}]
    assert "tools" not in body, "the model can only fill in a form"
    form = body["output_config"]["format"]
    assert form["type"] == "json_schema"
    assert form["schema"]["additionalProperties"] is False
    assert set(form["schema"]["required"]) == set(FORM)
    assert not {"temperature", "top_p", "top_k", "metadata"} & set(body)


def test_a_thinking_block_may_come_first(scorer: AnthropicScorer, script: Script) -> None:
    blocks = [
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "text", "text": json.dumps(FORM)},
    ]
    script.says("", content=blocks)
    assert isinstance(ask(scorer), Scored)


@pytest.mark.parametrize("content", [[], [{"type": "text", "text": "I cannot"}]])
def test_Q17_a_refusal_is_no_score(scorer: AnthropicScorer, script: Script, content: list[Any]) -> None:
    details = {"type": "refusal", "category": "general_harms", "explanation": BODY}
    script.says("", content=content, stop_reason="refusal", stop_details=details)
    assert ask(scorer) == Declined("refusal", "claude-haiku-5-5-20261001", 342, 60, 2, 40)


@pytest.mark.parametrize("reason", ["max_tokens", "model_context_window_exceeded"])
def test_Q17_a_cut_answer_is_no_score_and_its_tokens_count(
    scorer: AnthropicScorer, script: Script, reason: str
) -> None:
    script.says(json.dumps(FORM)[:40], stop_reason=reason)
    assert ask(scorer) == Declined("truncated", "claude-haiku-5-5-20261001", 342, 60, 2, 40)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not json",
        "[]",
        "null",
        json.dumps(FORM) + "x",
        json.dumps(FORM | {"interest": 101}),
        json.dumps(FORM | {"interest": -1}),
        json.dumps(FORM | {"interest": "72"}),
        json.dumps(FORM | {"intent": "transfer_money"}),
        json.dumps(FORM | {"suggestions": ["a"] * 4}),
        json.dumps(FORM | {"suggestions": ["a" * 321]}),
        json.dumps(FORM | {"reason": "a" * 161}),
        json.dumps(FORM | {"wants_to_stop": "yes"}),
        json.dumps(FORM | {"send_to": "+15550100001"}),
        json.dumps({"interest": 72}),
    ],
)
def test_Q17_garbage_is_no_score_and_its_tokens_count(
    scorer: AnthropicScorer, script: Script, text: str
) -> None:
    script.says(text)
    assert ask(scorer) == Declined("nonsense", "claude-haiku-5-5-20261001", 342, 60, 2, 40)


@pytest.mark.parametrize(
    ("status", "kind", "headers", "expected"),
    [
        (429, "rate_limit_error", {"retry-after": "17"}, 17.0),
        (429, "rate_limit_error", {"retry-after-ms": "1500", "retry-after": "17"}, 1.5),
        (429, "rate_limit_error", {}, None),
        (429, "rate_limit_error", {"retry-after": "999999999"}, 900.0),
        (529, "overloaded_error", {}, None),
        (529, "overloaded_error", {"x-should-retry": "true"}, None),
        (500, "api_error", {}, None),
        (504, "timeout_error", {"retry-after": "3"}, 3.0),
        (408, "timeout_error", {}, None),
        (409, "conflict_error", {}, None),
    ],
)
def test_a_busy_provider_is_asked_once_and_later(
    scorer: AnthropicScorer,
    script: Script,
    status: int,
    kind: str,
    headers: dict[str, str],
    expected: float | None,
) -> None:
    script.fails(status, kind, **headers)
    assert ask(scorer) == ModelUnavailable(expected)
    assert len(script.asked) == 1, "one attempt only: a retry after a lost answer would be billed twice"


@pytest.mark.parametrize(
    ("value", "expected"),
    [("0", 0.0), ("-5", None), ("nan", None), ("inf", None), ("soon", None), ("", None), ("901", 900.0)],
)
def test_a_hostile_retry_after_parks_nothing(value: str, expected: float | None) -> None:
    assert retry_after({"retry-after": value}) == expected
    assert retry_after({}) is None


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (401, "anthropic_credentials"),
        (402, "anthropic_billing"),
        (403, "anthropic_forbidden"),
        (404, "anthropic_model_unknown"),
    ],
)
def test_O4_an_account_to_put_right_is_an_operators_error(
    scorer: AnthropicScorer, script: Script, status: int, code: str
) -> None:
    script.fails(status, "some_error")
    with pytest.raises(Misconfigured) as caught:
        ask(scorer)
    assert caught.value.code == code
    assert caught.value.__suppress_context__
    assert "canary" not in f"{caught.value!r} {caught.value.sentence}"


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_request_that_they_reject_is_not_repeated(
    scorer: AnthropicScorer, script: Script, status: int
) -> None:
    script.fails(status, "invalid_request_error")
    with pytest.raises(Invalid) as caught:
        ask(scorer)
    assert caught.value.code == f"anthropic_rejected_{status}"
    assert len(script.asked) == 1


def test_Q17_a_slow_provider_is_given_up_in_time(scorer: AnthropicScorer, script: Script) -> None:
    script.says(json.dumps(FORM))
    script.wait = 1.5
    assert ask(scorer, timeout=0.2) == ModelUnavailable(None)
    assert len(script.asked) == 1


def test_no_connection_means_later() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    scorer = AnthropicScorer(KEY, ScoreAnswer, base_url=f"http://127.0.0.1:{port}")
    assert ask(scorer) == ModelUnavailable(None)
    scorer.close()


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"<html>busy</html>", "text/html"),
        (b"{}", "application/json"),
        (b"{", "application/json"),
        (b"[1]", "application/json"),
    ],
)
def test_Q17_an_answer_that_is_not_theirs_means_later(
    scorer: AnthropicScorer, script: Script, body: bytes, kind: str
) -> None:
    script.body, script.headers = body, {"content-type": kind}
    assert ask(scorer) == ModelUnavailable(None)


@pytest.mark.parametrize(
    "content", ["text", None, [None], [{"type": "text"}], [{"type": "text", "text": 5}], 7]
)
def test_Q17_a_message_without_readable_content_is_no_score(
    scorer: AnthropicScorer, script: Script, content: object
) -> None:
    script.says("", content=content)
    assert isinstance(ask(scorer), Declined)


def test_missing_counts_count_nothing(scorer: AnthropicScorer, script: Script) -> None:
    script.says(json.dumps(FORM), usage={"input_tokens": 5, "cache_read_input_tokens": None})
    scored = ask(scorer)
    assert isinstance(scored, Scored)
    assert (scored.input_tokens, scored.output_tokens) == (5, 0)


@pytest.fixture
def everything_logged(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> pytest.LogCaptureFixture:
    monkeypatch.setenv("ANTHROPIC_LOG", "debug")
    for name in ("anthropic", "httpx2", "httpcore2"):
        monkeypatch.setattr(logging.getLogger(name), "level", logging.DEBUG)
    caplog.set_level(logging.DEBUG)
    return caplog


def test_O4_G4_the_sdk_logs_neither_prompt_nor_key(
    scorer: AnthropicScorer, script: Script, everything_logged: pytest.LogCaptureFixture
) -> None:
    script.says(json.dumps(FORM | {"reason": BODY[:20]}))
    ask(scorer)
    script.fails(500, "api_error")
    ask(scorer)
    logged = everything_logged.text
    assert "canary" not in logged
    assert "system prompt" not in logged


def test_O4_the_key_is_not_shown(scorer: AnthropicScorer) -> None:
    assert KEY not in f"{scorer!r} {scorer}"


@pytest.mark.parametrize("key", ["", " ", "sk ant", "sk-ant\r\nx: y", "schlüssel"])
def test_a_key_that_cannot_be_one_stops_the_start(key: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        AnthropicScorer(key, ScoreAnswer)
    assert not key.strip() or key not in caught.value.sentence


def test_the_sdk_and_pydantic_wait_for_the_first_call() -> None:
    """Two seconds of import that no other function may pay."""
    import subprocess
    import sys

    code = "import sys, leadsrally.providers.anthropic.scorer as s, leadsrally.ai.minimise; print({'anthropic', 'pydantic'} & set(sys.modules))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "set()"
