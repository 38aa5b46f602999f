"""Usage is counted by the statement that causes it, so that neither is there without the other.

These are parts of such statements; a row costs no round trip of its own. A cause is counted once (its id is in the
key, and its day follows from the cause and not from when it is heard of), however often and in whatever order it is
told: a repeated delivery, an answer after a report, a look-up after a crash.

- A text counts its parts: what came, as Twilio says; what was sent, as the composer showed it (`messaging.segments`).
  One with files is one MMS. It was sent when Twilio has taken it, which its answer or any report of it proves.
- A WhatsApp message counts with the first report that says in which category Meta charges it.
- A score counts the tokens that its model says it took.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

from leadsrally.billing.months import month_of
from leadsrally.billing.types import Kind

# After a part `message` that yields the id of what was stored, if anything was.
TEXT_CAME: Final = """,
metered AS (
    INSERT INTO usage (organization_id, occurred_on, kind, cause_id, quantity)
    SELECT %(organization_id)s, %(used_on)s, %(used_kind)s, message.id, %(used)s
      FROM message
    ON CONFLICT DO NOTHING
)
"""


def text_came(segments: int | None, *, files: bool, now: datetime) -> dict[str, Any]:
    """What `TEXT_CAME` takes."""
    return {
        "used_on": now.astimezone(UTC).date(),
        "used_kind": "mms_in" if files else "sms_in",
        "used": 1 if files else segments or 1,
    }


@dataclass(frozen=True, slots=True)
class Counted:
    """What a message that its provider has taken counts."""

    kind: Literal["sms_out", "mms_out"]
    quantity: int


# Behind a part `message` that yields the message's id and when it was claimed.
TEXT_SENT: Final = """
INSERT INTO usage (organization_id, occurred_on, kind, cause_id, quantity, late)
SELECT %(organization_id)s, day.day, %(used_kind)s, message.id, %(used)s, day.day < %(used_month)s
  FROM message
 CROSS JOIN LATERAL (SELECT (coalesce(message.claimed_at, %(now)s) AT TIME ZONE 'UTC')::date AS day) AS day
ON CONFLICT DO NOTHING
"""


def text_sent(sent: Counted, now: datetime) -> dict[str, Any]:
    """What `TEXT_SENT` takes."""
    return {"used_kind": sent.kind, "used": sent.quantity, "used_month": month_of(now), "now": now}


# As above, from a report. A text was measured when it was claimed, and only one with files has no parts: whether they
# are still there says nothing.
REPORTED: Final = """,
metered AS (
    INSERT INTO usage (organization_id, occurred_on, kind, cause_id, detail, quantity, late)
    SELECT %(organization_id)s, day.day, unit.kind, message.id, coalesce(%(used_category)s, ''),
           coalesce(message.segments, 1),
           day.day < %(used_month)s
      FROM message
     CROSS JOIN LATERAL (SELECT (coalesce(message.claimed_at, %(now)s) AT TIME ZONE 'UTC')::date AS day) AS day
     CROSS JOIN LATERAL (SELECT CASE WHEN %(used_by)s = 'whatsapp' THEN 'whatsapp_out'
                                     WHEN message.segments IS NULL THEN 'mms_out'
                                     ELSE 'sms_out' END AS kind) AS unit
     WHERE %(used_by)s = 'sms'
        OR %(used_category)s::text IS NOT NULL
    ON CONFLICT DO NOTHING
)
"""


def reported(
    by: Literal["sms", "whatsapp"], pricing: Mapping[str, Any] | None, now: datetime
) -> dict[str, Any]:
    """What `REPORTED` takes. `pricing` is what Meta says."""
    category = None if pricing is None else pricing.get("category")
    return {
        "used_by": by,
        "used_category": None if by == "sms" or category is None else _word(category),
        "used_month": month_of(now),
        "now": now,
    }


# After a part `kept` that yields the id of the score, if one was kept.
TOKENS: Final = """,
metered AS (
    INSERT INTO usage (organization_id, occurred_on, kind, cause_id, detail, quantity)
    SELECT %(organization_id)s, %(used_on)s, spent.kind, kept.id, %(used_model)s, spent.quantity
      FROM kept
     CROSS JOIN unnest(%(used_kinds)s::text[], %(used)s::integer[]) AS spent (kind, quantity)
     WHERE spent.quantity > 0
    ON CONFLICT DO NOTHING
)
"""


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a model took. `input` is what was neither read from its cache nor written to it."""

    input: int
    output: int
    cache_read: int
    cache_write: int


def tokens_spent(model: str, tokens: Tokens, now: datetime) -> dict[str, Any]:
    """What `TOKENS` takes."""
    spent: dict[Kind, int] = {
        "ai_input": tokens.input,
        "ai_output": tokens.output,
        "ai_cache_read": tokens.cache_read,
        "ai_cache_write": tokens.cache_write,
    }
    return {
        "used_on": now.astimezone(UTC).date(),
        "used_model": _word(model),
        "used_kinds": list(spent),
        "used": list(spent.values()),
    }


def _word(told: str) -> str:
    """A provider's word for a category or a model, if it is one."""
    return told if re.fullmatch(r"[a-z0-9][a-z0-9._:-]{0,63}", told) else "other"
