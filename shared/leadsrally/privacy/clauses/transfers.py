"""§5: how it crosses borders."""

from datetime import datetime
from typing import Final

from leadsrally.disclosures.subprocessors import MECHANISM, SUBPROCESSORS
from leadsrally.kit.db import Tx
from leadsrally.privacy.clauses.types import Clause, Finding

_TABLES_WITHOUT_ROW_SECURITY = """
SELECT c.relname
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_attribute AS a
    ON a.attrelid = c.oid AND a.attname = 'organization_id' AND NOT a.attisdropped
 WHERE n.nspname = 'public'
   AND c.relkind IN ('r', 'p')
   AND NOT (c.relrowsecurity AND c.relforcerowsecurity)
"""


def _tables_without_row_security(tx: Tx) -> list[str]:
    return tx.values(_TABLES_WITHOUT_ROW_SECURITY, {})


_STRONG_ROLES = """
SELECT r.rolname
  FROM pg_catalog.pg_roles AS r
 WHERE r.rolname LIKE 'leadsrally\\_%%'
   AND r.rolcanlogin
   AND r.rolname <> 'leadsrally_migrate'
   AND (r.rolsuper OR r.rolbypassrls OR r.rolcreaterole
        OR EXISTS (SELECT 1 FROM pg_catalog.pg_auth_members AS m WHERE m.member = r.oid)
        OR EXISTS (SELECT 1 FROM pg_catalog.pg_class AS c WHERE c.relowner = r.oid AND c.relkind IN ('r', 'p')))
"""


def strong_roles(tx: Tx) -> list[str]:
    """Roles of functions that could pass row security: by a right of their own, by membership or by owning a table."""
    return tx.values(_STRONG_ROLES, {})


def _tenants_walled(tx: Tx, _now: datetime) -> Finding:
    open_tables, strong = _tables_without_row_security(tx), strong_roles(tx)
    return Finding(
        not open_tables and not strong,
        f"{len(open_tables)} tables without forced row security, {len(strong)} function roles that could pass it",
    )


_RECIPIENTS = """
SELECT DISTINCT subprocessor FROM disclosures
"""


def _bound_by_clauses(tx: Tx, _now: datetime) -> Finding:
    unlisted = set(tx.values(_RECIPIENTS, {})) - SUBPROCESSORS.keys()
    loose = [
        entry
        for entry in SUBPROCESSORS.values()
        if not (entry.mechanism in MECHANISM and entry.document and entry.link.startswith("https://"))
    ]
    return Finding(
        not unlisted and not loose,
        f"{len(SUBPROCESSORS) - len(loose)} of {len(SUBPROCESSORS)} subprocessors are listed with the document that holds"
        f" the clauses; data went to {len(unlisted)} that are not listed",
    )


CLAUSES: Final = (
    Clause("P5.1", "Access is walled off by tenant and function", _tenants_walled),
    Clause("P5.2", "Standard contractual clauses with each subprocessor", _bound_by_clauses),
)
