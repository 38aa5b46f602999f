"""Does this text end, resume or ask about messages? Pure: the same text has the same answer, and no clock or store.

It runs before anything else looks at an inbound message, so it is quick on ordinary text and never raises.

What was chosen, where the law and the carriers leave room:

* An opt-out word counts when it is the whole message, in any disguise a phone or a person adds: case, accents,
  punctuation, emoji, full width, invisible characters, spaced or stretched letters, politeness, a signature.
* "Whole" is the test, because every word has another life: "stop by at 5" is an invitation. A word inside other text
  is `unclear`: the caller pauses sending and a person looks. Words of everyday speech ("end", "cancel") are only
  noticed at the edge of a short text; words like TD or ALTO not at all (`words.EDGE`, `words.FIRST`).
* A sentence that leaves no doubt is a `refusal`: it opts out at once, and a person reviews it, since a rule may err.
  Where a rule could be read both ways it is written to answer `unclear`, which also stops the sending.
* Resuming is harder than ending: YES must stand entirely alone.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from leadsrally.consent import refusals, words

Signal = Literal["stop", "start", "yes", "help", "refusal", "unclear"]

_UNIVERSAL: Final = frozenset(
    (*words.FCC, *words.TWILIO, *words.CARRIER, *words.VARIANTS, *words.START, *words.HELP)
)
LANGUAGES: Final = frozenset(words.STOP_BY_LANGUAGE)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a text says about messages themselves.

    * `stop`: exactly an opt-out word. Opted out at once.
    * `refusal`: an unmistakable refusal in other words. Opted out at once, and reviewed by a person.
    * `unclear`: an opt-out word or part of a refusal inside other text. Sending pauses and a person is asked.
    * `start`: a word that resumes. `yes`: only YES; resumes if the person is opted out, which the caller knows.
    * `help`: a word that asks who is writing.
    * None: nothing of the kind.

    `word` is the listed word or rule that matched, fit for evidence and logs: never the text itself.
    """

    signal: Signal | None
    word: str | None


NOTHING: Final = Reading(None, None)


def languages_of(word: str | None) -> frozenset[str]:
    """Which languages list this word. None of them where law or carriers do, or where it is a rule's name."""
    if word is None or word in _UNIVERSAL:
        return frozenset()
    lists = (words.STOP_BY_LANGUAGE, words.START_BY_LANGUAGE, words.HELP_BY_LANGUAGE)
    return frozenset(language for listed in lists for language, its in listed.items() if word in its)


def read(text: str, languages: Iterable[str] = LANGUAGES) -> Reading:
    """Read one inbound text. Never raises.

    `languages` are ISO 639-1 codes whose opt-out words count besides the English and carrier words, which always do;
    unknown codes are ignored. Longer refusals are recognised in all languages: withholding one protects nobody.
    """
    listed = _listed(languages if isinstance(languages, frozenset) else frozenset(languages))
    folded = _fold(text)
    said = folded.replace("|", " ").split()
    if not said:
        return Reading("unclear", "stop") if "\U0001f6d1" in text else NOTHING  # only a stop sign

    exact = _exact(text, said, listed)
    if exact is not None:
        return exact
    if _NOTICED.isdisjoint(said):
        return NOTHING
    return _in_words(text, folded, said, listed)


def offers_a_way_out(text: str) -> bool:
    """Whether a text of ours tells how to opt out: it names a word that does, such as STOP."""
    return _STRONG_INSIDE.search(_fold(text).replace("|", " ")) is not None


# --- folding -----------------------------------------------------------------------------------------------------

_APOSTROPHES: Final = "'\u2018\u2019\u201b\u02bc\u02b9`\u2032\uff07"
_CLAUSE_MARKS: Final = ".!?;,:\n\r\u2026\u2014\u2013\u3002\uff0c\u2028\u2029\u00a1\u00bf"
_INVISIBLE_LETTERS: Final = "\u115f\u1160\u3164\uffa0"  # Hangul fillers count as letters and show nothing
_CACHED_CHARACTERS: Final = 4096


class _Folding(dict[int, str]):
    """How each character is seen, for `str.translate`: itself, a space, a clause mark, or nothing.

    Filled as characters are met, up to a limit, so that no text can make it grow without end.
    """

    def __missing__(self, code: int) -> str:
        seen = _seen(chr(code))
        if len(self) < _CACHED_CHARACTERS:
            self[code] = seen
        return seen


def _seen(character: str) -> str:
    if character in _APOSTROPHES or character in _INVISIBLE_LETTERS:
        return ""
    if character in _CLAUSE_MARKS:
        return "|"
    category = unicodedata.category(character)
    if category[0] in "LN":
        return character.lower()
    if category[0] == "M" or category in ("Cf", "Cs") or character == "\x00":
        return ""  # accents, zero-width and direction marks, variation selectors, halves of broken pairs
    return " "


_FOLDING: Final = _Folding()


