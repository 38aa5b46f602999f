"""§3: on what basis."""

from datetime import datetime
from typing import Final

from leadsrally.kit.db import Tx
from leadsrally.privacy.clauses.types import Clause, Finding
from leadsrally.privacy.register import REGISTER, declared

_ALL_COLUMNS = """
SELECT c.relname AS table, a.attname AS name
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
 WHERE c.relnamespace = 'public'::regnamespace
   AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
   AND NOT c.relispartition
"""


def _columns(tx: Tx) -> list[tuple[str, str]]:
    """Every column there is, as (table, column)."""
    return [(row["table"], row["name"]) for row in tx.dicts(_ALL_COLUMNS, {})]


def _everything_declared(tx: Tx, _now: datetime) -> Finding:
    undeclared = set(_columns(tx)) - set(declared())
    return Finding(
        not undeclared,
        f"{len({entry.table for entry in REGISTER})} tables hold personal data, each with its basis;"
        f" {len(undeclared)} columns stand in no register",
    )


_OFFERS_WITHOUT_CONSENT = """
SELECT count(*)
  FROM messages AS m
  JOIN conversations AS c ON c.organization_id = m.organization_id AND c.id = m.conversation_id
  JOIN channels AS ch ON ch.organization_id = c.organization_id AND ch.id = c.channel_id
 WHERE m.direction = 'outbound'
   AND m.purpose = 'marketing'
   AND m.claimed_at IS NOT NULL
   AND c.contact_id IS NOT NULL
   AND NOT EXISTS (
    SELECT 1
      FROM consent_events AS e
     WHERE e.organization_id = c.organization_id
       AND e.contact_id = c.contact_id
       AND e.channel_kind = ch.kind
       AND e.purpose IN ('all', 'marketing')
       AND e.action = 'grant'
       AND e.recorded_at <= m.claimed_at)
"""


def _offers_without_consent(tx: Tx) -> int:
    """Offers that were claimed while no yes to them was on record."""
    return tx.value(_OFFERS_WITHOUT_CONSENT, {})


def _consent_on_record(tx: Tx, _now: datetime) -> Finding:
    offers = _offers_without_consent(tx)
    return Finding(offers == 0, f"{offers} offers were claimed without a consent on record")


CLAUSES: Final = (
    Clause("P3.1", "A legal basis for each use", _everything_declared),
    Clause("P3.2", "Contacts' consent is obtained and on record", _consent_on_record),
)
