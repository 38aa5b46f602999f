"""Numbers that the customer could buy."""

from dataclasses import asdict
from typing import Final

from leadsrally.jobs.types import Done, Result
from leadsrally.messaging.channels import task_store
from leadsrally.messaging.channels.task_store import Work
from leadsrally.messaging.channels.workbench import Workbench
from leadsrally.messaging.types import NumberWanted

SHOWN: Final = 20


def search_numbers(bench: Workbench, work: Work) -> Result:
    """Keep with the task what the provider offers now; some of it may be gone a moment later."""
    with bench.account_of(work) as account:
        found = account.search(NumberWanted(**(work.wanted or {})), SHOWN)
    with bench.db.tenant(work.organization_id) as tx:
        task_store.finish(
            tx, work, result={"numbers": [asdict(number) for number in found]}, now=bench.clock()
        )
    return Done()
