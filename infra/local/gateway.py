"""HTTP in, API Gateway's payload 2.0 out: what the functions see here is what they see on AWS.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

import base64
import json
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote
from uuid import uuid4

from infra.local.functions import Function

MAX_BODY = 10 * 1024 * 1024  # API Gateway's own limit
_TEXT = re.compile(
    r"^(text/|application/(json|x-www-form-urlencoded|xml|[\w.+-]*\+(json|xml)))", re.IGNORECASE
)

Headers = Sequence[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Route:
    method: str
    path: str
    pattern: re.Pattern[str]
    function: Function

    @property
    def key(self) -> str:
        return f"{self.method} {self.path}"


class Routes:
    """The routes of all functions; the most literal one wins, as in API Gateway."""

    def __init__(self, functions: Sequence[Function]) -> None:
        self._routes = sorted(
            (
                Route(method, path, _pattern(path), function)
                for function in functions
                for method, path in function.routes
            ),
            key=lambda route: ("+}" in route.path, route.path.count("{"), route.method == "*"),
        )

    def match(self, method: str, path: str) -> tuple[Route, dict[str, str]] | None:
        for route in self._routes:
            if route.method in (method, "*") and (found := route.pattern.fullmatch(path)):
                return route, found.groupdict()
        return None

    def knows(self, path: str) -> bool:
        """Whether the path exists under any method."""
        return any(route.pattern.fullmatch(path) for route in self._routes)


def _pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"(\{\w+\+?\})", path)
    return re.compile("".join(_part(part) for part in parts))


def _part(part: str) -> str:
    if part.startswith("{"):
        name = part.strip("{+}")
        return f"(?P<{name}>.+)" if part.endswith("+}") else f"(?P<{name}>[^/]+)"
    return re.escape(part)


def event(
    route: Route,
    parameters: dict[str, str],
    *,
    method: str,
    path: str,
    query: str,
    headers: Headers,
    body: bytes,
    source_ip: str,
    protocol: str,
) -> dict[str, Any]:
    """The event of one request. Absent parts are absent, as in the real thing."""
    joined: dict[str, str] = {}
    cookies: list[str] = []
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        if name == "cookie":
            cookies += [cookie.strip() for cookie in value.split(";") if cookie.strip()]
        else:
            joined[name] = f"{joined[name]},{value}" if name in joined else value
    now = time.time()
    made: dict[str, Any] = {
        "version": "2.0",
        "routeKey": route.key,
        "rawPath": path,
        "rawQueryString": query,
        "headers": joined,
        "requestContext": {
            "accountId": "local",
            "apiId": "local",
            "domainName": joined.get("host", "localhost"),
            "domainPrefix": "local",
            "http": {
                "method": method,
                "path": path,
                "protocol": protocol,
                "sourceIp": source_ip,
                "userAgent": joined.get("user-agent", ""),
            },
            "requestId": str(uuid4()),
            "routeKey": route.key,
            "stage": "$default",
            "time": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
            "timeEpoch": int(now * 1000),
        },
        "isBase64Encoded": False,
    }
    if cookies:
        made["cookies"] = cookies
    if parameters:
        made["pathParameters"] = {name: unquote(value) for name, value in parameters.items()}
    if query:
        repeated: dict[str, str] = {}
        for name, value in parse_qsl(query, keep_blank_values=True):
            repeated[name] = f"{repeated[name]},{value}" if name in repeated else value
        made["queryStringParameters"] = repeated
    if body:
        made["body"], made["isBase64Encoded"] = _encoded(body, joined.get("content-type", ""))
    return made


def _encoded(body: bytes, content_type: str) -> tuple[str, bool]:
    if _TEXT.match(content_type):
        try:
            return body.decode(), False
        except UnicodeDecodeError:
            pass
    return base64.b64encode(body).decode(), True


def answer(result: Any) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """Status, headers and body of what a handler returned; a bare value becomes 200 JSON, as on AWS."""
    if not isinstance(result, dict) or "statusCode" not in result:
        return 200, [(b"content-type", b"application/json")], json.dumps(result).encode()
    body = result.get("body") or ""
    raw = base64.b64decode(body) if result.get("isBase64Encoded") else body.encode()
    headers = [
        (name.lower().encode("latin-1"), str(value).encode("latin-1"))
        for name, value in (result.get("headers") or {}).items()
        if name.lower() != "content-length"
    ]
    headers += [(b"set-cookie", cookie.encode("latin-1")) for cookie in result.get("cookies") or []]
    return int(result["statusCode"]), [*headers, (b"content-length", str(len(raw)).encode())], raw
