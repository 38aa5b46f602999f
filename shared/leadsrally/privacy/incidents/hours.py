"""The clock of a confirmed breach. Pure.

The policy's 72 hours (P8.5) run from the confirmation. They are an outer bound: for contacts' data we are the
processor, who tells the controller "without undue delay" (GDPR Art. 33(2)), and the controller's own 72 hours begin
when we do. So the aim is 24 hours, and each of `ESCALATE` brings it before somebody again.
"""

from datetime import datetime, timedelta
from typing import Final

WITHIN: Final = timedelta(hours=72)
AIM: Final = timedelta(hours=24)
ESCALATE: Final = (24, 48, 66)
WATCHED: Final = timedelta(minutes=30)  # by then a missed escalation is somebody's fault


def deadline(confirmed_at: datetime) -> datetime:
    """Until when every affected customer is to be told; that instant is the last one in time."""
    return confirmed_at + WITHIN


def due(confirmed_at: datetime, now: datetime) -> list[int]:
    """The hours that have passed by which somebody is to be alarmed, while not everybody is told."""
    return [hour for hour in ESCALATE if now >= confirmed_at + timedelta(hours=hour)]
