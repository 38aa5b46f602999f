"""The Graph API's refusals: code, type, message and details, under an HTTP status that says little.

The same code is seen under several statuses in the wild, so each refusal takes the next of its list; nobody who goes
by the status gets far. https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes
"""

import secrets
from collections import Counter
from dataclasses import dataclass
from typing import Any

from starlette.responses import JSONResponse


@dataclass(eq=False)
class Refused(Exception):
    """Raised anywhere below a route; the application turns it into the answer. `detail` fills the gap."""

    code: int
    detail: str = ""
    subcode: int | None = None

    def response(self, seen: Counter[int]) -> JSONResponse:
        statuses, kind, title, details = MEANINGS.get(self.code, _OTHER)
        status = statuses[seen[self.code] % len(statuses)]
        seen[self.code] += 1
        body = error_body(self.code, kind, title, details.format(self.detail))
        if self.subcode is not None:
            body["error"]["error_subcode"] = self.subcode
        return JSONResponse(body, status)


_OAUTH, _METHOD = "OAuthException", "GraphMethodException"
_OTHER = ((400,), _OAUTH, "Something went wrong", "{}")

MEANINGS: dict[int, tuple[tuple[int, ...], str, str, str]] = {
    0: ((401,), _OAUTH, "AuthException", "Unable to authenticate the app user."),
    1: ((400, 500), _OAUTH, "API Unknown", "Possible server error."),
    2: ((503,), _OAUTH, "API Service", "Temporary due to downtime or due to being overloaded."),
    3: ((500,), _OAUTH, "API Method", "Capability or permissions issue."),
    4: (
        (400, 403),
        _OAUTH,
        "Application request limit reached",
        "The app has reached its API call rate limit.",
    ),
    10: ((403,), _OAUTH, "Application does not have permission for this action", "Permission is missing: {}"),
    33: ((400,), _METHOD, "Parameter value is not valid", "The business phone number has been deleted."),
    100: ((400,), _OAUTH, "Invalid parameter", "{}"),
    190: ((401, 400), _OAUTH, "Error validating access token", "Your access token has expired."),
    200: ((403,), _OAUTH, "API Permission", "Permission is missing: {}"),
    368: ((403,), _OAUTH, "Temporarily blocked for policies violations", "The account was restricted."),
    613: ((429,), _OAUTH, "Calls to this api have exceeded the rate limit", "Too many calls."),
    80007: (
        (400, 429),
        _OAUTH,
        "Rate limit issues",
        "The WhatsApp Business Account has reached its rate limit.",
    ),
    130429: ((403, 429), _OAUTH, "Rate limit hit", "Cloud API message throughput has been reached."),
    130472: ((400,), _OAUTH, "User's number is part of an experiment", "The message was not sent."),
    130497: ((403,), _OAUTH, "Business account is restricted in this country", "Restricted."),
    131000: ((500, 400), _OAUTH, "Something went wrong", "Message failed to send due to an unknown error."),
    131005: ((403,), _OAUTH, "Access denied", "Permission is either not granted or has been removed."),
    131008: ((400,), _OAUTH, "Required parameter is missing", "{} is required."),
    131009: ((400,), _OAUTH, "Parameter value is not valid", "{}"),
    131016: ((500, 503), _OAUTH, "Service unavailable", "A service is temporarily unavailable."),
    131021: ((400,), _OAUTH, "Recipient cannot be sender", "Sender and recipient phone number is the same."),
    131026: ((400,), _OAUTH, "Message undeliverable", "Unable to deliver message."),
    131030: ((400,), _OAUTH, "Recipient phone number not in allowed list", "{} is not in the allowed list."),
    131031: ((403,), _OAUTH, "Account has been locked", "The account was disabled."),
    131037: ((400,), _OAUTH, "Display name approval needed", "The number needs an approved display name."),
    131042: (
        (400,),
        _OAUTH,
        "Business eligibility payment issue",
        "There was an error with the payment method.",
    ),
    131045: ((500, 400), _OAUTH, "Incorrect certificate", "The phone number is not registered."),
    131047: (
        (400,),
        _OAUTH,
        "Re-engagement message",
        "More than 24 hours have passed since the recipient last replied.",
    ),
    131048: ((400, 403), _OAUTH, "Spam rate limit hit", "Restrictions on how many messages can be sent."),
    131049: (
        (400,),
        _OAUTH,
        "Meta chose not to deliver",
        "In order to maintain a healthy ecosystem engagement.",
    ),
    131050: ((400,), _OAUTH, "User opted out of marketing", "The recipient has stopped marketing messages."),
    131051: ((400,), _OAUTH, "Unsupported message type", "Message type {} is not supported."),
    131052: ((400,), _OAUTH, "Media download error", "Unable to download the media sent by the user."),
    131053: ((400,), _OAUTH, "Media upload error", "{}"),
    131056: (
        (403, 400),
        _OAUTH,
        "(Business Account, Consumer Account) pair rate limit hit",
        "Too many messages to one user.",
    ),
    131057: ((500,), _OAUTH, "Account in maintenance mode", "The account is in maintenance mode."),
    131062: (
        (400,),
        _OAUTH,
        "BSUID not supported here",
        "This message cannot be sent to a business-scoped user id.",
    ),
    131063: ((400,), _OAUTH, "Marketing templates are disabled here", "Use the marketing endpoint."),
    132000: ((400,), _OAUTH, "Number of parameters does not match the expected number of params", "{}"),
    132001: (
        (404, 400),
        _OAUTH,
        "Template name does not exist in the translation",
        "template name ({}) does not exist",
    ),
    132005: ((400,), _OAUTH, "Translated text too long", "{}"),
    132007: ((400,), _OAUTH, "Template format character policy violated", "{}"),
    132012: ((400,), _OAUTH, "Parameter format does not match format in the created template", "{}"),
    132015: ((400,), _OAUTH, "Template is paused", "The template is paused due to low quality."),
    132016: ((400,), _OAUTH, "Template is disabled", "The template was paused too many times."),
    133010: ((400,), _OAUTH, "Phone number not registered", "Register the number first."),
}


def error_body(code: int, kind: str, title: str, details: str) -> dict[str, Any]:
    return {
        "error": {
            "message": f"(#{code}) {title}",
            "type": kind,
            "code": code,
            "error_data": {"messaging_product": "whatsapp", "details": details},
            "fbtrace_id": secrets.token_urlsafe(8),
        }
    }


def in_status(code: int) -> dict[str, Any]:
    """The same error as a `failed` status tells it."""
    _, _, title, details = MEANINGS.get(code, _OTHER)
    return {
        "code": code,
        "title": title,
        "message": title,
        "error_data": {"details": details.format("")},
        "href": "https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes",
    }


def error_for(status: int) -> JSONResponse:
    """What an ordered status carries when the order brings no body of its own."""
    code = {401: 190, 403: 10, 429: 130429, 503: 2}.get(status, 131000)
    _, kind, title, details = MEANINGS[code]
    return JSONResponse(error_body(code, kind, title, details.format("")), status)


# Our own, in the spirit of Twilio's magic numbers: +1500, a six-digit code and 0 is a recipient to whom a message is
# accepted and then fails with that code; with 1 at the end the call itself is refused. +15001310260: not on WhatsApp.
_MAGIC = "1500"


def magic(wa_id: str) -> tuple[int, bool] | None:
    """The code a recipient stands for, and whether it is told at once."""
    code, last = wa_id[4:10], wa_id[10:]
    if wa_id.startswith(_MAGIC) and code.isdigit() and code.startswith("13") and last in ("0", "1"):
        return int(code), last == "1"
    return None
