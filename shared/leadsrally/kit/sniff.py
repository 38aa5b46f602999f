"""What a file is, by its first bytes. What it calls itself decides only where the bytes leave that open.

A closed list: pictures, sound, film, documents, contact cards. What a browser would run (HTML, SVG, scripts) is
not on it, and neither are archives and programs.
"""

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Final

HEAD_BYTES: Final = 512

# Every type that is known here, with the ending under which it is downloaded.
ENDINGS: Final[Mapping[str, str]] = {
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/gif": ".gif",
    "image/webp": ".webp",
    "image/bmp": ".bmp",
    "image/tiff": ".tiff",
    "image/heic": ".heic",
    "image/avif": ".avif",
    "audio/mpeg": ".mp3",
    "audio/mp4": ".m4a",
    "audio/aac": ".aac",
    "audio/amr": ".amr",
    "audio/ogg": ".ogg",
    "audio/wav": ".wav",
    "audio/flac": ".flac",
    "audio/webm": ".weba",
    "audio/3gpp": ".3gp",
    "audio/3gpp2": ".3g2",
    "video/mp4": ".mp4",
    "video/3gpp": ".3gp",
    "video/3gpp2": ".3g2",
    "video/quicktime": ".mov",
    "video/mpeg": ".mpg",
    "video/ogg": ".ogv",
    "video/webm": ".webm",
    "application/pdf": ".pdf",
    "application/rtf": ".rtf",
    "application/msword": ".doc",
    "application/vnd.ms-excel": ".xls",
    "application/vnd.ms-powerpoint": ".ppt",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": ".pptx",
    "application/vnd.oasis.opendocument.text": ".odt",
    "application/vnd.oasis.opendocument.spreadsheet": ".ods",
    "application/vnd.oasis.opendocument.presentation": ".odp",
    "text/vcard": ".vcf",
    "text/calendar": ".ics",
    "text/csv": ".csv",
    "text/plain": ".txt",
}

# How a file of each type begins. https://mimesniff.spec.whatwg.org/#matching-a-mime-type-pattern, and the types'
# own specifications where that page has none.
_BEGINNINGS: Final[tuple[tuple[re.Pattern[bytes], str], ...]] = tuple(
    (re.compile(pattern, re.DOTALL), kind)
    for pattern, kind in (
        (rb"\xff\xd8\xff", "image/jpeg"),
        (rb"\x89PNG\r\n\x1a\n", "image/png"),
        (rb"GIF8[79]a", "image/gif"),
        (rb"RIFF....WEBPVP", "image/webp"),
        (rb"RIFF....WAVE", "audio/wav"),
        (rb"BM.{12}[\x0c\x28\x6c\x7c]\0\0\0", "image/bmp"),
        (rb"II\x2a\0|MM\0\x2a", "image/tiff"),
        (rb"ID3[\x02-\x04]", "audio/mpeg"),
        (rb"\xff[\xf1\xf9]", "audio/aac"),
        (rb"\xff[\xe2-\xe7\xf2-\xf7\xfa-\xff][^\xf0-\xff]", "audio/mpeg"),
        (rb"#!AMR(-WB)?\n", "audio/amr"),
        (rb"fLaC\0", "audio/flac"),
        (rb"\0\0\x01[\xb3\xba]", "video/mpeg"),
        (rb"%PDF-", "application/pdf"),
        (rb"\{\\rtf1", "application/rtf"),
        (rb"(?i:BEGIN:VCARD)\s", "text/vcard"),
        (rb"(?i:BEGIN:VCALENDAR)\s", "text/calendar"),
    )
)
# Containers of sound, of film, or of either: ISO 14496-12 and its families by their brand, Ogg, Matroska.
_BOX: Final = re.compile(rb"....ftyp(....)", re.DOTALL)
_BRANDS: Final[tuple[tuple[re.Pattern[bytes], str], ...]] = (
    (re.compile(rb"hei[cxms]|hev[cxms]|mif1|msf1"), "image/heic"),
    (re.compile(rb"avi[fs]"), "image/avif"),
    (re.compile(rb"M4A |M4B "), "audio/mp4"),
    (re.compile(rb"qt  "), "video/quicktime"),
    (re.compile(rb"3g2."), "video/3gpp2"),
    (re.compile(rb"3g[egprst]."), "video/3gpp"),
    (re.compile(rb"isom|iso[2-9]|mp4[12]|avc1|dash|MSNV|M4V |f4v |mmp4"), "video/mp4"),
)
_EITHER: Final = frozenset({"mp4", "3gpp", "3gpp2", "ogg", "webm"})
# Containers that say nothing of what is in them: here the file's own word is taken, if it is one of these.
_ZIPPED: Final = frozenset(
    kind for kind in ENDINGS if kind.startswith(("application/vnd.openxml", "application/vnd.oasis"))
)
_OLE: Final = frozenset({"application/msword", "application/vnd.ms-excel", "application/vnd.ms-powerpoint"})
_TEXT: Final = frozenset({"text/plain", "text/csv"})
_NO_TEXT: Final = re.compile(rb"[\0-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_MARKUP: Final = re.compile(rb"(\xef\xbb\xbf)?\s*<")


def file_name(told: str, content_type: str, otherwise: str) -> str:
    """The sender's name for a file with the ending of what it is, so that no `photo.jpg.exe` is downloaded."""
    return f"{PurePosixPath(told).stem or otherwise}{ENDINGS.get(content_type, '')}"


def kind_of(head: bytes, told: str) -> str | None:
    """The type of a file that begins with `head`, or None for one that is not on the list.

    `head` is its first `HEAD_BYTES`, or all of it; `told` what its sender says, in lower case without parameters.
    """
    for beginning, kind in _BEGINNINGS:
        if beginning.match(head):
            return kind
    kind = _contained(head)
    return _told(head, told) if kind is None else _heard(kind, told)


def _contained(head: bytes) -> str | None:
    """The type of a container of sound or film."""
    if box := _BOX.match(head):
        return next((kind for brand, kind in _BRANDS if brand.fullmatch(box[1])), None)
    if head.startswith(b"OggS\0"):
        return "audio/ogg"
    return "video/webm" if head.startswith(b"\x1aE\xdf\xa3") and b"webm" in head else None


def _told(head: bytes, told: str) -> str | None:
    """The file's own word, where its bytes do not speak against it."""
    if head.startswith(b"PK\x03\x04"):
        believed = told in _ZIPPED
    elif head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        believed = told in _OLE
    else:
        believed = told in _TEXT and bool(head) and not _NO_TEXT.search(head) and not _MARKUP.match(head)
    return told if believed else None


def _heard(kind: str, told: str) -> str:
    """Sound or film: which of the two a container holds is told by its sender."""
    family, _, container = kind.partition("/")
    other = f"{'audio' if family == 'video' else 'video'}/{container}"
    return other if container in _EITHER and told == other and other in ENDINGS else kind
