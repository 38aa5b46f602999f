"""A file of any size as records, in constant memory: bytes, then text, then rows, with a bound on each."""

import codecs
import csv
import io
from collections.abc import Iterable, Iterator
from typing import Final

from leadsrally.contacts.imports.types import MAX_COLUMNS, Shape
from leadsrally.kit.errors import Invalid

# Under the names that Python and the IANA share. A mark at the beginning is taken off wherever there is one.
ENCODINGS: Final = (
    "utf-8",
    "utf-16-le",
    "utf-16-be",
    "windows-1252",
    "iso-8859-1",
    "iso-8859-15",
    "windows-1250",
    "windows-1251",
    "windows-1253",
    "windows-1254",
    "macintosh",
    "shift_jis",
    "gb18030",
    "big5",
    "euc-kr",
)
DELIMITERS: Final = (",", ";", "\t", "|")
MAX_LINE: Final = 1024 * 1024  # characters

_SENTENCES: Final = {
    "spreadsheet": "This is a spreadsheet or an archive, not a CSV file. Save it as “CSV UTF-8” and upload that.",
    "binary": "This is not a text file. Save your list as “CSV UTF-8” and upload that.",
    "empty": "The file holds no rows.",
    "line_too_long": "A line of the file is longer than a million characters. Export it again as CSV.",
    "cell_too_long": "A cell of the file is too long, or a quotation mark is never closed. Export it again as CSV.",
    "too_many_columns": f"A row has more than {MAX_COLUMNS} columns. Leave out those that you do not need.",
    "too_many_rows": "The file has more rows than one import takes. Split it.",
    "missing": "The file is not there. Upload it first.",
}


class Unreadable(Invalid):
    """A file that cannot be imported; the code says why, the sentence what to do."""

    def __init__(self, code: str) -> None:
        super().__init__(_SENTENCES[code], code=code)


def sentence_of(code: str) -> str | None:
    """What to do about a file that was refused for this reason; None for another kind of word."""
    return _SENTENCES.get(code)


def records(chunks: Iterable[bytes], shape: Shape) -> Iterator[list[str]]:
    """Every record, the header too, and an empty list for an empty line: as many as a spreadsheet shows rows.

    What is not text of this encoding, and NUL, becomes U+FFFD. Every line end becomes a line feed. Raises
    `Unreadable` where a line, a cell or a row is out of bounds.
    """
    reader = csv.reader(lines(chunks, shape.encoding), delimiter=shape.delimiter)
    try:
        for record in reader:
            if len(record) > MAX_COLUMNS:
                raise Unreadable("too_many_columns")
            yield record
    except csv.Error:
        raise Unreadable("cell_too_long") from None


def lines(chunks: Iterable[bytes], encoding: str) -> Iterator[str]:
    """Lines with their end, which is a line feed whatever it was. Raises `Unreadable` for one without an end."""
    codec = codecs.getincrementaldecoder("utf-8-sig" if encoding == "utf-8" else encoding)
    decoder = io.IncrementalNewlineDecoder(codec(errors="replace"), translate=True)
    rest, first = "", True
    for chunk in chunks:
        text = rest + decoder.decode(chunk)
        if first and text:
            text, first = text.removeprefix("\ufeff"), False
        if "\x00" in text:
            text = text.replace("\x00", "\ufffd")
        cut = text.rfind("\n") + 1
        yield from io.StringIO(text[:cut], newline="\n")
        rest = text[cut:]
        if len(rest) > MAX_LINE:
            raise Unreadable("line_too_long")
    rest += decoder.decode(b"", final=True)
    if rest:
        yield rest.replace("\x00", "\ufffd")
