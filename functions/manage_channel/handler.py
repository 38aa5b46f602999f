"""Queue and schedule: what a customer wants done for a channel at its provider, and the daily test of those at Meta.

The only door that opens stored credentials for it.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from leadsrally import runtime
from leadsrally.jobs.types import Job, Perform, Result
from leadsrally.messaging.channels.buy_number import FIND, buy_number, find_purchase
from leadsrally.messaging.channels.check import check_business, retest
from leadsrally.messaging.channels.check_number import check_number
from leadsrally.messaging.channels.configure_meta import configure_meta
from leadsrally.messaging.channels.configure_number import configure_number
from leadsrally.messaging.channels.connect_meta import finish_connecting
from leadsrally.messaging.channels.disconnect_meta import unsubscribe
from leadsrally.messaging.channels.look_after import RETEST, look_after_channels
from leadsrally.messaging.channels.release_number import release_number
from leadsrally.messaging.channels.replace_credentials import replace_credentials
from leadsrally.messaging.channels.replace_meta import replace_meta
from leadsrally.messaging.channels.search_numbers import search_numbers
from leadsrally.messaging.channels.workbench import Act, Workbench, either, perform

ACTS: Final[Mapping[str, Act]] = {
    "connect": finish_connecting,
    "test": either(check_number, check_business),
    "configure": either(configure_number, configure_meta),
    "replace": either(replace_credentials, replace_meta),
    "disconnect": unsubscribe,
    "search": search_numbers,
    "buy": buy_number,
    FIND: find_purchase,
    "release": release_number,
}


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Do the tasks that the API wrote down; what came of each stands in its row. On the hour, ask for what is due.

    Returns what a queue wants to hear, or the counts of what was asked for.
    """
    door = runtime.of("manage_channel")
    if "Records" in event:
        performers = {kind: _performing(door.workbench, act) for kind, act in ACTS.items()}
        return door.serve(event, context, {**performers, RETEST: lambda job: retest(door.workbench, job)})
    with door.invocation(context):
        return asdict(look_after_channels(door.workbench))


def _performing(bench: Workbench, act: Act) -> Perform:
    def performing(job: Job) -> Result:
        return perform(bench, job, act)

    return performing
