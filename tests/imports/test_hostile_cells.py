"""Cells that mean harm: stored as they are or left out with a reason, and read in no time."""

import csv
import io
from typing import Any
from uuid import UUID

import pytest

from leadsrally.contacts.fields import Field
from leadsrally.contacts.imports.rows import Reader, Row
from leadsrally.contacts.imports.shape import has_header
from leadsrally.contacts.imports.types import Mapped, Target
from tests.imports.conftest import Importer
from tests.imports.test_run_import import ADA, mapping
from tests.world import START, World

LONG = 130_000  # characters: as long as a cell can be at all
HOSTILE = [
    "=" * LONG,
    "'" * LONG,
    " " * LONG + "x",
    "\t" * LONG + "x",
    "'" * LONG + "=",
    '"' * LONG,
    '"' + '"",' * (LONG // 3),
    '"a' * (LONG // 2),
    '" ' * (LONG // 2),
    "," * LONG,
    "a," * (LONG // 2),
    "a@" * (LONG // 2),
    "a" * 64 + "@" + "a." * (LONG // 2),
    "a@" + "." * LONG,
    "+" * LONG,
    "1" * LONG,
    "1e" * (LONG // 2),
    "0" * LONG + "x",
    "(0)" * (LONG // 3),
    "00" * (LONG // 2) + "(",
    "1 " * (LONG // 2),
    "1." * (LONG // 2),
    "-" * LONG + "1",
    "e\u0301" * (LONG // 2),
    "\U0001f468\u200d" * (LONG // 2),
]
TARGETS: tuple[Target, ...] = (
    "phone",
    "name",
    "first_name",
    "last_name",
    "email",
    "time_zone",
    "tags",
    "consent_sms",
)
TYPES = ("text", "number", "date", "boolean", "choice")


FIELDS = {
    name: Field(UUID(int=place), name, name, name, ("Red",), 1, START)  # pyright: ignore[reportArgumentType]
    for place, name in enumerate(TYPES, 1)
}


class TestTime:
    """I13: every pattern that a cell meets, against what makes patterns go back and forth."""

    def read(self, cell: str, mapped: Mapped, phone: str = ADA) -> Any:
        reader = Reader([Mapped(0, "phone"), mapped], FIELDS, country="US", width=2)
        return reader.read([phone, cell])

    @pytest.mark.parametrize("cell", HOSTILE, ids=lambda cell: repr(cell[:4]))
    def test_I13_no_cell_holds_its_reading_up(self, cell: str):
        """Four times the longest there can be: a reading that goes back at every place would not come to an end here."""
        cell *= 4
        for target in TARGETS[1:]:
            assert isinstance(self.read(cell, Mapped(1, target)), Row)
        for name in TYPES:
            assert isinstance(self.read(cell, Mapped(1, "field", name)), Row)
        self.read("", Mapped(1, "name"), phone=cell)
        has_header([[cell], [cell]], known=False)

    def test_I13_a_cell_of_many_quoted_tags_is_refused_by_its_length(self):
        row = self.read('"' + '"",' * (LONG // 3), Mapped(1, "tags"))
        assert [problem.reason for problem in row.problems] == ["tags_too_long"]
        assert row.tags == []


WORDS = [
    "Robert'); DROP TABLE contacts;--",
    "1 OR 1=1",
    "$$; SELECT pg_sleep(9) $$",
    "%(organization_id)s %s %%",
    "\\N",
    "\\.",
    "a\\tb\\nc",
    "{0.__class__} {{name}}",
    "<img src=x onerror=alert(1)>",
    "\u202eevil\u202c",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "Z" + "\u0301" * 150,
    "аdmin",
    '{"a": 1, "b": null}',
    "',',",
]


class TestStored:
    @pytest.mark.parametrize("word", WORDS, ids=lambda word: ascii(word)[:20])
    def test_I3_I6_I10_it_is_a_word_wherever_it_stands(self, world: World, importer: Importer, word: str):
        """In a heading, a name, a tag and a value of a field; and it is the same word when it is read back."""
        status, _ = importer.client.post("/v1/fields", {"key": "note", "label": "Note", "type": "text"})
        assert status == 201
        file = io.StringIO(newline="")
        csv.writer(file).writerows(
            [
                ["Phone", word, "Tags", "note", f"{word} again"],
                [ADA, word, f'"{word.replace(chr(34), chr(34) * 2)}"', word, ""],
            ]
        )
        told = [
            *mapping((0, "phone"), (1, "name"), (2, "tags")),
            {"column": 3, "to": "field", "field": "note"},
        ]
        assert importer.run(file.getvalue(), mapping=told)["created"] == 1
        _, page = importer.client.get("/v1/contacts")
        (ada,) = page["items"]
        assert (ada["name"], ada["fields"]) == (word, {"note": word})
        assert [tag["name"] for tag in ada["tags"]] == ([word] if len(word) <= 64 else [])
        assert world.value("SELECT count(*) FROM contacts") == 1

    def test_I6_a_mapping_names_only_what_there_is(self, importer: Importer):
        import_id, _ = importer.look(f"Phone,Name\n{ADA},Ada\n".encode())
        path = f"/v1/imports/{import_id}"
        for bad in ("nope", "city'; DROP TABLE contacts;--", "city' OR '1'='1"):
            told = {"mapping": [{"column": 1, "to": "field", "field": bad}]}
            assert importer.client.patch(path, told, importer.client.etag(path))[0] == 422

    def test_I11_no_word_of_a_file_is_in_the_log(
        self, importer: Importer, capsys: pytest.CaptureFixture[str]
    ):
        canary = "Canary\u2028\x1b[31m Bird"
        name = "can\u00e4ry bird.csv"
        import_id = importer.ready(f'Phone,"{canary}"\n{ADA},"{canary}"\nx,"{canary}"\n')
        assert importer.go(import_id)["counts"]["created"] == 1
        importer.begin(b"x", file_name=name)
        said = capsys.readouterr().out
        assert "import.done" in said
        assert "anary" not in said
        assert ADA not in said
        assert "\x1b" not in said
