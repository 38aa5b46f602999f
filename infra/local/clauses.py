"""`leadsrally clauses`: the policy, clause by clause, against the live system."""

from infra.local.production import Installation
from leadsrally.kit.clock import system_clock
from leadsrally.kit.db import Database, refuse_strong_role
from leadsrally.privacy.clauses.rounds import check_and_keep

_MARKS = {"kept": "kept", "broken": "BROKEN", "not built": "not built"}


def report(installation: Installation) -> int:
    """Print a table, and keep what was found for the public pages. 0: all kept; 1: one is broken; 2: none is broken and some are not built yet."""
    db = Database(installation.role_url("leadsrally_clauses"))
    refuse_strong_role(db)
    results = check_and_keep(db, system_clock).results
    db.close()
    for result in results:
        print(
            f"{result.clause.id:<6} {_MARKS[result.state]:<10} {result.clause.promise:<58} {result.sentence}"
        )
    states = [result.state for result in results]
    print(
        f"\n{states.count('kept')} kept, {states.count('broken')} broken, {states.count('not built')} not built"
    )
    return 1 if "broken" in states else 2 if "not built" in states else 0
