"""Phone numbers as one canonical string: E.164, or nothing.

The plan's metadata (which area codes exist, how long numbers are in 240 regions) is Google's, in `phonenumbers`.
It takes tens of milliseconds to import, so it is imported where a person typed a number, never in a webhook.
"""

import re
from typing import Final, NewType

Number = NewType("Number", str)

MAX_ADDRESS: Final = 64  # an alphanumeric sender has at most 11 characters; this is only a bound for storage

_CANONICAL: Final = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)  # ITU-T E.164: at most 15 digits
MAX_TYPED: Final = 250  # the limit that `phonenumbers` itself sets for a number as typed


def e164(raw: str, region: str | None) -> Number | None:
    """The number in E.164 when it is a valid one, else None. Never raises.

    `raw` is as a person or a file wrote it; `region` is the ISO 3166-1 alpha-2 code to assume for a number without
    a country code, or None to accept international numbers only. Extensions are dropped. There is no short cut for
    clean North American numbers: which of them exist depends on area codes that only the metadata knows (two in five
    of all well-formed ones do not), so a rule by shape alone would let them in.
    """
    import phonenumbers  # slow to import; see the head of this file

    if len(raw) > MAX_TYPED:
        return None
    try:
        number = phonenumbers.parse(raw, region.upper() if region else None)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return Number(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def is_region(code: str) -> bool:
    """Whether numbers without a country code can be read as numbers of this ISO 3166-1 alpha-2 region."""
    import phonenumbers  # slow to import; see the head of this file

    return code in phonenumbers.SUPPORTED_REGIONS


def is_canonical(address: str) -> bool:
    """Whether `address` already has the form of an E.164 number: `+` and 7 to 15 digits. Imports nothing."""
    return _CANONICAL.fullmatch(address) is not None


def from_provider(raw: str) -> str:
    """A sender or recipient as a provider reported it, trimmed and at most 64 characters. Imports nothing.

    Providers give numbers in E.164 already. Short codes and names are kept as given, since a reply must go back to
    exactly that. The answer is empty when nothing was given.
    """
    return raw.strip()[:MAX_ADDRESS]


# Three countries write some mobile numbers in two ways, and WhatsApp does not always use the one that E.164 has:
# Brazil's ninth digit (added in 2016; before it mobile numbers had eight digits and began with 6 to 9),
# Argentina's 9 between country and area (https://en.wikipedia.org/wiki/Telephone_numbers_in_Argentina) and
# Mexico's 1, given up in 2019.
_IN_BRAZIL: Final = re.compile(r"(\+55[1-9][0-9])(9?)([6-9][0-9]{7})", re.ASCII)
_IN_ARGENTINA: Final = re.compile(r"(\+54)(9?)([1-8][0-9]{9})", re.ASCII)
_IN_MEXICO: Final = re.compile(r"(\+52)(1?)([2-9][0-9]{9})", re.ASCII)
_TWO_WAYS: Final = ((_IN_BRAZIL, "9", "9"), (_IN_ARGENTINA, "9", "9"), (_IN_MEXICO, "1", ""))


def variants(address: str) -> tuple[str, ...]:
    """The number as given, and after it the other way to write the same one where there is one.

    For looking somebody up, never for storing or sending: what a provider gave is what it wants back.
    """
    for pattern, digit, _ in _TWO_WAYS:
        found = pattern.fullmatch(address)
        if found is not None:
            before, extra, rest = found.groups()
            return address, f"{before}{'' if extra else digit}{rest}"
    return (address,)


def one_form(address: str) -> str:
    """The same string for both ways of writing a number; anything else as it is. For comparing only."""
    for pattern, _, kept in _TWO_WAYS:
        found = pattern.fullmatch(address)
        if found is not None:
            return f"{found[1]}{kept}{found[3]}"
    return address
