"""The suppressions of an organisation as a file: the number where it is known, the hash for everybody.

A number is known where its customer listed it, and where its person opted out and is still on record. Of somebody
who was erased the hash is all there is, and all there may be.
"""

import json
import tempfile
from collections.abc import Iterator
from typing import IO, Any, Final, Literal
from uuid import UUID

from leadsrally.consent.change import address_hashes
from leadsrally.contacts.imports.desk import QUEUE, UNDO_FOR, ImportDesk
from leadsrally.jobs.enqueue import enqueue
from leadsrally.jobs.types import Done, Job, Result
from leadsrally.kit.crypto import KeyedHash
from leadsrally.kit.db import Tx
from leadsrally.kit.spreadsheet import head, row
from leadsrally.kit.storage import CHUNK_BYTES, Key
from leadsrally.telemetry import log

Format = Literal["csv", "json"]
CONTENT_TYPES: Final[dict[Format, str]] = {"csv": "text/csv", "json": "application/json"}
_COLUMNS: Final = ("channel", "phone", "hash", "purpose", "source", "since")
_PAGE_ROWS: Final = 5_000


def file_of(organization_id: UUID, export_id: UUID, form: Format) -> Key:
    return Key(organization_id, "imports", f"suppressions/{export_id}.{form}")


def export_suppressions(desk: ImportDesk, job: Job) -> Result:
    """Write the file and have it deleted a day later. Memory does not grow with the list."""
    organization_id, export_id = job.organization_id, UUID(job.payload["export_id"])
    form: Format = "json" if job.payload["format"] == "json" else "csv"
    with tempfile.TemporaryFile() as file:
        with desk.db.tenant(organization_id) as tx:
            _find_numbers(tx, desk.hashes, organization_id)
            count = _write(tx, organization_id, form, file)
        file.seek(0)
        desk.storage.put(
            file_of(organization_id, export_id, form),
            iter(lambda: file.read(CHUNK_BYTES), b""),
            content_type=CONTENT_TYPES[form],
        )
    with desk.db.tenant(organization_id) as tx:
        payload = {"export_id": str(export_id), "format": form}
        now, once = desk.clock(), f"forget {export_id}"
        enqueue(
            tx, organization_id, QUEUE, "forget_export", payload, now=now, delay=UNDO_FOR, unique_key=once
        )
    log.info("suppressions.exported", count=count)
    return Done()


def forget_export(desk: ImportDesk, job: Job) -> Result:
    """Delete the file."""
    form: Format = "json" if job.payload["format"] == "json" else "csv"
    desk.storage.delete(file_of(job.organization_id, UUID(job.payload["export_id"]), form))
    return Done()


_MAKE = """
CREATE TEMPORARY TABLE opted_out (hash bytea NOT NULL, phone text NOT NULL) ON COMMIT DROP
"""
_OPTED_OUT = """
SELECT DISTINCT c.contact_id AS id, p.phone
  FROM consent_states AS c
  JOIN contacts AS p ON p.organization_id = c.organization_id AND p.id = c.contact_id
 WHERE c.organization_id = %(organization_id)s
   AND c.state = 'revoked'
   AND c.contact_id > %(after)s
   AND p.phone IS NOT NULL
 ORDER BY c.contact_id
 LIMIT %(limit)s
"""


def _find_numbers(tx: Tx, hashes: KeyedHash, organization_id: UUID) -> None:
    tx.run(_MAKE, {})
    after = UUID(int=0)
    while True:
        page = tx.dicts(_OPTED_OUT, {"organization_id": organization_id, "after": after, "limit": _PAGE_ROWS})
        lines = [
            f"\\\\x{address_hashes(hashes, organization_id, [one['phone']])[0].hex()}\t{one['phone']}\n"
            for one in page
        ]
        tx.copy("COPY opted_out (hash, phone) FROM STDIN", ["".join(lines).encode()])
        if len(page) < _PAGE_ROWS:
            return
        after = page[-1]["id"]


_PAGE = """
SELECT s.id, s.channel_kind AS channel, coalesce(n.phone, (SELECT min(o.phone) FROM opted_out AS o WHERE o.hash = s.number_hash)) AS phone,
       encode(s.number_hash, 'hex') AS hash, s.purpose, s.source, s.since
  FROM suppressions AS s
  LEFT JOIN listed_numbers AS n ON n.organization_id = s.organization_id AND n.number_hash = s.number_hash
 WHERE s.organization_id = %(organization_id)s
   AND s.id > %(after)s
 ORDER BY s.id
 LIMIT %(limit)s
"""


def _write(tx: Tx, organization_id: UUID, form: Format, file: IO[bytes]) -> int:
    tx.run("CREATE INDEX ON opted_out (hash)", {})
    file.write(head(_COLUMNS) if form == "csv" else b"[")
    count = 0
    for one in _pages(tx, organization_id):
        told = {name: one[name] for name in _COLUMNS} | {"since": one["since"].isoformat()}
        if form == "csv":
            file.write(row([str(value or "") for value in told.values()]).encode())
        else:
            file.write(b"%s%s" % (b",\n" if count else b"\n", json.dumps(told).encode()))
        count += 1
    if form == "json":
        file.write(b"\n]\n")
    return count


def _pages(tx: Tx, organization_id: UUID) -> Iterator[dict[str, Any]]:
    after = UUID(int=0)
    while True:
        page = tx.dicts(_PAGE, {"organization_id": organization_id, "after": after, "limit": _PAGE_ROWS})
        yield from page
        if len(page) < _PAGE_ROWS:
            return
        after = page[-1]["id"]
