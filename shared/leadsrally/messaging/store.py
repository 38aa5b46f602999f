"""Conversations and messages, as they are written."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from leadsrally.kit.db import Tx
from leadsrally.messaging.types import RANK, Channel, Direction, InboundMessage, Status

_CHANNEL_BY_KEY = """
SELECT organization_id, id, key, kind, address, account_sid, waba_id, phone_number_id, page_id,
       credentials, credentials_version, provider_answers_keywords
  FROM channel_by_key(%(key)s)
"""


def channel_by_key(session: psycopg.Connection[Any], key: str) -> Channel | None:
    """The active channel whose webhook address carries `key`; the one look-up before a tenant is known."""
    with session.cursor(row_factory=class_row(Channel)) as cursor:
        return cursor.execute(_CHANNEL_BY_KEY, {"key": key}).fetchone()


# One statement, so that an inbound message costs one round trip and is stored wholly or not at all. It names
# its tenant itself, so that it needs no transaction around it; OFFSET 0 keeps the planner from reading
# `channels` before `tenant` has been set, and if it ever did, row security would show no channel and nothing
# would be written. Each part reads from the one before it: `channel` yields no row when the channel was
# disconnected or its credentials changed since they were kept, and then nothing at all happens; `receipt`
# yields none for a repeated delivery, and then nothing below it happens but the log row.
_STORE_INBOUND = """
WITH tenant AS MATERIALIZED (
    SELECT set_config('leadsrally.organization_id', %(organization_id)s::uuid::text, true)::uuid AS id
),
channel AS MATERIALIZED (
    SELECT c.id, c.scoring
      FROM tenant
     CROSS JOIN LATERAL (
        SELECT id,
               (SELECT o.ai_scoring OR o.ai_suggestions
                  FROM organizations AS o
                 WHERE o.id = tenant.id) AS scoring
          FROM channels
         WHERE organization_id = tenant.id
           AND id = %(channel_id)s
           AND state = 'active'
           AND credentials_version = %(credentials_version)s
        OFFSET 0
     ) AS c
),
receipt AS (
    INSERT INTO message_receipts (organization_id, channel_id, provider_hash)
    SELECT %(organization_id)s, id, %(provider_hash)s
      FROM channel
    ON CONFLICT DO NOTHING
    RETURNING channel_id
),
known AS (
    SELECT c.id
      FROM receipt
      JOIN contacts AS c ON c.organization_id = %(organization_id)s AND c.phone = %(phone)s
),
met AS (
    INSERT INTO contacts (organization_id, id, phone, created_at, updated_at)
    SELECT %(organization_id)s, %(contact_id)s, %(phone)s, %(now)s, %(now)s
      FROM receipt
     WHERE NOT EXISTS (SELECT 1 FROM known)
    ON CONFLICT (organization_id, phone) DO UPDATE SET phone = excluded.phone
    RETURNING id
),
contact AS (
    SELECT id FROM known
    UNION ALL
    SELECT id FROM met
),
conversation AS (
    INSERT INTO conversations AS c (
        organization_id, id, contact_id, channel_id, last_message_at, last_message_id, preview,
        unread_count, created_at
    )
    SELECT %(organization_id)s, %(conversation_id)s, id, %(channel_id)s, %(now)s, %(message_id)s,
           %(preview)s, 1, %(now)s
      FROM contact
    ON CONFLICT (organization_id, contact_id, channel_id)
    DO UPDATE SET last_message_at = greatest(c.last_message_at, excluded.last_message_at),
                  last_message_id = excluded.last_message_id,
                  preview = excluded.preview,
                  unread_count = c.unread_count + 1
    RETURNING id, contact_id
),
message AS (
    INSERT INTO messages (
        organization_id, id, conversation_id, direction, body, altered, segments, status, status_rank,
        provider_message_id, created_at
    )
    SELECT %(organization_id)s, %(message_id)s, id, 'inbound', %(body)s, %(altered)s, %(segments)s,
           'received', %(received_rank)s, %(provider_message_id)s, %(now)s
      FROM conversation
    RETURNING id
),
scoring AS (
    INSERT INTO jobs AS waiting (
        id, organization_id, queue, kind, payload, run_at, max_attempts, unique_key, created_at
    )
    SELECT %(job_id)s, %(organization_id)s, 'ai_score', 'score',
           jsonb_build_object('conversation_id', conversation.id), %(now)s + %(burst)s, 6,
           'conversation:' || conversation.id, %(now)s
      FROM conversation
     CROSS JOIN channel
     WHERE %(score)s
       AND channel.scoring
    ON CONFLICT (queue, unique_key) WHERE unique_key IS NOT NULL AND state = 'queued'
    DO UPDATE SET run_at = least(excluded.run_at, waiting.created_at + %(patience)s)
    RETURNING id
),
logged AS (
    INSERT INTO delivery_log (
        received_at, id, organization_id, channel_id, provider, kind, outcome, http_status, source_ip,
        bytes, message_id, request_id
    )
    SELECT %(now)s, %(log_id)s, %(organization_id)s, channel.id, %(provider)s, 'inbound',
           CASE WHEN receipt.channel_id IS NULL THEN 'duplicate' ELSE 'stored' END, 200, %(source_ip)s,
           %(bytes)s, CASE WHEN receipt.channel_id IS NULL THEN NULL ELSE %(message_id)s::uuid END,
           %(request_id)s
      FROM channel
      LEFT JOIN receipt ON receipt.channel_id = channel.id
)
SELECT conversation.id AS conversation_id, conversation.contact_id, scoring.id AS scoring_job_id
  FROM channel
  LEFT JOIN conversation ON true
  LEFT JOIN scoring ON true
