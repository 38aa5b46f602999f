"""Ask for an export, and take one back."""

from datetime import datetime
from uuid import UUID

from leadsrally.accounts import audit
from leadsrally.accounts.audit import Actor
from leadsrally.contacts import store as contact_store
from leadsrally.jobs.enqueue import enqueue
from leadsrally.kit.db import Tx
from leadsrally.kit.errors import Conflict, NotFound
from leadsrally.kit.ids import new_id
from leadsrally.privacy.export import store


def request_export(
    tx: Tx,
    organization_id: UUID,
    actor: Actor,
    *,
    requested_by: UUID,
    contact_id: UUID | None,
    now: datetime,
) -> UUID:
    """Everything about the organisation, or about one contact; returns the export's id.

    Only who asks will be able to download it. Raises `NotFound` for a contact that is not there, and `Conflict`
    while another of the same is under way.
    """
    if contact_id is not None and contact_store.addresses_of(tx, organization_id, contact_id) is None:
        raise NotFound("There is no such contact.", code="contact_not_found")
    export_id = new_id(now)
    if not store.insert(
        tx, organization_id, export_id, contact_id=contact_id, requested_by=requested_by, now=now
    ):
        raise Conflict(
            "An export of this is being made already. Wait for it, or cancel it.", code="export_under_way"
        )
    audit.record(tx, organization_id, actor, "export.requested", now=now, target=("export", export_id))
    enqueue(tx, organization_id, "export", "build", {"export_id": str(export_id)}, now=now)
    return export_id


def take_back(tx: Tx, organization_id: UUID, actor: Actor, export_id: UUID, *, now: datetime) -> None:
    """Stop building it, or delete its files before their time. Raises `NotFound` when there is nothing to take."""
    if not store.cancel(tx, organization_id, export_id):
        raise NotFound("There is no such export, or it is over already.", code="export_not_found")
    audit.record(tx, organization_id, actor, "export.deleted", now=now, target=("export", export_id))
    enqueue(tx, organization_id, "export", "expire", {"export_id": str(export_id)}, now=now)
