"""Phone numbers as one canonical string: E.164, or nothing.

The plan's metadata (which area codes exist, how long numbers are in 240 regions) is Google's, in `phonenumbers` and,
from the same source, in `rphonenumbers`. It takes tens of milliseconds to import, so it is imported where a person or
a file brought a number, never in a webhook.
"""

import re
from functools import cache
from typing import Any, Final, NewType

Number = NewType("Number", str)

MAX_ADDRESS: Final = 64  # an alphanumeric sender has at most 11 characters; this is only a bound for storage

_CANONICAL: Final = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)  # ITU-T E.164: at most 15 digits
MAX_TYPED: Final = 250  # the limit that `phonenumbers` itself sets for a number as typed


def e164(raw: str, region: str | None) -> Number | None:
    """The number in E.164 when it is a valid one, else None. Never raises.

    `raw` is as a person or a file wrote it; `region` is the ISO 3166-1 alpha-2 code to assume for a number without
    a country code, or None to accept international numbers only. Extensions are dropped.
    """
    if len(raw) > MAX_TYPED:
        return None
    rust = _rust()
    if rust is not None and raw.isascii():
        return _parsed(rust, raw, region)
    import phonenumbers  # slow to import; see the head of this file

    return _north_american(raw, region) or _parsed(phonenumbers, raw, region)


def _parsed(library: Any, raw: str, region: str | None) -> Number | None:
    try:
        number = library.parse(raw, region.upper() if region else None)
    except library.NumberParseException:
        return None
    if not library.is_valid_number(number):
        return None
    return Number(library.format_number(number, library.PhoneNumberFormat.E164))


@cache
def _rust() -> Any:
    """`rphonenumbers`, several times as fast, where there is a wheel of it. It is young, so it sees ASCII only."""
    try:
        import rphonenumbers
    except ImportError:
        return None
    return rphonenumbers


# Most numbers of most files. Which ten digits are a number depends on area codes and exchanges that only the metadata
# knows, so a short cut by shape alone would let in two in five that do not exist: the plan's own patterns decide.
_PLAIN: Final = re.compile(r"\+?[0-9 ().-]{10,20}", re.ASCII)
_BESIDE_DIGITS: Final = str.maketrans("", "", " ().-")
_NORTH_AMERICA: Final = frozenset({"US", "CA"})


def _north_american(raw: str, region: str | None) -> Number | None:
    """A number of the plan of country code 1, written plainly. None says nothing: it may be another's."""
    if not _PLAIN.fullmatch(raw):
        return None
    digits = raw.translate(_BESIDE_DIGITS)
    if digits.startswith("+1"):
        national = digits[2:]
    elif region in _NORTH_AMERICA and not digits.startswith("+"):
        national = digits[1:] if len(digits) == 11 and digits.startswith("1") else digits
    else:
        return None
    return Number(f"+1{national}") if _plan_of_country_1().fullmatch(national) else None


@cache
def _plan_of_country_1() -> re.Pattern[str]:
    """Ten digits that are a number of some kind in one of the plan's 25 countries."""
    import phonenumbers
    from phonenumbers.phonemetadata import PhoneMetadata

    patterns: list[str] = []
    for region in phonenumbers.COUNTRY_CODE_TO_REGION_CODE[1]:
        plan: Any = PhoneMetadata.metadata_for_region(region, None)
        kinds = (
            plan.fixed_line,
            plan.mobile,
            plan.toll_free,
            plan.premium_rate,
            plan.shared_cost,
            plan.personal_number,
            plan.voip,
            plan.pager,
            plan.uan,
            plan.voicemail,
        )
        patterns += [
            f"(?={plan.general_desc.national_number_pattern}$)(?:{kind.national_number_pattern})"
            for kind in kinds
            if kind is not None and kind.national_number_pattern
        ]
    return re.compile(f"(?=[0-9]{{10}}$)(?:{'|'.join(patterns)})", re.ASCII)


def is_region(code: str) -> bool:
    """Whether numbers without a country code can be read as numbers of this ISO 3166-1 alpha-2 region."""
    import phonenumbers  # slow to import; see the head of this file

    return code in phonenumbers.SUPPORTED_REGIONS


def region_of(address: str) -> str | None:
    """The ISO 3166-1 alpha-2 region that a number in E.164 belongs to; None where there is none, or for no number."""
    import phonenumbers  # slow to import; see the head of this file

    if not is_canonical(address):
        return None
    return phonenumbers.region_code_for_number(phonenumbers.parse(address))


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
    if not address.startswith("+5"):
        return (address,)  # none of the three countries
    for pattern, digit, _ in _TWO_WAYS:
        found = pattern.fullmatch(address)
        if found is not None:
            before, extra, rest = found.groups()
            return address, f"{before}{'' if extra else digit}{rest}"
    return (address,)


def one_form(address: str) -> str:
    """The same string for both ways of writing a number; anything else as it is. For comparing only."""
    if not address.startswith("+5"):
        return address
    for pattern, _, kept in _TWO_WAYS:
        found = pattern.fullmatch(address)
        if found is not None:
            return f"{found[1]}{kept}{found[3]}"
    return address


def read(typed: str, region: str | None) -> Number | None:
    """As `e164`, for what may be written in the other of two ways, of which only one is valid today."""
    return e164(typed, region) or read_older(typed, region)


def read_older(typed: str, region: str | None) -> Number | None:
    """The number of what is none as it stands, but is one in the other of two ways, with a country code or without."""
    digits = "".join(character for character in typed if character in "0123456789")
    if typed.lstrip().startswith("+"):
        written = f"+{digits}"
    elif region in _CODES and not typed.strip("0123456789 ()-./\N{NO-BREAK SPACE}"):
        written = f"+{_CODES[region]}{digits.removeprefix('0')}"
    else:
        return None
    found = (e164(form, None) for form in variants(written)[1:])
    return next((form for form in found if form is not None), None)


_CODES: Final = {"BR": "55", "AR": "54", "MX": "52"}
