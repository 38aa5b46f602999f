"""Files in a folder of this machine, for the one-process host without a bucket, and links signed by ourselves."""

import base64
import binascii
import hmac
import json
import os
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO, Final, cast
from uuid import UUID, uuid4

from leadsrally.kit.clock import Clock
from leadsrally.kit.errors import Conflict, Forbidden, Unavailable
from leadsrally.kit.storage import (
    CHUNK_BYTES,
    LONGEST_LINK,
    Held,
    Key,
    Link,
    UploadLink,
    no_such_file,
    refuse_long,
)

LINK_PATH: Final = "/files/"
_SIGNED: Final = b"leadsrally.files.1\x00"  # the key signs other things too, and none of them is a link
_TRIES: Final = 50


class FolderStorage:
    """`leadsrally.kit.storage.Storage` below one folder, which only the user who runs us may enter."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def __repr__(self) -> str:
        return "FolderStorage()"

    def path(self, key: Key) -> Path:
        """Where the file is. A `Key` has no part that could lead out of the folder."""
        return self._root / str(key)

    def put(self, key: Key, chunks: Iterable[bytes], *, content_type: str) -> int:  # noqa: ARG002  the link says it
        return self._keep(key, chunks, lambda draft, place: draft.replace(place))

    def put_first(self, key: Key, chunks: Iterable[bytes]) -> int:
        """As `put`, where there is no file yet. Raises `Conflict` where there is one, which stays as it is."""

        def beside_none(draft: Path, place: Path) -> None:
            try:
                place.hardlink_to(draft)
            except FileExistsError:
                raise Conflict(
                    "There is a file already. Ask for a new address.", code="file_exists"
                ) from None

        return self._keep(key, chunks, beside_none)

    def _keep(self, key: Key, chunks: Iterable[bytes], name: Callable[[Path, Path], object]) -> int:
        place = self.path(key)
        draft, file = self._draft(place)
        size = 0
        try:
            with file:
                for chunk in chunks:
                    size += file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            name(draft, place)
            _sync_folder(place.parent)
        except OSError as error:
            raise _unavailable() from error
        finally:
            draft.unlink(missing_ok=True)
        return size

    def _draft(self, place: Path) -> tuple[Path, BinaryIO]:
        """An open file beside `place`. Its folder may be taken away between being made and being used."""
        draft = place.parent / f".{uuid4().hex}"
        for _ in range(_TRIES):
            try:
                self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
                place.parent.mkdir(parents=True, exist_ok=True)
                descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            except (FileNotFoundError, FileExistsError):
                continue
            except OSError as error:
                raise _unavailable() from error
            return draft, os.fdopen(descriptor, "wb")
        raise _unavailable()

    @contextmanager
    def open(self, key: Key) -> Generator[Iterator[bytes]]:
        try:
            file = self.path(key).open("rb")
        except FileNotFoundError:
            raise no_such_file() from None
        except OSError as error:
            raise _unavailable() from error
        with file:
            yield iter(lambda: file.read(CHUNK_BYTES), b"")

    def find(self, key: Key) -> Held | None:
        try:
            found = self.path(key).stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        return Held(key, found.st_size, datetime.fromtimestamp(found.st_mtime, UTC))

    def delete(self, key: Key) -> None:
        place = self.path(key)
        try:
            place.unlink(missing_ok=True)
        except NotADirectoryError:
            return
        except OSError as error:
            raise _unavailable() from error
        with suppress(OSError):  # not empty, or gone: then it is somebody else's to take away
            for folder in place.relative_to(self._root).parents[:-1]:
                (self._root / folder).rmdir()

    def list(self, organization_id: UUID, purpose: str) -> Iterator[Held]:
        top = self._root / Key.prefix(organization_id, purpose)
        names = (path.relative_to(self._root).as_posix() for path in top.rglob("*"))
        # A draft's name begins with a dot, which no key's does.
        for key in sorted(key for name in names if (key := Key.parse(name))):
            held = self.find(key) if self.path(key).is_file() else None
            if held is not None:
                yield held

    def forget_drafts(self, before: datetime) -> int:
        """Delete what writers who were killed before the instant `before` left of files; returns how many.

        What S3 does with the parts of an upload that broke off. A draft holds what its file would have held.
        """
        gone = 0
        for draft in self._root.rglob(".*"):
            with suppress(OSError):
                if draft.is_file() and datetime.fromtimestamp(draft.stat().st_mtime, UTC) < before:
                    draft.unlink()
                    gone += 1
        return gone

    def organizations(self) -> Iterator[UUID]:
        for name in sorted(path.name for path in self._root.glob("*") if path.is_dir()):
            with suppress(ValueError):
                yield UUID(name)


@dataclass(frozen=True, slots=True)
class Linked:
    """What a genuine link opens, and how it is to be given away."""

    key: Key
    file_name: str
    content_type: str


@dataclass(frozen=True, slots=True)
class Awaited:
    """What a genuine link for an upload takes."""

    key: Key
    size: int  # bytes


class FolderLinks:
    """`leadsrally.kit.storage.Links` for a folder: tokens that say what they open and until when, signed."""

    def __init__(self, secret: bytes, public_url: str, clock: Clock) -> None:
        """`public_url` is the host's own address, without a final slash; it serves `/files/{token}`."""
        self._secret = hmac.digest(secret, _SIGNED, "sha256")
        self._public_url = public_url
        self._clock = clock

    def __repr__(self) -> str:
        return "FolderLinks()"

    def link(
        self, key: Key, *, file_name: str, content_type: str, lasting: timedelta = timedelta(minutes=5)
    ) -> Link:
        refuse_long(lasting)
        # Whole seconds, as S3 has them.
        expires_at = (self._clock() + lasting).replace(microsecond=0)
        said = {"k": str(key), "n": file_name, "t": content_type, "e": int(expires_at.timestamp())}
        return Link(self._url(said), expires_at)

    def upload_link(
        self, key: Key, *, content_type: str, size: int, lasting: timedelta = LONGEST_LINK
    ) -> UploadLink:
        refuse_long(lasting)
        expires_at = (self._clock() + lasting).replace(microsecond=0)
        said = {"k": str(key), "s": size, "e": int(expires_at.timestamp())}
        return UploadLink(self._url(said), {"content-type": content_type, "if-none-match": "*"}, expires_at)

    def read(self, token: str) -> Linked:
        """What the token opens. Raises `Forbidden` for one that we never gave, or whose time is over."""
        said, key = self._read(token)
        if "s" in said:
            raise _broken()
        return Linked(key, said["n"], said["t"])

    def read_upload(self, token: str) -> Awaited:
        """What the token takes. Raises `Forbidden` as `read` does."""
        said, key = self._read(token)
        if "s" not in said:
            raise _broken()
        return Awaited(key, said["s"])

    def _url(self, said: dict[str, Any]) -> str:
        body = json.dumps(said, separators=(",", ":")).encode()
        return f"{self._public_url}{LINK_PATH}{_text(body)}.{_text(self._sign(body))}"

    def _read(self, token: str) -> tuple[dict[str, Any], Key]:
        body, _, signature = token.partition(".")
        try:
            raw = _bytes(body)
            genuine = hmac.compare_digest(_bytes(signature), self._sign(raw))
        except (binascii.Error, ValueError):
            genuine, raw = False, b""
        if not genuine:
            raise _broken()
        said = cast("dict[str, Any]", json.loads(raw))
        key = Key.parse(said["k"])
        if key is None or self._clock().timestamp() >= said["e"]:
            raise Forbidden("This link is no longer valid. Ask for a new one.", code="link_expired")
        return said, key

    def _sign(self, body: bytes) -> bytes:
        return hmac.digest(self._secret, body, "sha256")


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if _text(raw) != text:
        raise ValueError("another spelling of the same bytes")
    return raw


def _sync_folder(folder: Path) -> None:
    """Make the file's new name survive a power cut, where the system has a way to."""
    descriptor = os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _broken() -> Forbidden:
    return Forbidden("This link is not genuine. Ask for a new one.", code="link_broken")


def _unavailable() -> Unavailable:
    return Unavailable("The file storage cannot be used now. Try again in a moment.", code="storage")
