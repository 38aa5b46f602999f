"""Look at a file that came: can it be read, how, what is in its first rows, and what its columns probably are."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from typing import Final
from uuid import UUID

from leadsrally.contacts import fields
from leadsrally.contacts.imports import store
from leadsrally.contacts.imports.desk import ImportDesk, promise_to_forget
from leadsrally.contacts.imports.headings import knows, suggest
from leadsrally.contacts.imports.records import Unreadable, lines, records
from leadsrally.contacts.imports.shape import HEAD_BYTES, delimiter_of, encoding_of, has_header
from leadsrally.contacts.imports.store import Import
from leadsrally.contacts.imports.types import MAX_ROWS, Shape, file_of
from leadsrally.jobs.types import Done, Job, Result
from leadsrally.kit.errors import NotFound
from leadsrally.kit.storage import Key
from leadsrally.kit.text import storable
from leadsrally.telemetry import log

_SAMPLE: Final = 20  # rows that are shown
_READ: Final = 200  # rows that are looked at
_CELL: Final = 100  # characters of a cell that are shown
_NAME: Final = 100


def look(desk: ImportDesk, job: Job) -> Result:
    """Find out what the customer did not say, and suggest. A file that cannot be used fails the import, with why.

    Reads to the end, so that no surprise is left for the run, and the number of rows is known.
    """
    organization_id, import_id = job.organization_id, UUID(job.payload["import_id"])
    with desk.db.tenant(organization_id) as tx:
        found = store.one(tx, organization_id, import_id)
        definitions = fields.definitions(tx, organization_id)
    if found is None or found.state != "looking":
        return Done()
    key = file_of(organization_id, import_id)
    try:
        shape, names, sample, rows = _seen(desk, key, found)
    except (Unreadable, NotFound) as unusable:
        reason = unusable.code if isinstance(unusable, Unreadable) else "missing"
        with desk.db.tenant(organization_id) as tx:
            now = desk.clock()
            store.move(tx, organization_id, import_id, ["looking"], "failed", reason=reason, now=now)
            promise_to_forget(tx, organization_id, import_id, now=now)
        log.info("import.unusable", import_id=import_id, reason=reason)
        return Done()
    mapping = suggest(
        names if shape.has_header else [""] * len(names),
        sample,
        definitions,
        kind=found.kind,
        country=found.country,
    )
    shown = [[storable(cell[:_CELL])[0] for cell in row] for row in sample[:_SAMPLE]]
    with desk.db.tenant(organization_id) as tx:
        store.looked(
            tx,
            organization_id,
            import_id,
            shape,
            columns=names,
            sample=shown,
            rows=rows,
            mapping=[asdict(one) for one in mapping],
        )
    log.info("import.looked", import_id=import_id, count=rows)
    return Done()


def _seen(desk: ImportDesk, key: Key, found: Import) -> tuple[Shape, list[str], list[list[str]], int]:
    """How it is written, the names of its columns, its first rows without them, and how many rows there are."""
    encoding = found.encoding
    if encoding is None:
        with desk.storage.open(key) as chunks:
            encoding = encoding_of(chunks)
    delimiter = found.delimiter
    if delimiter is None:
        with desk.storage.open(key) as chunks:
            delimiter = delimiter_of("".join(_some(lines(chunks, encoding))))
    shape = Shape(encoding, delimiter, has_header=False)
    head: list[list[str]] = []
    rows = 0
    with desk.storage.open(key) as chunks:
        for record in records(chunks, shape):
            rows += 1
            if len(head) < _READ and any(cell.strip() for cell in record):
                head.append(record)
    if not head:
        raise Unreadable("empty")
    if rows > MAX_ROWS:
        raise Unreadable("too_many_rows")
    named = found.has_header
    if named is None:
        named = has_header(head, known=any(map(knows, head[0])))
    usual = Counter(map(len, head[1:] or head)).most_common(1)[0][0]
    width = max(len(head[0]), usual) if named else usual
    names = [_name(head[0], column) if named else f"Column {column + 1}" for column in range(width)]
    return Shape(encoding, delimiter, named), names, head[1:] if named else head, rows


def _some(text: Iterator[str]) -> Iterator[str]:
    characters = 0
    for line in text:
        characters += len(line)
        yield line
        if characters > HEAD_BYTES:
            return


def _name(header: list[str], column: int) -> str:
    name = storable(" ".join(header[column].split()))[0][:_NAME] if column < len(header) else ""
    return name or f"Column {column + 1}"
