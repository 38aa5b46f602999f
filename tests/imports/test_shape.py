"""Files as they come: ten encodings, four delimiters, with and without a header, hostile ones too (I1, I2, I4, I5, I9)."""

import io
import zipfile
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadsrally.contacts.imports.records import MAX_LINE, Unreadable, lines, records
from leadsrally.contacts.imports.shape import delimiter_of, encoding_of, has_header
from leadsrally.contacts.imports.types import MAX_COLUMNS, Shape
from tests.imports.conftest import Importer

SPOKEN = {
    "windows-1252": "Phone;Name;Stadt\n+14158675310;Jürgen Groß;München\n+14158675311;José Núñez;São Paulo\n",
    "utf-8": "Phone;Name\n+14158675310;Ада Лавлейс\n",
    "utf-16-le": "Phone;Name\n+14158675310;Jürgen\n+14158675311;Zoë\n",
    "utf-16-be": "Phone;Name\n+14158675310;Jürgen\n+14158675311;Zoë\n",
    "windows-1251": "Телефон;Имя\n+14158675310;Александр Пушкин\n+14158675311;Наталья Гончарова\n+1415;Москва, улица Ленина\n",
    "shift_jis": "電話番号,名前\n+14158675310,山田太郎さん\n+14158675311,東京都千代田区の鈴木花子\n",
    "gb18030": "电话,姓名\n+14158675310,王小明先生\n+14158675311,北京市朝阳区的李小红女士\n",
    "euc-kr": "전화번호,이름\n+14158675310,김철수 고객님\n+14158675311,서울특별시 강남구 이영희\n",
    "big5": "電話,姓名\n+14158675310,王大明先生您好\n+14158675311,臺北市大安區的陳小姐\n",
    "windows-1253": "Τηλέφωνο;Όνομα\n+14158675310;Γιώργος Παπαδόπουλος\n+14158675311;Ελένη από την Αθήνα\n",
}


def read(raw: bytes, encoding: str, delimiter: str) -> list[list[str]]:
    return list(records([raw], Shape(encoding, delimiter, has_header=True)))


class TestEncodings:
    @pytest.mark.parametrize("encoding", SPOKEN)
    def test_I9_each_is_recognised(self, encoding: str):
        text = SPOKEN[encoding]
        raw = text.encode(encoding)
        found = encoding_of([raw])
        assert raw.decode(found) == text, found

    @pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
    def test_a_mark_is_taken_off(self, encoding: str):
        raw = "Phone,Näme\n+14158675310,Zoë\n".encode(encoding)
        assert read(raw, encoding_of([raw]), ",")[0] == ["Phone", "Näme"]

    def test_utf8_to_the_last_byte_or_not_at_all(self):
        begun = b"Phone,Name\n" + "ü".encode() * 50_000
        assert encoding_of([begun, b"\nx"]) == "utf-8"
        assert encoding_of([begun, b"\n\xfcber"]) == "windows-1252"

    @given(st.text(max_size=300), st.integers(1, 7))
    @settings(max_examples=200, deadline=None)
    def test_pieces_of_any_size_read_the_same(self, text: str, size: int):
        raw = text.encode("utf-8", "replace")
        pieces = [raw[start : start + size] for start in range(0, len(raw), size)]
        assert "".join(lines(pieces, "utf-8")) == "".join(lines([raw], "utf-8"))

    @given(
        st.binary(max_size=400),
        st.sampled_from(["utf-8", "utf-16-le", "windows-1252", "gb18030", "shift_jis"]),
    )
    @settings(max_examples=300, deadline=None)
    def test_I1_I2_whatever_the_bytes_are_the_text_can_be_stored(self, raw: bytes, encoding: str):
        try:
            found = read(raw, encoding, ",")
        except Unreadable:
            return
        for cell in (cell for row in found for cell in row):
            assert "\x00" not in cell
            cell.encode()  # no half of a surrogate pair


class TestDelimiters:
    @pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
    def test_each_is_recognised(self, delimiter: str):
        rows = [["Phone", "Name, first", "Note"], ["1", "a; b", 'say "x"'], ["2", "c\td", "e|f\ng"]]
        text = io.StringIO(newline="")
        import csv

        csv.writer(text, delimiter=delimiter).writerows(rows)
        assert delimiter_of(text.getvalue()) == delimiter
        assert read(text.getvalue().encode(), "utf-8", delimiter) == rows

    def test_decimal_commas_do_not_confuse_it(self):
        assert delimiter_of("Phone;Sum\n1;1,5\n2;2,75\n3;0,1\n") == ";"

    def test_a_single_column_is_a_column(self):
        assert delimiter_of("Phone\n+14158675310\n") == ","

    @pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
    def test_every_line_end_ends_a_line(self, end: str):
        assert read(end.join(["a,b", "1,2", ""]).encode(), "utf-8", ",") == [["a", "b"], ["1", "2"]]


class TestHeader:
    @pytest.mark.parametrize(
        ("rows", "known", "expected"),
        [
            ([["Phone", "Name"], ["+14158675310", "Ada"]], True, True),
            ([["x", "y"], ["+14158675310", "Ada"]], False, True),
            ([["+14158675310", "Ada"], ["+14158675311", "Bob"]], False, False),
            ([["Ada", "ada@example.test"]], False, False),
            ([["Phone"]], True, True),
            ([["Ada", "Bob"], ["Cy", "Dee"]], False, False),
            ([], False, False),
        ],
    )
    def test_it_is_told_from_a_row(self, rows: list[list[str]], known: bool, expected: bool):
        assert has_header(rows, known=known) == expected

    def test_without_one_the_number_is_found_by_what_it_is(self, importer: Importer):
        _, seen = importer.look(b"Ada;ada@example.test;(415) 867-5310\nBob;;415 867 5311\n")
        assert (seen["has_header"], seen["columns"]) == (False, ["Column 1", "Column 2", "Column 3"])
        assert [(one["column"], one["to"]) for one in seen["mapping"]] == [(1, "email"), (2, "phone")]


