"""Resend's errors: https://resend.com/docs/api-reference/errors"""

from dataclasses import dataclass

from starlette.responses import JSONResponse

_NAMES = {
    400: "validation_error",
    401: "missing_api_key",
    403: "invalid_api_key",
    404: "not_found",
    405: "method_not_allowed",
    409: "concurrent_idempotent_requests",
    422: "validation_error",
    429: "rate_limit_exceeded",
    451: "security_error",
    500: "application_error",
}
_MESSAGES = {
    409: "Another request with the same idempotency key is in progress.",
    429: "Too many requests.",
    500: "Something went wrong.",
}


@dataclass(eq=False)
class Refused(Exception):
    status: int
    message: str
    name: str | None = None

    def response(self) -> JSONResponse:
        name = self.name or _NAMES.get(self.status, "application_error")
        return JSONResponse({"statusCode": self.status, "name": name, "message": self.message}, self.status)


def error_for(status: int) -> JSONResponse:
    """What an ordered status looks like when the order brings no body of its own."""
    return Refused(status, _MESSAGES.get(status, f"simulated {status}")).response()
