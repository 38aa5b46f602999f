"""Set a notice into words: one mail as plain text and as HTML, in the reader's language.

Pure. The sentences lie in `words/`, one file a language. A sentence's `{name}` is replaced by a fact and the
result is escaped as a whole, so no fact can bring markup, another fact or a header with it (I8, I10, I12).
"""

import html
import re
import textwrap
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import cache
from importlib import resources
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from leadsrally.kit.money import Money
from leadsrally.notices.types import Device, Fact, Kind, Language, Mail, Name, Passage, Word

_LONGEST_NAME: Final = 80
_WIDTH: Final = 72  # of plain text, in characters
_PLACE = re.compile(r"\{([a-z_]+)\}")
# Control characters, line breaks of any kind, and marks that turn the direction of what follows.
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]+")
_LINKABLE = re.compile(r"(?<=\S)([.:/@])(?=\S)")


@dataclass(frozen=True, slots=True)
class Letterhead:
    """Where people reach us (P11.1), and where our front end is, without a final slash."""

    app_url: str
    support: str
    privacy: str


@dataclass(frozen=True, slots=True)
class Said:
    """What is to be said, to whom."""

    key: UUID
    organization_id: UUID
    kind: Kind
    address: str
    language: Language
    time_zone: str
    facts: Mapping[str, Fact]
    link: str | None  # the whole address behind the button


def compose(said: Said, head: Letterhead) -> Mail:
    """The mail. The same arguments give the same bytes, as the provider's idempotency key demands.

    Raises `Invalid` for an address that is not exactly one mailbox.
    """
    words = Words.of(said.language)
    subject = words.line(said, "subject")
    body = words.lines(said, "body")
    button = words.line(said, "button") if said.link else None
    note = words.line(said, "note")
    layout = words.tables["layout"]
    footer = [
        layout["account"],
        f"{layout['support']} {head.support}",
        f"{layout['privacy']} {head.privacy}",
    ]
    return Mail(
        key=said.key,
        organization_id=said.organization_id,
        recipient=said.address,
        subject=subject,
        text=_text(subject, body, button, said.link, note, footer),
        html=_html(said.language, subject, body, button, said.link, layout["link"], note, footer),
    )


def address_of(app_url: str, path: str, token: str | None) -> str:
    """A page of the front end. The token stands behind `#`, which browsers send to nobody."""
    return f"{app_url}{path}#{token}" if token else f"{app_url}{path}"


def subject_of(kind: str, language: Language) -> str:
    """What a notice is called in product: the subject of its mail, which for a user's kinds holds no fact."""
    return str(Words.of(language).tables.get(kind, {}).get("subject", "LeadsRally"))


# -- the two forms ------------------------------------------------------------------------------------------


def _text(
    subject: str, body: list[str], button: str | None, link: str | None, note: str, footer: list[str]
) -> str:
    parts = [_wrapped(subject), *map(_wrapped, body)]
    if button and link:
        parts.append(f"{button}:\n{link}")  # in one piece, or it would not open
    parts += [_wrapped(note), "-- \nLeadsRally\n" + "\n".join(map(_wrapped, footer))]
    return "\n\n".join(parts) + "\n"


def _wrapped(paragraph: str) -> str:
    return textwrap.fill(paragraph, _WIDTH, break_long_words=False, break_on_hyphens=False)


def _html(
    language: str,
    subject: str,
    body: list[str],
    button: str | None,
    link: str | None,
    instead: str,
    note: str,
    footer: list[str],
) -> str:
    paragraph = '<p class="ink" style="margin:0 0 14px;color:#1b1f24">{text}</p>'
    small = '<p class="soft" style="margin:22px 0 0;font-size:14px;color:#656d78">{text}</p>'
    action = ""
    if button and link:
        action = _filled(
            '<p style="margin:26px 0 22px"><a class="act" href="{link}" style="display:inline-block;'
            "padding:11px 22px;border-radius:9px;background:#2b6a5f;color:#ffffff;font-weight:600;"
            'text-decoration:none">{button}</a></p>\n'
            '<p class="soft" style="margin:0;font-size:13px;color:#656d78;overflow-wrap:anywhere">{instead}<br>'
            '<a href="{link}">{link}</a></p>',
            {"link": html.escape(link), "button": html.escape(button), "instead": html.escape(instead)},
        )
    return _filled(
        _page(),
        {
            "language": language,
            "subject": html.escape(subject),
            "body": "\n".join(_filled(paragraph, {"text": html.escape(text)}) for text in body),
            "action": action,
            "note": _filled(small, {"text": html.escape(note)}),
            "footer": "<br>\n".join(map(html.escape, footer)),
        },
    )


@cache
def _page() -> str:
    # A style sheet is full of braces, but none of them holds a bare word.
    return (resources.files("leadsrally.notices") / "words" / "mail.html").read_text(encoding="utf-8")


def _filled(template: str, values: Mapping[str, str]) -> str:
    """The template with each `{name}` replaced, once: what a value holds is never looked at again."""
    return _PLACE.sub(lambda place: values[place[1]], template)


# -- the languages ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Words:
    """One file of `words/`."""

    tables: Mapping[str, Mapping[str, Any]]

    @staticmethod
    @cache
    def of(language: str) -> "Words":
        """The sentences of a language; English for one that has none."""
        folder = resources.files("leadsrally.notices") / "words"
        file = folder / f"{language}.toml"
        if not file.is_file():
            file = folder / "en.toml"
        return Words(tomllib.loads(file.read_text(encoding="utf-8")))

    def line(self, said: Said, part: str) -> str:
        return self._sentence(self.tables[said.kind][part], said)

    def lines(self, said: Said, part: str) -> list[str]:
        return [self._sentence(sentence, said) for sentence in self.tables[said.kind][part]]

    def _sentence(self, sentence: str, said: Said) -> str:
        zone = _zone(said.time_zone)
        wanted = {place[1] for place in _PLACE.finditer(sentence)}
        return _filled(sentence, {name: self._told(said.facts[name], zone) for name in wanted})

    def _told(self, fact: Fact, zone: tzinfo) -> str:
        match fact:
            case datetime():
                return self._date(fact.astimezone(zone), zone)
            case Word(table, name):
                return str(self.tables[table][name])
            case Device(browser, system):
                known = {"browser": browser, "system": system}
                told = {name: value for name, value in known.items() if value is not None}
                if len(told) == len(known):
                    return _filled(self.tables["device"]["both"], told)
                return next(iter(told.values()), str(self.tables["device"]["unknown"]))
            case Name(text):
                return _LINKABLE.sub("\u2060\\1\u2060", _shortened(_seen(text)))
            case Passage() | str() | Money():
                return _seen(fact.text if isinstance(fact, Passage) else str(fact))

    def _date(self, at: datetime, zone: tzinfo) -> str:
        form = self.tables["date"]
        return _filled(
            form["form"],
            {
                "day": str(at.day),
                "month": form["months"][at.month - 1],
                "year": str(at.year),
                "time": f"{at:%H:%M}",
                "zone": str(zone),
            },
        )


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def _seen(text: str) -> str:
    """One line of what can be seen."""
    return " ".join(_UNSEEN.sub(" ", text).split())


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_NAME else f"{text[: _LONGEST_NAME - 1]}…"
