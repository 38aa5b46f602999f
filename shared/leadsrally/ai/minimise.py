"""What of a conversation leaves the house for scoring: the last few messages, short, without who wrote them.

The result is data inside one pair of tags. A message can neither close the tags nor add a line that looks like
somebody else's, so what a contact writes stays recognisable as what a contact wrote.
"""

import re
import unicodedata
from collections.abc import Sequence

from leadsrally.ai.types import Snippet
from leadsrally.telemetry import redaction

MESSAGES = 8
CHARACTERS = 500
NAME_MARK = "[name]"
TAG = "conversation"

_SPEAKER = {"inbound": "contact", "outbound": "business"}
_WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)?")
_LETTERS = re.compile(r"[^\W\d_]+")
# Parts of names that are everyday words of some language; hiding them would hide half of a Spanish or Dutch text.
_PARTICLES = frozenset(
    {
        "al", "am", "bin", "da", "das", "de", "del", "della", "den", "der", "di", "do", "dos", "dr", "du", "el", "la",
        "las", "le", "les", "los", "mr", "mrs", "ms", "san", "st", "van", "vom", "von", "y", "zu",
    }
)  # fmt: skip
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


def minimise(messages: Sequence[Snippet], names: Sequence[str]) -> str:
    """The text for the model: at most the last eight of `messages` (oldest first), each at most 500 characters.

    Telephone numbers, e-mail addresses, links, long numbers and the words of `names` become `[phone]`,
    `[email]`, `[link]`, `[number]` and `[name]`. Names are found whatever their case and accents, and not when
    they are spelled otherwise than in `names`.
    """
    hidden = _hidden(names)
    lines = [
        f"{_SPEAKER[message.direction]}: {_shown(message.body, hidden)}" for message in messages[-MESSAGES:]
    ]
    return "\n".join([f"<{TAG}>", *lines, f"</{TAG}>"])


def _shown(body: str, hidden: frozenset[str]) -> str:
    text = _without_names(redaction.replaced(_flat(body)), hidden)
    if len(text) > CHARACTERS:
        text = text[: CHARACTERS - 1] + "…"
    return text or "[no text]"


def _flat(body: str) -> str:
    """One line in one form: full-width digits and letters become plain ones, invisible characters go."""
    plain = unicodedata.normalize("NFKC", body)
    kept = "".join(_plain(character) for character in plain)
    return " ".join(kept.split())


def _plain(character: str) -> str:
    # No angle bracket survives, so no tag can be opened or closed from inside.
    if character in "<>":
        return "\u2039" if character == "<" else "\u203a"  # the single quotation marks that look like them
    match unicodedata.category(character):
        case "Cf":
            return ""  # zero-width characters, which would otherwise split a number in two
        case "Cc" | "Cs" | "Co" | "Zl" | "Zp":
            return " "
        case _:
            return character


def _hidden(names: Sequence[str]) -> frozenset[str]:
    # Both the parts of a name and the whole of it: O'Neil is also written ONeil.
    words = {_folded(word) for name in names for word in _LETTERS.findall(name)}
    words |= {_folded(re.sub("['\u2019]", "", word)) for name in names for word in _WORD.findall(name)}
    return frozenset(
        word for word in words if (len(word) > 1 or _UNSPACED.match(word)) and word not in _PARTICLES
    )


def _without_names(text: str, hidden: frozenset[str]) -> str:
    if not hidden:
        return text
    text = _WORD.sub(lambda found: _named(found[0], hidden), text)
    # Scripts without spaces have no words to compare, so there the name is looked for anywhere.
    for name in sorted((word for word in hidden if _UNSPACED.search(word)), key=len, reverse=True):
        text = text.replace(name, NAME_MARK)
    return text


def _named(word: str, hidden: frozenset[str]) -> str:
    first, apart, rest = word.replace("\u2019", "'").partition("'")
    if _folded(word) in hidden or _folded(first + rest) in hidden:
        return NAME_MARK
    parts = [NAME_MARK if _folded(part) in hidden else part for part in (first, rest)]
    return parts[0] + apart + parts[1] if NAME_MARK in parts else word


def _folded(word: str) -> str:
    """Without case and accents: José, JOSE and jose are one name."""
    apart = unicodedata.normalize("NFKD", word.casefold())
    return unicodedata.normalize("NFC", "".join(mark for mark in apart if not unicodedata.combining(mark)))
