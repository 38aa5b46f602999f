"""Which files go over which channel, and why others do not. Pure.

WhatsApp: https://developers.facebook.com/documentation/business-messaging/whatsapp/business-phone-numbers/media,
"Supported media types". MMS: https://www.twilio.com/docs/messaging/guides/accepted-mime-types (7 July 2026). A
megabyte is counted as a million bytes, so that nobody's other way of counting refuses what was let through here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from leadsrally.kit.errors import Invalid
from leadsrally.messaging.types import Kind, PermissionKind

FileKind = Literal["image", "video", "audio", "document", "sticker"]

_MEGABYTE: Final = 1_000_000
LARGEST: Final = 100 * _MEGABYTE  # that any channel takes
LARGEST_MMS: Final = 5 * _MEGABYTE  # all files of one message together
MOST_IN_MMS: Final = 10  # https://www.twilio.com/docs/messaging/api/message-resource, MediaUrl
LONGEST_CAPTION: Final = 1024


@dataclass(frozen=True, slots=True)
class Allowed:
    """What a kind of file may be."""

    types: frozenset[str]
    largest: int  # bytes


WHATSAPP: Final[Mapping[FileKind, Allowed]] = {
    "image": Allowed(frozenset({"image/jpeg", "image/png"}), 5 * _MEGABYTE),
    "video": Allowed(frozenset({"video/mp4", "video/3gpp"}), 16 * _MEGABYTE),
    "audio": Allowed(
        frozenset({"audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg"}), 16 * _MEGABYTE
    ),
    "sticker": Allowed(frozenset({"image/webp"}), 500_000),  # one that does not move: 100 kB, says Meta
    "document": Allowed(
        frozenset(
            {
                "text/plain",
                "application/pdf",
                "application/msword",
                "application/vnd.ms-excel",
                "application/vnd.ms-powerpoint",
                "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
                "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
                "application/vnd.openxmlformats-officedocument.presentationml.presentation",
            }
        ),
        100 * _MEGABYTE,
    ),
}
_KIND: Final[Mapping[str, FileKind]] = {
    content_type: kind for kind, allowed in WHATSAPP.items() for content_type in allowed.types
}
MMS: Final = frozenset(
    {
        *("image/jpeg", "image/png", "image/gif", "image/bmp", "image/tiff", "image/heic"),
        *("audio/mpeg", "audio/mp4", "audio/ogg", "audio/amr", "audio/3gpp", "audio/3gpp2", "audio/webm"),
        *("video/mp4", "video/mpeg", "video/quicktime", "video/webm", "video/3gpp", "video/3gpp2"),
        *("text/vcard", "text/csv", "text/calendar", "application/pdf"),
    }
)


@dataclass(frozen=True, slots=True)
class Sized:
    """What is known of a file: its type as looked at, and its bytes."""

    content_type: str
    bytes: int


def refusal(channel: PermissionKind, file: Sized) -> str | None:
    """Why this file does not go over a channel, in a sentence that says what to do; None when it goes."""
    if channel == "sms":
        if file.content_type not in MMS:
            return "MMS does not take files of this type. Send a JPEG, PNG or GIF picture, or a PDF."
        return _too_large(file, LARGEST_MMS, "MMS")
    kind = _KIND.get(file.content_type)
    if kind is None:
        return "WhatsApp does not take files of this type. Send a JPEG or PNG picture, an MP4 film, a sound or a PDF."
    return _too_large(file, WHATSAPP[kind].largest, f"WhatsApp, for the kind {kind},")


def _too_large(file: Sized, largest: int, who: str) -> str | None:
    if file.bytes <= largest:
        return None
    said = f"{largest // 1000} kB" if largest < _MEGABYTE else f"{largest // _MEGABYTE} MB"
    return f"The file is too large: {who} takes up to {said}. Send a smaller one."


def kind_on_whatsapp(file: Sized) -> FileKind:
    """As what WhatsApp shows the file. Raises `Invalid` for one that it does not take."""
    said = refusal("whatsapp", file)
    if said is not None:
        raise _misfit(said)
    return _KIND[file.content_type]


def check_whatsapp(files: Sequence[Sized], caption: str) -> Kind:
    """The kind of a WhatsApp message with these files. Raises `Invalid` with one sentence for what does not go."""
    if len(files) != 1:
        raise _misfit("A WhatsApp message holds one file. Send each in a message of its own.")
    kind = kind_on_whatsapp(files[0])
    if caption and kind in ("audio", "sticker"):
        raise _misfit(f"WhatsApp shows no text with the kind {kind}. Send the text in a message of its own.")
    if len(caption) > LONGEST_CAPTION:
        raise _misfit(f"With a file WhatsApp takes {LONGEST_CAPTION} characters of text. Shorten it.")
    return kind


def check_mms(files: Sequence[Sized], ours: str | None, theirs: str | None) -> None:
    """Raise `Invalid` for files that do not go by MMS. `ours` and `theirs` are the regions of the two numbers."""
    if not {ours, theirs} <= {"US", "CA"}:
        raise _misfit(
            "Files go by SMS only between numbers of the United States and Canada. Send a link, or use WhatsApp.",
            code="mms_region",
        )
    if len(files) > MOST_IN_MMS:
        raise _misfit(f"An MMS holds up to {MOST_IN_MMS} files. Send fewer.")
    for file in files:
        said = refusal("sms", file)
        if said is not None:
            raise _misfit(said)
    if sum(file.bytes for file in files) > LARGEST_MMS:
        raise _misfit(
            "The files together are too large: an MMS takes up to 5 MB. Send fewer or smaller ones."
        )


def _misfit(sentence: str, code: str = "file_refused") -> Invalid:
    return Invalid(sentence, code=code)
