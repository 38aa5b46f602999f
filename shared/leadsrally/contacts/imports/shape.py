"""How a file is written: its encoding, what parts its cells, whether its first row is names."""

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from leadsrally.contacts.imports.records import DELIMITERS, ENCODINGS, Unreadable

HEAD_BYTES: Final = 64 * 1024

# ZIP (xlsx, ods, numbers), the old Office files, gzip, PDF, RAR, 7z, bzip2, xz.
_OTHER_FILES: Final = (
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"\xd0\xcf\x11\xe0",
    b"\x1f\x8b",
    b"%PDF",
    b"Rar!",
    b"7z\xbc\xaf",
    b"BZh",
    b"\xfd7zXZ",
)
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CONTROLS: Final = bytes({*range(32)} - {*b"\t\n\r\x1b"})  # ESC begins a change of letters in some encodings
# Where nothing else speaks for one of them, an eight-bit file of our customers is Western European.
_WESTERN: Final = "windows-1252"


def encoding_of(chunks: Iterable[bytes]) -> str:
    """The name of the encoding, one of `ENCODINGS`. Reads to the end to tell UTF-8 from what only begins like it.

    Raises `Unreadable` for what is no text: a spreadsheet, an archive, nothing at all.
    """
    pieces = iter(chunks)
    head = b""
    while len(head) < HEAD_BYTES and (piece := next(pieces, None)) is not None:
        head += piece
    if not head:
        raise Unreadable("empty")
    if head.startswith(_OTHER_FILES):
        raise Unreadable("spreadsheet")
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    if head.count(0) > 0.1 * len(head):
        return _two_bytes(head)
    if len(head) - len(head.translate(None, _CONTROLS)) > 0.05 * len(head):
        raise Unreadable("binary")  # fewer than that are a text that was damaged on its way
    decoder = codecs.getincrementaldecoder("utf-8")()
    odd = head
    try:
        decoder.decode(head)
        for piece in pieces:
            odd = piece
            decoder.decode(piece)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return _eight_bits(odd)
    return "utf-8"


def _two_bytes(head: bytes) -> str:
    """UTF-16 without a mark: plain letters leave a NUL in every second place."""
    pairs = len(head) // 2
    nuls = [head[start::2].count(0) for start in (0, 1)]
    if nuls[1] > 0.4 * pairs and nuls[0] < 0.05 * pairs:
        return "utf-16-le"
    if nuls[0] > 0.4 * pairs and nuls[1] < 0.05 * pairs:
        return "utf-16-be"
    raise Unreadable("binary")


def _eight_bits(piece: bytes) -> str:
    """By how likely its letters are beside each other. The customer sees what it reads as, and may say otherwise."""
    # Lines that hold a letter beyond ASCII say all that can be said; the others only dilute it.
    telling = b"\n".join(line for line in piece.splitlines() if not line.isascii())[:HEAD_BYTES]
    from charset_normalizer import from_bytes  # 60 ms, and most files are UTF-8

    found = from_bytes(telling, cp_isolation=[codecs.lookup(name).name for name in ENCODINGS])
    best = found.best()
    if best is None:
        return _WESTERN
    likely = {codecs.lookup(match.encoding).name for match in found if match.chaos <= best.chaos}
    likely |= {
        codecs.lookup(name).name
        for match in found
        if match.chaos <= best.chaos
        for name in match.could_be_from_charset
    }
    if codecs.lookup(_WESTERN).name in likely:
        return _WESTERN
    return next(name for name in ENCODINGS if codecs.lookup(name).name == codecs.lookup(best.encoding).name)


def delimiter_of(text: str) -> str:
    """What parts the cells of these first lines: whatever gives most rows the same number of cells, more than one."""
    lines = text.splitlines()[:50]

    def merit(delimiter: str) -> tuple[float, int]:
        try:
            widths = [
                len(row) for row in csv.reader(io.StringIO("\n".join(lines)), delimiter=delimiter) if row
            ]
        except csv.Error:
            return 0, 0
        if not widths:
            return 0, 0
        width, times = Counter(widths).most_common(1)[0]
        return (0, 0) if width < 2 else (times / len(widths), width)

    best = max(DELIMITERS, key=merit)
    return best if merit(best) > (0, 0) else ","


_LOOKS_LIKE_A_VALUE: Final = re.compile(r".*@.*\..*|[+(]?[0-9][0-9 ().+/-]{5,}|[0-9.,]*[0-9]", re.DOTALL)


_LONGEST_VALUE: Final = 320


def has_header(rows: Sequence[Sequence[str]], *, known: bool) -> bool:
    """Whether the first row names the columns. `known`: one of its cells is a name that we know for a column."""
    if not rows or any(map(_looks_like_a_value, rows[0])):
        return False
    return known or any(_looks_like_a_value(cell) for row in rows[1:] for cell in row)


def _looks_like_a_value(cell: str) -> bool:
    # No number and no address is longer, and the pattern takes the square of the length.
    return len(cell) <= _LONGEST_VALUE and _LOOKS_LIKE_A_VALUE.fullmatch(cell.strip()) is not None
