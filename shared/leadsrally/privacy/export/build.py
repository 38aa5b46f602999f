"""Build an export, part by part, in memory that does not grow with what there is.

A part is one zip that appears whole or not at all. It holds as many rows as time and size allow; where it ends is
written down, and the job goes on with the next part. Whoever is killed on the way begins the same part again.
"""

import json
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from leadsrally.jobs.enqueue import enqueue
from leadsrally.jobs.types import Done, Job, Later, Result
from leadsrally.kit.clock import Clock
from leadsrally.kit.db import Database
from leadsrally.kit.errors import LeadsRallyError, NotFound
from leadsrally.kit.sniff import ENDINGS
from leadsrally.kit.storage import Storage
from leadsrally.messaging.media.store import key_of as file_key_of
from leadsrally.privacy.export import pages, store
from leadsrally.privacy.export.archive import Archive
from leadsrally.privacy.export.pages import Reach
from leadsrally.privacy.export.rows import Key, Rows
from leadsrally.privacy.export.sheets import Sheet, of_scope
from leadsrally.privacy.export.store import Export, Part, Position
from leadsrally.telemetry import log

KEPT_FOR: Final = timedelta(days=7)

# One run of a sheet is a file of JSON lines and the same as CSV; a spreadsheet takes 1,048,576 rows.
RUN_ROWS: Final = 500_000
MAX_PART_BYTES: Final = 1024**3
_TIME_FOR_A_RUN: Final = timedelta(minutes=2)
_FILES_AT_ONCE: Final = 100
_TELL_EVERY: Final = timedelta(seconds=2)
_FILES: Final = "files"
_FIRST = UUID(int=0)


@dataclass(frozen=True, slots=True)
class ExportDesk:
    """What is needed to build: where the rows are, where the files go, and who can be asked about it all."""

    db: Database
    clock: Clock
    storage: Storage
    reach: Reach


TimeLeft = Callable[[], timedelta]


def build_export(desk: ExportDesk, job: Job, *, time_left: TimeLeft) -> Result:
    """Build the next part. When it was the last one, whoever asked is told and the files get their end.

    Raises `Unavailable` when the storage or the database is away; the last try marks the export as failed.
    """
    export_id = UUID(job.payload["export_id"])
    try:
        return _build(desk, job.organization_id, export_id, time_left)
    except Exception:
        if job.attempts >= job.max_attempts:
            _give_up(desk, job.organization_id, export_id)
        raise


def _give_up(desk: ExportDesk, organization_id: UUID, export_id: UUID) -> None:
    """Say that it failed, and have the parts deleted that were made already: nobody can download them."""
    with desk.db.tenant(organization_id) as tx:
        if store.failed(tx, organization_id, export_id):
            payload = {"export_id": str(export_id)}
            enqueue(tx, organization_id, "export", "expire", payload, now=desk.clock())


def _build(desk: ExportDesk, organization_id: UUID, export_id: UUID, time_left: TimeLeft) -> Result:
    with desk.db.tenant(organization_id) as tx:
        export = store.begin(tx, organization_id, export_id)
        over = export is None and store.over(tx, organization_id, export_id)
    if export is None:
        if over:  # a worker that died may have left a part after the files were deleted
            _delete_files(desk, organization_id, export_id)
        return Done()
    with closing(_Writing(desk, export, time_left)) as writing:
        key = store.key_of(organization_id, export_id, writing.number)
        try:
            size = desk.storage.put(key, writing.stream(), content_type="application/zip")
        except _Cancelled:
            return Done()
    part = Part(writing.number, size, writing.position, writing.counts)
    now = desk.clock()
    with desk.db.tenant(organization_id) as tx:
        kept = store.keep_part(tx, export, part, now=now)
        if kept and writing.finished:
            store.ready(tx, export, now=now, expires_at=now + KEPT_FOR)
            payload = {"export_id": str(export_id)}
            enqueue(tx, organization_id, "notify", "export_ready", payload, now=now)
            enqueue(tx, organization_id, "export", "expire", payload, now=now, delay=KEPT_FOR)
    if not kept:
        # Taken back while it was written. (Where another worker was faster, its part is the same file.)
        with desk.db.tenant(organization_id) as tx:
            still_wanted = store.begin(tx, organization_id, export_id) is not None
        if not still_wanted:
            desk.storage.delete(key)
        return Done()
    log.info("export.part", export_id=export_id, part=part.number, bytes=size, rows=part.rows)
    return Done() if writing.finished else Later(timedelta(0), "next_part")


