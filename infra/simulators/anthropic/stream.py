"""The same message as server-sent events.

https://platform.claude.com/docs/en/build-with-claude/streaming
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

_PIECE = 24


def events(message: Mapping[str, Any]) -> Iterator[bytes]:
    opening = {**message, "content": [], "stop_reason": None, "stop_sequence": None}
    opening["usage"] = {**message["usage"], "output_tokens": 1}
    yield _frame("message_start", {"message": opening})
    yield _frame("ping", {})
    for index, block in enumerate(message["content"]):
        kind = block["type"]
        text: str = block[kind]
        empty = {**block, kind: ""} | ({"signature": ""} if kind == "thinking" else {})
        yield _frame("content_block_start", {"index": index, "content_block": empty})
        for at in range(0, len(text), _PIECE):
            delta = {"type": f"{kind}_delta", kind: text[at : at + _PIECE]}
            yield _frame("content_block_delta", {"index": index, "delta": delta})
        if kind == "thinking":
            delta = {"type": "signature_delta", "signature": block["signature"]}
            yield _frame("content_block_delta", {"index": index, "delta": delta})
        yield _frame("content_block_stop", {"index": index})
    ending = {key: message.get(key) for key in ("stop_reason", "stop_sequence", "stop_details")}
    yield _frame("message_delta", {"delta": ending, "usage": message["usage"]})
    yield _frame("message_stop", {})


def _frame(name: str, data: Mapping[str, Any]) -> bytes:
    return f"event: {name}\ndata: {json.dumps({'type': name, **data})}\n\n".encode()
