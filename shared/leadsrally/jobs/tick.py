"""Once a minute: free the jobs of workers that died, and ring for what is due and was not heard."""

from collections.abc import Sequence
from datetime import timedelta

from leadsrally.jobs import store
from leadsrally.kit.clock import Clock
from leadsrally.kit.db import Announce, Database

# A bell that was rung this long ago and brought no worker is taken as lost. If it was only slow, it rings
# twice, which is harmless: a job can be claimed once.
_BELL_LOST_AFTER = timedelta(minutes=5)
_AT_MOST = 1_000


def tick(db: Database, clock: Clock, queues: Sequence[str], ring: Announce) -> dict[str, int]:
    """Rescue and ring; returns counts for the log. Running it twice at once is harmless."""
    now = clock()
    with db.across() as tx:
        counts = {"rescued": store.rescue(tx, now=now, limit=_AT_MOST)}
    for queue in queues:
        with db.across() as tx:
            ids = store.due(tx, queue, limit=_AT_MOST, now=now, rung_before=now - _BELL_LOST_AFTER)
            store.mark_rung(tx, ids, now=now)
        if ids:
            ring(queue, ids)
        counts[f"rung_{queue}"] = len(ids)
    return counts
