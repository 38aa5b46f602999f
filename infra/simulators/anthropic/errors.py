"""Anthropic's errors.

https://platform.claude.com/docs/en/api/errors
"""

import secrets
from dataclasses import dataclass

from starlette.responses import JSONResponse

TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    413: "request_too_large",
    422: "unprocessable_entity_error",
    429: "rate_limit_error",
    500: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}

_MESSAGES = {
    401: "invalid x-api-key",
    429: "This request would exceed your organization's rate limit.",
    500: "Internal server error",
    529: "Overloaded",
}


def new_request_id() -> str:
    return f"req_{secrets.token_hex(12)}"


@dataclass(eq=False)
class Refused(Exception):
    status: int
    message: str

    def response(self) -> JSONResponse:
        return error_response(self.status, self.message)


def error_response(status: int, message: str) -> JSONResponse:
    request_id = new_request_id()
    return JSONResponse(
        {
            "type": "error",
            "error": {"type": TYPES.get(status, "api_error"), "message": message},
            "request_id": request_id,
        },
        status,
        {"request-id": request_id},
    )


def error_for(status: int) -> JSONResponse:
    """What an ordered status looks like when the order brings no body of its own."""
    return error_response(status, _MESSAGES.get(status, f"simulated {status}"))
