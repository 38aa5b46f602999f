"""The list of what could not be taken, for the customer to correct and upload again: row, column, reason, the cells."""

import tempfile
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Final, Self

from leadsrally.contacts.fields import MAX_TEXT
from leadsrally.contacts.imports.numbers import Damage, Repair
from leadsrally.contacts.imports.rows import MAX_EMAIL, MAX_NAME, MAX_TAG, MAX_TAGS, Problem
from leadsrally.kit.spreadsheet import head, row
from leadsrally.kit.storage import CHUNK_BYTES

LONGEST: Final = 100_000  # lines; whoever has more has one mistake many times
_CELL: Final = 500  # characters of an original cell; enough to know it by

_OF_NUMBERS: Final[dict[Damage | Repair, str]] = {
    "phone_missing": "There is no phone number.",
    "phone_rounded": "The spreadsheet has rounded the number; its last digits are lost. Format the column as text.",
    "phone_no_digits": "This is not a phone number.",
    "phone_no_country": "The number has no country code. Write it with one, or choose a default country.",
    "phone_too_short": "The number has too few digits.",
    "phone_too_long": "The number has too many digits. Give one number in each row.",
    "phone_letters": "There are letters in the number.",
    "phone_invalid": "There is no such number in its country. Look for a missing digit or a wrong country.",
    "extension_dropped": "Taken without its extension, which cannot be texted.",
    "letters_read": "Taken with its letters read as digits.",
    "double_zero_read": "Taken with 00 read as the + before a country code.",
    "trunk_zero_dropped": "Taken without the (0), which is not dialled from abroad.",
    "zero_restored": "Taken with the leading 0 that the spreadsheet had dropped.",
    "plus_restored": "Taken with the + that the spreadsheet had dropped.",
    "older_form_read": "Taken in the form that the number has today.",
    "decimals_dropped": "Taken without the decimals that the spreadsheet had added.",
}
SENTENCES: Final[dict[str, str]] = {
    **_OF_NUMBERS,
    "duplicate": "The same number is in a row further up, which was taken.",
    "too_many_cells": "The row has more cells than there are columns. Put quotation marks around text with commas.",
    "name_too_long": f"Left out: a name has at most {MAX_NAME} characters.",
    "email_invalid": f"Left out: this is not an email address of at most {MAX_EMAIL} characters.",
    "time_zone_unknown": "Left out: this is not a time zone such as Europe/Berlin.",
    "tags_too_long": f"Left out: at most {MAX_TAGS} tags of at most {MAX_TAG} characters, with commas between.",
    "consent_unclear": "Left out: write yes or no.",
    "too_long": f"Left out: a value has at most {MAX_TEXT} characters.",
    "unknown_field": "Left out: there is no such field any more.",
    "not_a_text": "Left out: this is not a text.",
    "not_a_number": "Left out: this is not a number of at most 15 digits, with a point before decimals.",
    "not_a_date": "Left out: this is not a date such as 2026-11-24.",
    "not_a_boolean": "Left out: write yes or no.",
    "no_choice": "Left out: this is not one of the field's choices.",
}
_TAKEN: Final = frozenset(_OF_NUMBERS) - {word for word in _OF_NUMBERS if word.startswith("phone_")}


class Problems:
    """Gathers them in a file on the disk, which is gone with the process. Use with `with`."""

    def __init__(self, names: Sequence[str]) -> None:
        """`names` are the columns' own, for the customer to know them by."""
        self._names = names
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  closed at the end of our own `with`
        self._lines = 0
        self._left_out = 0

    def __enter__(self) -> Self:
        self._file.write(head(["row", "outcome", "column", "reason", "explanation", *self._names]))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, line: int, problem: Problem, cells: Sequence[str], *, taken: bool) -> None:
        """`line` is the row's number as a spreadsheet shows it, with the header as row 1."""
        if self._lines == LONGEST:
            self._left_out += 1
            return
        self._lines += 1
        column = self._names[problem.column] if 0 <= problem.column < len(self._names) else ""
        outcome = "repaired" if problem.reason in _TAKEN else "taken without" if taken else "not taken"
        told = [str(line), outcome, column, problem.reason, SENTENCES[problem.reason]]
        self._file.write(row([*told, *(cell[:_CELL] for cell in cells)]).encode())

    def __bool__(self) -> bool:
        return self._lines > 0

    def chunks(self) -> Iterator[bytes]:
        """The whole list, from its beginning."""
        if self._left_out:
            self._file.write(row(["", "", "", "", f"{self._left_out} more are not listed."]).encode())
            self._left_out = 0
        self._file.seek(0)
        while chunk := self._file.read(CHUNK_BYTES):
            yield chunk
