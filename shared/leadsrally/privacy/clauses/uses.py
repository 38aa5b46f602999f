"""§2: what it is used for."""

from datetime import date, datetime, timedelta
from typing import Final

from leadsrally.billing.months import after, before, month_of
from leadsrally.billing.plans import PLANS
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


# A day after the month has begun, so that a closing that failed on the 1st can be made up for.
_CLOSED_WITHIN = timedelta(days=1)

_MONTHS_UNBILLED = """
SELECT count(*)
  FROM organizations AS o
 WHERE o.state NOT IN ('pending', 'erasing', 'erased')
   AND o.created_at < %(end)s::date::timestamp AT TIME ZONE 'UTC'
   AND (o.charged_until IS NULL OR o.charged_until >= %(month)s)
   AND NOT EXISTS (SELECT 1
                     FROM invoices AS i
                    WHERE i.organization_id = o.id
                      AND i.month = %(month)s)
"""


def _months_unbilled(tx: Tx, month: date) -> int:
    """Organisations that have no invoice for a month that they have to pay for."""
    if month < PLANS[0].since:
        return 0
    return tx.value(_MONTHS_UNBILLED, {"month": month, "end": after(month)})


# What was heard of late may still be on its way to an invoice; of one that is leaving the usage goes first.
_MISCHARGED = """
WITH used AS (
    SELECT organization_id, kind, detail, sum(quantity) AS units, sum(quantity) FILTER (WHERE NOT late) AS prompt
      FROM usage
     WHERE occurred_on >= %(month)s
       AND occurred_on < %(end)s
     GROUP BY organization_id, kind, detail
),
told AS (
    SELECT organization_id, kind, detail, sum(quantity) AS units
      FROM invoice_lines
     WHERE month = %(month)s
       AND kind <> 'plan'
     GROUP BY organization_id, kind, detail
)
SELECT count(*)
  FROM used
  FULL JOIN told USING (organization_id, kind, detail)
 WHERE (told.units > coalesce(used.units, 0) OR coalesce(told.units, 0) < used.prompt)
   AND EXISTS (SELECT 1
                 FROM organizations AS o
                WHERE o.id = organization_id
                  AND o.charged_until IS NULL)
"""


def _mischarged(tx: Tx, month: date) -> int:
    """Kinds of usage of that month of which more, or less, stands on invoices than there was."""
    return tx.value(_MISCHARGED, {"month": month, "end": after(month)})


_UNCOUNTED = """
SELECT (SELECT count(*)
          FROM messages AS m
          JOIN conversations AS c ON c.organization_id = m.organization_id AND c.id = m.conversation_id
          JOIN channels AS ch ON ch.organization_id = c.organization_id AND ch.id = c.channel_id
         WHERE m.direction = 'inbound'
           AND ch.kind = 'sms'
           AND m.created_at >= %(since)s
           AND NOT EXISTS (SELECT 1
                             FROM usage AS u
                            WHERE u.organization_id = m.organization_id
                              AND u.occurred_on = (m.created_at AT TIME ZONE 'UTC')::date
                              AND u.kind IN ('sms_in', 'mms_in')
                              AND u.cause_id = m.id))
     + (SELECT count(*)
          FROM scores AS s
         WHERE s.output_tokens > 0
           AND s.created_at >= %(since)s
           AND NOT EXISTS (SELECT 1
                             FROM usage AS u
                            WHERE u.organization_id = s.organization_id
                              AND u.occurred_on = (s.created_at AT TIME ZONE 'UTC')::date
                              AND u.kind = 'ai_output'
                              AND u.cause_id = s.id))
"""


def _uncounted(tx: Tx, since: datetime) -> int:
    """Texts that came and scores that were made since then, and that no usage counts."""
    return tx.value(_UNCOUNTED, {"since": since})


def _billed(tx: Tx, now: datetime) -> Finding:
    month = before(month_of(now - _CLOSED_WITHIN))
    unbilled, wrong = _months_unbilled(tx, month), _mischarged(tx, before(month))
    uncounted = _uncounted(tx, now - timedelta(days=1))
    return Finding(
        unbilled == 0 and wrong == 0 and uncounted == 0,
        f"billing: {unbilled} invoices missing, {wrong} kinds of usage not as invoiced, {uncounted} texts or scores of"
        " a day not counted; abuse prevention has no check yet",
    )


CLAUSES: Final = (
    Clause("P2.1", "Used to deliver what the customer configured"),
    Clause("P2.2", "AI features only as switched on", _switches_off),
    Clause("P2.3", "Reliability, abuse prevention, billing", _billed),
    Clause("P2.4", "Owners are told what they need to know", _people_told),
)
