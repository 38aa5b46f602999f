"""A live test of a channel, line by line: what was looked at, how it is, what was found."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

# https://developers.facebook.com/documentation/business-messaging/whatsapp/access-tokens
WHATSAPP_SCOPES: Final = ("whatsapp_business_messaging", "whatsapp_business_management")
# https://developers.facebook.com/docs/marketing-api/guides/lead-ads/retrieving
LEAD_SCOPES: Final = (
    "leads_retrieval",
    "pages_manage_metadata",
    "pages_show_list",
    "pages_read_engagement",
    "ads_management",
    "pages_manage_ads",
)
CheckName = Literal[
    # a number at Twilio
    "sign_in",
    "account",
    "number",
    "texting",
    "webhook",
    "registration",
    # an app at Meta, and what its token may do
    "app",
    "token",
    "whatsapp_business_messaging",
    "whatsapp_business_management",
    "leads_retrieval",
    "pages_manage_metadata",
    "pages_show_list",
    "pages_read_engagement",
    "ads_management",
    "pages_manage_ads",
    # a WhatsApp number, beside `account`, `number` and `registration`
    "sending",
    "display_name",
    "quality",
    # a page
    "page",
    "forms",
    # how its news gets to us
    "callback",
    "fields",
    "subscribed",
    "challenge",
]


@dataclass(frozen=True, slots=True)
class Check:
    """One line. `reason` is a word of `troubles` or a code of the provider's; `found` is what was seen there.

    `advice` is no failure: it may stand in the way, or cannot be seen from here. `skipped` could not be looked at
    because of a line above.
    """

    check: CheckName
    state: Literal["passed", "failed", "advice", "skipped"]
    reason: str | None = None
    found: str | None = None


def first_failure(checks: Iterable[Check]) -> str | None:
    """The reason of the most fundamental line that failed; None: none has."""
    return next((check.reason or check.check for check in checks if check.state == "failed"), None)
