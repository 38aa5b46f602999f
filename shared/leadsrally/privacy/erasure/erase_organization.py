"""Erase an organisation whose thirty days are over: its files, then its rows in bites, children first.

What is to go is read from the catalogue, so a table that is added goes too. What outlives the account stands in
`OUTLIVES`, and the database refuses to delete it (infra/migrations/0132_before_account_deletion.sql).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from leadsrally.billing.close import final_invoices
from leadsrally.billing.pseudonymise import forget_usage, pseudonymise
from leadsrally.jobs.types import Done, Job, Later, Result
from leadsrally.kit.db import Database, Tx
from leadsrally.privacy.erasure import ledger
from leadsrally.privacy.erasure.erase_messages import MARGIN, ErasureDesk, TimeLeft
from leadsrally.privacy.erasure.leave import Deletion, standing
from leadsrally.privacy.erasure.ledger import Entry
from leadsrally.telemetry import log

OUTLIVES: Final = {
    "account_deletions": "the certificate: ids, instants and counts",
    "delivery_log": "goes with its day, by the ninetieth (P6.4)",
    "usage": "goes when the last invoice is issued (leadsrally.billing.pseudonymise)",
}
_BILLING: Final = ("invoice", "billing")  # tables whose name begins so are kept for seven years (P6.5)
PURPOSES: Final = ("media", "imports", "bulk", "export")
BITE: Final = 10_000  # some tenths of a second
_GOES_ON: Final = Later(timedelta(0), "goes_on")
_ALWAYS: Final[TimeLeft] = lambda: timedelta.max  # noqa: E731


def erase_organization(desk: ErasureDesk, job: Job, *, time_left: TimeLeft) -> Result:
    """Erase what is due, and go on in the next job when there was no time for all of it.

    Of the worker's clock and the database's the slower one decides, so nothing goes early (R8). Killed anywhere, the
    next worker goes on. Raises `Unavailable` when the storage is away: without its entry in the ledger nothing goes.
    """
    organization_id = job.organization_id
    with desk.db.tenant(organization_id) as tx:
        deletion = standing(tx, organization_id)
        now = min(desk.clock(), tx.value(_DATABASE_TIME, {}))
    if deletion is None or str(deletion.id) != job.payload["deletion_id"]:
        return Done()
    if now < deletion.erases_at:
        return Later(deletion.erases_at - now, "not_due")
    if deletion.erasing_at is None and not _begin(desk, organization_id, deletion, now):
        return Done()
    # Always the same entry, so that it stands there once, however often this begins again.
    at = deletion.erasing_at or now
    ledger.write(desk.storage, Entry(deletion.id, at, "organization", organization_id, organization_id))
    whole = (
        _files_gone(desk, organization_id, time_left)
        and _rows_gone(desk.db, organization_id, time_left, _count)
        and _usage_gone(desk.db, organization_id, time_left, _count, now=desk.clock())
    )
    if not whole:
        return _GOES_ON
    with desk.db.tenant(organization_id) as tx:
        _finish(tx, organization_id, now=desk.clock())
    log.info("organization.erased", deletion_id=deletion.id)
    return Done()


_DATABASE_TIME = """
SELECT clock_timestamp()
"""
_BEGIN = """
WITH begun AS (
    UPDATE account_deletions
       SET erasing_at = %(now)s
     WHERE organization_id = %(organization_id)s
       AND id = %(id)s
       AND reversed_at IS NULL
    RETURNING organization_id
)
UPDATE organizations AS o
   SET state = 'erasing'
  FROM begun
 WHERE o.id = begun.organization_id
"""


def _begin(desk: ErasureDesk, organization_id: UUID, deletion: Deletion, now: datetime) -> bool:
    """From this transaction on it cannot be undone. False: it was undone in this moment."""
    given = {"organization_id": organization_id, "id": deletion.id, "now": now}
    with desk.db.tenant(organization_id) as tx:
        return tx.run(_BEGIN, given) > 0


def _files_gone(desk: ErasureDesk, organization_id: UUID, time_left: TimeLeft) -> bool:
    gone = 0
    try:
        for purpose in PURPOSES:
            for held in desk.storage.list(organization_id, purpose):
                if time_left() < MARGIN:
                    return False
                desk.storage.delete(held.key)
                gone += 1
    finally:
        with desk.db.tenant(organization_id) as tx:
            _count(tx, "files", gone)
    return True


_TABLES = """
SELECT c.relname AS name,
       ARRAY(SELECT p.relname::text
               FROM pg_catalog.pg_constraint AS k
               JOIN pg_catalog.pg_class AS p ON p.oid = k.confrelid
              WHERE k.contype = 'f'
                AND k.conrelid = c.oid
                AND k.confrelid <> c.oid) AS parents
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'organization_id' AND NOT a.attisdropped
 WHERE c.relnamespace = 'public'::regnamespace
   AND c.relkind IN ('r', 'p')
   AND NOT c.relispartition
 ORDER BY c.relname