class TestSuggestions:
    @pytest.mark.parametrize(
        ("names", "expected"),
        [
            (
                "First Name,Last Name,Mobile Phone,E-mail Address,Tags",
                "first_name last_name phone email tags",
            ),
            (
                "Nombre,Apellidos,Teléfono móvil,Correo electrónico,Etiquetas",
                "first_name last_name phone email tags",
            ),
            ("Nome,Sobrenome,Celular,Endereço de e-mail,Marcadores", "first_name last_name phone email tags"),
            ("Prénom,Nom,Téléphone portable,Courriel,Étiquettes", "first_name last_name phone email tags"),
            (
                "Vorname,Nachname,Handynummer,E-Mail-Adresse,Schlagwörter",
                "first_name last_name phone email tags",
            ),
            ("Nome,Cognome,Cellulare,Indirizzo e-mail,Etichette", "first_name last_name phone email tags"),
            ("nome,telefone,zona,x,y", "name phone"),
            ("WHATSAPP,  full_name ,Opt-In,TimeZone,city", "phone name consent_sms time_zone"),
        ],
    )
    def test_in_six_languages(self, importer: Importer, names: str, expected: str):
        _, seen = importer.look(f"{names}\na,b,c,d,e\n".encode())
        assert [one["to"] for one in seen["mapping"]] == expected.split()

    def test_the_customer_knows_better(self, importer: Importer):
        raw = "Name|Phone\nZoë|+14158675310\n".encode()
        import_id, seen = importer.look(raw)
        assert seen["sample"] == [["Zoë", "+14158675310"]]
        told = {"encoding": "windows-1252", "delimiter": ",", "has_header": False}
        assert importer.client.post(f"/v1/imports/{import_id}/look", told)[0] == 202
        importer.work()
        assert importer.shown(import_id)["sample"] == [["Name|Phone"], ["ZoÃ«|+14158675310"]]
        wrong = importer.client.post(f"/v1/imports/{import_id}/look", {"encoding": "utf-7"})
        assert (wrong[0], wrong[1]["code"]) == (422, "shape_unknown")


def archive() -> bytes:
    """A small file that would be a hundred megabytes."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("xl/worksheets/sheet1.xml", b"0" * 10**8)
    return made.getvalue()


class TestHostile:
    @pytest.mark.parametrize(
        ("raw", "reason"),
        [
            (archive, "spreadsheet"),
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(1000), "spreadsheet"),
            (b"\x1f\x8b\x08" + bytes(100), "spreadsheet"),
            (b"%PDF-1.7\n" + bytes(100), "spreadsheet"),
            (b"\x7fELF" + bytes(range(256)) * 10, "binary"),
            (bytes(1000), "binary"),
            (b"\n\n\n", "empty"),
            (b"\xef\xbb\xbf", "empty"),
            (b"x" * (MAX_LINE + 100_000), "line_too_long"),
            (b'Phone\n"' + b"+14158675310\n" * 20_000, "cell_too_long"),
            (b",".join([b"c"] * (MAX_COLUMNS + 1)) + b"\n1\n", "too_many_columns"),
        ],
        ids=[
            "zip bomb",
            "xls",
            "gzip",
            "pdf",
            "program",
            "nuls",
            "blank",
            "mark alone",
            "no newline",
            "open quote",
            "columns",
        ],
    )
    def test_I9_it_is_refused_with_a_sentence_that_helps(self, importer: Importer, raw: Any, reason: str):
        _, seen = importer.look(raw() if callable(raw) else raw)
        assert (seen["state"], seen["reason"]) == ("failed", reason)
        assert seen["explanation"].endswith(".")

    def test_I1_nul_and_controls_in_cells(self, importer: Importer):
        importer.run('Phone,Name\n+14158675310,"A\x00da\r\n\tL"\n+14158675311,\u202eevil\n')
        assert [one["name"] for one in importer.contacts().values()] == ["A\ufffdda L", "\u202eevil"]

    def test_I4_I5_what_is_too_long_is_left_out_and_told(self, importer: Importer):
        import_id = importer.ready(
            f"Phone,Name,Email,Tags\n+14158675310,{'n' * 10_000},{'e' * 9_000}@x.test,{'t' * 9_000}\n"
        )
        counts = importer.go(import_id)["counts"]
        assert counts["reasons"] == {"name_too_long": 1, "email_invalid": 1, "tags_too_long": 1}
        assert importer.contacts()["+14158675310"]["name"] == ""

    def test_I12_a_name_is_one_line(self, importer: Importer):
        importer.run('Phone,Name\n+14158675310,"Ada\r\nBcc: x@example.test"\n')
        assert importer.contacts()["+14158675310"]["name"] == "Ada Bcc: x@example.test"

    def test_a_row_with_too_many_cells_is_not_guessed_at(self, importer: Importer):
        counts = importer.run(
            "Phone,Name\n+14158675310,Lovelace, Ada\n+14158675311,Bob,\n+14158675312,Cy\n+14158675313,Dee\n+14158675314,Eve\n"
        )
        assert counts["reasons"] == {"too_many_cells": 1}
        assert list(importer.contacts()) == ["+14158675311", "+14158675312", "+14158675313", "+14158675314"]

    def test_quoted_newlines_are_part_of_their_cell(self, importer: Importer):
        import_id = importer.ready('Phone,Name\n+14158675310,"Ada\nLovelace"\nx,y\n')
        importer.go(import_id)
        assert [one["row"] for one in importer.problems(import_id)] == ["3"]
