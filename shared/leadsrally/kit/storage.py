"""Files outside the database: how they are named, and what a place that keeps them can do.

Every key begins with an organisation's id, or that of the `HOUSE`, since nothing but `Key` can name a file: there is no way to write
one tenant's file where another's is read.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol, Self
from urllib.parse import quote
from uuid import UUID

from leadsrally.kit.errors import NotFound

LONGEST_LINK: Final = timedelta(minutes=15)
CHUNK_BYTES: Final = 64 * 1024
HOUSE: Final = UUID(int=0)
"""Whose the operator's own files are, beside those of organisations: no organisation has this id, so nothing that is
erased or swept with one touches them."""

_PURPOSE = re.compile(r"[a-z]+(_[a-z]+)*", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}(/[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}){0,3}", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """Where a file is. Keys sort as their text does, which is the order in which they are listed.

    `purpose` is a fixed word that says which functions may touch it; `name` is made of ids, since it is seen in
    addresses and by whoever runs the storage. Raises `ValueError` for anything else: a key is never built from
    what somebody sent.
    """

    organization_id: UUID
    purpose: str
    name: str

    def __post_init__(self) -> None:
        if not _PURPOSE.fullmatch(self.purpose) or not _NAME.fullmatch(self.name):
            raise ValueError(
                "a key has a purpose of lower-case words and a name of letters, digits, . _ - and /"
            )

    def __str__(self) -> str:
        return f"{self.prefix(self.organization_id, self.purpose)}{self.name}"

    @staticmethod
    def prefix(organization_id: UUID, purpose: str) -> str:
        """What the text of every key of an organisation and a purpose begins with."""
        return f"{organization_id}/{purpose}/"

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """The key that has this text, or None when none has."""
        organization, _, rest = text.partition("/")
        purpose, _, name = rest.partition("/")
        try:
            key = cls(UUID(organization), purpose, name)
        except ValueError:
            return None
        return key if str(key) == text else None  # UUID reads other spellings too


@dataclass(frozen=True, slots=True)
class Held:
    """One file as a listing shows it."""

    key: Key
    bytes: int
    stored_at: datetime


class Storage(Protocol):
    """Keeps files. Methods raise `Unavailable` when the storage cannot be reached."""

    def put(self, key: Key, chunks: Iterable[bytes], *, content_type: str) -> int:
        """Keep the stream under `key` and return its size in bytes; memory does not grow with it.

        The file appears whole or not at all: what `chunks` raises leaves nothing behind, or what was there
        before. What was there before is replaced.
        """
        ...

    def open(self, key: Key) -> AbstractContextManager[Iterator[bytes]]:
        """The file's bytes, piece by piece. Raises `NotFound` when there is no such file."""
        ...

    def find(self, key: Key) -> Held | None: ...

    def delete(self, key: Key) -> None:
        """After this there is no such file, whether there was one before or not."""
        ...

    def list(self, organization_id: UUID, purpose: str) -> Iterator[Held]:
        """Every file of this organisation and purpose, in the order of the keys."""
        ...

    def organizations(self) -> Iterator[UUID]:
        """Every organisation that has a file, whether the database still knows it or not; also the `HOUSE`."""
        ...


@dataclass(frozen=True, slots=True)
class Link:
    """An address that gives the file to whoever has it, so it is never logged and soon worth nothing."""

    url: str
    expires_at: datetime

    def __repr__(self) -> str:
        return f"Link(expires_at={self.expires_at.isoformat()})"


@dataclass(frozen=True, slots=True)
class UploadLink:
    """An address that takes one file by `PUT`, once, with these headers and of the size that was asked for."""

    url: str
    headers: Mapping[str, str]
    expires_at: datetime

    def __repr__(self) -> str:
        return f"UploadLink(expires_at={self.expires_at.isoformat()})"


class Links(Protocol):
    """Hands out short-lived addresses of files."""

    def link(
        self, key: Key, *, file_name: str, content_type: str, lasting: timedelta = timedelta(minutes=5)
    ) -> Link:
        """An address from which a browser downloads the file under `file_name`, and that is not cached.

        The browser never shows what is there as a page of ours. `lasting` is at most `LONGEST_LINK`; raises
        `ValueError` for more. Does not look whether there is such a file.
        """
        ...

    def upload_link(
        self, key: Key, *, content_type: str, size: int, lasting: timedelta = LONGEST_LINK
    ) -> UploadLink:
        """An address that takes one file of exactly `size` bytes, where there is none yet.

        Whoever has it can put there what they like, once: what a file is has to be looked at afterwards. Replaces
        nothing, so what was looked at stays. `lasting` as of `link`.
        """
        ...


def refuse_long(lasting: timedelta) -> None:
    if not timedelta(0) < lasting <= LONGEST_LINK:
        raise ValueError(f"a link lasts {LONGEST_LINK} at most")


def no_such_file() -> NotFound:
    return NotFound("There is no such file any more.", code="file_missing")


_UNSAFE = re.compile(r"[^\w .,()+@=\'&-]|[\u0000-\u001f\u007f]")


def disposition(file_name: str) -> str:
    """The `Content-Disposition` of a download under this name (RFC 6266, RFC 8187).

    Letters of any script stay; what could leave the folder, the header or the eye is replaced.
    """
    safe = _UNSAFE.sub("_", file_name).strip(" .")[-150:] or "file"
    plain = safe.encode("ascii", "replace").decode().replace("?", "_")
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(safe, safe='')}"
