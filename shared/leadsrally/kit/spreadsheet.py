"""Cells that a spreadsheet program will not run, and that we read back as they were.

A cell that begins with one of these characters is a formula to Excel, Calc and Sheets, quoted or not (OWASP ASVS 5.0
1.2.10; CWE-1236). An apostrophe in front makes it text. Ours is exact: whatever begins like a formula, or like
something that was made safe already, gets one more; reading takes away exactly one.
"""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import Final

# What a cell begins with that would run, or was made safe already. Postgres reads the pattern as Python does.
RUNS: Final = r"[\s'\ufeff]*[=+\-@\t\r\n|%\uff1d\uff0b\uff0d\uff20]"
_RUNS: Final = re.compile(RUNS)


def safe(cell: str) -> str:
    """The cell as it may stand in a file that somebody opens."""
    return f"'{cell}" if _RUNS.match(cell) else cell


def plain(cell: str) -> str:
    """The reverse of `safe`; any other cell as it is."""
    return cell[1:] if cell[:1] == "'" and _RUNS.match(cell, 1) else cell


def row(cells: Iterable[str]) -> str:
    """One record of a CSV file (RFC 4180), every cell made safe."""
    return rows([cells])


def rows(records: Iterable[Iterable[str]]) -> str:
    """As `row`, of many."""
    lines = io.StringIO(newline="")
    csv.writer(lines, lineterminator="\r\n").writerows([safe(cell) for cell in cells] for cells in records)
    return lines.getvalue()


def head(names: Sequence[str]) -> bytes:
    """How our CSV files begin: with the mark by which Excel knows UTF-8, and the names of the columns."""
    return ("\ufeff" + row(names)).encode()
