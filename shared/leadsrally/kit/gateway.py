"""HTTP as API Gateway's payload 2.0 brings it, and the answers it takes.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any

from leadsrally.kit.errors import HTTP_STATUS, Invalid, LeadsRallyError

Event = dict[str, Any]
Response = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """One request. `body` is the bytes on the wire; header names are in lower case."""

    method: str
    route: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    parameters: dict[str, str]
    source_ip: str | None
    id: str


def read(event: Event) -> Request:
    """The request inside an event. Raises `Invalid` when the body is flagged base64 and is not."""
    context = event["requestContext"]
    http = context["http"]
    body: str = event.get("body") or ""
    try:
        raw = base64.b64decode(body, validate=True) if event.get("isBase64Encoded") else body.encode()
    except (binascii.Error, ValueError):
        raise Invalid("The body cannot be decoded.", code="body_not_base64") from None
    return Request(
        method=http["method"],
        route=event.get("routeKey", ""),
        path=event["rawPath"],
        query=event.get("rawQueryString", ""),
        headers=event["headers"],
        body=raw,
        parameters=event.get("pathParameters") or {},
        source_ip=http.get("sourceIp"),
        id=context["requestId"],
    )


def answer(status: int, body: str, content_type: str) -> Response:
    """A whole response. API Gateway guesses a content type that is left out, and guesses JSON."""
    return {"statusCode": status, "headers": {"content-type": content_type}, "body": body}


def problem_of(error: LeadsRallyError) -> dict[str, Any]:
    """RFC 9457 problem details: what went wrong and what to do, never an echo of the input."""
    return {
        "type": f"urn:leadsrally:problem:{error.code}",
        "title": error.kind.value.replace("_", " "),
        "status": HTTP_STATUS[error.kind],
        "detail": error.sentence,
        "code": error.code,
    }


def refuse(error: LeadsRallyError) -> Response:
    response = answer(HTTP_STATUS[error.kind], json.dumps(problem_of(error)), "application/problem+json")
    if error.retry_after is not None:
        response["headers"]["retry-after"] = str(int(error.retry_after) + 1)
    return response
