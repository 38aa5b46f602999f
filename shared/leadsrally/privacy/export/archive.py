"""A zip that is written while it is read: what goes in at one end comes out at the other, and little stays."""

import hashlib
import zipfile
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from tempfile import SpooledTemporaryFile
from typing import IO, Final, cast

from leadsrally.kit.storage import CHUNK_BYTES

# What is compressed and not yet taken; beyond that it waits on the disk.
_IN_MEMORY: Final = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Member:
    """One file of the archive, as it is before compression."""

    path: str
    bytes: int
    sha256: str


class _Outflow:
    """What `zipfile` writes to. It cannot seek back, so a member's sizes follow its bytes."""

    def __init__(self) -> None:
        self._kept = SpooledTemporaryFile[bytes](_IN_MEMORY)
        self.written = 0
        self.waiting = 0

    def write(self, data: bytes) -> int:
        self.written += len(data)
        self.waiting += len(data)
        return self._kept.write(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def tell(self) -> int:
        return self.written

    def taken(self) -> Iterator[bytes]:
        self._kept.seek(0)
        while chunk := self._kept.read(CHUNK_BYTES):
            yield chunk
        self._kept.seek(0)
        self._kept.truncate()
        self.waiting = 0

    def close(self) -> None:
        self._kept.close()


class Archive:
    """Files are added one after the other; `taken` gives what has become of them and was not taken yet."""

    def __init__(self, made_at: datetime) -> None:
        self._made_at = made_at
        self._out = _Outflow()
        self._zip = zipfile.ZipFile(cast("IO[bytes]", self._out), "w")
        self.members: list[Member] = []

    @property
    def size(self) -> int:
        """How large the archive is by now, in bytes."""
        return self._out.written

    @contextmanager
    def open(self, path: str, *, compressed: bool = True) -> Generator["File"]:
        """A file to be written. One at a time; `taken` gives what has become of it so far."""
        made = self._made_at
        info = zipfile.ZipInfo(path, (made.year, made.month, made.day, made.hour, made.minute, made.second))
        info.compress_type = zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
        # Of rows of text, level 6 takes three times as long for an eighth less. No version up to 3.12 has a public
        # name for this, and later ones keep the old one.
        setattr(info, "_compresslevel", 1)  # noqa: B010
        info.external_attr = 0o600 << 16
        with closing(self._zip.open(info, "w", force_zip64=True)) as into:
            file = File(into)
            yield file
        self.members.append(Member(path, file.size, file.digest.hexdigest()))

    def add(self, path: str, chunks: Iterable[bytes], *, compressed: bool = True) -> Iterator[bytes]:
        """Write one file whole; yields meanwhile what the archive has become."""
        with self.open(path, compressed=compressed) as file:
            for chunk in chunks:
                file.write(chunk)
                if self._out.waiting > _IN_MEMORY:
                    yield from self._out.taken()
        yield from self._out.taken()

    def taken(self) -> Iterator[bytes]:
        """What the archive has become since this was last asked."""
        yield from self._out.taken()

    def end(self) -> Iterator[bytes]:
        """The last bytes of the archive; nothing can be added after it."""
        self._zip.close()
        yield from self._out.taken()

    def close(self) -> None:
        """Let go of what was not taken, at the end of the archive or of the attempt at it."""
        self._zip.close()
        self._out.close()


class File:
    """One file of an archive while it is written."""

    def __init__(self, into: IO[bytes]) -> None:
        self._into = into
        self.size = 0
        self.digest = hashlib.sha256()

    def write(self, chunk: bytes) -> None:
        self.size += len(chunk)
        self.digest.update(chunk)
        self._into.write(chunk)

    def write_lines(self, lines: Iterable[bytes]) -> int:
        """Write them and return how many there were. Together: compressing each by itself would take longer."""
        count, batch, size = 0, list[bytes](), 0
        for line in lines:
            count += 1
            batch.append(line)
            size += len(line)
            if size >= CHUNK_BYTES:
                self.write(b"".join(batch))
                batch, size = [], 0
        self.write(b"".join(batch))
        return count
