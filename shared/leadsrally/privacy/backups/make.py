"""Make a backup: one consistent snapshot of the whole database, sealed on its way into the storage."""

import hashlib
import secrets
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import psycopg

from leadsrally.kit.clock import Clock
from leadsrally.kit.crypto import KEY_BYTES, KeyService, SealContext
from leadsrally.kit.db import Database
from leadsrally.kit.errors import Misconfigured
from leadsrally.kit.ids import new_id
from leadsrally.kit.sealed_stream import seal_stream
from leadsrally.kit.storage import HOUSE, Storage
from leadsrally.privacy.backups import store
from leadsrally.privacy.backups.shelf import BACKUPS, dump_key, manifest_key
from leadsrally.privacy.backups.types import Backup, Head
from leadsrally.telemetry import log

Dump = Callable[[str], AbstractContextManager[Iterator[bytes]]]
"""Dumps the database as it is in the exported snapshot of that name (`pg_dump --snapshot`). What goes wrong is raised
from the iterator, so that half a dump never counts as one."""


@dataclass(frozen=True, slots=True)
class BackupDesk:
    """What making and keeping backups needs.

    `db` logs in as `leadsrally_backup`, which reads all and writes no row of a customer's.
    """

    db: Database
    clock: Clock
    storage: Storage
    keys: KeyService
    dump: Dump


def make_backup(desk: BackupDesk, purpose: str = BACKUPS) -> Backup:
    """Dump, seal, keep, and write down that it was done; memory does not grow with the database.

    The dump is there whole or not at all, and counts as a backup once its manifest is there too: one that was broken
    off is no backup, and `expire_backups` clears it away. Raises `Misconfigured` when the role is not shown every row
    of every table, for a backup of what it sees would look like one.
    """
    backup_id = new_id(desk.clock())
    data_key = secrets.token_bytes(KEY_BYTES)
    wrapped = desk.keys.wrap(data_key, SealContext(HOUSE, "backup", backup_id))
    with desk.db.session() as connection:
        store.begin_snapshot(connection)
        try:
            if blind := store.unseen(connection):
                raise Misconfigured(
                    f"The backup's database role does not see all of {len(blind)} tables, {blind[0]} among them."
                    " Run `leadsrally migrate`.",
                    code="backup_blind",
                )
            seen = store.snapshot(connection)
            head = Head(
                id=backup_id,
                at=seen.at,
                migration=seen.migration,
                server=seen.server,
                roles=tuple(seen.roles),
                rows=store.counts(connection),
                wrapped_key=wrapped,
            )
            with desk.dump(seen.name) as dumped:
                sealed = _Sealed(head, data_key, _released(dumped, connection))
                desk.storage.put(
                    dump_key(purpose, head.at, head.id), sealed, content_type="application/octet-stream"
                )
        finally:
            store.end_snapshot(connection)
    backup = Backup(head, sealed.bytes, sealed.digest.digest())
    desk.storage.put(
        manifest_key(purpose, head.at, head.id), [backup.manifest()], content_type="application/json"
    )
    if purpose == BACKUPS:
        with desk.db.across() as tx:
            store.record(tx, backup, now=desk.clock())
    log.info("backup.made", bytes=backup.size, rows=sum(head.rows.values()))
    return backup


def _released(dumped: Iterator[bytes], connection: psycopg.Connection[Any]) -> Iterator[bytes]:
    """The dump; our own transaction ends with its first piece, for then the dump holds the snapshot itself."""
    for number, piece in enumerate(dumped):
        if number == 0:
            store.end_snapshot(connection)
        yield piece


class _Sealed:
    """The file as it goes out, measured on the way."""

    def __init__(self, head: Head, data_key: bytes, dumped: Iterator[bytes]) -> None:
        self._head, self._data_key, self._dumped = head, data_key, dumped
        self.bytes = 0
        self.digest = hashlib.sha256()

    def __iter__(self) -> Iterator[bytes]:
        line = self._head.line()
        yield self._measured(line + b"\n")
        for chunk in seal_stream(self._data_key, self._dumped, line):
            yield self._measured(chunk)

    def _measured(self, piece: bytes) -> bytes:
        self.bytes += len(piece)
        self.digest.update(piece)
        return piece
