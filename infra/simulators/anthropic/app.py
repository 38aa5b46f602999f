"""The Anthropic simulator: the Messages API for the SDK, answered by simple rules or from a script.

POST   {base}/v1/messages     as https://platform.claude.com/docs/en/api/messages
POST   {base}/_sim/answers    a list of scripted answers, each used once, oldest first:
       {"refusal": true}      200 with stop_reason refusal and no content
       {"truncate": true}     the usual answer cut off, stop_reason max_tokens
       {"text": "…"}          this text, whatever was asked for
       {"json": {…}}          this value as JSON
       {"thinking_first": true, …}   a thinking block before the answer
DELETE {base}/_sim/answers    withdraw them
"""

import json
import secrets
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from infra.simulators.anthropic import errors, fitting, rules
from infra.simulators.anthropic import request as asked
from infra.simulators.anthropic.errors import Refused
from infra.simulators.anthropic.stream import events
from infra.simulators.anthropic.usage import PromptCache, tokens
from infra.simulators.recorder import Recorder

_SCRIPTABLE = frozenset({"refusal", "truncate", "text", "json", "thinking_first"})
_THOUGHT = f"{rules.MARK} Looking for tell-tale words."

# Per minute; the figures of a starting tier: https://platform.claude.com/docs/en/api/rate-limits
_LIMITS = {"requests": 1000, "tokens": 550_000, "input-tokens": 450_000, "output-tokens": 90_000}

Answerer = Callable[[str, Mapping[str, Any] | None], Any]


def by_rules(prompt: str, schema: Mapping[str, Any] | None) -> Any:
    """A value for the schema; without one, a text."""
    reading = rules.read(prompt)
    return reading.reply if schema is None else fitting.fit(schema, reading)


class AnthropicSimulator:
    """ASGI application. Give the SDK its address: `Anthropic(base_url="http://127.0.0.1:8000/simulators/anthropic")`.

    `api_keys` None accepts any key that is not blank. `answer` replaces the rules.
    """

    def __init__(self, api_keys: Iterable[str] | None = None, *, answer: Answerer = by_rules) -> None:
        self.api_keys = None if api_keys is None else frozenset(api_keys)
        self.answer = answer
        self.cache = PromptCache()
        self.script: deque[dict[str, Any]] = deque()
        self.recorder = Recorder(
            Starlette(
                routes=[
                    Route("/v1/messages", self._messages, methods=["POST"]),
                    Route("/_sim/answers", self._script, methods=["POST", "DELETE"]),
                ],
                exception_handlers={Refused: _refused, 404: _not_found, 405: _not_found},
            ),
            error_for=errors.error_for,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.recorder(scope, receive, send)

    async def _messages(self, request: Request) -> Response:
        self._authenticate(request)
        if "anthropic-version" not in request.headers:
            raise Refused(400, "anthropic-version: header is required")
        try:
            body = asked.check(json.loads(await request.body()))
        except ValueError:
            raise Refused(400, "The request body is not valid JSON.") from None
        message = self._message(body)
        headers = {"request-id": errors.new_request_id(), **_rate_limit_headers()}
        if body.get("stream"):
            return StreamingResponse(events(message), headers=headers, media_type="text/event-stream")
        return JSONResponse(message, headers=headers)

    def _authenticate(self, request: Request) -> None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        key = request.headers.get("x-api-key") or (token if scheme.lower() == "bearer" else "")
        if not key or (self.api_keys is not None and key not in self.api_keys):
            raise Refused(401, "invalid x-api-key" if key else "x-api-key header is required")

    def _message(self, body: dict[str, Any]) -> dict[str, Any]:
        order = self.script.popleft() if self.script else {}
        content: list[dict[str, Any]] = []
        stop_reason, stop_details, thinking = "end_turn", None, 0
        if order.get("refusal"):
            stop_reason = "refusal"
            stop_details = {"type": "refusal", "category": None, "explanation": f"{rules.MARK} refused"}
            text = ""
        else:
            if order.get("thinking_first"):
                thinking = tokens(_THOUGHT)
                content.append(
                    {"type": "thinking", "thinking": _THOUGHT, "signature": secrets.token_urlsafe(24)}
                )
            text = self._text(body, order)
            room = (body["max_tokens"] - thinking) * 4
            if order.get("truncate"):
                room = min(room, len(text) // 2)
            if len(text) > room:
                text, stop_reason = text[: max(room, 0)], "max_tokens"
            if text:
                content.append({"type": "text", "text": text, "citations": None})
        return {
            "id": f"msg_{secrets.token_hex(12)}",
            "type": "message",
            "role": "assistant",
            "model": body["model"],
            "content": content,
            "stop_reason": stop_reason,
            "stop_sequence": None,
            "stop_details": stop_details,
            "usage": self.cache.usage(body, tokens(text) + thinking, thinking),
        }

    def _text(self, body: dict[str, Any], order: Mapping[str, Any]) -> str:
        if "text" in order:
            return str(order["text"])
        value = order["json"] if "json" in order else self.answer(asked.prompt(body), asked.schema_of(body))
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

    async def _script(self, request: Request) -> Response:
        if request.method == "DELETE":
            self.script.clear()
            return Response(status_code=204)
        try:
            given = json.loads(await request.body())
        except ValueError:
            return JSONResponse({"problem": "Not JSON."}, 400)
        orders = given if isinstance(given, list) else [given]
        for order in orders:
            if not isinstance(order, dict) or not set(order) <= _SCRIPTABLE:
                return JSONResponse(
                    {
                        "problem": f"A scripted answer is an object with some of {', '.join(sorted(_SCRIPTABLE))}."
                    },
                    400,
                )
        self.script.extend(orders)
        return JSONResponse({"open": len(self.script)})


def _rate_limit_headers() -> dict[str, str]:
    reset = (datetime.now(UTC) + timedelta(seconds=60)).strftime("%Y-%m-%dT%H:%M:%SZ")
    headers: dict[str, str] = {}
    for name, limit in _LIMITS.items():
        headers[f"anthropic-ratelimit-{name}-limit"] = str(limit)
        headers[f"anthropic-ratelimit-{name}-remaining"] = str(limit - 1)
        headers[f"anthropic-ratelimit-{name}-reset"] = reset
    return headers


async def _refused(_: Request, refusal: Exception) -> Response:
    assert isinstance(refusal, Refused)
    return refusal.response()


async def _not_found(_: Request, __: Exception) -> Response:
    return errors.error_response(404, "Not found")
