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


# Off for whoever did not choose, always one or the other, and to be switched by the customer.
_SWITCHES = """
SELECT a.attname
  FROM pg_catalog.pg_attribute AS a
  JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
 WHERE a.attrelid = to_regclass('public.organizations')
   AND a.attname = ANY (%(features)s)
   AND a.attnotnull
   AND pg_get_expr(d.adbin, d.adrelid) = 'false'
   AND has_column_privilege('leadsrally_api', a.attrelid, a.attname, 'UPDATE')
"""
_FEATURES: Final = ("ai_scoring", "ai_suggestions", "ai_auto_reply")

# A score of nothing that was switched on says nothing; what somebody reads was asked for.
_UNASKED = """
SELECT count(*)
  FROM disclosures AS d
  JOIN organizations AS o ON o.id = d.organization_id
 WHERE d.subprocessor = 'anthropic'
   AND o.version = 1
   AND NOT (o.ai_scoring OR o.ai_suggestions OR o.ai_auto_reply)
"""


def _switches_off(tx: Tx, _now: datetime) -> Finding:
    there = len(tx.values(_SWITCHES, {"features": list(_FEATURES)}))
    unasked = tx.value(_UNASKED, {})
    return Finding(
        there == len(_FEATURES) and unasked == 0,
        f"{there} of {len(_FEATURES)} AI features have a switch of their own that is off to begin with; the model was"
        f" asked {unasked} times for organisations that never switched one on",
    )


CLAUSES: Final = (
    Clause("P2.1", "Used to deliver what the customer configured"),
    Clause("P2.2", "AI features only as switched on", _switches_off),
    Clause("P2.3", "Reliability, abuse prevention, billing"),
    Clause("P2.4", "Owners are told what they need to know", _people_told),
)
