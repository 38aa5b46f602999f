"""The reading half of an import: from the file to batches of rows that can be written, and a list of problems."""

from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from leadsrally.consent.change import address_hashes
from leadsrally.contacts import fields
from leadsrally.contacts.imports import store
from leadsrally.contacts.imports.desk import ImportDesk
from leadsrally.contacts.imports.merge import Batch, Plan
from leadsrally.contacts.imports.numbers import Seen
from leadsrally.contacts.imports.problems import Problems
from leadsrally.contacts.imports.records import Unreadable, records
from leadsrally.contacts.imports.rows import Problem, Reader, Row
from leadsrally.contacts.imports.store import Import
from leadsrally.contacts.imports.types import MAX_ROWS, Counts, Kind, file_of
from leadsrally.kit.crypto import KeyedHash
from leadsrally.kit.phone import Number, one_form

_EMPTY: Final = 4  # a batch ends after so many times its size in rows of which few could be taken


@dataclass(frozen=True, slots=True)
class Work:
    """An import with its file open."""

    plan: Plan
    kind: Kind
    channels: list[str]
    names: list[str]
    records: Iterator[list[str]]
    has_header: bool
    rows: int
    reader: Reader
    hashes: KeyedHash
    hashing: bool  # whether anybody at all is suppressed, or is to be


@contextmanager
def opened(desk: ImportDesk, organization_id: UUID, found: Import) -> Generator[Work]:
    """Raises `NotFound` when the file is gone, `Unreadable` when it was never looked at."""
    with desk.db.tenant(organization_id) as tx:
        definitions = fields.definitions(tx, organization_id)
        hashing = found.kind == "suppressions" or store.any_suppressions(tx, organization_id)
    shape, rows = found.shape, found.rows
    if shape is None or rows is None or rows > MAX_ROWS:
        raise Unreadable("missing")
    mapping = found.mapped
    plan = Plan.of(
        organization_id,
        found.id,
        mapping=mapping,
        tags=found.tags,
        attestation=found.attested,
        actor_id=found.actor_id,
    )
    with desk.storage.open(file_of(organization_id, found.id)) as chunks:
        yield Work(
            plan,
            found.kind,
            found.channels,
            found.columns,
            records(chunks, shape),
            shape.has_header,
            rows,
            Reader(mapping, definitions, country=found.country, width=len(found.columns)),
            desk.hashes,
            hashing,
        )


def batches(work: Work, problems: Problems, size: int, *, after: int = 0) -> Iterator[Batch]:
    """Batches of at most `size` rows, of those that come after a row of the file; the last one may hold none.

    Rows up to `after` are read as well: who is in them twice, and with which problems, is known again.
    """
    seen, reader, line = Seen(work.rows), work.reader, 0
    batch, tally = Batch(after, work.plan.contacts), Counter[str]()
    named = (
        not work.has_header
    )  # the first row in which anything stands has the names, as it was taken when looked at
    for line, cells in enumerate(work.records, 1):
        if not any(map(str.strip, cells)):
            continue
        if not named:
            named = True
            continue
        row = reader.read(cells)
        if isinstance(row, Row) and not seen.add(Number(one_form(row.phone))):
            row = Problem(-1, "duplicate")
        if isinstance(row, Problem):
            problems.add(line, row, cells, taken=False)
        else:
            for problem in row.problems:
                problems.add(line, problem, cells, taken=True)
        if line > after:
            _take(work, batch, tally, line, row)
            if batch.rows == size or line - batch.after >= _EMPTY * size:
                yield _closed(batch, tally, line)
                batch, tally = Batch(line, work.plan.contacts), Counter[str]()
    yield _closed(batch, tally, max(line, after))


def _take(work: Work, batch: Batch, tally: Counter[str], line: int, row: Row | Problem) -> None:
    if isinstance(row, Problem):
        tally[row.reason] += 1
        batch.refused += row.reason != "duplicate"
        return
    number_hash = None
    if work.hashing or not all(row.consent.values()):
        (number_hash,) = address_hashes(work.hashes, work.plan.organization_id, [row.phone])
    batch.add(line, row, number_hash)
    if row.problems:
        batch.incomplete += 1
        tally.update(problem.reason for problem in row.problems)


def _closed(batch: Batch, tally: Counter[str], last: int) -> Batch:
    batch.last = last
    batch.counts = Counts(
        duplicates=tally["duplicate"],
        rejected=batch.refused,
        incomplete=batch.incomplete,
        reasons=dict(+tally),
    )
    return batch