"""


@dataclass(frozen=True, slots=True)
class Call:
    """One request at a webhook, as the delivery log keeps it: no content."""

    id: UUID
    at: datetime
    provider: str
    kind: str
    source_ip: str | None
    bytes: int
    request_id: str


@dataclass(frozen=True, slots=True)
class StoredInbound:
    conversation_id: UUID | None
    contact_id: UUID | None
    scoring_job_id: UUID | None


def store_inbound(
    tx: Tx,
    channel: Channel,
    inbound: InboundMessage,
    call: Call,
    *,
    provider_hash: bytes,
    contact_id: UUID,
    conversation_id: UUID,
    message_id: UUID,
    job_id: UUID,
    score: bool,
    burst: timedelta,
    patience: timedelta,
) -> StoredInbound | None:
    """Store the message once, with its contact, thread, scoring job and log row.

    The ids are used where something new is made. None: the channel is no longer what was cached, and
    nothing was written. A result without a conversation: this delivery was a repeat.
    """
    return tx.maybe(
        StoredInbound,
        _STORE_INBOUND,
        {
            "organization_id": channel.organization_id,
            "channel_id": channel.id,
            "credentials_version": channel.credentials_version,
            "provider_hash": provider_hash,
            "phone": inbound.sender.phone,
            "contact_id": contact_id,
            "conversation_id": conversation_id,
            "message_id": message_id,
            "job_id": job_id,
            "body": inbound.body,
            "preview": inbound.body[:140],
            "altered": inbound.altered,
            "segments": inbound.segments,
            "received_rank": RANK[Status.RECEIVED],
            "provider_message_id": inbound.provider_message_id,
            "score": score,
            "burst": burst,
            "patience": patience,
            "provider": call.provider,
            "source_ip": call.source_ip,
            "bytes": call.bytes,
            "log_id": call.id,
            "request_id": call.request_id,
            "now": call.at,
        },
    )


_LOG_CALL = """
INSERT INTO delivery_log (
    received_at, id, organization_id, channel_id, provider, kind, outcome, reason, http_status, source_ip,
    bytes, message_id, request_id
)
VALUES (
    %(now)s, %(id)s, %(organization_id)s, %(channel_id)s, %(provider)s, %(kind)s, %(outcome)s, %(reason)s,
    %(http_status)s, %(source_ip)s, %(bytes)s, %(message_id)s, %(request_id)s
)
"""


def log_call(
    tx: Tx,
    call: Call,
    channel: Channel | None,
    *,
    outcome: str,
    http_status: int,
    reason: str | None = None,
    message_id: UUID | None = None,
    organization_id: UUID | None = None,
) -> None:
    """A row for a call that stored nothing: refused, ignored, or a status.

    It belongs to the channel's organisation; without a channel to `organization_id`, or to nobody.
    """
    tx.run(
        _LOG_CALL,
        {
            "organization_id": channel.organization_id if channel else organization_id,
            "channel_id": channel.id if channel else None,
            "now": call.at,
            "id": call.id,
            "provider": call.provider,
            "kind": call.kind,
            "outcome": outcome,
            "reason": reason,
            "http_status": http_status,
            "source_ip": call.source_ip,
            "bytes": call.bytes,
            "message_id": message_id,
            "request_id": call.request_id,
        },
    )


# Found by our own id, which the callback's address carries, or by the provider's. Applied only when it
# ranks higher: callbacks come late, twice and in any order.
_ADVANCE = """
UPDATE messages AS m
   SET status = CASE WHEN %(rank)s > m.status_rank THEN %(status)s ELSE m.status END,
       status_rank = greatest(m.status_rank, %(rank)s),
       error_code = CASE WHEN %(rank)s > m.status_rank THEN %(error_code)s ELSE m.error_code END,
       provider_message_id = coalesce(m.provider_message_id, %(provider_message_id)s),
       sent_at = CASE WHEN %(status)s IN ('sent', 'delivered', 'read', 'played')
                      THEN coalesce(m.sent_at, %(now)s) ELSE m.sent_at END,
       delivered_at = CASE WHEN %(status)s IN ('delivered', 'read', 'played')
                           THEN coalesce(m.delivered_at, %(now)s) ELSE m.delivered_at END,
       read_at = CASE WHEN %(status)s IN ('read', 'played')
                      THEN coalesce(m.read_at, %(now)s) ELSE m.read_at END
  FROM conversations AS c
 WHERE m.organization_id = %(organization_id)s
   AND m.direction = 'outbound'
   AND (m.id = %(message_id)s
        OR (%(message_id)s::uuid IS NULL AND m.provider_message_id = %(provider_message_id)s))
   AND (m.provider_message_id = %(provider_message_id)s
        OR (m.provider_message_id IS NULL AND NOT EXISTS (
               SELECT 1
                 FROM messages AS other
                WHERE other.organization_id = %(organization_id)s
                  AND other.direction = 'outbound'
                  AND other.provider_message_id = %(provider_message_id)s)))
   AND c.organization_id = m.organization_id
   AND c.id = m.conversation_id
   AND c.channel_id = %(channel_id)s
