"""Token counts that behave like the real ones: roughly sized, and honest about the prompt cache.

https://platform.claude.com/docs/en/build-with-claude/prompt-caching
"""

import hashlib
import json
import time
from collections.abc import Mapping
from typing import Any

_LETTERS_PER_TOKEN = 4

# Below this a prompt is silently not cached; by beginning of the model's name, longest first.
_CACHE_MINIMUM = {"claude-haiku-4-5": 4096, "claude-opus-5": 512}
_CACHE_MINIMUM_OTHERWISE = 1024
_LIFETIMES = {"5m": 300.0, "1h": 3600.0}


def tokens(text: str) -> int:
    return -(-len(text) // _LETTERS_PER_TOKEN)


class PromptCache:
    """Remembers cached beginnings of prompts: up to the last block that carries `cache_control`."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}

    def usage(self, body: Mapping[str, Any], output: int, thinking: int) -> dict[str, Any]:
        pieces = _pieces(body)
        total = sum(tokens(text) for text, _ in pieces)
        marked = [index for index, (_, ttl) in enumerate(pieces) if ttl]
        created = read = 0
        ttl = "5m"
        if marked:
            ttl = pieces[marked[-1]][1] or "5m"
            start = [text for text, _ in pieces[: marked[-1] + 1]]
            size = sum(tokens(text) for text in start)
            if size >= _minimum(str(body["model"])):
                key = hashlib.sha256("\0".join([str(body["model"]), *start]).encode()).hexdigest()
                fresh = self._until.get(key, 0.0) > time.monotonic()
                created, read = (0, size) if fresh else (size, 0)
                self._until[key] = time.monotonic() + _LIFETIMES.get(ttl, 300.0)
        return {
            "input_tokens": total - created - read,
            "output_tokens": output,
            "cache_creation_input_tokens": created,
            "cache_read_input_tokens": read,
            "cache_creation": {
                "ephemeral_5m_input_tokens": 0 if ttl == "1h" else created,
                "ephemeral_1h_input_tokens": created if ttl == "1h" else 0,
            },
            "output_tokens_details": {"thinking_tokens": thinking},
            "server_tool_use": None,
            "service_tier": "standard",
            "inference_geo": "global",
        }


def _minimum(model: str) -> int:
    return next(
        (size for name, size in _CACHE_MINIMUM.items() if model.startswith(name)), _CACHE_MINIMUM_OTHERWISE
    )


def _pieces(body: Mapping[str, Any]) -> list[tuple[str, str | None]]:
    """The prompt in the order the cache sees it: tools, system, messages; each with its cache lifetime."""
    found: list[tuple[str, str | None]] = [
        (json.dumps(tool, sort_keys=True), _ttl(tool)) for tool in body.get("tools") or ()
    ]
    for content in (body.get("system"), *(message.get("content") for message in body["messages"])):
        if isinstance(content, str):
            found.append((content, None))
        elif isinstance(content, list):
            found += [(str(block.get("text", "")), _ttl(block)) for block in content]
    if found and body.get("cache_control"):
        found[-1] = (found[-1][0], _ttl(body))
    return found


def _ttl(block: Mapping[str, Any]) -> str | None:
    control = block.get("cache_control")
    return (control.get("ttl") or "5m") if control else None
