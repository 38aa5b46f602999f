"""What is read before a model is asked, what is spent, and what came back."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from leadsrally.ai.types import Answer
from leadsrally.billing.meter import TOKENS, Tokens, tokens_spent
from leadsrally.consent.types import ChannelKind
from leadsrally.kit.db import Tx

_BRIEF = """
SELECT o.ai_scoring AS scoring, o.ai_suggestions AS suggestions, o.ai_daily_calls AS daily_calls,
       o.ai_daily_tokens AS daily_tokens, o.state = 'active' AND p.restricted_at IS NULL AS active,
       c.ai_paused_at IS NOT NULL AS taken_over, c.contact_id, p.name, ch.kind AS channel_kind, newest.id AS message_id,
       EXISTS (SELECT 1 FROM scores AS s
                WHERE s.organization_id = c.organization_id AND s.message_id = newest.id) AS scored
  FROM conversations AS c
  JOIN organizations AS o ON o.id = c.organization_id
  JOIN contacts AS p ON p.organization_id = c.organization_id AND p.id = c.contact_id
  JOIN channels AS ch ON ch.organization_id = c.organization_id AND ch.id = c.channel_id
 CROSS JOIN LATERAL (
    SELECT m.id
      FROM messages AS m
     WHERE m.organization_id = c.organization_id
       AND m.conversation_id = c.id
       AND m.direction = 'inbound'
     ORDER BY m.said_at DESC, m.id DESC
     LIMIT 1
 ) AS newest
 WHERE c.organization_id = %(organization_id)s
   AND c.id = %(conversation_id)s
"""


@dataclass(frozen=True, slots=True)
class Brief:
    """Whether, and about which message, a model may be asked."""

    scoring: bool
    suggestions: bool
    daily_calls: int
    daily_tokens: int
    active: bool
    taken_over: bool
    contact_id: UUID
    name: str
    channel_kind: ChannelKind
    message_id: UUID
    scored: bool


def brief(tx: Tx, organization_id: UUID, conversation_id: UUID) -> Brief | None:
    return tx.maybe(Brief, _BRIEF, {"organization_id": organization_id, "conversation_id": conversation_id})


_SPEND_CALL = """
INSERT INTO ai_usage AS used (organization_id, day, calls)
SELECT %(organization_id)s, %(day)s, 1
 WHERE %(daily_calls)s > 0 AND %(daily_tokens)s > 0
ON CONFLICT (organization_id, day)
DO UPDATE SET calls = used.calls + 1
        WHERE used.calls < %(daily_calls)s AND used.tokens < %(daily_tokens)s
RETURNING calls
"""


def spend_call(tx: Tx, organization_id: UUID, day: date, *, daily_calls: int, daily_tokens: int) -> bool:
    """Take one call out of the day's budget; False when the calls or the tokens of the day are used up."""
    spent = tx.value(
        _SPEND_CALL,
        {
            "organization_id": organization_id,
            "day": day,
            "daily_calls": daily_calls,
            "daily_tokens": daily_tokens,
        },
    )
    return spent is not None


_SPEND_TOKENS = """
UPDATE ai_usage
   SET tokens = tokens + %(tokens)s
 WHERE organization_id = %(organization_id)s
   AND day = %(day)s
"""


def spend_tokens(tx: Tx, organization_id: UUID, day: date, tokens: int) -> None:
    tx.run(_SPEND_TOKENS, {"organization_id": organization_id, "day": day, "tokens": tokens})


# No row when the message was erased while the model was thinking: then the answer is dropped.
_KEPT = """
WITH kept AS (
INSERT INTO scores (
    organization_id, id, message_id, outcome, intent, interest, reason, suggestions, wants_to_stop,
    language, model, prompt_version, input_tokens, output_tokens, created_at
)
SELECT m.organization_id, %(id)s, m.id, %(outcome)s, %(intent)s, %(interest)s, %(reason)s, %(suggestions)s,
       %(wants_to_stop)s, %(language)s, %(model)s, %(prompt_version)s, %(input_tokens)s, %(output_tokens)s,
       %(now)s
  FROM messages AS m
 WHERE m.organization_id = %(organization_id)s
   AND m.id = %(message_id)s
ON CONFLICT (organization_id, message_id) DO NOTHING
RETURNING id
)
"""
_RESULT = """
SELECT id
  FROM kept
"""
_KEEP = _KEPT + TOKENS + _RESULT


def keep(
    tx: Tx,
    organization_id: UUID,
    message_id: UUID,
    *,
    score_id: UUID,
    outcome: str,
    answer: Answer | None,
    with_score: bool,
    with_suggestions: bool,
    model: str,
    prompt_version: str,
    tokens: Tokens,
    now: datetime,
) -> bool:
    """Store what came back, only the parts that the organisation switched on, and count what it took.

    False: nothing was stored, and nothing is counted.
    """
    shown = answer if with_score else None
    kept = tx.value(
        _KEEP,
        {
            "organization_id": organization_id,
            "id": score_id,
            "message_id": message_id,
            "outcome": outcome,
            "intent": shown.intent if shown else None,
            "interest": shown.interest if shown else None,
            "reason": shown.reason if shown else None,
            "suggestions": Jsonb(list(answer.suggestions) if answer and with_suggestions else []),
            "wants_to_stop": answer.wants_to_stop if answer else False,
            "language": answer.language if answer else None,
            "model": model,
            "prompt_version": prompt_version,
            "input_tokens": tokens.input + tokens.cache_read + tokens.cache_write,
            "output_tokens": tokens.output,
            "now": now,
            **tokens_spent(model, tokens, now),
        },
    )
    return kept is not None


# Two calls may overlap and answer in any order: what a newer message came to is not replaced by an older one.
_SHOW = """
UPDATE conversations AS c
   SET intent = %(intent)s, interest = %(interest)s
  FROM messages AS m
 WHERE c.organization_id = %(organization_id)s
   AND c.id = %(conversation_id)s
   AND m.organization_id = c.organization_id
   AND m.id = %(message_id)s
   AND NOT EXISTS (
    SELECT 1
      FROM messages AS newer
      JOIN scores AS s ON s.organization_id = newer.organization_id AND s.message_id = newer.id
     WHERE newer.organization_id = c.organization_id
       AND newer.conversation_id = c.id
       AND (newer.said_at, newer.id) > (m.said_at, m.id)
       AND s.intent IS NOT NULL)
"""


def show(tx: Tx, organization_id: UUID, conversation_id: UUID, message_id: UUID, answer: Answer) -> None:
    """Put the newest score on the conversation, for the inbox."""
    tx.run(
        _SHOW,
        {
            "organization_id": organization_id,
            "conversation_id": conversation_id,
            "message_id": message_id,
            "intent": answer.intent,
            "interest": answer.interest,
        },
    )
