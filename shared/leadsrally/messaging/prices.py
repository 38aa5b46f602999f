"""What a message is likely to cost at its provider. Estimates: a dated table of list prices, and no bill.

Micro units of a currency (a millionth), so that a part of a cent is a whole number. SMS and MMS: Twilio's list price for
a long code, https://www.twilio.com/en-us/sms/pricing/us and …/ca, before the carriers' fees, taxes and whatever a customer
has agreed with Twilio. WhatsApp: within the 24 hours a message that is no template costs nothing,
https://developers.facebook.com/documentation/business-messaging/whatsapp/pricing. What is not in the table is not guessed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

CURRENCY: Final = "USD"
TWILIO_AS_OF: Final = date(2026, 7, 1)
META_AS_OF: Final = date(2026, 5, 21)
TWILIO: Final = "https://www.twilio.com/en-us/sms/pricing"
META: Final = "https://developers.facebook.com/documentation/business-messaging/whatsapp/pricing"

# By the region of the recipient's number (ISO 3166-1 alpha-2).
SMS_PART: Final[Mapping[str, int]] = {"US": 8_300, "CA": 8_300}
MMS: Final[Mapping[str, int]] = {"US": 22_000}


@dataclass(frozen=True, slots=True)
class Price:
    """An estimate. `micros` are millionths of `currency`; `source` is a page that says so, as it was at `as_of`."""

    micros: int
    currency: str
    as_of: date
    source: str


def of_sms(region: str | None, parts: int) -> Price | None:
    """A text in so many parts to a number there; None where no price is known here."""
    each = SMS_PART.get(region or "")
    return None if each is None else Price(each * parts, CURRENCY, TWILIO_AS_OF, TWILIO)


def of_mms(region: str | None) -> Price | None:
    """A message with files to a number there; None where no price is known here."""
    each = MMS.get(region or "")
    return None if each is None else Price(each, CURRENCY, TWILIO_AS_OF, TWILIO)


def of_whatsapp_answer() -> Price:
    """What is no template, within the 24 hours after the person wrote."""
    return Price(0, CURRENCY, META_AS_OF, META)
