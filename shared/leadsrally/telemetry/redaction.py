"""Finds and replaces what identifies a person in free text: addresses, links, telephone and other long numbers.

Pure and linear in the length of the text. Prefers to take out too much: a lost house number costs a model little, a
telephone number that slips through breaks a promise. What it cannot see (a number in words, a name) is said in
`replaced`'s docstring; names are the business of whoever knows the contact.
"""

import re

EMAIL_MARK = "[email]"
LINK_MARK = "[link]"
NUMBER_MARK = "[number]"
PHONE_MARK = "[phone]"

_LINK = re.compile(
    r"(?<!\w)(?:[a-z][a-z0-9+.-]{1,20}://|www\.)[^\s<>\"]+(?<![.,;:!?])", re.IGNORECASE | re.ASCII
)
# Both halves start and end at a border, so a long run of letters is looked at once, not once per letter.
_EMAIL = re.compile(r"(?<![\w.+%-])[\w.+%-]{1,128}@(?:[\w-]{1,63}\.){1,8}[\w-]{2,63}(?!\w)")
# Links without a scheme, by the endings people use, or any host that is followed by a path.
_HOST = re.compile(
    r"(?<![\w.-])(?:[\w-]{1,63}\.){1,8}"
    r"(?:(?:com|net|org|io|co|me|ly|app|dev|ai|biz|info|shop|site|online|link|page|gg|tv|us|uk|de|fr|es|it|nl|eu|ca|au|in|br|ru|cn|jp)"
    r"(?![\w-])(?:[/?#:][^\s<>\"]*(?<![.,;:!?]))?|[a-z]{2,24}/[^\s<>\"]*(?<![.,;:!?]))",
    re.IGNORECASE,
)
# A date stays, because bookings are about dates; looked for before numbers, since it is made of the same signs.
_DATE = r"(?<!\d)(?:(?:19|20)\d\d-[01]?\d-[0-3]?\d|[0-3]?\d(?P<sign>[./-])[0-3]?\d(?P=sign)(?:(?:19|20)\d\d|\d\d))(?![-./]?\d)"
_APART = r"[\s().\-/\u2010-\u2015\u2212\u00b7]"  # what people put between the digits of a number
_PHONE = re.compile(rf"(?P<date>{_DATE})|\+?\(?\d(?:{_APART}{{0,3}}\d){{6,}}")
_DIGITS = re.compile(r"\d{5,}")


def replaced(text: str) -> str:
    """The text with `[link]`, `[email]`, `[phone]` (seven digits or more) and `[number]` (five or more in a row).

    Dates such as 2026-11-23 and 23.11.2026 stay. Not seen: names, street names, numbers written in words or
    with letters between the digits, "jane at example dot com".
    """
    text = _LINK.sub(LINK_MARK, text)
    text = _EMAIL.sub(EMAIL_MARK, text)
    text = _HOST.sub(LINK_MARK, text)
    text = _PHONE.sub(lambda found: found[0] if found["date"] else PHONE_MARK, text)
    return _DIGITS.sub(NUMBER_MARK, text)


def identifies(text: str) -> bool:
    """Whether there is anything in it that `replaced` would take out."""
    return replaced(text) != text
