"""The customer API: assembles the nouns and gives errors their form. OpenAPI is the contract."""

import asyncio
import threading
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from mangum import Mangum
from starlette.exceptions import HTTPException

from functions.api import permissions, problems
from functions.api.routes import auth, conversations, deliveries, health, jobs, me, messages
from leadsrally import runtime
from leadsrally.kit.errors import HTTP_STATUS, Invalid, LeadsRallyError
from leadsrally.kit.gateway import Event, Response, problem_of
from leadsrally.telemetry import log


class Api(FastAPI):
    def openapi(self) -> dict[str, Any]:
        contract = super().openapi()
        problems.declare(contract)
        permissions.declare(contract, self.routes)
        return contract


app = Api(
    title="LeadsRally",
    version="1",
    summary="Conversations with leads over SMS and WhatsApp, with permission kept.",
    docs_url=None,
    redoc_url=None,
    responses=problems.problems(500, 503),
)
for noun in (auth, me, conversations, messages, deliveries, jobs, health):
    app.include_router(noun.router)


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
    fields = [
        {"field": ".".join(str(part) for part in found["loc"]), "problem": _unquoted(found["msg"])}
        for found in error.errors()
    ]
    body = {**problem_of(problem), "errors": fields}
    return JSONResponse(body, HTTP_STATUS[problem.kind], media_type=problems.MEDIA_TYPE)


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
        if not hasattr(_own, "loop"):
            _own.loop = _Loop()
        return _adapter(event, context)
