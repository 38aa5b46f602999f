"""I7: a cell that a spreadsheet would run is made text, and comes back as it was."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadsrally.kit.spreadsheet import head, plain, row, safe


@pytest.mark.parametrize(
    "cell",
    [
        "=1+1",
        "=cmd|'/C calc'!A0",
        "+12025550101",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        " =1",
        "\u00a0=1",
        "\uff1d1",
        "\uff0b1",
        "'=1",
        "''=1",
    ],
)
def test_I7_what_runs_is_made_text(cell: str) -> None:
    assert safe(cell) == f"'{cell}"
    assert plain(safe(cell)) == cell


@pytest.mark.parametrize("cell", ["", "Ada", "O'Brien", "'quoted'", "1.2E+10", "a=b", "2026-11-24"])
def test_what_does_not_run_is_left_alone(cell: str) -> None:
    assert safe(cell) == cell
    assert plain(cell) == cell


@given(st.text(st.characters(codec="utf-8")))
def test_any_cell_comes_back(cell: str) -> None:
    assert plain(safe(cell)) == cell


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\x00")), min_size=1))
def test_any_row_comes_back(cells: list[str]) -> None:
    (read,) = csv.reader(io.StringIO(row(cells), newline=""))
    assert [plain(cell) for cell in read] == cells


def test_excel_is_told_that_it_is_utf8() -> None:
    assert head(["row", "=x"]) == b"\xef\xbb\xbfrow,'=x\r\n"
