"""Whom an incident concerns: the customers who had rows in a table, or one that is named."""

from datetime import datetime
from typing import Final
from uuid import UUID

from leadsrally.kit.db import Tx
from leadsrally.kit.errors import Invalid, NotFound
from leadsrally.kit.ids import new_id
from leadsrally.privacy.incidents import store
from leadsrally.privacy.incidents.record import known
from leadsrally.privacy.register import REGISTER, declared

_OWNED: Final = {table for table, column in declared() if column == "organization_id"} | {"organizations"}
TABLES: Final = tuple(dict.fromkeys(entry.table for entry in REGISTER if entry.table in _OWNED))
"""Every table of the register that holds personal data of a customer's, or of their contacts."""


def find_by_table(
    tx: Tx,
    incident_id: UUID,
    table: str,
    *,
    since: datetime,
    until: datetime,
    only_written: bool,
    now: datetime,
) -> int:
    """Note every customer whose rows were in `table` between the two instants; returns how many.

    Somebody who could read the table then could read all that was there: rows written before `until`. With
    `only_written` those that were written in between, for a fault that spoiled or leaked what came in. What was deleted
    since cannot be counted any more. Raises `Invalid` for another table and for a time that ends before it begins.
    """
    known(tx, incident_id)
    if table not in TABLES:
        raise Invalid("The register knows no such table with data of customers.", code="table_unknown")
    if until <= since:
        raise Invalid("The time ends before it begins.", code="time_backwards")
    exposure: store.Exposure = "written" if only_written else "there"
    store.add_scope(
        tx, new_id(now), incident_id, table=table, exposure=exposure, since=since, until=until, now=now
    )
    first = since if only_written else None
    return store.find_by_rows(tx, incident_id, table, since=first, until=until, now=now)


def find_by_name(tx: Tx, incident_id: UUID, organization_id: UUID, *, now: datetime) -> None:
    """Note one customer: of a key or a credential that leaked. Raises `NotFound` when there is no such one."""
    known(tx, incident_id)
    if not store.find_by_name(tx, incident_id, organization_id, now=now):
        raise NotFound("There is no such organisation.", code="organization_not_found")
    store.add_scope(
        tx, new_id(now), incident_id, table=None, exposure="named", since=None, until=None, now=now
    )
