"""How files are named: always under a tenant, never out of it, and harmless in a header."""

import re
from datetime import UTC, datetime
from urllib.parse import unquote
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.functions import PROJECT
from leadsrally.kit.storage import Key, Link, disposition

ORG = UUID(int=1)


class TestKey:
    @pytest.mark.parametrize("name", ["a", "0190-x", "a/b/c/d", "a.tar.gz", "_", "-"])
    def test_T15_it_begins_with_the_organisation(self, name: str):
        key = Key(ORG, "media", name)
        assert str(key) == f"{ORG}/media/{name}"
        assert Key.parse(str(key)) == key

    @pytest.mark.parametrize(
        ("purpose", "name"),
        [
            ("media", ""), ("media", "."), ("media", ".."), ("media", "../x"), ("media", "a/../b"),
            ("media", "a//b"), ("media", "/a"), ("media", "a/"), ("media", ".hidden"), ("media", "a/.hidden"),
            ("media", "a\\b"), ("media", "a\x00"), ("media", "a\n"), ("media", "a b"), ("media", "é"),
            ("media", "x" * 129), ("media", "a/b/c/d/e"), ("media", "٣"),
            ("", "a"), ("Media", "a"), ("..", "a"), ("media/..", "a"), ("media\n", "a"), ("_", "a"),
        ],
    )  # fmt: skip
    def test_T15_nothing_leads_out_of_it(self, purpose: str, name: str):
        with pytest.raises(ValueError):
            Key(ORG, purpose, name)
        assert Key.parse(f"{ORG}/{purpose}/{name}") is None

    @pytest.mark.parametrize(
        "text",
        ["", "media/a", f"{ORG}/media", f"{{{ORG}}}/media/a", f"{ORG.hex}/media/a", f"urn:uuid:{ORG}/media/a",
         f"{str(ORG).replace('0', 'A')}/media/a"],
    )  # fmt: skip
    def test_T15_an_organisation_has_one_spelling(self, text: str):
        assert Key.parse(text) is None

    @given(st.text(max_size=60))
    def test_T15_whatever_is_read_back_was_a_key(self, text: str):
        key = Key.parse(f"{ORG}/media/{text}")
        assert key is None or (key.organization_id == ORG and str(key) == f"{ORG}/media/{text}")

    def test_T15_no_address_of_a_file_is_written_by_hand(self):
        """Nobody but `Key` puts a path of the storage together."""
        for path in (PROJECT / "shared").rglob("*.py"):
            if path.name != "storage.py" or path.parent.name != "kit":
                assert not re.search(r"""f["'].*organization_id\}/""", path.read_text("utf-8")), path

    def test_keys_sort_as_their_text_does(self):
        keys = [Key(UUID(int=n), p, name) for n in (2, 1) for p in ("b", "a") for name in ("a-1", "a/1", "a")]
        assert sorted(keys) == sorted(keys, key=str)


class TestDisposition:
    @pytest.mark.parametrize(
        ("file_name", "kept"),
        [
            ("photo.png", "photo.png"),
            ("Müller & Söhne (1).pdf", "Müller & Söhne (1).pdf"),
            ("見積書.pdf", "見積書.pdf"),
            ("../../etc/passwd", "_.._etc_passwd"),
            ("..\\..\\boot.ini", "_.._boot.ini"),
            ('a".html; x="', "a_.html_ x=_"),
            ("a\r\nSet-Cookie: x=1", "a__Set-Cookie_ x=1"),
            ("gpj.\u202eexe", "gpj._exe"),
            ("", "file"),
            (" . ", "file"),
            ("x" * 300 + ".png", "x" * 146 + ".png"),
        ],
    )
    def test_I8_a_hostile_name_is_only_a_name(self, file_name: str, kept: str):
        header = disposition(file_name)
        assert header.startswith('attachment; filename="')
        assert header.isascii()
        assert read_back(header) == kept

    @given(st.text(st.characters(), max_size=200))
    def test_I8_whatever_it_is_called(self, file_name: str):
        header = disposition(file_name)
        assert re.fullmatch(
            r"""attachment; filename="[ !#-\[\]-~]+"; filename\*=UTF-8''[\w.~%-]+""", header, re.ASCII
        )
        assert "/" not in read_back(header)
        assert not read_back(header).startswith(".")


def read_back(header: str) -> str:
    """As a browser does: the extended form is preferred (RFC 6266 §4.3)."""
    return unquote(header.rpartition("filename*=UTF-8''")[2], errors="strict")


def test_a_link_shows_nothing_when_printed():
    assert "secret" not in repr(Link("https://files.example.test/secret", datetime.now(UTC)))
