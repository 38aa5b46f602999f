"""Conversations and messages, as they are written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from leadsrally.billing.meter import REPORTED, reported
from leadsrally.kit.db import Tx
from leadsrally.messaging.types import (
    RANK,
    Channel,
    ChannelKind,
    Direction,
    Draft,
    Kind,
    PermissionKind,
    Purpose,
    Status,
)

_CHANNEL_BY_KEY = """
SELECT organization_id, id, key, kind, address, account_sid, waba_id, phone_number_id, page_id,
       credentials, credentials_version, provider_answers_keywords
  FROM channel_by_key(%(key)s)
"""


def channel_by_key(session: psycopg.Connection[Any], key: str) -> Channel | None:
    """The active channel whose webhook address carries `key`; the one look-up before a tenant is known."""
    with session.cursor(row_factory=class_row(Channel)) as cursor:
        return cursor.execute(_CHANNEL_BY_KEY, {"key": key}).fetchone()


_WHATSAPP_NUMBERS = """
SELECT organization_id, id, key, kind, address, account_sid, waba_id, phone_number_id, page_id,
       ''::bytea AS credentials, credentials_version, provider_answers_keywords
  FROM channels
 WHERE organization_id = %(organization_id)s
   AND kind = 'whatsapp'
   AND state = 'active'
"""


def whatsapp_numbers(tx: Tx, organization_id: UUID) -> list[Channel]:
    """The active WhatsApp numbers of the organisation, without their secrets."""
    return tx.all(Channel, _WHATSAPP_NUMBERS, {"organization_id": organization_id})


_FORMER_NUMBER = """
SELECT organization_id, id, key, kind, address, account_sid, waba_id, phone_number_id, page_id,
       ''::bytea AS credentials, credentials_version, provider_answers_keywords
  FROM channels
 WHERE organization_id = %(organization_id)s
   AND phone_number_id = %(phone_number_id)s
   AND kind = 'whatsapp'
   AND state <> 'active'
"""


def former_number(tx: Tx, organization_id: UUID, phone_number_id: str) -> Channel | None:
    """A WhatsApp number that the organisation itself had and let go, without its secrets."""
    given = {"organization_id": organization_id, "phone_number_id": phone_number_id}
    return tx.maybe(Channel, _FORMER_NUMBER, given)


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


_LOG_CALL = """
INSERT INTO delivery_log (
    received_at, id, organization_id, channel_id, provider, kind, outcome, reason, http_status, source_ip,
    bytes, message_id, counts, request_id
)
VALUES (
    %(now)s, %(id)s, %(organization_id)s, %(channel_id)s, %(provider)s, %(kind)s, %(outcome)s, %(reason)s,
    %(http_status)s, %(source_ip)s, %(bytes)s, %(message_id)s, %(counts)s, %(request_id)s
)
ON CONFLICT DO NOTHING
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
    counts: Mapping[str, int] | None = None,
) -> None:
    """A row for a call. `counts`: how many pieces of it came to what, where it brought several.

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
            "counts": None if counts is None else Jsonb(dict(counts)),
            "request_id": call.request_id,
        },
    )


# Found by our own id, which the callback's address carries, or by the provider's. Applied only when it
# ranks higher: callbacks come late, twice and in any order, and of each time the earliest stands. The row as it was is
# locked first, so that of two callbacks at once the second sees what the first has made of it.
_ADVANCED = """
WITH before AS MATERIALIZED (
SELECT m.id, m.status_rank, m.error_code, c.contact_id
  FROM messages AS m
  JOIN conversations AS c ON c.organization_id = m.organization_id AND c.id = m.conversation_id
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
   AND c.channel_id = %(channel_id)s
   AND c.contact_id IS NOT NULL
   FOR NO KEY UPDATE OF m
),
message AS (
UPDATE messages AS m
   SET status = CASE WHEN %(rank)s > m.status_rank THEN %(status)s ELSE m.status END,
       status_rank = greatest(m.status_rank, %(rank)s),
       error_code = CASE WHEN %(rank)s > m.status_rank THEN %(error_code)s ELSE m.error_code END,
       provider_message_id = coalesce(m.provider_message_id, %(provider_message_id)s),
       pricing = coalesce(%(pricing)s, m.pricing),
       sent_at = CASE WHEN %(status)s IN ('sent', 'delivered', 'read', 'played')
                      THEN least(m.sent_at, %(at)s) ELSE m.sent_at END,
       delivered_at = CASE WHEN %(status)s IN ('delivered', 'read', 'played')
                           THEN least(m.delivered_at, %(at)s) ELSE m.delivered_at END,
       read_at = CASE WHEN %(status)s IN ('read', 'played')
                      THEN least(m.read_at, %(at)s) ELSE m.read_at END
  FROM before
 WHERE m.organization_id = %(organization_id)s
   AND m.id = before.id
RETURNING m.id, m.claimed_at, m.segments, before.contact_id,
          %(rank)s > before.status_rank OR before.error_code IS DISTINCT FROM %(error_code)s AS news
)
"""
_RESULT_OF_ADVANCE = """
SELECT id AS message_id, contact_id, news
  FROM message
