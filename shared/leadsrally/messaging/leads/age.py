"""Whether an answer in a form says that somebody is, or may be, under sixteen (P9.1).

What cannot be read as an age says nothing. Where an answer has two readings (03/04/2011, "13-17"), the younger one
counts: whoever may be under sixteen is not taken.
"""

import re
from datetime import date
from typing import Final, Literal

from leadsrally.messaging.leads.types import Answer, Question

YOUNGEST: Final = 16
_OLDEST: Final = 130

AboutAge = Literal["age", "birth_date"]

# Questions that ask for an age or a date of birth, by the provider's word for a standard question, or by their key
# or label: English, German, Spanish, Portuguese, French, Italian, Dutch.
_KINDS: Final[dict[str, AboutAge]] = {
    "DOB": "birth_date",
    "DATE_OF_BIRTH": "birth_date",
    "BIRTHDAY": "birth_date",
    "AGE": "age",
}
_BIRTH: Final = re.compile(
    r"\b(birth ?(day|date|year)|date of birth|(year|day) of birth|dob|born|geboren|geburts\w*|geburtstag|nacimiento|"
    r"nacido|nascimento|nasceu|nasci\w*|naissance|néè?e?|nascita|nato|geboorte\w*)\b"
)
_AGE: Final = re.compile(
    r"\b(age|aged|how old|years old|alter|altersgruppe|wie alt|jahre alt|volljährig|edad|años|idade|anos|âge|ans|quel âge|"
    r"età|anni|leeftijd|hoe oud|(over|under|at least|older than|younger than) (the age of )?\d{1,2})\b"
)
# How old somebody else is. A parent may ask about a course for a child.
_OTHERS: Final = re.compile(
    r"\b(child\w*|kids?|sons?|daughters?|kind(er|es)?|tochter|sohn\w*|hij[oa]s?|niñ[oa]s?|filh[oa]s?|criança\w*|"
    r"enfants?|fils|filles?|figli\w*|bambin\w*)\b|\bhow old (is|are) (?!you\b)|\bwie alt (ist|sind) (?!sie\b)"
)
_NO: Final = frozenset(("no", "nope", "n", "false", "nein", "não", "nao", "non", "nee", "nej"))
_NUMBER: Final = re.compile(r"(?<!\d)\d{1,3}(?:[.,]\d+)?(?!\d)")
_BELOW: Final = re.compile(
    r"<|≤|\b(under|below|younger|less|up to|not yet|unter|bis|jünger|noch nicht|menor\w*|menos|hasta|até|abaixo|moins|"
    r"jusqu\W?à|meno|minore|sotto|fino|onder|jonger|tot)\b"
)
_ABOVE: Final = re.compile(
    r"(?<!\w)(>(?!=)|(over|older than|more than|above|über|älter als|mayor de|más de|mais de|acima de|plus de|più di|ouder dan)\b)"
)
_ISO: Final = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[T ].*)?")
_WRITTEN: Final = re.compile(r"(\d{1,2})[-/. ]{1,2}(\d{1,2})[-/. ]{1,2}(\d{4}|\d{2})")
_YEAR: Final = re.compile(r"(\d{4})")


def about_age(question: Question) -> AboutAge | None:
    """Whether a question asks how old somebody is, or when they were born."""
    kind = _KINDS.get(question.kind)
    if kind is not None:
        return kind
    words = f"{question.key} {question.label}".replace("_", " ").casefold()
    if _OTHERS.search(words):
        return None
    if _BIRTH.search(words):
        return "birth_date"
    return "age" if _AGE.search(words) else None


def may_be_under_age(about: AboutAge, question: str, answer: Answer, on: date) -> bool:
    """Whether the person who gave this answer on the day `on` is, or may be, under sixteen. Never raises."""
    return any(_young(about, question, value.strip().casefold(), on) for value in answer.values)


def _young(about: AboutAge, question: str, value: str, on: date) -> bool:
    youngest = youngest_by_birth(value, on)
    if youngest is None and about == "age":
        youngest = youngest_by_age(value)
        if youngest is None and value.rstrip(".! ") in _NO:  # to "Are you 16 or older?"
            asked = [int(found) for found in re.findall(r"\d{1,2}", question)]
            youngest = 0 if asked else None
    return youngest is not None and youngest < YOUNGEST


def youngest_by_age(value: str) -> int | None:
    """The lowest age in full years that a text leaves open: 13 of "13-15", 0 of "under 16", 17 of "over 16".

    None for a text without an age in it.
    """
    numbers = [int(re.split("[.,]", found)[0]) for found in _NUMBER.findall(value)]
    ages = [number for number in numbers if number <= _OLDEST]
    if not ages:
        return None
    if len(ages) == 1 and _BELOW.search(value):
        return 0
    return min(ages) + 1 if len(ages) == 1 and _ABOVE.search(value) else min(ages)


def youngest_by_birth(value: str, on: date) -> int | None:
    """The lowest age in full years on a day, by the youngest reading of a date of birth; None for no such date.

    Read are 2011-03-04, 03/04/2011 and 4.3.2011 (day and month in either order), 03/04/11, and 2011 alone.
    """
    value = value.strip()
    if (iso := _ISO.fullmatch(value)) is not None:
        year, month, day = (int(part) for part in iso.groups())
        born = [_date(year, month, day)]
    elif (written := _WRITTEN.fullmatch(value)) is not None:
        first, second, year = (int(part) for part in written.groups())
        if year < 100:
            year += 2000 if 2000 + year <= on.year else 1900
        born = [_date(year, first, second), _date(year, second, first)]
    elif _YEAR.fullmatch(value) is not None:
        born = [_date(int(value), 12, 31)]
    else:
        return None
    ages = [_years(one, on) for one in born if one is not None]
    ages = [min(age, _OLDEST) for age in ages if age <= _OLDEST]
    return max(min(ages), 0) if ages else None


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _years(born: date, on: date) -> int:
    """Full years. Born on 29 February, a year is full on 1 March where there is no such day."""
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))