def expire_export(desk: ExportDesk, job: Job) -> Result:
    """Delete the files of an export whose time is over, that was taken back, or that could not be made."""
    organization_id, export_id = job.organization_id, UUID(job.payload["export_id"])
    with desk.db.tenant(organization_id) as tx:
        store.expire(tx, organization_id, export_id)
    _delete_files(desk, organization_id, export_id)
    with desk.db.tenant(organization_id) as tx:
        store.forget_parts(tx, organization_id, export_id)
    return Done()


def _delete_files(desk: ExportDesk, organization_id: UUID, export_id: UUID) -> None:
    """Also a part that nobody has written down, since its worker died when it lay there."""
    for held in list(desk.storage.list(organization_id, store.PURPOSE)):
        if store.is_of(held.key, export_id):
            desk.storage.delete(held.key)


class _Cancelled(LeadsRallyError):
    """It was taken back while it was written. What raises inside a stream leaves no file behind."""


class _Writing:
    """One part while it is written."""

    def __init__(self, desk: ExportDesk, export: Export, time_left: TimeLeft) -> None:
        self._desk = desk
        self._export = export
        self._time_left = time_left
        self._archive = Archive(desk.clock())
        self._told_at = desk.clock()
        self._missing = 0
        self.number = export.parts + 1
        self.position = Position.from_json(export.position)
        self.counts = dict(export.counts)
        self.finished = False

    def close(self) -> None:
        self._archive.close()

    def stream(self) -> Iterator[bytes]:
        """The part, as it becomes."""
        sheets = tuple(of_scope(one_contact=self._export.contact_id is not None))
        if self._export.rows_total is None:
            self._count(sheets)
        if (yield from self._tables(sheets)) and (yield from self._files()):
            self.finished = True
            yield from self._pages(sheets)
        yield from self._archive.add("manifest.json", [self._manifest()])
        yield from self._archive.end()

    def _tables(self, sheets: tuple[Sheet, ...]) -> Generator[bytes, None, bool]:
        """What is left of the tables; returns whether they came to an end before the part was full."""
        remaining = self._remaining(sheets)
        following = (*(sheet.table for sheet in remaining), _FILES)[1:]
        for sheet, next_one in zip(remaining, following, strict=True):
            if not (yield from self._sheet(sheet)):
                return False
            self.position = Position(next_one)
        return True

    def _pages(self, sheets: tuple[Sheet, ...]) -> Iterator[bytes]:
        """What a person reads of it, in the last part."""
        export = self._export
        if export.contact_id is not None:
            talk = pages.conversations(self._desk.db, export.organization_id, export.contact_id)
            yield from self._archive.add("conversations.html", talk)
        overview = pages.overview(export, sheets, self.counts, self._desk.reach, self._desk.clock())
        yield from self._archive.add("index.html", [overview])

    def _remaining(self, sheets: tuple[Sheet, ...]) -> tuple[Sheet, ...]:
        if self.position.table is None:
            return sheets
        if self.position.table == _FILES:
            return ()
        names = [sheet.table for sheet in sheets]
        return sheets[names.index(self.position.table) :]

    def _full(self) -> bool:
        """Never before there is something in it, or no part would ever get further."""
        return bool(self._archive.members) and (
            self._archive.size >= MAX_PART_BYTES or self._time_left() < _TIME_FOR_A_RUN
        )

    def _count(self, sheets: tuple[Sheet, ...]) -> None:
        """How many rows there are, for whoever watches the progress."""
        export = self._export
        total = 0
        for sheet in sheets:
            with self._desk.db.tenant(export.organization_id) as tx:
                total += Rows.of(tx, sheet, export.organization_id, export.contact_id).count(tx)
        with self._desk.db.tenant(export.organization_id) as tx:
            store.expect(tx, export, total)

    def _sheet(self, sheet: Sheet) -> Generator[bytes, None, bool]:
        """The runs of one sheet; returns whether it came to its end before the part was full."""
        export = self._export
        position: Position | None = (
            self.position if self.position.table == sheet.table else Position(sheet.table)
        )
        with self._desk.db.tenant(export.organization_id) as tx:
            rows = Rows.of(tx, sheet, export.organization_id, export.contact_id)
            if position.after is None and not rows.any(tx):
                return True
        while position is not None:
            self.position = position
            if self._full():
                return False
            numbered = "" if position.run == 1 else f".{position.run}"
            count, end = yield from self._run(rows, f"{sheet.folder}/{sheet.table}{numbered}", position.after)
            self.counts[sheet.table] = self.counts.get(sheet.table, 0) + count
            position = None if end is None else Position(sheet.table, end, position.run + 1)
        return True

    def _run(
        self, rows: Rows, path: str, after: Key | None
    ) -> Generator[bytes, None, tuple[int, Key | None]]:
        """Some rows as JSON lines, then the same as CSV; returns how many, and the last one's key if there are more.

        Compressing goes on while the database writes. What came of it waits until the page's transaction is over,
        since handing it on takes as long as the storage likes.
        """
        pages: list[tuple[Key | None, Key | None]] = []  # from after this to this
        count = 0
        with self._archive.open(f"{path}.jsonl") as file:
            while count < RUN_ROWS:
                with self._desk.db.tenant(rows.organization_id) as tx:
                    until = rows.end_of_page(tx, after)
                    count += file.write_lines(rows.as_json(tx, after, until))
                pages.append((after, until))
                after = until
                yield from self._archive.taken()
                self._tell(count)
                if until is None:
                    break
        with self._archive.open(f"{path}.csv") as file:
            for place, (first, last) in enumerate(pages):
                with self._desk.db.tenant(rows.organization_id) as tx:
                    file.write_lines(rows.as_csv(tx, first, last, header=place == 0))
                yield from self._archive.taken()
                self._tell(count)
        return count, after

    def _files(self) -> Generator[bytes, None, bool]:
        """The files of messages, as they are; returns as `_tables` does."""
        export = self._export
        after = (
            UUID(self.position.after[0]) if self.position.table == _FILES and self.position.after else _FIRST
        )
        while True:
            with self._desk.db.tenant(export.organization_id) as tx:
                found = store.files(
                    tx, export.organization_id, export.contact_id, after=after, limit=_FILES_AT_ONCE
                )
            if not found:
                return True
            for file in found:
                yield from self._file(file)
                after = file.id
                self.position = Position(_FILES, (str(after),))
                if self._full():
                    return False

    def _file(self, file: store.File) -> Iterator[bytes]:
        path = f"files/{file.id}{ENDINGS.get(file.content_type, '')}"
        try:
            with self._desk.storage.open(file_key_of(self._export.organization_id, file.id)) as chunks:
                yield from self._archive.add(path, chunks, compressed=False)
        except NotFound:
            self._missing += 1  # deleted since the page was read
            return
        self.counts[_FILES] = self.counts.get(_FILES, 0) + 1

    def _tell(self, rows: int) -> None:
        """Say how far it is, every two seconds, and hear whether it is still wanted."""
        now = self._desk.clock()
        if now - self._told_at < _TELL_EVERY:
            return
        self._told_at = now
        done = sum(self.counts.values()) + rows
        with self._desk.db.tenant(self._export.organization_id) as tx:
            if not store.progress(tx, self._export, done):
                raise _Cancelled("The export was cancelled.", code="cancelled")

    def _manifest(self) -> bytes:
        about = {
            "export": str(self._export.id),
            "about": "organization" if self._export.contact_id is None else "contact",
            "contact_id": self._export.contact_id and str(self._export.contact_id),
            "part": self.number,
            "last": self.finished,
            "made_at": self._desk.clock().isoformat(),
            "rows_so_far": self.counts,
            "files_missing": self._missing,
            "members": [
                {"path": member.path, "bytes": member.bytes, "sha256": member.sha256}
                for member in self._archive.members
            ],
        }
        return json.dumps(about, indent=1).encode()