"""
_ADVANCE = _ADVANCED + REPORTED + _RESULT_OF_ADVANCE


@dataclass(frozen=True, slots=True)
class Advanced:
    """`news`: it says more than was known, or gives another reason. False for a repeat."""

    message_id: UUID
    contact_id: UUID
    news: bool


def advance(
    tx: Tx,
    organization_id: UUID,
    channel_id: UUID,
    channel_kind: PermissionKind,
    *,
    message_id: UUID | None,
    provider_message_id: str,
    status: Status,
    error_code: str | None,
    at: datetime,
    pricing: Mapping[str, Any] | None = None,
    now: datetime,
) -> Advanced | None:
    """Apply a provider's report to the message it speaks of, and count it; None when we know no such message here."""
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
            "pricing": None if pricing is None else Jsonb(dict(pricing)),
            "at": at,
            **reported(channel_kind, pricing, now),
        },
    )


_RECIPIENT = """
SELECT c.contact_id
  FROM messages AS m
  JOIN conversations AS c ON c.organization_id = m.organization_id AND c.id = m.conversation_id
 WHERE m.organization_id = %(organization_id)s
   AND m.direction = 'outbound'
   AND m.provider_message_id = %(provider_message_id)s
   AND m.id = coalesce(%(message_id)s, m.id)
   AND c.channel_id = %(channel_id)s
"""


def recipient_of(
    tx: Tx, organization_id: UUID, channel_id: UUID, *, message_id: UUID | None, provider_message_id: str
) -> UUID | None:
    """To whom a message went that a report names; None when we know no such message, or nobody any more."""
    return tx.value(
        _RECIPIENT,
        {
            "organization_id": organization_id,
            "channel_id": channel_id,
            "message_id": message_id,
            "provider_message_id": provider_message_id,
        },
    )


_PARK = """
INSERT INTO early_reports (
    organization_id, provider_hash, status, status_rank, error_code, pricing, reported_at, received_at
)
VALUES (
    %(organization_id)s, %(provider_hash)s, %(status)s, %(rank)s, %(error_code)s, %(pricing)s, %(at)s, %(now)s
)
ON CONFLICT DO NOTHING
"""


def park_report(
    tx: Tx,
    organization_id: UUID,
    provider_hash: bytes,
    *,
    status: Status,
    error_code: str | None,
    at: datetime,
    pricing: Mapping[str, Any] | None = None,
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
            "pricing": None if pricing is None else Jsonb(dict(pricing)),
            "at": at,
            "now": now,
        },
    )


@dataclass(frozen=True, slots=True)
class EarlyReport:
    status: Status
    error_code: str | None
    at: datetime  # by the provider's clock, as far as it tells
    pricing: dict[str, Any] | None


