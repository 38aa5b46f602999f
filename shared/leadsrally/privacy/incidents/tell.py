"""Tell the owners of every affected customer, with the items of GDPR Art. 33(3); in a drill only show what would be."""

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from leadsrally.jobs.enqueue import enqueue
from leadsrally.kit.clock import Clock
from leadsrally.kit.db import Database, Tx
from leadsrally.kit.errors import Conflict
from leadsrally.notices.compose import Letterhead, Said, compose
from leadsrally.notices.matters.rights import incident_facts
from leadsrally.notices.types import Mail
from leadsrally.privacy.incidents import store
from leadsrally.privacy.incidents.record import known
from leadsrally.privacy.incidents.store import Affected, Incident


def drafts(tx: Tx, incident_id: UUID, head: Letterhead) -> Iterator[tuple[UUID, Mail]]:
    """The mail to each affected customer, as its owners would get it, to nobody."""
    found = known(tx, incident_id)
    for customer in store.affected(tx, incident_id):
        yield customer.organization_id, _mail(found, customer, head)


def _mail(found: Incident, customer: Affected, head: Letterhead) -> Mail:
    return compose(
        Said(
            key=found.id,
            organization_id=customer.organization_id,
            kind="incident",
            address="owner@example.com",
            language=customer.language,
            time_zone=customer.time_zone,
            facts=incident_facts(
                at=found.confirmed_at or found.detected_at,
                nature=found.nature,
                people=found.people_about,
                records=found.records_about,
                consequences=found.consequences,
                measures=found.measures,
                counts=customer.counts,
            ),
            link=None,
        ),
        head,
    )


def tell(db: Database, clock: Clock, incident_id: UUID) -> int:
    """Ask for the notices to every customer who was not asked for yet; returns how many. Of a drill: none.

    Each in a transaction of its own, so whatever ends it can be begun again. Raises `Conflict` for an incident that is
    not confirmed, not described, concerns nobody that was found, or of which it was decided that nobody is told.
    """
    with db.across() as tx:
        found = known(tx, incident_id)
        waiting = [customer for customer in store.affected(tx, incident_id) if customer.job_id is None]
        _refuse_unready(tx, found)
    if found.drill:
        return 0
    return sum(_ask(db, clock(), found.id, customer.organization_id) for customer in waiting)


def _refuse_unready(tx: Tx, found: Incident) -> None:
    if found.not_notified is not None:
        raise Conflict("It was decided that nobody is told.", code="incident_not_notified")
    if found.confirmed_at is None:
        raise Conflict("Confirm the incident first.", code="incident_unconfirmed")
    if not found.described:
        raise Conflict(
            "Describe it first: nature, how many people and records, consequences and measures.",
            code="incident_undescribed",
        )
    if not store.affected(tx, found.id):
        raise Conflict("Find out first whom it concerns.", code="incident_unscoped")


def _ask(db: Database, now: datetime, incident_id: UUID, organization_id: UUID) -> bool:
    with db.tenant(organization_id) as tx:
        if not store.unasked(tx, organization_id, incident_id):
            return False  # by somebody else who tells of it at this moment
        job_id = enqueue(
            tx, organization_id, "notify", "incident", {"incident_id": str(incident_id)}, now=now
        )
        return store.asked(tx, organization_id, incident_id, job_id, now=now)
