"""Every promise of the policy by its id, with the check that can fail.

A clause without a check is not kept yet and says so. `check_all` runs against a live system as the auditor's role,
which sees all tenants and no content: never what is written, only whether something is as promised.
"""

from datetime import datetime
from typing import Final

from leadsrally.kit.db import Tx
from leadsrally.privacy.clauses import (
    closing,
    collected,
    legal_basis,
    retention,
    rights,
    security,
    sharing,
    transfers,
    uses,
)
from leadsrally.privacy.clauses.types import Clause, Result

CLAUSES: Final[tuple[Clause, ...]] = (
    *collected.CLAUSES,
    *uses.CLAUSES,
    *legal_basis.CLAUSES,
    *sharing.CLAUSES,
    *transfers.CLAUSES,
    *retention.CLAUSES,
    *rights.CLAUSES,
    *security.CLAUSES,
    *closing.CLAUSES,
)

# Row security shows a role without a policy of its own an empty table, in which nothing is ever wrong.
_UNSEEN_TABLES = """
SELECT c.relname
  FROM pg_catalog.pg_class AS c
 WHERE c.relnamespace = 'public'::regnamespace
   AND c.relkind IN ('r', 'p')
   AND NOT c.relispartition
   AND c.relrowsecurity
   AND has_any_column_privilege(c.oid, 'SELECT')
   AND NOT EXISTS (
    SELECT 1
      FROM pg_catalog.pg_policies AS p
     WHERE p.schemaname = 'public'
       AND p.tablename = c.relname
       AND p.permissive = 'PERMISSIVE'
       AND p.cmd IN ('SELECT', 'ALL')
       AND current_user = ANY (p.roles)
       AND p.qual = 'true')
"""


def _unseen_tables(tx: Tx) -> list[str]:
    """Tables that this role may read and of which it would not be shown every row."""
    return tx.values(_UNSEEN_TABLES, {})


def check_all(tx: Tx, now: datetime) -> list[Result]:
    """Run every check. One that breaks down counts as broken: a promise that cannot be checked is not kept."""
    unseen = len(_unseen_tables(tx))
    return [_checked(clause, tx, now, unseen) for clause in CLAUSES]


def _checked(clause: Clause, tx: Tx, now: datetime, unseen: int) -> Result:
    if clause.check is None:
        return Result(clause, "not built", "")
    if unseen:
        return Result(clause, "broken", f"the auditor is not shown every row of {unseen} tables")
    tx.run("SAVEPOINT before_check", {})
    try:
        finding = clause.check(tx, now)
    except Exception as error:  # noqa: BLE001  whatever it is: a promise that was not checked is not kept
        tx.run("ROLLBACK TO SAVEPOINT before_check", {})
        return Result(clause, "broken", f"the check itself failed ({type(error).__name__})")
    return Result(clause, "kept" if finding.kept else "broken", finding.sentence)
