"""Queue: what a customer wants done for a channel at its provider, and the only door that opens stored credentials for it."""

from functools import partial
from typing import Any

from leadsrally import runtime
from leadsrally.messaging.channels.buy_number import FIND, buy_number, find_purchase
from leadsrally.messaging.channels.check import check_channel
from leadsrally.messaging.channels.configure_number import configure_number
from leadsrally.messaging.channels.release_number import release_number
from leadsrally.messaging.channels.replace_credentials import replace_credentials
from leadsrally.messaging.channels.search_numbers import search_numbers

VERBS = {
    "test": check_channel,
    "configure": configure_number,
    "replace": replace_credentials,
    "search": search_numbers,
    "buy": buy_number,
    FIND: find_purchase,
    "release": release_number,
}


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Do the tasks that the API wrote down; what came of each stands in its row."""
    door = runtime.of("manage_channel")
    return door.serve(event, context, {kind: partial(verb, door.workbench) for kind, verb in VERBS.items()})
