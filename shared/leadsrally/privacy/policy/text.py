"""The text of the privacy policy, version by version: one file of `texts/` for each, named by its day.

Pure. A text that was published is never changed, and its fingerprint tells when somebody did. The list of
subprocessors is part of what it says, so it is part of the fingerprint too.
"""

import hashlib
import json
import tomllib
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date
from functools import cache
from importlib import resources
from typing import Any, Final

from leadsrally.disclosures.subprocessors import Host, Listed, listed

ENGLISH: Final = "This text is written in English, and the English text is the one that binds."


@dataclass(frozen=True, slots=True)
class Item:
    """One promise, in our words, and the id under which it is checked. `{privacy}` and `{support}` are addresses."""

    clause: str
    text: str


@dataclass(frozen=True, slots=True)
class Section:
    number: int
    title: str
    lead: str
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Text:
    """One version. `dated` is its "last updated" and what it is called by; `summary` says what is new in it.

    `not_before` is the day on which it should take effect at the earliest; it takes effect later when the notices
    need longer (docs/decisions/0027).
    """

    dated: date
    material: bool
    summary: str
    not_before: date | None
    sections: tuple[Section, ...]

    def subprocessors(self, hosts: tuple[Host, ...]) -> tuple[Listed, ...]:
        """Whom it lists. Who joined since is of a later version, and leaves this one as it was published."""
        return tuple(entry for entry in listed(hosts) if entry.since <= self.dated)

    def fingerprint(self, hosts: tuple[Host, ...]) -> bytes:
        """SHA-256 of what it says and of whom it lists where the application is run by `hosts`."""
        told = [asdict(self), [asdict(entry) for entry in self.subprocessors(hosts)]]
        return hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).digest()

    def promise(self, clause: str) -> str:
        return next(item.text for section in self.sections for item in section.items if item.clause == clause)


@cache
def texts() -> tuple[Text, ...]:
    """Every version, oldest first. Raises `ValueError` for a file whose name is not its day."""
    folder = resources.files("leadsrally.privacy.policy") / "texts"
    files = sorted((file.name, file.read_text(encoding="utf-8")) for file in folder.iterdir())
    return tuple(_read(name, content) for name, content in files if name.endswith(".toml"))


def text_of(dated: date) -> Text | None:
    """The version of that day; None when this release does not have it."""
    return next((text for text in texts() if text.dated == dated), None)


def _read(name: str, content: str) -> Text:
    told = tomllib.loads(content)
    if name != f"{told['dated']}.toml":
        raise ValueError(f"{name} is not named by its day")
    return Text(
        told["dated"],
        told["material"],
        told["summary"],
        told.get("not_before"),
        tuple(_sections(told["sections"])),
    )


def _sections(told: Iterable[dict[str, Any]]) -> Iterable[Section]:
    for section in told:
        items = tuple(Item(item["clause"], item["text"]) for item in section["items"])
        yield Section(section["number"], section["title"], section.get("lead", ""), items)
