"""Read a backup: the dump that was sealed, and nothing that only looks like it."""

import hashlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager

from leadsrally.kit.crypto import KeyService, SealBroken
from leadsrally.kit.sealed_stream import open_stream
from leadsrally.kit.storage import Storage
from leadsrally.privacy.backups.shelf import BACKUPS, dump_key
from leadsrally.privacy.backups.types import Backup

_LONGEST_LINE = 1_000_000


@contextmanager
def open_backup(
    storage: Storage, keys: KeyService, backup: Backup, purpose: str = BACKUPS
) -> Generator[Iterator[bytes]]:
    """The dump, piece by piece, in constant memory.

    Raises `SealBroken` when the file is not the one of the manifest, was changed, moved or cut off, or is guarded by
    a key that is not given here; that may come after pieces that were genuine, so what was made of them is to be
    thrown away. `NotFound` when there is no such file.
    """
    head = backup.head
    data_key = keys.unwrap(head.wrapped_key, head.context)
    with storage.open(dump_key(purpose, head.at, head.id)) as chunks:
        yield _opened(backup, data_key, chunks)


def _opened(backup: Backup, data_key: bytes, chunks: Iterator[bytes]) -> Iterator[bytes]:
    digest = hashlib.sha256()

    def measured() -> Iterator[bytes]:
        for chunk in chunks:
            digest.update(chunk)
            yield chunk

    pieces = measured()
    line, rest = _first_line(pieces)
    if line != backup.head.line():
        raise _another()

    def sealed() -> Iterator[bytes]:
        yield rest
        yield from pieces

    yield from open_stream(data_key, sealed(), line)
    if digest.digest() != backup.sha256:
        raise _another()


def _first_line(pieces: Iterator[bytes]) -> tuple[bytes, bytes]:
    held = b""
    for piece in pieces:
        held += piece
        line, end, rest = held.partition(b"\n")
        if end:
            return line, rest
        if len(held) > _LONGEST_LINE:
            break
    raise _another()


def _another() -> SealBroken:
    return SealBroken("backup_broken", "This backup is not the one that was written. Choose another one.")
