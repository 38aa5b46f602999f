"""When a bulk action can be undone no more, take away what it leaves of people: its file, its choice, its values."""

from datetime import timedelta
from uuid import UUID

from leadsrally.contacts.bulk import store
from leadsrally.contacts.bulk.desk import BulkDesk
from leadsrally.contacts.bulk.types import file_of
from leadsrally.jobs.types import Done, Job, Later, Result
from leadsrally.telemetry import log


def forget_bulk(desk: BulkDesk, job: Job) -> Result:
    """Keeps what was done, the counts and who did it. Waits for what is still under way."""
    organization_id, action_id = job.organization_id, UUID(job.payload["action_id"])
    with desk.db.tenant(organization_id) as tx:
        found = store.locked(tx, organization_id, action_id)
        if found is None or found.forgotten_at is not None:
            return Done()
        if found.state in ("running", "undoing"):
            return Later(timedelta(hours=1), "under_way")
    desk.storage.delete(file_of(organization_id, action_id))
    with desk.db.tenant(organization_id) as tx:
        store.forget(tx, organization_id, action_id, now=desk.clock())
    log.info("bulk_action.forgotten", action_id=action_id)
    return Done()
