"""The record of processing, as somebody would ask for it on the command line."""

import json

import pytest

from infra.local.command import main
from leadsrally.privacy.register import REGISTER


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]):
    def run(*given: str) -> str:
        assert main(["register", *given]) == 0
        return capsys.readouterr().out

    return run


def test_every_entry_of_the_register_is_a_row(printed):
    text = printed()
    for entry in REGISTER:
        assert f"`{entry.table}`: {', '.join(entry.columns)} | {entry.purpose}" in text
    assert text.count("\n| `") == len(REGISTER)


def test_programs_get_the_same(printed):
    rows = json.loads(printed("--format", "json"))
    assert [(row["table"], tuple(row["columns"])) for row in rows] == [(e.table, e.columns) for e in REGISTER]
    assert all("railway" in row["shared"] for row in rows)
    assert {row["basis"] for row in rows} <= {
        "contract",
        "legitimate_interest",
        "consent",
        "legal_obligation",
    }
