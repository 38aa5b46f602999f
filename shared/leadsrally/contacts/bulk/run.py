"""Tag, untag or set values of many contacts, some thousand to a commit.

How far it is and what it came to is moved in the transaction that does it. So a worker that takes over after a death
goes on where the last commit was, and every contact is counted once.
"""

from uuid import UUID

from leadsrally.contacts.bulk import store
from leadsrally.contacts.bulk.change import change
from leadsrally.contacts.bulk.choose import choose
from leadsrally.contacts.bulk.desk import GOES_ON, MARGIN, BulkDesk, TimeLeft, promise_to_forget
from leadsrally.jobs.types import Done, Job, Result
from leadsrally.kit.errors import Invalid
from leadsrally.telemetry import log


def run_bulk(desk: BulkDesk, job: Job, time_left: TimeLeft) -> Result:
    """Go as far as the time allows; where that is not the end, the job comes again within a minute."""
    organization_id, action_id = job.organization_id, UUID(job.payload["action_id"])
    try:
        while _bite(desk, organization_id, action_id):
            if time_left() < MARGIN:
                return GOES_ON
    except Invalid as unfit:
        with desk.db.tenant(organization_id) as tx:
            now = desk.clock()
            store.fail(tx, organization_id, action_id, unfit.code, now=now)
            promise_to_forget(tx, organization_id, action_id, now=now)
        log.info("bulk_action.failed", action_id=action_id, reason=unfit.code)
    return Done()


def _bite(desk: BulkDesk, organization_id: UUID, action_id: UUID) -> bool:
    """The next contacts, in one transaction. Returns False when there is nothing left to do."""
    with desk.db.tenant(organization_id) as tx:
        action = store.locked(tx, organization_id, action_id)
        if action is None or action.state != "running":
            return False
        ids, place = choose(tx, organization_id, action, desk.bite)
        now = desk.clock()
        counts = action.counted + change(tx, organization_id, action, ids, now=now)
        store.advance(tx, organization_id, action_id, place=place or action.place, counts=counts, now=now)
        if place is None:
            store.move(tx, organization_id, action_id, ["running"], "done", now=now)
            promise_to_forget(tx, organization_id, action_id, now=now)
    if place is None:
        log.info("bulk_action.done", action_id=action_id, count=counts.contacts)
    return place is not None
