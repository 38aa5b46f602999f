"""Schedule: issue the invoices of the months that are over."""

from datetime import timedelta
from typing import Any

from leadsrally import runtime
from leadsrally.billing.close import SELLER, close_months


def handler(_event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Returns how many organisations were looked at, how many invoices were issued, and whether that was all."""
    door = runtime.of("billing_close")
    with door.invocation(context):
        closed = close_months(
            door.db,
            door.clock,
            seller=(door.settings.optional("LEADSRALLY_SELLER") or SELLER).replace(" / ", "\n"),
            time_left=lambda: timedelta(milliseconds=context.get_remaining_time_in_millis()),
        )
    return {"organizations": closed.organizations, "invoices": closed.invoices, "whole": closed.whole}
