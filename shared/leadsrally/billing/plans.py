"""What LeadsRally charges: a table with dates. Pure.

A month is charged by the newest plan that had begun with it; what is heard of later is charged by the plan of its own
month. Customers pay Twilio and Meta themselves (their own accounts are connected), so a text or a WhatsApp message costs
here what handling it costs; the model is asked on our account, so its tokens are charged. All prices are net of tax.
A new price is a new entry with a date to come: one that has begun is never edited.
"""

from datetime import date
from typing import Final

from leadsrally.billing.types import Plan, Rate

_MILLION: Final = 1_000_000

PLANS: Final = (
    Plan(
        name="Standard",
        since=date(2026, 1, 1),
        currency="USD",
        fee=49_00,
        rates=(
            Rate("sms_in", included=2_000, price=10, per=100),
            Rate("sms_out", included=2_000, price=30, per=100),
            Rate("mms_in", included=200, price=40, per=100),
            Rate("mms_out", included=200, price=80, per=100),
            Rate("whatsapp_out", included=1_000, price=30, per=100),
            Rate(
                "whatsapp_out", included=0, price=0, per=100, detail="service"
            ),  # Meta charges nothing either
            # Of a model that has no row here, as of the dearest: it was chosen in the settings, not by the customer.
            Rate("ai_input", included=0, price=5_00, per=_MILLION),
            Rate("ai_output", included=0, price=25_00, per=_MILLION),
            Rate("ai_cache_read", included=0, price=50, per=_MILLION),
            Rate("ai_cache_write", included=0, price=6_25, per=_MILLION),
            Rate("ai_input", included=5 * _MILLION, price=20, per=_MILLION, detail="claude-haiku-5-5"),
            Rate("ai_output", included=_MILLION, price=1_00, per=_MILLION, detail="claude-haiku-5-5"),
            Rate("ai_cache_read", included=5 * _MILLION, price=2, per=_MILLION, detail="claude-haiku-5-5"),
            Rate("ai_cache_write", included=_MILLION, price=25, per=_MILLION, detail="claude-haiku-5-5"),
        ),
    ),
)


def plan_of(month: date) -> Plan:
    """The plan by which this month is charged; the first one for what is older than all."""
    begun = [plan for plan in PLANS if plan.since <= month]
    return max(begun, key=lambda plan: plan.since, default=PLANS[0])
