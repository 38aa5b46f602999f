"""One record of a file as what it says about a person, by the columns that its customer named."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from leadsrally.accounts.places import refuse_unknown_zone
from leadsrally.contacts.fields import MAX_TEXT, Complaint, Field, Value, read_value
from leadsrally.contacts.imports.numbers import read_number
from leadsrally.contacts.imports.types import Mapped, Target
from leadsrally.contacts.tags import names_in
from leadsrally.kit.errors import Invalid
from leadsrally.kit.phone import Number
from leadsrally.kit.spreadsheet import plain

MAX_NAME: Final = 200
MAX_EMAIL: Final = 320
MAX_TAG: Final = 64
MAX_TAGS: Final = 20
_MAX_TAG_CELL: Final = MAX_TAGS * (2 * MAX_TAG + 8)  # each in quotation marks, made of nothing but such

_MAIL: Final = re.compile(r"[^\s@<>(),;:\"\\\[\]]{1,64}@[^\s@<>(),;:\"\\\[\]]+\.[^\s@.<>(),;:\"\\\[\]]{2,}")
# In the languages of headings.toml.
_YES: Final = frozenset(
    (
        *(
            "yes",
            "y",
            "true",
            "1",
            "x",
            "on",
            "ok",
            "granted",
            "subscribed",
            "opted in",
            "opt in",
            "opted-in",
            "opt-in",
        ),
        *("sí", "si", "sì", "sim", "oui", "ja", "vero", "verdadero", "verdadeiro", "vrai", "wahr"),
    )
)
_NO: Final = frozenset(
    (
        *(
            "no",
            "n",
            "false",
            "0",
            "off",
            "stop",
            "stopped",
            "revoked",
            "unsubscribed",
            "opted out",
            "opt out",
        ),
        *(
            "opted-out",
            "opt-out",
            "não",
            "nao",
            "non",
            "nein",
            "falso",
            "faux",
            "falsch",
            "baja",
            "désinscrit",
        ),
        *("abgemeldet", "cancelado", "disiscritto"),
    )
)


class Problem(NamedTuple):
    """What is wrong with one cell, or with the row (column -1), as a closed word."""

    column: int
    reason: str


@dataclass(slots=True)
class Row:
    """A person as the file tells of them. Empty text and None say nothing."""

    phone: Number
    name: str = ""
    email: str = ""
    time_zone: str | None = None
    over: dict[str, Value] = field(default_factory=dict)  # values by slot that replace what is there
    fill: dict[str, Value] = field(default_factory=dict)  # values by slot for where nothing is
    tags: list[str] = field(default_factory=list)
    consent: dict[str, bool] = field(default_factory=dict)  # by kind of channel
    problems: list[Problem] = field(default_factory=list)  # cells left out, and repairs


class Reader:
    """Reads records. Knows nothing of other rows and of the database, so it reads the same at every try."""

    def __init__(
        self, mapping: Sequence[Mapped], definitions: Mapping[str, Field], *, country: str, width: int
    ) -> None:
        """`width` is how many columns the file has by its first rows."""
        self._country = country
        self._width = width
        self._at: dict[Target, int] = {one.to: one.column for one in mapping if one.to != "field"}
        self._own: list[tuple[int, Field, str, bool, bool]] = []
        for one in mapping:
            field = definitions.get(one.field or "") if one.to == "field" else None
            if field is not None:
                own = (one.column, field, field.slot, field.type == "text", one.rule == "overwrite")
                self._own.append(own)
        self._rest: list[tuple[Target, int]] = [
            (target, column) for target, column in self._at.items() if target not in ("phone", "name")
        ]

    def read(self, cells: list[str]) -> Row | Problem:
        """The row, or why it cannot be taken at all."""
        at = self._at
        if len(cells) > self._width and any(cell.strip() for cell in cells[self._width :]):
            return Problem(-1, "too_many_cells")
        column = at["phone"]
        number, remark = read_number(plain(cells[column]) if column < len(cells) else "", self._country)
        if number is None:
            return Problem(column, remark or "phone_invalid")
        row = Row(number)
        if remark is not None:
            row.problems.append(Problem(column, remark))
        if "name" in at and at["name"] < len(cells):
            row.name = self._name(row, at["name"], cells[at["name"]])
        if self._rest:
            self._read_rest(row, cells)
        if self._own:
            self._read_own(row, cells)
        return row

    def _name(self, row: Row, column: int, cell: str) -> str:
        name = " ".join(plain(cell).split())
        if len(name) > MAX_NAME:
            row.problems.append(Problem(column, "name_too_long"))
            return ""
        return name

    def _read_rest(self, row: Row, cells: list[str]) -> None:
        parts: list[str] = []
        for target, column in self._rest:
            cell = plain(cells[column]).strip() if column < len(cells) else ""
            if not cell:
                continue
            if target in ("first_name", "last_name"):
                parts.insert(0 if target == "first_name" else len(parts), self._name(row, column, cell))
            else:
                _say(row, target, column, cell)
        if parts and not row.name:
            row.name = " ".join(parts)[:MAX_NAME].strip()

    def _read_own(self, row: Row, cells: list[str]) -> None:
        width = len(cells)
        for column, definition, slot, is_text, replaces in self._own:
            cell = plain(cells[column]).strip() if column < width else ""
            if not cell:
                continue
            # Of a short text nothing else is to be asked; records hold no other line end than a feed.
            plainly = is_text and len(cell) <= MAX_TEXT and "\r" not in cell
            value = cell if plainly else read_value(definition, cell)
            if isinstance(value, Complaint):
                row.problems.append(Problem(column, value.reason))
            elif value is not None:
                (row.over if replaces else row.fill)[slot] = value


def _say(row: Row, target: Target, column: int, cell: str) -> None:
    """What one cell, which is not empty, says of the person."""
    if target == "email":
        if len(cell) <= MAX_EMAIL and _MAIL.fullmatch(cell):
            row.email = cell
        else:
            row.problems.append(Problem(column, "email_invalid"))
    elif target == "time_zone":
        row.time_zone = _zone(row, column, cell)
    elif target == "tags":
        row.tags = _tags(row, column, cell)
    else:
        said = cell.casefold()
        if said in _YES or said in _NO:
            row.consent[target.removeprefix("consent_")] = said in _YES
        else:
            row.problems.append(Problem(column, "consent_unclear"))


def _zone(row: Row, column: int, cell: str) -> str | None:
    try:
        refuse_unknown_zone(cell)
    except Invalid:
        row.problems.append(Problem(column, "time_zone_unknown"))
        return None
    return cell


def _tags(row: Row, column: int, cell: str) -> list[str]:
    # The longest that can hold what may be, so that no cell is long enough to be read slowly.
    names = names_in(cell) if len(cell) <= _MAX_TAG_CELL else None
    if names is None or len(names) > MAX_TAGS or any(len(name) > MAX_TAG for name in names):
        row.problems.append(Problem(column, "tags_too_long"))
        return []
    return names
