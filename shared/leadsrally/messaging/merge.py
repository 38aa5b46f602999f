"""Gaps in a text of ours that are filled with what is known of a person: `{{first_name|there}}`.

A tiny language of its own, and on purpose no more: a name, and behind a bar what to say when there is nothing. Nothing
is looked up but names that were handed in, values are never read again as a text with gaps, and whatever else stands
between double braces is refused instead of sent (I10).
"""

import re
from collections.abc import Mapping
from typing import Final

from leadsrally.kit.errors import Invalid

LONGEST_FALLBACK: Final = 200
# Not of the person: it stays a gap here, and is filled when the message is queued (opt_out_words.py).
_FILLED_LATER: Final = frozenset({"unsubscribe_link"})
_GAP: Final = re.compile(r"\{\{\s*([a-z][a-z0-9_]{0,63})\s*(?:\|([^{}|\r\n]*))?\}\}", re.ASCII)


def names_in(text: str) -> list[str]:
    """The names that a text asks for, each once, in their order. Raises `Invalid` for a gap that is none."""
    if any("{{" in between or "}}" in between for between in _GAP.sub("\0", text).split("\0")):
        raise _wrong(
            "Write a gap as {{first_name|there}}: a name, a bar, and what to say when it is not known."
        )
    return list(dict.fromkeys(gap[1] for gap in _GAP.finditer(text) if not _is_filled_later(gap)))


def fill(text: str, values: Mapping[str, str]) -> str:
    """The text with its gaps filled; one without gaps is returned as it is.

    `values` holds every name there is, empty where nothing is known of this person. Raises `Invalid` for a name that
    is not there, for a gap that is none, and for one that would stay empty.
    """
    if not values.keys() >= set(names_in(text)):
        raise _wrong(f"A gap asks for what is not there. There are: {', '.join(sorted(values))}.")
    return _GAP.sub(lambda gap: gap[0] if _is_filled_later(gap) else _filled(gap[1], gap[2], values), text)


def _is_filled_later(gap: re.Match[str]) -> bool:
    return gap[1] in _FILLED_LATER and gap[2] is None


def _filled(name: str, fallback: str | None, values: Mapping[str, str]) -> str:
    known = " ".join(values[name].split())
    if known:
        return known
    instead = (fallback or "").strip()
    if not instead:
        raise Invalid(
            f"Nothing is known of this person's {name}. Say what to write instead: {{{{{name}|there}}}}.",
            code="merge_field_missing",
        )
    if len(instead) > LONGEST_FALLBACK:
        raise _wrong(f"What stands behind the bar has at most {LONGEST_FALLBACK} characters. Shorten it.")
    return instead


def _wrong(sentence: str) -> Invalid:
    return Invalid(sentence, code="merge_field")
