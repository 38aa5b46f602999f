"""Fields of a customer's own: what they may be, and whether a value fits.

Whoever writes values of contacts, be it from a page, a file or a lead form, has them checked here.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Literal
from uuid import UUID

from leadsrally.kit.db import Tx
from leadsrally.kit.errors import Invalid
from leadsrally.kit.text import storable

FieldType = Literal["text", "number", "date", "boolean", "choice"]
Value = str | int | float | bool
MAX_FIELDS: Final = 250  # per organisation
MAX_TEXT: Final = 1000  # characters of a value
MAX_CHOICES: Final = 100


@dataclass(frozen=True, slots=True)
class Field:
    """One field of an organisation. `choices` is empty for every type but `choice`."""

    id: UUID
    key: str
    label: str
    type: FieldType
    choices: Sequence[str]
    version: int
    created_at: datetime

    @property
    def slot(self) -> str:
        """The name under which a contact holds its value: `contacts.fields` is `{slot: value}`."""
        return slot_of(self.id)


def slot_of(field_id: UUID) -> str:
    return f"{field_id.int & 0xFFFF_FFFF_FFFF:012x}"


@dataclass(frozen=True, slots=True)
class Complaint:
    """Why a value was not taken. `reason` is a closed word; the value itself is not repeated."""

    key: str
    reason: Literal[
        "unknown_field", "not_a_text", "too_long", "not_a_number", "not_a_date", "not_a_boolean", "no_choice"
    ]

    @property
    def sentence(self) -> str:
        return _SENTENCES[self.reason]


_SENTENCES: Final = {
    "unknown_field": "There is no such field.",
    "not_a_text": "The value must be a text.",
    "too_long": f"A text has at most {MAX_TEXT} characters.",
    "not_a_number": "The value must be a number of at most 15 digits, with a point before up to six decimals.",
    "not_a_date": "The value must be a date such as 2026-11-24.",
    "not_a_boolean": "The value must be true or false.",
    "no_choice": "The value must be one of the field's choices.",
}


@dataclass(frozen=True, slots=True)
class Checked:
    """What may be stored, by slot, with None for a value that is taken away; and what may not."""

    values: dict[str, Value | None]
    complaints: list[Complaint]


def check_values(definitions: Mapping[str, Field], raw: Mapping[str, object]) -> Checked:
    """Read values given by key, as JSON or as the text of a cell, as values of their fields' types.

    None and text of nothing but space mean no value: whether that takes away an old one is for the caller to
    say. Never raises; a value that does not fit is complained about and left out, the others stand.
    """
    values: dict[str, Value | None] = {}
    complaints: list[Complaint] = []
    for key, given in raw.items():
        field = definitions.get(key)
        if field is None:
            complaints.append(Complaint(key, "unknown_field"))
            continue
        read = read_value(field, given)
        if isinstance(read, Complaint):
            complaints.append(read)
        else:
            values[field.slot] = read
    return Checked(values, complaints)


def fitting_values(tx: Tx, organization_id: UUID, given: Mapping[str, object]) -> dict[str, Value | None]:
    """Values given by key, as they may be stored. Raises `Invalid` for the first that does not fit."""
    if not given:
        return {}
    checked = check_values(definitions(tx, organization_id), given)
    if checked.complaints:
        first = checked.complaints[0]
        raise Invalid(f"A field's value does not fit. {first.sentence}", code=f"field_{first.reason}")
    return checked.values


def shown_values(definitions: Mapping[str, Field], stored: Mapping[str, Value]) -> dict[str, Value]:
    """A contact's values by key, in the order of the fields. What belongs to no field any more is left out."""
    return {key: stored[field.slot] for key, field in definitions.items() if field.slot in stored}


def cell_of(value: Value) -> str:
    """A value as a cell of a file, which `check_values` reads as the same value again."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.{_DECIMALS}f}".rstrip("0") if isinstance(value, float) else str(value)


def read_value(field: Field, given: object) -> Value | Complaint | None:
    """As `check_values`, of one value."""
    if isinstance(given, str):
        given = storable(given)[0].strip()
    if given is None or given == "":
        return None
    match field.type:
        case "text":
            return _text(field.key, given)
        case "number":
            return _number(field.key, given)
        case "date":
            return _date(field.key, given)
        case "boolean":
            return _boolean(field.key, given)
        case "choice":
            wanted = given.casefold() if isinstance(given, str) else None
            found = next((choice for choice in field.choices if choice.casefold() == wanted), None)
            return Complaint(field.key, "no_choice") if found is None else found


def _text(key: str, given: object) -> str | Complaint:
    if isinstance(given, bool) or not isinstance(given, str | int | float):
        return Complaint(key, "not_a_text")
    text = str(given).replace("\r\n", "\n").replace("\r", "\n")  # as files are read, where it comes back
    return Complaint(key, "too_long") if len(text) > MAX_TEXT else text


# Fifteen digits are what a double holds exactly, and so what every reader of our JSON reads alike. No exponents:
# 1.2E+10 in a file is what a spreadsheet has left of a number.
_NUMBER: Final = re.compile(r"[+-]?([0-9]{1,15}(\.[0-9]{0,6})?|\.[0-9]{1,6})", re.ASCII)
_LARGEST: Final = 10**15
_DECIMALS: Final = 6


def _number(key: str, given: object) -> int | float | Complaint:
    if isinstance(given, str) and _NUMBER.fullmatch(given):
        given = float(given)
    if isinstance(given, bool) or not isinstance(given, int | float) or not -_LARGEST < given < _LARGEST:
        return Complaint(key, "not_a_number")
    if given == int(given):
        return int(given)
    exact = round(given, _DECIMALS) == given and len(f"{abs(given):.6f}".strip("0")) <= 16  # and the point
    return given if exact else Complaint(key, "not_a_number")


_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


def _date(key: str, given: object) -> str | Complaint:
    if isinstance(given, str) and _DATE.fullmatch(given):
        try:
            return date.fromisoformat(given).isoformat()
        except ValueError:
            pass
    return Complaint(key, "not_a_date")


_YES: Final = frozenset({"true", "yes", "y", "1"})
_NO: Final = frozenset({"false", "no", "n", "0"})


def _boolean(key: str, given: object) -> bool | Complaint:
    if isinstance(given, bool):
        return given
    said = str(given).casefold()
    if said in _YES or said in _NO:
        return said in _YES
    return Complaint(key, "not_a_boolean")


_DEFINITIONS = """
SELECT id, key, label, type, choices, version, created_at
  FROM contact_fields
 WHERE organization_id = %(organization_id)s
   AND deleted_at IS NULL
 ORDER BY created_at, id
"""


def definitions(tx: Tx, organization_id: UUID) -> dict[str, Field]:
    """All fields of an organisation by key, oldest first; 250 at most."""
    found = tx.all(Field, _DEFINITIONS, {"organization_id": organization_id})
    return {field.key: field for field in found}
