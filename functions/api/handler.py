"""The customer API: assembles the nouns and gives errors their form. OpenAPI is the contract."""

import asyncio
import threading
from collections.abc import Sequence
from typing import Any

from fastapi import Depends, Request
from fastapi import Response as Answer
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from mangum import Mangum
from starlette.exceptions import HTTPException

from functions.api import limits, problems
from functions.api.contract import INTRODUCTION, Api, operation_id
from functions.api.routes import (
    account,
    api_keys,
    audit_log,
    auth,
    billing,
    bulk,
    businesses,
    channels,
    consents,
    contacts,
    conversations,
    deliveries,
    disclosures,
    docs,
    erasures,
    exports,
    fields,
    health,
    imports,
    invitations,
    jobs,
    lead_forms,
    leads,
    me,
    members,
    merges,
    messages,
    notes,
    notifications,
    organization,
    policy,
    previews,
    processing,
    replies,
    retention,
    second_factor,
    segments,
    sessions,
    suppressions,
    tags,
    templates,
    uploads,
)
from leadsrally import runtime
from leadsrally.kit.errors import HTTP_STATUS, Invalid, LeadsRallyError, TooLarge
from leadsrally.kit.gateway import Event, Response, problem_of, refuse
from leadsrally.telemetry import log


async def unstored(answer: Answer) -> None:
    """Answers are one person's, and some hand out a token: no cache keeps any (RFC 6749 section 5.1)."""
    answer.headers["cache-control"] = "no-store"


app = Api(
    title="LeadsRally",
    version="1",
    summary="Conversations with leads over SMS and WhatsApp, with permission kept.",
    description=INTRODUCTION,
    docs_url=None,
    redoc_url=None,
    dependencies=[Depends(limits.known_query), Depends(unstored)],
    responses=problems.problems(422, 500, 503),
    generate_unique_id_function=operation_id,
)
app.nouns = (
    auth,
    me,
    second_factor,
    sessions,
    notifications,
    organization,
    members,
    invitations,
    api_keys,
    audit_log,
    channels,
    businesses,
    bulk,  # before contacts, whose ids its words would be taken for, as those of merges
    merges,
    contacts,
    notes,
    fields,
    tags,
    segments,
    imports,
    consents,
    suppressions,
    conversations,
    replies,
    previews,
    messages,
    uploads,
    templates,
    leads,
    lead_forms,
    deliveries,
    disclosures,
    exports,
    billing,
    policy,
    processing,
    retention,
    erasures,
    account,
    jobs,
    health,
)
for noun in app.nouns:
    app.include_router(noun.router)
app.include_router(docs.router)


@app.exception_handler(LeadsRallyError)
def expected(_request: Request, error: LeadsRallyError) -> JSONResponse:
    headers = {} if error.retry_after is None else {"retry-after": str(int(error.retry_after) + 1)}
    if HTTP_STATUS[error.kind] == 401:
        headers["www-authenticate"] = "Bearer"
    return JSONResponse(problem_of(error), HTTP_STATUS[error.kind], headers, media_type=problems.MEDIA_TYPE)


@app.exception_handler(RequestValidationError)
def malformed(_request: Request, error: RequestValidationError) -> JSONResponse:
    """Says which field is wrong and why, and repeats nothing of what was sent."""
    problem = Invalid("Some fields are missing or not as they should be.", code="malformed")
    fields = [{"field": _known(found["loc"]), "problem": _unquoted(found["msg"])} for found in error.errors()]
    body = {**problem_of(problem), "errors": fields}
    return JSONResponse(body, HTTP_STATUS[problem.kind], media_type=problems.MEDIA_TYPE)


def _known(place: Sequence[int | str]) -> str:
    """The way to a field, without the names that only its sender knows."""
    return ".".join(str(part) for part in place if isinstance(part, int) or part in app.field_names)


def _unquoted(told: str) -> str:
    """The sentence without the detail after its comma, which may name a character of what was sent."""
    return told.partition(", invalid ")[0]


@app.exception_handler(HTTPException)
def unknown_route(_request: Request, error: HTTPException) -> JSONResponse:
    if error.status_code == 400:  # what the framework says of a body that is no text at all
        return expected(_request, Invalid("The body cannot be read as JSON.", code="malformed"))
    body = {
        "type": f"urn:leadsrally:problem:http_{error.status_code}",
        "title": "not found" if error.status_code == 404 else "not possible",
        "status": error.status_code,
        "detail": str(error.detail),
        "code": f"http_{error.status_code}",
    }
    return JSONResponse(body, error.status_code, error.headers, media_type=problems.MEDIA_TYPE)


@app.exception_handler(Exception)
def unexpected(_request: Request, error: Exception) -> JSONResponse:
    runtime.of("api").surprised(error)
    body = {
        "type": "urn:leadsrally:problem:broken",
        "title": "broken",
        "status": 500,
        "detail": "Something broke on our side. It has been reported; try again in a moment.",
        "code": "broken",
    }
    return JSONResponse(body, 500, media_type=problems.MEDIA_TYPE)


_own = threading.local()


class _Loop:
    """The event loop of one thread. Mangum takes the thread's current one; only a main thread is born with it."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self._loop)

    def __del__(self) -> None:
        self._loop.close()


_own.loop = _Loop()  # before the adapter, which would make one that nobody closes
_adapter = Mangum(app, lifespan="off")


def handler(event: Event, context: Any) -> Response:
    """One request of API Gateway through the ASGI application."""
    with log.bound(function="api", request_id=event["requestContext"]["requestId"]):
        if limits.size(event) > limits.MAX_BODY:
            return refuse(
                TooLarge("The body is larger than 1 MiB. Send less at a time.", code="body_too_large")
            )
        if not hasattr(_own, "loop"):
            _own.loop = _Loop()
        return _adapter(event, context)
