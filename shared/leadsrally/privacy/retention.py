"""The windows of the policy, as data. Pure: a rule and an instant give a cut-off.

A window is a number of whole UTC days. Kept are today and the days before it, so many in all, so that no
row ever grows older than promised; everything before the first kept day is due.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta


@dataclass(frozen=True, slots=True)
class Rule:
    name: str  # also the name in sweep_runs
    clause: str  # id of the promise
    days: int

    def cutoff(self, now: datetime) -> datetime:
        """The first instant that is kept at `now`; what is older is due."""
        first_kept = now.astimezone(UTC).date() - timedelta(days=self.days - 1)
        return datetime.combine(first_kept, time.min, UTC)


DELIVERY_LOG = Rule("delivery_log", "P6.4", days=90)
