"""Erase what was asked to be erased: into the ledger, then the person at once, then the rest in bites."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from leadsrally.accounts import audit
from leadsrally.accounts.audit import SYSTEM
from leadsrally.contacts import merge_store
from leadsrally.contacts.bulk.desk import QUEUE as BULK
from leadsrally.contacts.imports.desk import QUEUE as IMPORTS
from leadsrally.jobs.enqueue import enqueue
from leadsrally.jobs.types import Done, Job, Later, Result
from leadsrally.kit.db import Tx
from leadsrally.kit.errors import Unavailable
from leadsrally.kit.ids import new_id
from leadsrally.kit.storage import HOUSE
from leadsrally.privacy.erasure import ledger, store
from leadsrally.privacy.erasure.brought_back import brought_back, still_under_way
from leadsrally.privacy.erasure.erase_messages import ErasureDesk, TimeLeft, erase_messages, erase_threads
from leadsrally.privacy.erasure.forget import (
    Remembered,
    forget,
    forget_answers,
    forget_thread,
    keep_suppressed,
    last_message_at,
    lock,
    remembered,
)
from leadsrally.privacy.erasure.ledger import Entry
from leadsrally.privacy.erasure.store import Erasure
from leadsrally.telemetry import log

_TRIES: Final = 5
_GOES_ON: Final = Later(timedelta(0), "goes_on")
# Not rung for: a worker rings for its own queue only, and the tick finds the job within a minute.
_UNRUNG: Final = timedelta(seconds=1)
# One that nobody has begun is given up in a second or two, by the job that deletes its file.
_AFTER_IMPORTS: Final = Later(timedelta(seconds=5), "imports_under_way")


def erase(desk: ErasureDesk, job: Job, *, time_left: TimeLeft) -> Result:
    """Begin an erasure, or go on with it. Killed anywhere, the next worker goes on with what is left (E4).

    Raises `Unavailable` when the storage is away: without an entry in the ledger nothing is deleted.
    """
    organization_id, erasure_id = job.organization_id, UUID(job.payload["erasure_id"])
    erasure = _of(desk, organization_id, erasure_id)
    if erasure is not None and erasure.state == "waiting":
        _begin(desk, erasure)
        erasure = _of(desk, organization_id, erasure_id)
    if erasure is None or erasure.state == "done":
        return Done()
    if erasure.kind == "message":
        erase_messages(desk, erasure, [erasure.subject_id])
    elif not erase_threads(desk, erasure, time_left=time_left):
        return _GOES_ON
    if erasure.import_ids and (waiting := _what_imports_bring(desk, erasure)) is not None:
        return waiting
    with desk.db.tenant(organization_id) as tx:
        store.done(tx, organization_id, erasure_id, now=desk.clock())
    log.info("erasure.done", erasure_id=erasure_id, kind=erasure.kind)
    return Done()


def _of(desk: ErasureDesk, organization_id: UUID, erasure_id: UUID) -> Erasure | None:
    with desk.db.tenant(organization_id) as tx:
        return store.one(tx, organization_id, erasure_id)


def _begin(desk: ErasureDesk, erasure: Erasure) -> None:
    if erasure.kind == "contact":
        _forget_person(desk, erasure, erasure.subject_id)
        return
    organization_id, threads = erasure.organization_id, list[UUID]()
    with desk.db.tenant(organization_id) as tx:
        if _lives_again(tx, erasure):
            _let_be(tx, erasure, desk.clock())
            return
    ledger.write(desk.storage, _entry(desk, erasure, erasure.subject_id))
    with desk.db.tenant(organization_id) as tx:
        if _lives_again(tx, erasure):
            _let_be(tx, erasure, desk.clock())
            return
        if erasure.kind == "conversation":
            threads = [erasure.subject_id]
            forget_thread(tx, organization_id, erasure.subject_id)
        else:
            forget_answers(tx, organization_id, [erasure.subject_id])
        store.begun(tx, organization_id, erasure.id, conversation_ids=threads, counts={})
        _written_down(tx, erasure, desk)


def _lives_again(tx: Tx, erasure: Erasure) -> bool:
    """Whether somebody has written in a thread since a window had it handed over. Nobody else can until the commit.

    What a person asked to have erased goes whatever was written since.
    """
    if erasure.kind != "conversation" or erasure.requested_by != HOUSE:
        return False
    last = last_message_at(tx, erasure.organization_id, erasure.subject_id)
    return last is not None and last > erasure.requested_at


def _let_be(tx: Tx, erasure: Erasure, now: datetime) -> None:
    """End it with nothing erased; the window hands the thread over again when its time has come."""
    store.begun(tx, erasure.organization_id, erasure.id, counts={})
    store.done(tx, erasure.organization_id, erasure.id, now=now)
    log.info("erasure.lives_again", erasure_id=erasure.id)


def _written_down(tx: Tx, erasure: Erasure, desk: ErasureDesk) -> None:
    target, details = (erasure.kind, erasure.subject_id), {"erasure_id": str(erasure.id)}
    audit.record(
        tx,
        erasure.organization_id,
        SYSTEM,
        "erasure.begun",
        now=desk.clock(),
        target=target,
        details=details,
    )


def _entry(desk: ErasureDesk, erasure: Erasure, subject_id: UUID, known: Remembered | None = None) -> Entry:
    now = desk.clock()
    told = known or Remembered((), (), ())
    return Entry(
        new_id(now),
        now,
        erasure.kind,
        erasure.organization_id,
        subject_id,
        merged=told.merged,
        known_as=told.known_as,
        suppressed=told.suppressed,
    )


def _forget_person(desk: ErasureDesk, erasure: Erasure, contact_id: UUID) -> None:
    """Write into the ledger what is to be remembered, then forget the rest in one transaction.

    What was said or merged between the two is written down first: then it is another person that is forgotten.
    """
    organization_id = erasure.organization_id
    for _ in range(_TRIES):
        with desk.db.tenant(organization_id) as tx:
            contact_id = merge_store.survivor_of(tx, organization_id, contact_id)
            known = remembered(tx, desk.hashes, organization_id, contact_id)
        if known is not None:
            ledger.write(desk.storage, _entry(desk, erasure, contact_id, known))
        with desk.db.tenant(organization_id) as tx:
            lock(tx, organization_id, [contact_id])
            if remembered(tx, desk.hashes, organization_id, contact_id) != known:
                continue
            if known is not None:
                _forget(tx, desk, erasure, contact_id, known)
            elif merge_store.survivor_of(tx, organization_id, contact_id) != contact_id:
                continue
            elif erasure.state == "waiting":  # whoever it was is gone already
                store.begun(tx, organization_id, erasure.id, counts={})
            return
    raise Unavailable("The contact is being changed. It is erased in a moment.", code="busy")


def _forget(tx: Tx, desk: ErasureDesk, erasure: Erasure, contact_id: UUID, known: Remembered) -> None:
    organization_id, now = erasure.organization_id, desk.clock()
    keep_suppressed(tx, organization_id, known.suppressed)
    forgotten = forget(tx, organization_id, [contact_id, *known.merged], known.known_as, erased_at=now)
    if erasure.state == "waiting":
        unfinished = forget_lists(tx, organization_id, now=now)
        store.begun(
            tx,
            organization_id,
            erasure.id,
            conversation_ids=forgotten.conversation_ids,
            import_ids=unfinished,
            known_as=known.known_as,
            counts=forgotten.counts,
        )
        _written_down(tx, erasure, desk)
    else:
        store.with_threads(tx, organization_id, erasure.id, forgotten.conversation_ids)
        store.add(tx, organization_id, erasure.id, forgotten.counts)
    for export_id in forgotten.export_ids:
        payload = {"export_id": str(export_id)}
        enqueue(tx, organization_id, "export", "expire", payload, now=now, delay=_UNRUNG)


_IMPORTS = """
SELECT id, state IN ('done', 'failed', 'cancelled', 'undone') AS finished
  FROM imports
 WHERE organization_id = %(organization_id)s
   AND forgotten_at IS NULL
