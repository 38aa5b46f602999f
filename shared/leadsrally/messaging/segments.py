"""How a text goes over the air: in which alphabet, in how many parts, and what forces the wider one.

3GPP TS 23.038 section 6.2.1 (the alphabet and its extension), TS 23.040 section 9.2.3.24.1 (six bytes of each part say
how the parts belong together). A text of the alphabet has 160 places, or 153 in each part; any other is sent in UTF-16
with 70 places, or 67. What takes two places is never divided between two parts:
https://www.twilio.com/docs/glossary/what-sms-character-limit
"""

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

Encoding = Literal["GSM-7", "UCS-2"]

_ALPHABET: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION: Final = frozenset("\f^{}\\[~]|€")  # each takes an escape and a place
_ROOM: Final[dict[Encoding, tuple[int, int]]] = {"GSM-7": (160, 153), "UCS-2": (70, 67)}

# What word processors, telephones and web pages put in where people typed something plainer.
_PLAINER: Final = {
    **dict.fromkeys("\N{LEFT DOUBLE QUOTATION MARK}\N{RIGHT DOUBLE QUOTATION MARK}", '"'),
    **dict.fromkeys("\N{DOUBLE LOW-9 QUOTATION MARK}\N{DOUBLE HIGH-REVERSED-9 QUOTATION MARK}", '"'),
    **dict.fromkeys("\N{LEFT-POINTING DOUBLE ANGLE QUOTATION MARK}", '"'),
    **dict.fromkeys("\N{RIGHT-POINTING DOUBLE ANGLE QUOTATION MARK}", '"'),
    **dict.fromkeys("\N{LEFT SINGLE QUOTATION MARK}\N{RIGHT SINGLE QUOTATION MARK}", "'"),
    **dict.fromkeys("\N{SINGLE LOW-9 QUOTATION MARK}\N{MODIFIER LETTER APOSTROPHE}", "'"),
    **dict.fromkeys("\N{PRIME}\N{GRAVE ACCENT}\N{ACUTE ACCENT}", "'"),
    **dict.fromkeys("\N{HYPHEN}\N{NON-BREAKING HYPHEN}\N{FIGURE DASH}\N{EN DASH}\N{EM DASH}", "-"),
    **dict.fromkeys("\N{HORIZONTAL BAR}\N{MINUS SIGN}\N{BULLET}", "-"),
    **dict.fromkeys("\N{ZERO WIDTH SPACE}\N{ZERO WIDTH NO-BREAK SPACE}\N{SOFT HYPHEN}\N{WORD JOINER}", ""),
    "\t": " ",
}


@dataclass(frozen=True, slots=True)
class Forcing:
    """A character that the alphabet does not have. `position` counts characters from 0."""

    position: int
    character: str
    instead: str | None  # what could be written for it; "" to leave it out, None when nothing says the same


@dataclass(frozen=True, slots=True)
class Parts:
    """`places` are those that the text takes, `left` those that the last part still has."""

    encoding: Encoding
    parts: int
    places: int
    left: int


def measure(text: str) -> Parts:
    """How many parts a text is sent in. An empty text is one."""
    encoding: Encoding = "GSM-7" if all(map(_in_alphabet, text)) else "UCS-2"
    alone, joined = _ROOM[encoding]
    widths = [_places(character, encoding) for character in text]
    places = sum(widths)
    if places <= alone:
        return Parts(encoding, 1, places, alone - places)
    parts, filled = _packed(widths, joined)
    return Parts(encoding, parts, places, joined - filled)


def _packed(widths: Iterable[int], room: int) -> tuple[int, int]:
    """How many parts hold these, each whole in one, and how full the last one is."""
    parts, filled = 1, 0
    for width in widths:
        if filled + width > room:
            parts, filled = parts + 1, 0
        filled += width
    return parts, filled


def forcing(text: str) -> Iterator[Forcing]:
    """Every character for which the text has to be sent in UTF-16, in its order."""
    for position, character in enumerate(text):
        if not _in_alphabet(character):
            yield Forcing(position, character, _instead(character))


def _in_alphabet(character: str) -> bool:
    return character in _ALPHABET or character in _EXTENSION


def _places(character: str, encoding: Encoding) -> int:
    if encoding == "GSM-7":
        return 2 if character in _EXTENSION else 1
    return 2 if ord(character) > 0xFFFF else 1


def _instead(character: str) -> str | None:
    """Something of the alphabet that says the same: never another letter, which would change a name."""
    if character in _PLAINER:
        return _PLAINER[character]
    same = unicodedata.normalize("NFKC", character)
    return same if same != character and all(map(_in_alphabet, same)) else None