"""


@dataclass(frozen=True, slots=True)
class _Table:
    name: str
    parents: list[str]


def tables(tx: Tx) -> list[str]:
    """Every table of which rows go with their organisation, whoever refers to others before those."""
    found = {
        table.name: set(table.parents)
        for table in tx.all(_Table, _TABLES, {})
        if table.name not in OUTLIVES and not table.name.startswith(_BILLING)
    }
    return list(_children_first(found))


def _children_first(parents: dict[str, set[str]]) -> Iterator[str]:
    left = dict(parents)
    while left:
        named = {parent for name, several in left.items() for parent in several if parent != name}
        free = [name for name in left if name not in named]
        if not free:
            raise ValueError("tables refer to each other in a circle")
        for name in free:
            yield name
            del left[name]


# What is still in memory at a crash is done again, with its count: both are in the one transaction.
_UNHURRIED = """
SELECT set_config('synchronous_commit', 'off', true)
"""
_ERASE = """
SELECT organization_erase_rows(%(table)s, %(bite)s)
"""
Count = Callable[[Tx, str, int], None]


def _rows_gone(db: Database, organization_id: UUID, time_left: TimeLeft, count: Count) -> bool:
    """All but the jobs, of which one is this, and without which nobody would go on. False: there was no time."""
    with db.tenant(organization_id) as tx:
        names = [name for name in tables(tx) if name != "jobs"]
    for name in names:
        gone = BITE
        while gone == BITE:
            if time_left() < MARGIN:
                return False
            with db.tenant(organization_id) as tx:
                tx.value(_UNHURRIED, {})
                gone = tx.value(_ERASE, {"table": name, "bite": BITE})
                count(tx, name, gone)
    return True


def _usage_gone(
    db: Database, organization_id: UUID, time_left: TimeLeft, count: Count, *, now: datetime
) -> bool:
    """Charge what is still to be charged, and let its counts go. False: there was no time."""
    with db.tenant(organization_id) as tx:
        final_invoices(tx, organization_id, now=now)
    gone = BITE
    while gone == BITE:
        if time_left() < MARGIN:
            return False
        with db.tenant(organization_id) as tx:
            gone = forget_usage(tx, organization_id, limit=BITE)
            count(tx, "usage", gone)
    return True


_COUNT = """
UPDATE account_deletions
   SET counts = counts || jsonb_build_object(%(name)s::text,
                                             coalesce((counts ->> %(name)s)::bigint, 0) + %(gone)s)
 WHERE organization_id = %(organization_id)s
   AND reversed_at IS NULL
"""


def _count(tx: Tx, name: str, gone: int) -> None:
    """In the transaction in which they go, so that no kill makes the certificate say less than was done."""
    if gone:
        tx.run(_COUNT, {"organization_id": tx.organization_id, "name": name, "gone": gone})


# The row stays, without a name, for what has to be kept longer than the account.
_NAMELESS = """
UPDATE organizations
   SET state = 'erased', name = 'erased', help_contact = '', stop_confirmation = '', version = version + 1
 WHERE id = %(organization_id)s
"""
_CERTIFY = """
UPDATE account_deletions
   SET erased_at = coalesce(erased_at, %(now)s), requested_by = NULL, reversed_by = NULL
 WHERE organization_id = %(organization_id)s
   AND erasing_at IS NOT NULL
"""


def _finish(tx: Tx, organization_id: UUID, *, now: datetime) -> None:
    given = {"organization_id": organization_id, "now": now}
    while tx.value(_ERASE, {"table": "jobs", "bite": BITE}) == BITE:
        pass
    pseudonymise(tx, organization_id, now=now)
    tx.run(_CERTIFY, given)
    tx.run(_NAMELESS, given)


_REOPEN = """
UPDATE organizations
   SET state = 'erasing'
 WHERE id = %(organization_id)s
   AND state <> 'erased'
"""


def erase_rows(db: Database, organization_id: UUID, *, now: datetime) -> dict[str, int]:
    """Erase all rows of an organisation that was erased before, in a database that was restored; by table."""
    counts: dict[str, int] = {}

    def count(_tx: Tx, name: str, gone: int) -> None:
        counts[name] = counts.get(name, 0) + gone

    with db.tenant(organization_id) as tx:
        if not tx.run(_REOPEN, {"organization_id": organization_id}):
            return {}
    _rows_gone(db, organization_id, _ALWAYS, count)
    _usage_gone(db, organization_id, _ALWAYS, count, now=now)
    with db.tenant(organization_id) as tx:
        _finish(tx, organization_id, now=now)
    return {name: gone for name, gone in counts.items() if gone}
