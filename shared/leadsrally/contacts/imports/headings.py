"""What a column probably is, by its name in six languages, else by what is in it. A suggestion, never more."""

import tomllib
import unicodedata
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import cast

from leadsrally.contacts.fields import Field
from leadsrally.contacts.imports.types import Kind, Mapped, Target
from leadsrally.kit.phone import e164


def suggest(
    names: Sequence[str],
    sample: Sequence[Sequence[str]],
    fields: Mapping[str, Field],
    *,
    kind: Kind,
    country: str,
) -> list[Mapped]:
    """One suggestion a column at most, and each target once. `names` are empty where there is no header."""
    found: dict[int, Mapped] = {}
    taken: set[str] = set()
    own = {_plain(name): key for key, field in fields.items() for name in (field.label, key)}
    for column, name in enumerate(names):
        plain = _plain(name)
        target = _targets().get(plain)
        key = name.removeprefix("fields.")
        if (
            key != name and key in fields and key not in taken
        ):  # as our own files say it where a name says more
            found[column] = Mapped(column, "field", key)
            taken.add(key)
        elif target is not None and target not in taken:
            found[column] = Mapped(column, target)
            taken.add(target)
        elif plain in own and own[plain] not in taken:
            found[column] = Mapped(column, "field", own[plain])
            taken.add(own[plain])
    if "first_name" in taken and not taken & {"last_name", "name"}:
        # "Nome" and "Nombre" mean the whole name where no surname stands beside them.
        found = {
            column: replace(one, to="name") if one.to == "first_name" else one
            for column, one in found.items()
        }
    looks: tuple[tuple[Target, Callable[[str], bool]], ...] = (
        ("phone", lambda cell: e164(cell, country) is not None),
        ("email", _is_mail),
    )
    for target, reads in looks:
        if target not in taken:
            column = _mostly(reads, sample, len(names), besides=found)
            if column is not None:
                found[column] = Mapped(column, target)
    mapped = [found[column] for column in sorted(found)]
    return [one for one in mapped if one.to == "phone"] if kind == "suppressions" else mapped


def knows(name: str) -> bool:
    """Whether a cell is a name that columns have."""
    return _plain(name) in _targets()


def _is_mail(cell: str) -> bool:
    return "@" in cell and "." in cell.rpartition("@")[2] and " " not in cell


def _mostly(
    reads: Callable[[str], bool], sample: Sequence[Sequence[str]], width: int, *, besides: Container[int]
) -> int | None:
    """The first column whose cells, as far as they are filled, mostly read as that."""
    for column in range(width):
        cells = [row[column].strip() for row in sample if column < len(row) and row[column].strip()]
        if column not in besides and cells and sum(map(reads, cells)) * 2 > len(cells):
            return column
    return None


def _plain(name: str) -> str:
    apart = unicodedata.normalize("NFKD", name.casefold())
    return " ".join("".join(c if c.isalnum() else " " for c in apart if not unicodedata.combining(c)).split())


@cache
def _targets() -> dict[str, Target]:
    text = Path(__file__).with_name("headings.toml").read_text("utf-8")
    listed = cast("dict[Target, list[str]]", tomllib.loads(text))
    return {_plain(name): target for target, names in listed.items() for name in names}
