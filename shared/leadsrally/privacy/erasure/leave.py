"""Leave: everything rests at once, and for thirty days an owner can undo it (P6.1, P7.2)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from leadsrally.accounts import audit
from leadsrally.accounts.audit import Actor
from leadsrally.billing.close import go_on_charging, stop_charging
from leadsrally.jobs.enqueue import enqueue
from leadsrally.kit.db import Tx
from leadsrally.kit.errors import Conflict, NotFound
from leadsrally.kit.ids import new_id
from leadsrally.privacy.erasure.request import QUEUE, TRIES

REVERSIBLE_FOR: Final = timedelta(days=30)
REMINDED_BEFORE: Final = (timedelta(days=7), timedelta(days=1))
# What goes on while all else rests: telling owners, handing over their data, and what was erased before.
GOES_ON: Final = ("erase", "export", "notify", "provider_delete")
# And what deletes files that are kept for a day: of other queues' jobs these kinds.
DELETES_FILES: Final = ("forget", "forget_export")


@dataclass(frozen=True, slots=True)
class Deletion:
    """`erases_at`: from this instant on it cannot be undone."""

    id: UUID
    state_before: str
    requested_by: UUID | None
    requested_at: datetime
    erases_at: datetime
    erasing_at: datetime | None


_STANDING = """
SELECT id, state_before, requested_by, requested_at, erases_at, erasing_at
  FROM account_deletions
 WHERE organization_id = %(organization_id)s
   AND reversed_at IS NULL
"""


def standing(tx: Tx, organization_id: UUID) -> Deletion | None:
    """The deletion that was asked for and not undone."""
    return tx.maybe(Deletion, _STANDING, {"organization_id": organization_id})


_STATE = """
SELECT state
  FROM organizations
 WHERE id = %(organization_id)s
   FOR UPDATE
"""
_LEAVE = """
UPDATE organizations
   SET state = 'leaving'
 WHERE id = %(organization_id)s
"""
_INSERT = """
INSERT INTO account_deletions (organization_id, id, state_before, requested_by, requested_at, erases_at)
VALUES (%(organization_id)s, %(id)s, %(state)s, %(requested_by)s, %(now)s, %(erases_at)s)
"""
_HOLD_JOBS = """
UPDATE jobs
   SET state = 'held'
 WHERE organization_id = %(organization_id)s
   AND state = 'queued'
   AND queue <> ALL (%(goes_on)s)
   AND kind <> ALL (%(deletes)s)
"""


def request_deletion(
    tx: Tx, organization_id: UUID, actor: Actor, *, requested_by: UUID, now: datetime
) -> Deletion:
    """Let everything rest from this transaction on, and have it all erased in thirty days.

    Owners are told now, seven days before and one day before. Raises `Conflict` when it was asked for already.
    """
    given = {
        "organization_id": organization_id,
        "now": now,
        "goes_on": list(GOES_ON),
        "deletes": list(DELETES_FILES),
    }
    state = tx.value(_STATE, given)
    if state not in ("active", "paused"):
        raise Conflict("The account is being deleted already.", code="account_deleting")
    deletion_id, erases_at = new_id(now), now + REVERSIBLE_FOR
    tx.run(
        _INSERT,
        {**given, "id": deletion_id, "state": state, "requested_by": requested_by, "erases_at": erases_at},
    )
    tx.run(_LEAVE, given)
    stop_charging(tx, organization_id, now=now)
    tx.run(_HOLD_JOBS, given)
    target = ("account_deletion", deletion_id)
    audit.record(tx, organization_id, actor, "account.deletion_requested", now=now, target=target)
    ids = {"deletion_id": str(deletion_id)}
    for delay in (timedelta(0), *(REVERSIBLE_FOR - before for before in REMINDED_BEFORE)):
        enqueue(tx, organization_id, "notify", "account_deletion", ids, now=now, delay=delay)
    enqueue(
        tx, organization_id, QUEUE, "organization", ids, now=now, delay=REVERSIBLE_FOR, max_attempts=TRIES
    )
    return Deletion(deletion_id, state, requested_by, now, erases_at, None)


_STAY = """
UPDATE organizations
   SET state = %(state)s
 WHERE id = %(organization_id)s
"""
_REVERSED = """
UPDATE account_deletions
   SET reversed_by = %(reversed_by)s, reversed_at = %(now)s
 WHERE organization_id = %(organization_id)s
   AND id = %(id)s
"""
# One that was asked for again meanwhile runs beside the one that was held; no job minds being done twice.
_FREE_JOBS = """
UPDATE jobs AS j
   SET state = 'queued',
       rung_at = NULL,
       unique_key = CASE WHEN EXISTS (SELECT 1
                                        FROM jobs AS other
                                       WHERE other.queue = j.queue
                                         AND other.unique_key = j.unique_key
                                         AND other.state = 'queued')
                         THEN NULL ELSE j.unique_key END
 WHERE organization_id = %(organization_id)s
   AND state = 'held'
"""


def reverse_deletion(
    tx: Tx, organization_id: UUID, actor: Actor, *, reversed_by: UUID, now: datetime
) -> None:
    """Go on as if nothing had been asked for; every owner is told by whom. Raises `NotFound`, and `Conflict` when the thirty days are over."""
    given = {"organization_id": organization_id, "now": now}
    tx.value(_STATE, given)
    found = standing(tx, organization_id)
    if found is None:
        raise NotFound("Nobody has asked to delete this account.", code="account_staying")
    if found.erasing_at is not None or now >= found.erases_at:
        raise Conflict("The thirty days are over; the account is being erased.", code="account_erasing")
    tx.run(_REVERSED, {**given, "id": found.id, "reversed_by": reversed_by})
    tx.run(_STAY, {**given, "state": found.state_before})
    go_on_charging(tx, organization_id)
    tx.run(_FREE_JOBS, given)
    target = ("account_deletion", found.id)
    audit.record(tx, organization_id, actor, "account.deletion_reversed", now=now, target=target)
    enqueue(tx, organization_id, "notify", "account_kept", {"deletion_id": str(found.id)}, now=now)
