"""A phone number as a cell of a spreadsheet holds it: read, repaired where it is clear how, or refused with a reason."""

import re
from array import array
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

from leadsrally.kit.phone import Number, e164, read, read_older

Damage = Literal[
    "phone_missing",
    "phone_rounded",
    "phone_no_digits",
    "phone_no_country",
    "phone_too_short",
    "phone_too_long",
    "phone_letters",
    "phone_invalid",
]
Repair = Literal[
    "extension_dropped",
    "letters_read",
    "double_zero_read",
    "trunk_zero_dropped",
    "zero_restored",
    "plus_restored",
    "decimals_dropped",
    "older_form_read",
]


class Reading(NamedTuple):
    """The number, and what was done to the cell to get it; or why there is none."""

    number: Number | None
    remark: Damage | Repair | None = None


_PLAIN: Final = re.compile(r"\+?[0-9 ().\-]*", re.ASCII)
_ROUNDED: Final = re.compile(r"[0-9]+(?:[.,][0-9]+)?[eE]\+?[0-9]+", re.ASCII)
_DECIMALS: Final = re.compile(r"(\+?[0-9]{7,15})[.,]0+", re.ASCII)
_DOUBLE_ZERO: Final = re.compile(r"\(?00\)?(?=[\s(./-]*[1-9])", re.ASCII)
_TRUNK_ZERO: Final = re.compile(r"\(\s*0\s*\)", re.ASCII)
_NOT_DIALLED: Final = re.compile(r"[^0-9+]", re.ASCII)


def read_number(cell: str, country: str | None) -> Reading:
    """`country` is the region to assume for a number without a country code. Never raises."""
    text = cell.strip()
    number = e164(text, country)
    if number is not None:
        return Reading(number, None if _PLAIN.fullmatch(text) else _beside(text))
    if not text:
        return Reading(None, "phone_missing")
    number = read_older(text, country)
    if number is not None:
        return Reading(number, "older_form_read")
    # Excel shows a long number as 1.2E+10, and saves what it shows: the last digits are gone.
    if _ROUNDED.fullmatch(text):
        return Reading(None, "phone_rounded")
    return _repaired(text, country) or Reading(None, _damage(text, country))


def _beside(text: str) -> Repair | None:
    """What was in the cell beside the number, when it was more than punctuation."""
    if not any(character.isalpha() or character in "#;" for character in text):
        return None
    head, _, _ = text.partition(next(c for c in text if c.isalpha() or c in "#;"))
    return "extension_dropped" if sum(map(str.isdigit, head)) >= 7 else "letters_read"


def _repaired(text: str, country: str | None) -> Reading | None:
    for other, region, repair in _other_readings(text, country):
        number = read(other, region)
        if number is not None:
            return Reading(number, repair)
    return None


def _other_readings(text: str, country: str | None) -> Iterator[tuple[str, str | None, Repair]]:
    """How what is no number as it stands may have been meant, the surest first."""
    dialled = _NOT_DIALLED.sub("", text)
    if found := _DECIMALS.fullmatch(text):
        yield found[1], country, "decimals_dropped"
    if _DOUBLE_ZERO.match(text):
        yield _DOUBLE_ZERO.sub("+", text, count=1), None, "double_zero_read"
    if _TRUNK_ZERO.search(text):
        yield _TRUNK_ZERO.sub(" ", text), country, "trunk_zero_dropped"
    if not dialled.isdigit():
        return
    if country is not None:
        yield f"0{dialled}", country, "zero_restored"
    # Excel takes a leading plus as arithmetic and drops it. Shorter ones may be a mistyped national number.
    if 11 <= len(dialled) <= 15 and not dialled.startswith("0"):
        yield f"+{dialled}", None, "plus_restored"


def _damage(text: str, country: str | None) -> Damage:
    digits = sum(character.isdigit() for character in text)
    if digits == 0:
        return "phone_no_digits"
    if any(character.isalpha() for character in text):
        return "phone_letters"
    if digits < 7:
        return "phone_too_short"
    if digits > 15:
        return "phone_too_long"
    return "phone_no_country" if country is None and not text.startswith("+") else "phone_invalid"


class Seen:
    """The numbers of a file so far, exactly, in a table of eight bytes a slot: 16 MB for a million, where a set takes 60.

    A number in E.164 has fifteen digits at most, so as an integer it is below 2^50 and stands for itself.
    """

    __slots__ = ("_mask", "_slots")

    def __init__(self, at_most: int) -> None:
        """`at_most`: how many there can be."""
        size = 1 << (at_most * 3 // 2 | 1023).bit_length()
        self._slots = array("Q", bytes(8 * size))
        self._mask = size - 1

    def add(self, number: Number) -> bool:
        """Remember it. Returns False when it was here before."""
        value, slots, mask = int(number), self._slots, self._mask
        place = hash(number) & mask
        while held := slots[place]:
            if held == value:
                return False
            place = (place + 1) & mask
        slots[place] = value
        return True