RETURNING m.id AS message_id, c.contact_id
"""


@dataclass(frozen=True, slots=True)
class Advanced:
    message_id: UUID
    contact_id: UUID


def advance(
    tx: Tx,
    organization_id: UUID,
    channel_id: UUID,
    *,
    message_id: UUID | None,
    provider_message_id: str,
    status: Status,
    error_code: str | None,
    now: datetime,
) -> Advanced | None:
    """Apply a provider's report to the message it speaks of; None when we know no such message here."""
    return tx.maybe(
        Advanced,
        _ADVANCE,
        {
            "organization_id": organization_id,
            "channel_id": channel_id,
            "message_id": message_id,
            "provider_message_id": provider_message_id,
            "status": status,
            "rank": RANK[status],
            "error_code": error_code,
            "now": now,
        },
    )


_PARK = """
INSERT INTO early_reports (organization_id, provider_hash, status, status_rank, error_code, received_at)
VALUES (%(organization_id)s, %(provider_hash)s, %(status)s, %(rank)s, %(error_code)s, %(now)s)
ON CONFLICT DO NOTHING
"""


def park_report(
    tx: Tx,
    organization_id: UUID,
    provider_hash: bytes,
    *,
    status: Status,
    error_code: str | None,
    now: datetime,
) -> None:
    """Keep a report that came before our own record of its message."""
    tx.run(
        _PARK,
        {
            "organization_id": organization_id,
            "provider_hash": provider_hash,
            "status": status,
            "rank": RANK[status],
            "error_code": error_code,
            "now": now,
        },
    )


@dataclass(frozen=True, slots=True)
class EarlyReport:
    status: Status
    error_code: str | None
    received_at: datetime


_TAKE_PARKED = """
DELETE FROM early_reports
 WHERE organization_id = %(organization_id)s
   AND provider_hash = %(provider_hash)s
RETURNING status, error_code, received_at
"""


def take_parked(tx: Tx, organization_id: UUID, provider_hash: bytes) -> list[EarlyReport]:
    return tx.all(
        EarlyReport, _TAKE_PARKED, {"organization_id": organization_id, "provider_hash": provider_hash}
    )


