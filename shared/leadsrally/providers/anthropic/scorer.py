"""Asks Anthropic's Messages API to fill in the scoring form. Knows their wire, nothing of our conversations.

Contract: POST /v1/messages with `output_config.format` (structured outputs), API version 2026-10-21 as the official
SDK 2.x sends it. https://platform.claude.com/docs/en/build-with-claude/structured-outputs
"""

import logging
import math
from collections.abc import Mapping
from json import JSONDecodeError
from threading import Lock
from typing import TYPE_CHECKING, Any, cast

from leadsrally.ai.types import AnswerForm, Declined, ModelUnavailable, Scored
from leadsrally.kit.errors import Invalid, LeadsRallyError, Misconfigured

if TYPE_CHECKING:
    import anthropic
    from anthropic.types import Message

BASE_URL = "https://api.anthropic.com"
MODEL = "claude-haiku-5-5"
MAX_TOKENS = 700  # the form in full, in a language that needs many tokens, is about 450
LONGEST_RETRY_AFTER = 900.0  # seconds; a larger value is a mistake or an attack, and would park the job
CONNECT_SECONDS = 5.0

# Their words for "put your account right"; no retry helps until a person has done so.
_OPERATOR: dict[int, tuple[str, str]] = {
    401: ("anthropic_credentials", "Anthropic does not accept the API key."),
    402: ("anthropic_billing", "Anthropic asks for payment."),
    403: ("anthropic_forbidden", "The Anthropic API key may not use this model or workspace."),
    404: ("anthropic_model_unknown", "Anthropic does not know the model in the settings."),
}
# 408 and 409 are theirs to repair like any 5xx (529 is "overloaded"); the SDK's own retry list says the same.
_TRANSIENT = frozenset({408, 409, 429})


class AnthropicScorer:
    """Implements `leadsrally.ai.types.Scorer`. Safe to share between threads.

    The SDK is imported at the first call, not before: it takes one to two seconds, and only this function needs it.
    """

    __slots__ = ("_api_key", "_base_url", "_client", "_form", "_lock", "_model")

    def __init__(
        self, api_key: str, form: type[AnswerForm], *, model: str = MODEL, base_url: str = BASE_URL
    ) -> None:
        if not (api_key and api_key.isascii() and api_key.isprintable() and " " not in api_key):
            raise Misconfigured(
                "The Anthropic API key is missing or malformed.", code="anthropic_credentials"
            )
        self._api_key = api_key
        self._form = form
        self._model = model
        self._base_url = base_url
        self._client: anthropic.Anthropic | None = None
        self._lock = Lock()

    def __repr__(self) -> str:
        return f"AnthropicScorer(model={self._model!r})"

    def score(
        self, system: str, conversation: str, *, timeout: float
    ) -> Scored | Declined | ModelUnavailable:
        """Asks once. `timeout` in seconds holds for the connection and for each wait on it."""
        import anthropic

        try:
            answered = self._connected().messages.create(
                model=self._model,
                max_tokens=MAX_TOKENS,
                system=system,
                messages=[{"role": "user", "content": conversation}],
                output_config={"format": {"type": "json_schema", "schema": self._schema()}},
                # A form needs no thinking, and thinking would be paid for and counted against `max_tokens`.
                thinking={"type": "disabled"},
                timeout=anthropic.Timeout(timeout, connect=min(CONNECT_SECONDS, timeout)),
            )
        except anthropic.APIStatusError as error:
            if error.status_code in _TRANSIENT or error.status_code >= 500:
                return ModelUnavailable(retry_after(error.response.headers))
            raise _unacceptable(error.status_code) from None  # their text may quote the request
        except (anthropic.APIError, JSONDecodeError, UnicodeDecodeError):
            return ModelUnavailable(None)  # no connection, no answer in time, or a body that is not even JSON
        message = cast(
            "object", answered
        )  # the SDK promises a type and does not check: a proxy's page gets this far
        if not isinstance(message, anthropic.types.Message) or message.type != "message":
            return ModelUnavailable(None)
        return self._read(message)

    def _read(self, message: "Message") -> Scored | Declined:
        model, spent = message.model or self._model, _spent(message)
        match message.stop_reason:
            case "refusal":
                return Declined("refusal", model, *spent)
            case "max_tokens" | "model_context_window_exceeded":
                return Declined("truncated", model, *spent)
            case _:
                pass
        try:
            answer = self._form.model_validate_json(_text(message)).checked()
        except ValueError:
            return Declined("nonsense", model, *spent)
        return Scored(answer, model, *spent)

    def _schema(self) -> dict[str, Any]:
        # Not `messages.parse`: it raises on a cut or invalid answer and drops the message with its token counts,
        # and those tokens were paid for. The schema it would send is the same.
        from anthropic import transform_schema

        return transform_schema(self._form)  # pyright: ignore[reportArgumentType]  (the form is a pydantic model)

    def _connected(self) -> "anthropic.Anthropic":
        with self._lock:
            if self._client is None:
                import anthropic

                # At debug level, which an environment variable can turn on, they log whole requests.
                for name in ("anthropic", "httpx2", "httpcore2"):
                    logging.getLogger(name).setLevel(logging.WARNING)
                self._client = anthropic.Anthropic(
                    api_key=self._api_key,
                    base_url=self._base_url,
                    max_retries=0,  # the job retries; the SDK would sleep as long as a header tells it to
                    open_telemetry=False,  # its spans can carry content when the environment says so
                )
            return self._client

    def close(self) -> None:
        """Closes the connections. The next call opens new ones."""
        with self._lock:
            if self._client is not None:
                self._client.close()
                self._client = None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, from `retry-after-ms` or `retry-after`, at most 900. None when absent or not a number."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers[name]) * unit
        except (KeyError, ValueError):
            continue
        if math.isfinite(seconds) and seconds >= 0:
            return min(seconds, LONGEST_RETRY_AFTER)
    return None


def _unacceptable(status: int) -> LeadsRallyError:
    if status in _OPERATOR:
        code, sentence = _OPERATOR[status]
        return Misconfigured(sentence, code=code)
    return Invalid("Anthropic did not accept the scoring request.", code=f"anthropic_rejected_{status}")


def _text(message: "Message") -> str:
    """What was said, chosen by type and never by place: a thinking block may come first."""
    blocks = cast("object", message.content)
    if not isinstance(blocks, list):
        return ""
    said = (
        getattr(block, "text", None) for block in message.content if getattr(block, "type", None) == "text"
    )
    return "".join(text for text in said if isinstance(text, str))


def _spent(message: "Message") -> tuple[int, int, int, int]:
    """Tokens of the prompt, of the answer, and of the prompt those read from and written to their cache.

    Their `input_tokens` is only what was neither read from it nor written to it.
    """
    fresh, made, read, written = (
        _count(message, name)
        for name in (
            "input_tokens",
            "output_tokens",
            "cache_read_input_tokens",
            "cache_creation_input_tokens",
        )
    )
    return fresh + read + written, made, read, written


def _count(message: "Message", name: str) -> int:
    count = getattr(message.usage, name, None)
    return count if isinstance(count, int) and count > 0 else 0