_TAKE_PARKED = """
WITH taken AS (
    DELETE FROM early_reports
     WHERE organization_id = %(organization_id)s
       AND provider_hash = %(provider_hash)s
    RETURNING status, status_rank, error_code, coalesce(reported_at, received_at) AS at, pricing
)
SELECT status, error_code, at, pricing
  FROM taken
 ORDER BY at, status_rank
"""


def take_parked(tx: Tx, organization_id: UUID, provider_hash: bytes) -> list[EarlyReport]:
    """What was said early of a message, the first first; it is forgotten here."""
    return tx.all(
        EarlyReport, _TAKE_PARKED, {"organization_id": organization_id, "provider_hash": provider_hash}
    )


_WISHES = """
SELECT opt_out_scope, consent_languages AS languages
  FROM organizations
 WHERE id = %(organization_id)s
"""


@dataclass(frozen=True, slots=True)
class Wishes:
    """How far a no reaches at this organisation, and in which languages it listens for one."""

    opt_out_scope: Literal["channel", "every_channel"]
    languages: list[str]

    @property
    def scope(self) -> Literal["organization", "every_channel"]:
        """As the ledger says it: all senders of the kind, or of every kind."""
        return "organization" if self.opt_out_scope == "channel" else "every_channel"


def wishes(tx: Tx, organization_id: UUID) -> Wishes:
    return tx.one(Wishes, _WISHES, {"organization_id": organization_id})


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
        organization_id, id, conversation_id, direction, purpose, kind, body, content, template_id, reply_to,
        status, status_rank, author_id, idempotency_key, created_at, expires_at
    )
    SELECT c.organization_id, %(message_id)s, c.id, 'outbound', %(purpose)s, %(kind)s, %(body)s, %(content)s,
           %(template_id)s,
           (SELECT answered.id
              FROM messages AS answered
             WHERE answered.organization_id = c.organization_id
               AND answered.id = %(reply_to)s
               AND answered.conversation_id = c.id),
           'queued', %(rank)s, %(author_id)s, %(idempotency_key)s, %(now)s, %(expires_at)s
      FROM conversations AS c
     WHERE c.organization_id = %(organization_id)s
       AND c.id = %(conversation_id)s
       AND c.contact_id IS NOT NULL
    ON CONFLICT (organization_id, idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING
    RETURNING id, conversation_id
)
UPDATE conversations AS c
   SET last_message_at = greatest(c.last_message_at, %(now)s),
       last_message_id = message.id,
       preview = %(preview)s,
       preview_kind = %(kind)s
  FROM message
 WHERE c.organization_id = %(organization_id)s
   AND c.id = message.conversation_id
RETURNING message.id
"""


def queue_outbound(
    tx: Tx,
    organization_id: UUID,
    conversation_id: UUID,
    draft: Draft,
    *,
    message_id: UUID,
    purpose: Purpose,
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
            "kind": draft.kind,
            "body": draft.body,
            "content": None if draft.content is None else Jsonb(draft.content),
            "template_id": draft.template_id,
            "reply_to": draft.reply_to,
            "preview": draft.body[:140],
            "rank": RANK[Status.QUEUED],
            "author_id": author_id,
            "idempotency_key": idempotency_key,
            "now": now,
            "expires_at": expires_at,
        },
    )


_CHANNEL_KIND = """
SELECT ch.kind
  FROM conversations AS c
  JOIN channels AS ch ON ch.organization_id = c.organization_id AND ch.id = c.channel_id
 WHERE c.organization_id = %(organization_id)s
   AND c.id = %(conversation_id)s
   AND c.contact_id IS NOT NULL
"""


def channel_kind_of(tx: Tx, organization_id: UUID, conversation_id: UUID) -> ChannelKind | None:
    return tx.value(_CHANNEL_KIND, {"organization_id": organization_id, "conversation_id": conversation_id})


_BY_IDEMPOTENCY_KEY = """
SELECT id, conversation_id, kind, body
  FROM messages
 WHERE organization_id = %(organization_id)s
   AND idempotency_key = %(idempotency_key)s
"""


@dataclass(frozen=True, slots=True)
class EarlierMessage:
    id: UUID
    conversation_id: UUID
    kind: Kind
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
