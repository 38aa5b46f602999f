"""Check a request as the API does, and read the prompt out of it.

https://platform.claude.com/docs/en/api/messages and, for what API version 2026-10-21 took away,
https://platform.claude.com/docs/en/api/migration-2026-10-21
"""

from collections.abc import Iterator, Mapping
from typing import Any

from infra.simulators.anthropic.errors import Refused

_GONE = ("temperature", "top_p", "top_k")
_KNOWN = frozenset(
    {
        "cache_control", "container", "context_management", "diagnostics", "inference_geo", "max_tokens",
        "messages", "metadata", "model", "output_config", "service_tier", "speed", "stop_sequences", "stream",
        "system", "thinking", "tool_choice", "tools",
    }
)  # fmt: skip
_EFFORTS = frozenset({"low", "medium", "high", "xhigh", "max"})


def check(body: Any) -> dict[str, Any]:
    """The body, or Refused with the status and the kind of sentence the API answers with."""
    if not isinstance(body, dict):
        raise Refused(400, "The request body is not valid JSON.")
    for name in ("model", "max_tokens", "messages"):
        if name not in body:
            raise Refused(400, f"{name}: Field required")
    for name in _GONE:
        if name in body:
            raise Refused(400, f"{name}: sampling parameters are no longer supported")
    for name in body:
        if name not in _KNOWN:
            raise Refused(400, f"{name}: Extra inputs are not permitted")
    if not isinstance(body["max_tokens"], int) or body["max_tokens"] < 0:
        raise Refused(400, "max_tokens: Input should be a valid non-negative integer")
    if not str(body["model"]).startswith("claude-"):
        raise Refused(404, f"model: {body['model']}")
    _check_messages(body["messages"], str(body["model"]))
    _check_output(body.get("output_config") or {})
    return body


def _check_messages(messages: Any, model: str) -> None:
    if not isinstance(messages, list) or not messages:
        raise Refused(400, "messages: at least one message is required")
    for index, message in enumerate(messages):
        if not isinstance(message, dict) or message.get("role") not in ("user", "assistant"):
            raise Refused(400, f"messages.{index}.role: Input should be 'user' or 'assistant'")
        if not list(_texts(message.get("content"))):
            raise Refused(400, f"messages.{index}: text content blocks must be non-empty")
    if messages[-1]["role"] == "assistant" and model.startswith("claude-haiku-5-5"):
        raise Refused(400, "This model does not support assistant message prefill.")


def _check_output(config: Mapping[str, Any]) -> None:
    if config.get("effort") is not None and config["effort"] not in _EFFORTS:
        raise Refused(400, f"output_config.effort: Input should be one of {sorted(_EFFORTS)}")
    wanted = config.get("format")
    if wanted is None:
        return
    if wanted.get("type") != "json_schema" or not isinstance(wanted.get("schema"), dict):
        raise Refused(400, "output_config.format: a json_schema with a schema is required")
    for path, schema in _objects(wanted["schema"], "schema"):
        if schema.get("additionalProperties") is not False:
            raise Refused(
                400,
                f"output_config.format.{path}: For 'object' type, 'additionalProperties' must be explicitly set to false",
            )


def _objects(schema: Any, path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(schema, list):
        for index, part in enumerate(schema):
            yield from _objects(part, f"{path}.{index}")
    elif isinstance(schema, dict):
        if schema.get("type") == "object":
            yield path, schema
        for name, part in schema.items():
            if isinstance(part, dict | list) and name not in {"enum", "required", "const"}:
                yield from _objects(part, f"{path}.{name}")


def prompt(body: Mapping[str, Any]) -> str:
    """Everything the user's turns say, in order."""
    return "\n".join(
        text
        for message in body["messages"]
        if message["role"] == "user"
        for text in _texts(message["content"])
    )


def _texts(content: Any) -> Iterator[str]:
    if isinstance(content, str) and content.strip():
        yield content
    elif isinstance(content, list):
        for block in content:
            if isinstance(block, dict) and (text := block.get("text") or block.get("thinking")):
                yield str(text)
            elif isinstance(block, dict) and block.get("type") not in (None, "text"):
                yield ""


def schema_of(body: Mapping[str, Any]) -> dict[str, Any] | None:
    wanted = (body.get("output_config") or {}).get("format")
    return wanted["schema"] if wanted else None