def _fold(text: str) -> str:
    if not text.isascii():
        # Compatibility decomposition turns full-width, circled and mathematical letters into plain ones and parts
        # letters from their accents; what of it is still a capital is lowered by the table.
        text = unicodedata.normalize("NFKD", text.replace("\u00b4", "'").casefold())
    return text.translate(_FOLDING)


# --- the whole message is a word ---------------------------------------------------------------------------------

# What may stand around a word. Not counted when asking whether a message is short enough to be nothing but a word.
_COMPANY: Final = (
    words.POLITE | words.FILLERS | {part for phrase in words.POLITE_PHRASES for part in phrase.split()}
)
_LONGEST_WORD: Final = 4  # "quiero darme de baja"
_LONGEST_SAID: Final = 30
_LONGEST_FIRST_LINES: Final = 200


@dataclass(frozen=True, slots=True)
class _Listed:
    stop: frozenset[str]
    strong: frozenset[str]
    other: dict[str, Reading]


@lru_cache(maxsize=64)
def _listed(languages: frozenset[str]) -> _Listed:
    stop: set[str] = {*words.FCC, *words.TWILIO, *words.CARRIER, *words.VARIANTS}
    start, helping = set[str](words.START), set[str](words.HELP)
    for language in languages:
        stop.update(words.STOP_BY_LANGUAGE.get(language, ()))
        start.update(words.START_BY_LANGUAGE.get(language, ()))
        helping.update(words.HELP_BY_LANGUAGE.get(language, ()))
    other = {word: Reading("start", word) for word in start} | {
        word: Reading("help", word) for word in helping
    }
    return _Listed(frozenset(stop), words.STRONG & stop, other)


# Latin letters as they are drawn in Cyrillic and Greek. Only for telling whether a whole message is a listed word.
_LOOK_ALIKES: Final = str.maketrans(
    "\u0430\u0432\u0435\u043a\u043c\u043d\u043e\u0440\u0441\u0442\u0443\u0445\u0455\u0456\u0458\u0501"
    "\u03b1\u03b2\u03b5\u03b6\u03b7\u03b9\u03ba\u03bc\u03bd\u03bf\u03c1\u03c4\u03c5\u03c7",
    "abekmhopctyxsijdabezhikmnoptyx",
)
_DIGITS: Final = str.maketrans("0153", "oise")
_STRETCHED: Final = re.compile(r"(.)\1{2,}")


def _exact(text: str, said: list[str], listed: _Listed) -> Reading | None:
    """The reading when the message is nothing but a listed word and what may stand around it."""
    if len(said) > _LONGEST_SAID:
        return _repeated(said, listed) or _above_signature(text, listed)
    proper = [word for word in said if len(word) > 1 and word not in _COMPANY]
    if len(proper) <= _LONGEST_WORD:
        joined = " ".join(said)
        if joined == words.YES:
            return Reading("yes", words.YES)
        found = _word(said, listed) or _word(_without_politeness(joined), listed)
        if found is not None:
            return found
    return _repeated(said, listed) or _above_signature(text, listed)


def _repeated(said: list[str], listed: _Listed) -> Reading | None:
    """The reading of "stop stop stop" or "stop, unsubscribe"."""
    return Reading("stop", said[0]) if listed.stop.issuperset(said) else None


def _above_signature(text: str, listed: _Listed) -> Reading | None:
    if "\n" not in text and "\r" not in text:
        return None
    first = _without_signature(text)
    if first == text or len(first) > _LONGEST_FIRST_LINES:
        return None
    said = _fold(first).replace("|", " ").split()
    return _word(_without_politeness(" ".join(said)), listed)


def _word(said: list[str], listed: _Listed) -> Reading | None:
    if not said:
        return None
    phrase = " ".join(said)
    if phrase in listed.stop:
        return Reading("stop", phrase)
    other = listed.other.get(phrase)
    if other is not None:
        return other
    if len(said) > 1:
        if listed.stop.issuperset(said):
            return Reading("stop", said[0])
        phrase = " ".join(word for word in said if word not in words.FILLERS)
        if phrase in listed.strong:
            return Reading("stop", phrase)
    return _disguised(said, listed)


def _disguised(said: list[str], listed: _Listed) -> Reading | None:
    whole = "".join(said)
    spelled = len(said) == 1 or max(map(len, said)) == 1
    # Letters apart are a word. A word in two or three pieces is one only if nothing else can be meant.
    allowed = listed.stop if spelled else listed.strong
    if not (spelled or len(said) <= 3) or len(whole) > 40:
        return None
    forms = {whole, _STRETCHED.sub(r"\1", whole), whole.translate(_DIGITS)}
    if not whole.isascii():
        forms.add(whole.translate(_LOOK_ALIKES))
    for form in forms:
        if form in allowed and (len(form) > 2 or form == whole):
            return Reading("stop", form)
        if spelled and len(said) > 1 and form in listed.other:
            return listed.other[form]
    return None


_POLITE_PHRASE: Final = re.compile(r"\b(?:" + "|".join(words.POLITE_PHRASES) + r")\b")


