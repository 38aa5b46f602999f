"""Twilio's refusals: code, HTTP status, message, in the JSON shape the SDK turns into TwilioRestException.

Codes and meanings: https://www.twilio.com/docs/api/errors (one page per code, …/errors/21610).
The messages name the recipient as the real ones do, so that careless logging shows up in tests.
"""

from dataclasses import dataclass
from typing import Any

from starlette.responses import JSONResponse


@dataclass(eq=False)
class Refused(Exception):
    """Raised anywhere below a route; the application turns it into the provider's answer."""

    code: int
    detail: str = ""

    def response(self) -> JSONResponse:
        status, message = MEANINGS[self.code]
        return error_response(status, self.code, message.format(self.detail))


MEANINGS: dict[int, tuple[int, str]] = {
    20001: (400, "{}"),
    20003: (401, "Authenticate"),
    20008: (403, "Resource not accessible with Test Account Credentials"),
    20009: (409, "Cannot delete message because delivery has not been completed."),
    20404: (404, "The requested resource {} was not found"),
    20429: (429, "Too Many Requests"),
    21211: (400, "The 'To' number {} is not a valid phone number."),
    21212: (400, "The 'From' number {} is not a valid phone number, shortcode, or alphanumeric sender ID."),
    21408: (
        400,
        "Permission to send an SMS has not been enabled for the region indicated by the 'To' number: {}.",
    ),
    21421: (400, "{} is not a valid number"),
    21422: (400, "{} is not available."),
    21452: (400, "No phone numbers found in area code {}"),
    21602: (400, "Message body is required."),
    21603: (400, "A 'From' phone number is required."),
    21604: (400, "A 'To' phone number is required."),
    21606: (
        400,
        "The 'From' phone number provided ({}) is not a valid message-capable Twilio phone number for this destination.",
    ),
    21609: (400, "The 'StatusCallback' URL {} is not a valid URL."),
    21610: (400, "Attempt to send to unsubscribed recipient"),
    21611: (400, "This 'From' number {} has exceeded the maximum number of queued messages"),
    21612: (
        400,
        "The 'To' phone number: {}, is not currently reachable using the 'From' phone number via SMS.",
    ),
    21614: (400, "'To' number is not a valid mobile number: {}"),
    21617: (400, "The concatenated message body exceeds the 1600 character limit."),
    21703: (400, "The Messaging Service does not have a phone number available to send a message."),
    21704: (400, "The Messaging Service contains no phone numbers."),
    21705: (400, "The Messaging Service Sid {} is invalid."),
    21710: (409, "Phone Number or Short Code is already in the Messaging Service."),
    30409: (409, "The message is not in a state that can be canceled."),
}


def error_response(status: int, code: int, message: str) -> JSONResponse:
    body: dict[str, Any] = {
        "code": code,
        "message": message,
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }
    return JSONResponse(body, status)


def error_for(status: int) -> JSONResponse:
    """What an ordered status looks like when the order brings no body of its own."""
    match status:
        case 401:
            return Refused(20003).response()
        case 404:
            return Refused(20404, "").response()
        case 429:
            # https://www.twilio.com/docs/api/errors/20429: the request was never processed
            return Refused(20429).response()
        case 503:
            return error_response(503, 20503, "Service is temporarily unavailable")
        case _:
            return error_response(status, 20000 + min(status, 599), "An internal server error has occurred")


# Test credentials' magic numbers: https://www.twilio.com/docs/iam/test-credentials
MAGIC_FROM_VALID = "+15005550006"
MAGIC_FROM = {"+15005550001": 21212, "+15005550007": 21606, "+15005550008": 21611}
MAGIC_TO = {
    "+15005550001": 21211,
    "+15005550002": 21612,
    "+15005550003": 21408,
    "+15005550004": 21610,
    "+15005550009": 21614,
}

# Our own, in the same spirit: a text to +150050 followed by one of Twilio's delivery error codes is accepted
# and then fails with that code in the status callback. +15005030003 is an unreachable handset (30003).
ASYNC_FAILURE_PREFIX = "+150050"

# Failed before the carrier saw it; every other delivery error leaves the message `undelivered`.
# https://www.twilio.com/docs/messaging/guides/outbound-message-status-in-status-callbacks
FAILED_CODES = frozenset({21610, 30001, 30002, 30010, 30011, 30024, 30410})


def async_failure(to: str) -> int | None:
    """The error code a recipient stands for, if it is one of the numbers that fail after acceptance."""
    code = to.removeprefix(ASYNC_FAILURE_PREFIX)
    return int(code) if code != to and len(code) == 5 and code.startswith(("3", "6")) else None
