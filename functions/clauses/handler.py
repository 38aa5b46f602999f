"""Schedule: check each clause of the policy and write down what stands, for the public pages."""

from typing import Any

from leadsrally import runtime


def handler(_event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Returns how many are kept, broken and not built yet."""
    from leadsrally.privacy.clauses.rounds import check_and_keep  # checks import much of the house

    door = runtime.of("clauses")
    with door.invocation(context):
        return check_and_keep(door.db, door.clock).counts()
