"""§2: what it is used for."""

from datetime import datetime, timedelta
from typing import Final

from leadsrally.kit.db import Tx
from leadsrally.privacy.clauses.types import Clause, Finding

_NOTICE_GRACE = timedelta(hours=1)

_NOTICES_WAITING = """
SELECT count(*) FROM notices WHERE state = 'queued' AND created_at < %(cutoff)s
"""


def _notices_waiting(tx: Tx, cutoff: datetime) -> int:
    """Notices from before `cutoff` that are still to be mailed."""
    return tx.value(_NOTICES_WAITING, {"cutoff": cutoff})


_DEAD_NOTICES = """
SELECT count(*) FROM jobs WHERE queue = 'notify' AND state = 'dead'
"""


def _dead_notices(tx: Tx) -> int:
    """Jobs that were to tell somebody something and were given up."""
    return tx.value(_DEAD_NOTICES, {})


def _people_told(tx: Tx, now: datetime) -> Finding:
    late, dead = _notices_waiting(tx, now - _NOTICE_GRACE), _dead_notices(tx)
    return Finding(not late and not dead, f"{late} notices unmailed for an hour, {dead} given up")


CLAUSES: Final = (
    Clause("P2.1", "Used to deliver what the customer configured"),
    Clause("P2.2", "AI features only as switched on"),
    Clause("P2.3", "Reliability, abuse prevention, billing"),
    Clause("P2.4", "Owners are told what they need to know", _people_told),
)