_QUESTION_OPEN = """
SELECT body LIKE '%%?%%'
  FROM messages
 WHERE organization_id = %(organization_id)s
   AND conversation_id = %(conversation_id)s
   AND direction = 'outbound'
   AND status NOT IN ('refused', 'canceled', 'queued')
 ORDER BY said_at DESC, id DESC
 LIMIT 1
"""


def question_open(tx: Tx, organization_id: UUID, conversation_id: UUID) -> bool:
    """Whether our last message asked something, so that a YES may be an answer to it."""
    return bool(
        tx.value(_QUESTION_OPEN, {"organization_id": organization_id, "conversation_id": conversation_id})
    )


_ASK_A_PERSON = """
UPDATE conversations
   SET attention = %(reason)s
 WHERE organization_id = %(organization_id)s
   AND id = %(conversation_id)s
"""


def ask_a_person(tx: Tx, organization_id: UUID, conversation_id: UUID, reason: str | None) -> None:
    """Show the conversation as needing a look; None takes the mark away."""
    tx.run(
        _ASK_A_PERSON,
        {"organization_id": organization_id, "conversation_id": conversation_id, "reason": reason},
    )


_QUEUE = """
WITH message AS (
    INSERT INTO messages (
        organization_id, id, conversation_id, direction, purpose, body, status, status_rank, author_id,
        idempotency_key, created_at, expires_at
    )
    SELECT c.organization_id, %(message_id)s, c.id, 'outbound', %(purpose)s, %(body)s, 'queued', %(rank)s,
           %(author_id)s, %(idempotency_key)s, %(now)s, %(expires_at)s
      FROM conversations AS c
     WHERE c.organization_id = %(organization_id)s
       AND c.id = %(conversation_id)s
    ON CONFLICT (organization_id, idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING
    RETURNING id, conversation_id
)
UPDATE conversations AS c
   SET last_message_at = greatest(c.last_message_at, %(now)s),
       last_message_id = message.id,
       preview = %(preview)s
  FROM message
 WHERE c.organization_id = %(organization_id)s
   AND c.id = message.conversation_id
RETURNING message.id
"""


def queue_outbound(
    tx: Tx,
    organization_id: UUID,
    conversation_id: UUID,
    *,
    message_id: UUID,
    purpose: str,
    body: str,
    author_id: UUID | None,
    idempotency_key: str | None,
    now: datetime,
    expires_at: datetime,
) -> UUID | None:
    """None when the key was used before, or there is no such conversation."""
    return tx.value(
        _QUEUE,
        {
            "organization_id": organization_id,
            "conversation_id": conversation_id,
            "message_id": message_id,
            "purpose": purpose,
            "body": body,
            "preview": body[:140],
            "rank": RANK[Status.QUEUED],
            "author_id": author_id,
            "idempotency_key": idempotency_key,
            "now": now,
            "expires_at": expires_at,
        },
    )


_BY_IDEMPOTENCY_KEY = """
SELECT id, conversation_id, body
  FROM messages
 WHERE organization_id = %(organization_id)s
   AND idempotency_key = %(idempotency_key)s
"""


@dataclass(frozen=True, slots=True)
class EarlierMessage:
    id: UUID
    conversation_id: UUID
    body: str


def by_idempotency_key(tx: Tx, organization_id: UUID, idempotency_key: str) -> EarlierMessage | None:
    return tx.maybe(
        EarlierMessage,
        _BY_IDEMPOTENCY_KEY,
        {"organization_id": organization_id, "idempotency_key": idempotency_key},
    )


_SNIPPET = """
SELECT direction, body
  FROM (
    SELECT direction, body, said_at, id
      FROM messages
     WHERE organization_id = %(organization_id)s
       AND conversation_id = %(conversation_id)s
       AND status <> 'refused'
     ORDER BY said_at DESC, id DESC
     LIMIT %(limit)s
  ) AS newest
 ORDER BY said_at, id
"""


@dataclass(frozen=True, slots=True)
class Line:
    direction: Direction
    body: str


def last_lines(tx: Tx, organization_id: UUID, conversation_id: UUID, *, limit: int) -> Sequence[Line]:
    """The last messages of a conversation, oldest first."""
    return tx.all(
        Line,
        _SNIPPET,
        {"organization_id": organization_id, "conversation_id": conversation_id, "limit": limit},
    )
