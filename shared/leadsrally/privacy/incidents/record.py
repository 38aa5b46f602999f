"""Write an incident down, describe it, confirm it, decide about it, close it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from leadsrally.kit.db import Tx
from leadsrally.kit.errors import Conflict, Invalid, NotFound
from leadsrally.kit.ids import new_id
from leadsrally.privacy.incidents import store
from leadsrally.privacy.incidents.store import Incident


def record(tx: Tx, title: str, *, detected_at: datetime, drill: bool, now: datetime) -> UUID:
    """Begin the register's entry. Raises `Invalid` for a detection in the future."""
    if detected_at > now:
        raise Invalid("It cannot have been detected later than now.", code="detected_later")
    incident_id = new_id(now)
    store.insert(tx, incident_id, drill=drill, title=title, detected_at=detected_at, now=now)
    return incident_id


def known(tx: Tx, incident_id: UUID) -> Incident:
    """The incident. Raises `NotFound` when there is none."""
    found = store.incident(tx, incident_id)
    if found is None:
        raise NotFound("There is no such incident.", code="incident_not_found")
    return found


def describe(tx: Tx, incident_id: UUID, told: Mapping[str, Any]) -> None:
    """The items of GDPR Art. 33(3) as far as they are given; what was described before and is left out stays."""
    known(tx, incident_id)
    store.write(tx, incident_id, told)


def confirm(tx: Tx, incident_id: UUID, *, now: datetime) -> Incident:
    """The 72 hours begin now; confirming again changes nothing."""
    known(tx, incident_id)
    store.write(tx, incident_id, {"confirmed_at": now})
    return known(tx, incident_id)


def decide_not_to_notify(tx: Tx, incident_id: UUID, reason: str, *, now: datetime) -> None:
    """No customer is to be told, and why: what a supervisory authority will ask for (Art. 33(5))."""
    known(tx, incident_id)
    if any(customer.job_id for customer in store.affected(tx, incident_id)):
        raise Conflict("Customers are being told already.", code="incident_notified")
    store.write(tx, incident_id, {"not_notified": reason, "decided_at": now})


def close(tx: Tx, incident_id: UUID, *, now: datetime) -> None:
    """Nothing is left to do. Raises `Conflict` while a customer is to be told and was not."""
    found = known(tx, incident_id)
    untold = [customer for customer in store.affected(tx, incident_id) if customer.told_at is None]
    if found.confirmed_at is not None and untold and found.not_notified is None and not found.drill:
        raise Conflict("Not every affected customer was told.", code="incident_untold")
    store.write(tx, incident_id, {"closed_at": now})
