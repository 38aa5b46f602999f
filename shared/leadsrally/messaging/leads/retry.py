"""A person wants leads that are not here to be fetched again."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from leadsrally.accounts import audit
from leadsrally.accounts.audit import Actor
from leadsrally.kit.db import Tx
from leadsrally.kit.errors import Conflict
from leadsrally.messaging.leads import shown
from leadsrally.messaging.leads import store as lead_store
from leadsrally.messaging.leads.catch_up import ask_for_lead

AT_ONCE: Final = 500


def retry_lead(tx: Tx, organization_id: UUID, lead_id: UUID, *, actor: Actor, now: datetime) -> UUID:
    """Have one lead fetched now, with all tries anew; returns the job.

    Raises `NotFound`, and `Conflict` for one that is here, or that was refused.
    """
    found = shown.lead(tx, organization_id, lead_id)
    if not lead_store.have_again(tx, organization_id, [lead_id]):
        raise Conflict(
            "The lead is here." if found["state"] == "fetched" else "The lead was refused and is not kept.",
            code=f"lead_{found['state']}",
        )
    audit.record(tx, organization_id, actor, "lead.retried", now=now, target=("lead", lead_id))
    return ask_for_lead(tx, organization_id, lead_id, now=now)


_FAILED = """
SELECT id
  FROM leads
 WHERE organization_id = %(organization_id)s
   AND state = 'failed'
   AND (%(channel_id)s::uuid IS NULL OR channel_id = %(channel_id)s)
 ORDER BY submitted_at, id
 LIMIT %(limit)s
"""


def replay_failed(
    tx: Tx, organization_id: UUID, channel_id: UUID | None, *, actor: Actor, now: datetime
) -> int:
    """Have the leads fetched that failed, of one page or of all, oldest first and 500 at most; returns how many."""
    values: dict[str, Any] = {"organization_id": organization_id, "channel_id": channel_id, "limit": AT_ONCE}
    again = lead_store.have_again(tx, organization_id, tx.values(_FAILED, values))
    for lead_id in again:
        ask_for_lead(tx, organization_id, lead_id, now=now)
    audit.record(tx, organization_id, actor, "leads.replayed", now=now)
    return len(again)