def _without_politeness(said: str) -> list[str]:
    return [word for word in _POLITE_PHRASE.sub(" ", said).split() if word not in words.POLITE]


def _without_signature(text: str) -> str:
    lines = text.splitlines()
    for index, line in enumerate(lines[1:], start=1):
        if line.strip().casefold().startswith(words.SIGNATURE_STARTS):
            return "\n".join(lines[:index])
    return text


# --- the message says it in other words --------------------------------------------------------------------------


_COMMON: Final = frozenset(
    ("dont", "have", "like", "person", "please", "that", "this", "want", "would", "your")
)


def _rarest(phrase: str) -> str:
    """The longest uncommon word of a phrase. The phrase cannot be there without it; ordinary text seldom has it."""
    return max(phrase.split(), key=lambda word: (word not in _COMMON, len(word)))


def _index(rules: tuple[refusals.Rule, ...]) -> dict[str, tuple[int, ...]]:
    """Which rules to try for a word."""
    noticed = sorted({word for rule in rules for word in rule.noticed})
    return {word: tuple(at for at, rule in enumerate(rules) if word in rule.noticed) for word in noticed}


_RULES: Final = _index(refusals.RULES)
_DOUBTS: Final = _index(refusals.DOUBTS)

# Without one of these nothing below can match. Most messages have none and end there.
_IN_STRONG: Final = frozenset(map(_rarest, words.STRONG))
_IN_CLAUSES: Final = frozenset(map(_rarest, words.STRONG | words.REFUSALS | words.DOUBTS))
_NOTICED: Final = frozenset(_IN_CLAUSES | words.EDGE | words.FIRST | _RULES.keys() | _DOUBTS.keys())
_STRONG_INSIDE: Final = re.compile(
    r"(?<![^ ])(?:" + "|".join(sorted(words.STRONG, key=len, reverse=True)) + r")(?![^ ])"
)
_NOT_STOP: Final = re.compile(r"(?<![^ ])(?:" + "|".join(words.NOT_STOP) + r")(?![^ ])")
_NAME_LINE: Final = re.compile(r"[^\W\d_]+(?:[ .]+[^\W\d_]+){0,2}\.?")


def _in_words(text: str, folded: str, said: list[str], listed: _Listed) -> Reading:
    marked = " ".join(f"|{folded}|".replace("|", " | ").split())
    clauses = [] if _IN_CLAUSES.isdisjoint(said) else _clauses(marked)
    refusal = _rule(refusals.RULES, _RULES, marked, said) or _clauses_that_refuse(text, clauses, listed)
    if refusal is not None:
        return Reading("unclear" if refusals.GUARD.search(marked) else "refusal", refusal)
    doubt = _flagged(marked, said) or _rule(refusals.DOUBTS, _DOUBTS, marked, said)
    if doubt is None and not words.DOUBTS.isdisjoint(clauses):
        doubt = "not interested"
    return NOTHING if doubt is None else Reading("unclear", doubt)


def _rule(
    rules: tuple[refusals.Rule, ...], index: dict[str, tuple[int, ...]], marked: str, said: list[str]
) -> str | None:
    tried = {at for word in said if word in index for at in index[word]}
    return next((rules[at].name for at in sorted(tried) if rules[at].pattern.search(marked)), None)


def _clauses(marked: str) -> list[str]:
    clauses = (" ".join(_without_politeness(clause)) for clause in marked.split("|"))
    return [clause for clause in clauses if clause]


def _clauses_that_refuse(text: str, clauses: list[str], listed: _Listed) -> str | None:
    """A refusal made of whole clauses: each refuses, or is an opt-out word, or only goes along with those."""
    refused = next((clause for clause in clauses if clause in words.REFUSALS), None)
    strong = next((clause for clause in clauses if clause in listed.strong), None)
    named = refused or strong
    if named is None:
        return None
    known = (words.REFUSALS, words.COMPANIONS, words.FILLERS, listed.stop)
    if all(any(clause in listing for listing in known) for clause in clauses):
        return named
    return strong if strong is not None and clauses[0] == strong and _signed_by_name(text) else None


def _signed_by_name(text: str) -> bool:
    """Whether all lines but the first are a name, as in "STOP" above "John Smith"."""
    lines = [line.strip() for line in text.strip().splitlines()]
    names = [line for line in lines[1:] if line]
    return 0 < len(names) <= 2 and all(_NAME_LINE.fullmatch(line) and line.istitle() for line in names)


def _flagged(marked: str, said: list[str]) -> str | None:
    if not _IN_STRONG.isdisjoint(said):
        found = _STRONG_INSIDE.search(_NOT_STOP.sub("-", marked))
        if found is not None:
            return found[0]
    if len(said) <= words.EDGE_LENGTH:
        for word in (said[0], said[-1]):
            if word in words.EDGE:
                return word
        if said[0] in words.FIRST and len(said) > 1:
            return said[0]
    return None
