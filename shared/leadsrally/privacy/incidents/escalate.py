"""Bring a confirmed incident before somebody again, as long as not every affected customer was told."""

import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID, uuid5

from leadsrally.kit.clock import Clock
from leadsrally.kit.db import Database, Tx
from leadsrally.kit.storage import HOUSE
from leadsrally.notices.types import Mail, Mailer, NotNow
from leadsrally.privacy.incidents import hours
from leadsrally.telemetry import log


class IncidentUntold(Exception):
    """Reported, and never raised: hours have passed since an incident was confirmed, and customers were not told."""

    def __init__(self, hour: int) -> None:
        super().__init__(hour)
        self.code = f"incident_untold_{hour}h"


@dataclass(frozen=True, slots=True)
class Alarm:
    """What escalating needs. `report` tells of an error, `operators` are mailed through `mailer`."""

    db: Database
    clock: Clock
    mailer: Callable[[], Mailer]
    operators: Sequence[str]
    report: Callable[[IncidentUntold], None]


@dataclass(frozen=True, slots=True)
class Running:
    """A confirmed incident of which not everybody was told."""

    id: UUID
    drill: bool
    confirmed_at: datetime
    customers: int
    told: int
    escalated: list[int]


_RUNNING: Final = """
SELECT i.id, i.drill, i.confirmed_at, whom.customers, whom.told,
       ARRAY(SELECT e.hour::integer FROM incident_escalations AS e WHERE e.incident_id = i.id) AS escalated
  FROM incidents AS i
 CROSS JOIN LATERAL (
    SELECT count(*) AS customers,
           count(*) FILTER (
               WHERE a.told_otherwise_at IS NOT NULL
                  OR EXISTS (SELECT 1
                               FROM notices AS n
                              WHERE n.organization_id = a.organization_id
                                AND n.job_id = a.job_id
                                AND n.taken_at IS NOT NULL)) AS told
      FROM incident_notices AS a
     WHERE a.incident_id = i.id) AS whom
 WHERE i.confirmed_at IS NOT NULL
   AND i.decided_at IS NULL
   AND i.closed_at IS NULL
   AND (whom.customers = 0 OR whom.told < whom.customers)
 ORDER BY i.confirmed_at
"""


def running(tx: Tx) -> list[Running]:
    """Incidents whose clock runs. One of which nobody has found out whom it concerns is among them."""
    return tx.all(Running, _RUNNING, {})


_ESCALATED: Final = """
INSERT INTO incident_escalations (incident_id, hour, escalated_at)
VALUES (%(incident_id)s, %(hour)s, %(now)s)
ON CONFLICT DO NOTHING
"""


def escalate(alarm: Alarm) -> int:
    """Alarm about each hour that has passed, once; returns how many alarms there were.

    It is written down when the mails are out, so a provider that is away is asked again the next time, with the same
    key. Of a drill nothing leaves the house: it is written down alone.
    """
    with alarm.db.across() as tx:
        found = running(tx)
    count = 0
    for incident in found:
        for hour in hours.due(incident.confirmed_at, alarm.clock()):
            if hour not in incident.escalated and (incident.drill or _alarmed(alarm, incident, hour)):
                with alarm.db.across() as tx:
                    tx.run(_ESCALATED, {"incident_id": incident.id, "hour": hour, "now": alarm.clock()})
                count += 1
    return count


def _alarmed(alarm: Alarm, incident: Running, hour: int) -> bool:
    log.error("incident.untold", incident_id=incident.id, count=incident.customers - incident.told)
    alarm.report(IncidentUntold(hour))
    outcomes = [alarm.mailer().send(_mail(incident, hour, address)) for address in alarm.operators]
    return not any(isinstance(outcome, NotNow) for outcome in outcomes)


def _mail(incident: Running, hour: int, address: str) -> Mail:
    left = 72 - hour
    subject = f"Incident: {hour} of 72 hours have passed"
    text = (
        f"{hour} of 72 hours have passed since an incident was confirmed. {incident.told} of {incident.customers}"
        f" customers found so far were told; {left} hours are left.\n\nleadsrally incident show {incident.id}\n"
    )
    return Mail(
        key=uuid5(incident.id, f"{hour} {address}"),
        organization_id=HOUSE,
        recipient=address,
        subject=subject,
        text=text,
        html=f"<p>{html.escape(text)}</p>",
    )
