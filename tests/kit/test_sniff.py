"""What a file is, by its first bytes: every type of the list, and everything that only pretends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadsrally.kit.sniff import ENDINGS, HEAD_BYTES, kind_of

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ZIP = b"PK\x03\x04\x14\0\x06\0"
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


def box(brand: bytes) -> bytes:
    return b"\0\0\0\x20ftyp" + brand + b"\0\0\0\0"


KNOWN = [
    (b"\xff\xd8\xff\xe0\0\x10JFIF", "", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n\0\0", "", "image/png"),
    (b"GIF87a", "", "image/gif"),
    (b"GIF89a", "image/png", "image/gif"),
    (b"RIFF\x24\0\0\0WEBPVP8 ", "", "image/webp"),
    (b"BM\x36\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0", "", "image/bmp"),
    (b"II*\0\x08\0", "", "image/tiff"),
    (b"MM\0*\0\0", "", "image/tiff"),
    (box(b"heic"), "", "image/heic"),
    (box(b"mif1"), "", "image/heic"),
    (box(b"avif"), "", "image/avif"),
    (b"ID3\x04\0\0", "", "audio/mpeg"),
    (b"\xff\xfb\x90\x64", "", "audio/mpeg"),
    (b"\xff\xf1\x50\x80", "", "audio/aac"),
    (b"#!AMR\n", "", "audio/amr"),
    (b"#!AMR-WB\n", "", "audio/amr"),
    (b"OggS\0\x02", "audio/ogg; codecs=opus", "audio/ogg"),
    (b"OggS\0\x02", "video/ogg", "video/ogg"),
    (b"RIFF\x24\0\0\0WAVEfmt ", "", "audio/wav"),
    (b"fLaC\0\0", "", "audio/flac"),
    (box(b"M4A "), "", "audio/mp4"),
    (box(b"isom"), "", "video/mp4"),
    (box(b"mp42"), "audio/mp4", "audio/mp4"),
    (box(b"mp42"), "text/html", "video/mp4"),
    (box(b"3gp4"), "", "video/3gpp"),
    (box(b"3gp5"), "audio/3gpp", "audio/3gpp"),
    (box(b"3g2a"), "", "video/3gpp2"),
    (box(b"3g2a"), "audio/3gpp2", "audio/3gpp2"),
    (box(b"qt  "), "", "video/quicktime"),
    (b"\0\0\x01\xba\x44", "", "video/mpeg"),
    (b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\x82\x84webm", "", "video/webm"),
    (b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\x82\x84webm", "audio/webm", "audio/webm"),
    (b"%PDF-1.4\n", "image/png", "application/pdf"),
    (b"{\\rtf1\\ansi", "", "application/rtf"),
    (OLE, "application/msword", "application/msword"),
    (OLE, "application/vnd.ms-excel", "application/vnd.ms-excel"),
    (OLE, "application/vnd.ms-powerpoint", "application/vnd.ms-powerpoint"),
    *((ZIP, kind, kind) for kind in ENDINGS if kind.startswith(("application/vnd.o",))),
    (b"BEGIN:VCARD\r\nVERSION:3.0", "text/x-vcard", "text/vcard"),
    (b"begin:vcalendar\n", "", "text/calendar"),
    (b"a,b\n1,2\n", "text/csv", "text/csv"),
    ("Grüße, 1 < 2".encode(), "text/plain", "text/plain"),
]

REFUSED = [
    (b"", "image/png"),
    (b"", "text/plain"),
    (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml"),
    (b"<?xml version='1.0'?><svg/>", "image/svg+xml"),
    (b"<!doctype html>", "text/html"),
    (b"  \r\n<html>", "text/plain"),
    (b"\xef\xbb\xbf\n<script>", "text/csv"),
    (b"hello", "text/html"),
    (b"hello", "application/octet-stream"),
    (b"\x00hello", "text/plain"),
    (b"#!/bin/sh\nrm -rf /\n", "application/x-sh"),
    (b"MZ\x90\0\x03", "image/png"),
    (b"\x7fELF\x02", "image/png"),
    (b"\xca\xfe\xba\xbe", "image/png"),
    (ZIP, "application/zip"),
    (ZIP, "application/java-archive"),
    (ZIP, "image/png"),
    (OLE, "application/x-msi"),
    (OLE, WORD),
    (b"\x1f\x8b\x08", "application/gzip"),
    (b"Rar!\x1a\x07\0", "application/vnd.rar"),
    (b"%!PS-Adobe-3.0", "application/postscript"),
    (b"\x1aE\xdf\xa3\x01\0\0matroska", "video/x-matroska"),
    (box(b"evil"), "video/mp4"),
    (b"RIFF\x24\0\0\0AVI LIST", "video/x-msvideo"),
    (b"BM", "image/bmp"),
    (b"\xff\xd8", "image/jpeg"),
    (b"\xff\xff\xff\xff", "audio/mpeg"),
    (b"FWS\x09", "application/x-shockwave-flash"),
]


@pytest.mark.parametrize(("head", "told", "kind"), KNOWN)
def test_O3_known_by_its_bytes(head: bytes, told: str, kind: str) -> None:
    assert kind_of(head, told.partition(";")[0]) == kind
    assert kind_of((head + b"\0<script>alert(1)</script>")[:HEAD_BYTES], told.partition(";")[0]) in (
        kind,
        None,
    )


@pytest.mark.parametrize(("head", "told"), REFUSED)
def test_O3_I8_whatever_it_says_it_is(head: bytes, told: str) -> None:
    assert kind_of(head, told) is None


def test_every_type_of_the_list_can_be_met() -> None:
    assert {kind for *_, kind in KNOWN} == set(ENDINGS)


def test_I8_nothing_that_a_browser_runs_is_on_the_list() -> None:
    run = {
        "text/html",
        "image/svg+xml",
        "application/xhtml+xml",
        "text/xml",
        "application/xml",
        "text/javascript",
    }
    assert not run & set(ENDINGS)


@given(st.binary(max_size=HEAD_BYTES), st.sampled_from([*ENDINGS, "", "text/html", "image/svg+xml"]))
def test_O3_whatever_comes_is_of_the_list_or_nothing(head: bytes, told: str) -> None:
    kind = kind_of(head, told)
    assert kind is None or kind in ENDINGS
    if kind is not None and kind.startswith("text/"):
        assert not head.lstrip().startswith(b"<")
