"""When an import can be undone no more, take away what it leaves of people: its file, its lists, its sample."""

from datetime import timedelta
from uuid import UUID

from leadsrally.contacts.imports import store
from leadsrally.contacts.imports.desk import ImportDesk
from leadsrally.contacts.imports.types import file_of, problems_of, undone_of
from leadsrally.jobs.types import Done, Job, Later, Result
from leadsrally.telemetry import log


def forget_import(desk: ImportDesk, job: Job) -> Result:
    """Keeps the counts, the declaration and who did it. Waits for what is still under way."""
    organization_id, import_id = job.organization_id, UUID(job.payload["import_id"])
    with desk.db.tenant(organization_id) as tx:
        found = store.locked(tx, organization_id, import_id)
        if found is None or found.forgotten_at is not None:
            return Done()
        if found.state in ("running", "checking", "looking", "undoing"):
            return Later(timedelta(hours=1), "under_way")
        # Given up before it ran: nobody runs it once its file is gone.
        store.move(tx, organization_id, import_id, ["awaiting_file", "ready"], "cancelled", now=desk.clock())
    for of in (file_of, problems_of, undone_of):
        desk.storage.delete(of(organization_id, import_id))
    with desk.db.tenant(organization_id) as tx:
        store.forget(tx, organization_id, import_id, now=desk.clock())
    log.info("import.forgotten", import_id=import_id)
    return Done()