"""


_BULK_ACTIONS = """
SELECT id
  FROM bulk_actions
 WHERE organization_id = %(organization_id)s
   AND forgotten_at IS NULL
"""
# Of such a file nothing is on record but the job that deletes it.
_SUPPRESSION_FILES = """
UPDATE jobs
   SET run_at = %(now)s, rung_at = NULL
 WHERE organization_id = %(organization_id)s
   AND queue = %(queue)s
   AND kind = 'forget_export'
   AND state = 'queued'
   AND run_at > %(now)s
"""


def forget_lists(tx: Tx, organization_id: UUID, *, now: datetime) -> list[UUID]:
    """Have the files of imports, of bulk actions and of suppressions deleted, since the person may be in them.

    Returns the imports that are not finished.
    """
    given = {"organization_id": organization_id}
    found = tx.dicts(_IMPORTS, given)
    for row in found:
        _have_forgotten(tx, organization_id, IMPORTS, "import_id", row["id"], now)
    for action_id in tx.values(_BULK_ACTIONS, given):
        _have_forgotten(tx, organization_id, BULK, "action_id", action_id, now)
    tx.run(_SUPPRESSION_FILES, {**given, "queue": IMPORTS, "now": now})
    return [row["id"] for row in found if not row["finished"]]


def _have_forgotten(tx: Tx, organization_id: UUID, queue: str, name: str, of: UUID, now: datetime) -> None:
    """Now, what was to be forgotten within a day."""
    enqueue(
        tx,
        organization_id,
        queue,
        "forget",
        {name: str(of)},
        now=now,
        delay=_UNRUNG,
        unique_key=f"forget {of}",
        patience=timedelta(days=60),
        max_attempts=20,
    )


def _what_imports_bring(desk: ErasureDesk, erasure: Erasure) -> Result | None:
    """Forget again whom an import that was under way has brought back. None: there is nobody."""
    with desk.db.tenant(erasure.organization_id) as tx:
        if still_under_way(tx, erasure.organization_id, erasure.import_ids):
            return _AFTER_IMPORTS
        for import_id in erasure.import_ids:  # the end of an import has put this off by a day
            _have_forgotten(tx, erasure.organization_id, IMPORTS, "import_id", import_id, desk.clock())
    again: Sequence[UUID] = brought_back(desk, erasure)
    for contact_id in again:
        _forget_person(desk, erasure, contact_id)
    return _GOES_ON if again else None
