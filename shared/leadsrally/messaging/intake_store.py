"""An inbound message, as it is written: everything it causes, in one statement."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg.errors
from psycopg.types.json import Jsonb

from leadsrally.billing.meter import TEXT_CAME, text_came
from leadsrally.kit.db import Tx
from leadsrally.kit.errors import Unavailable
from leadsrally.kit.phone import variants
from leadsrally.messaging.store import Call
from leadsrally.messaging.types import RANK, Channel, InboundMessage, Status

# One statement, so that an inbound message costs one round trip and is stored wholly or not at all. It names
# its tenant itself, so that it needs no transaction around it; OFFSET 0 keeps the planner from reading
# `channels` before `tenant` has been set, and if it ever did, row security would show no channel and nothing
# would be written. Each part reads from the one before it: `channel` yields no row when the
# organisation is leaving, or the channel was disconnected or its credentials changed since they were kept, and then nothing at all happens; `receipt`
# yields none for a repeated delivery, and then nothing below it happens but the log row.
_OPENING = """
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
           AND EXISTS (SELECT 1
                         FROM organizations AS o
                        WHERE o.id = tenant.id
                          AND o.state IN ('active', 'paused', 'pending'))
           AND credentials_version = %(credentials_version)s
        OFFSET 0
     ) AS c
),
receipt AS (
    INSERT INTO message_receipts (organization_id, channel_id, provider_hash, message_id)
    SELECT %(organization_id)s, id, %(provider_hash)s, %(message_id)s
      FROM channel
    ON CONFLICT DO NOTHING
    RETURNING channel_id
),
"""

# Who wrote, by number alone. Of a number that is written in two ways the one as given comes first. A person may have
# further numbers: the thread is answered to the one that they wrote from.
_BY_NUMBER = """
known AS (
    SELECT found.id, found.phone
      FROM receipt
     CROSS JOIN LATERAL (
        SELECT c.id, c.phone, c.phone IS DISTINCT FROM %(phone)s AS otherwise
          FROM contacts AS c
         WHERE c.organization_id = %(organization_id)s
           AND c.phone = ANY (%(phones)s::text[])
         UNION ALL
        SELECT i.contact_id, NULL, true
          FROM contact_identities AS i
         WHERE i.organization_id = %(organization_id)s
           AND i.kind = 'number'
           AND i.value = ANY (%(phones)s::text[])
           AND i.retired_at IS NULL
     ) AS found
     ORDER BY found.otherwise
     LIMIT 1
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
    SELECT id, CASE WHEN phone IS DISTINCT FROM %(phone)s THEN %(phone)s END AS address FROM known
    UNION ALL
    SELECT id, NULL FROM met
),
"""

# Who wrote, by what the provider calls them: the surest name first, the number last. What is new about a known
# person is learned. `identified` holds each name with the contact it leads to so far. A number that somebody
# gave up leads nowhere, even where a contact still carries it. Two first messages at once write the same
# identity: the second waits for the first and then takes its contact; identities are written before contacts
# for that, and their foreign key is checked at the end.
_BY_NAME = """
identified AS (
    SELECT given.kind, given.value, given.place, i.contact_id, i.retired_at
      FROM receipt
     CROSS JOIN unnest(%(kinds)s::text[], %(values)s::text[])
                WITH ORDINALITY AS given (kind, value, place)
      LEFT JOIN contact_identities AS i
             ON i.organization_id = %(organization_id)s AND i.kind = given.kind AND i.value = given.value
),
free AS (
    SELECT %(phone)s::text IS NOT NULL
           AND NOT EXISTS (SELECT 1 FROM identified WHERE kind = 'wa_id' AND retired_at IS NOT NULL)
           AS to_be_found,
           NOT EXISTS (SELECT 1
                         FROM contacts
                        WHERE organization_id = %(organization_id)s AND phone = ANY (%(phones)s::text[]))
           AS to_be_taken
      FROM receipt
),
known AS (
    SELECT found.id
      FROM (SELECT contact_id AS id, place
              FROM identified
             WHERE contact_id IS NOT NULL AND retired_at IS NULL
             UNION ALL
            SELECT c.id, CASE WHEN c.phone = %(phone)s THEN 10 ELSE 11 END
              FROM free
              JOIN contacts AS c
                ON c.organization_id = %(organization_id)s AND c.phone = ANY (%(phones)s::text[])
             WHERE free.to_be_found) AS found
     ORDER BY found.place
     LIMIT 1
),
target AS (
    SELECT coalesce((SELECT id FROM known), %(contact_id)s) AS id
      FROM receipt
),
learned AS (
    INSERT INTO contact_identities AS i (organization_id, kind, value, contact_id, created_at)
    SELECT %(organization_id)s, n.kind, n.value, target.id, %(now)s
      FROM identified AS n
     CROSS JOIN target
     WHERE n.contact_id IS DISTINCT FROM target.id
        OR n.retired_at IS NOT NULL
     ORDER BY n.kind, n.value
    ON CONFLICT (organization_id, kind, value)
    DO UPDATE SET contact_id = CASE WHEN i.retired_at IS NOT NULL OR EXISTS (SELECT 1 FROM known)
                                    THEN excluded.contact_id
                                    ELSE i.contact_id END,
                  retired_at = NULL
    RETURNING i.contact_id
),
met AS (
    INSERT INTO contacts (organization_id, id, phone, name, created_at, updated_at)
    SELECT %(organization_id)s, target.id, CASE WHEN free.to_be_taken THEN %(phone)s END, %(name)s, %(now)s,
           %(now)s
      FROM target
     CROSS JOIN free
     WHERE NOT EXISTS (SELECT 1 FROM known)
       AND NOT EXISTS (SELECT 1 FROM learned WHERE contact_id <> target.id)
    ON CONFLICT (organization_id, phone) DO UPDATE SET phone = excluded.phone
    RETURNING id
),
revealed AS (
    UPDATE contacts AS c
       SET phone = CASE WHEN c.phone IS NULL AND free.to_be_found AND free.to_be_taken
                        THEN %(phone)s ELSE c.phone END,
           name = CASE WHEN c.name = '' THEN %(name)s ELSE c.name END,
           version = c.version + 1,
           updated_at = %(now)s
      FROM known
     CROSS JOIN free
     WHERE c.organization_id = %(organization_id)s
       AND c.id = known.id
       AND ((c.name = '' AND %(name)s <> '')
            OR (c.phone IS NULL AND free.to_be_found AND free.to_be_taken))
),
contact AS (
    SELECT id, %(address)s::text AS address FROM known
    UNION ALL
    SELECT id, %(address)s FROM met
    UNION ALL
    (SELECT learned.contact_id, %(address)s
       FROM learned
      CROSS JOIN target
      WHERE learned.contact_id <> target.id
        AND NOT EXISTS (SELECT 1 FROM known)
      LIMIT 1)
),
"""

# The inbox shows what was said last, in whatever order it came.
_THREAD = """
conversation AS (
    INSERT INTO conversations AS c (
        organization_id, id, contact_id, channel_id, address, last_message_at, last_message_id,
        last_inbound_at, preview, preview_kind, unread_count, created_at
    )
    SELECT %(organization_id)s, %(conversation_id)s, id, %(channel_id)s, address, %(said_at)s,
           %(message_id)s, %(window_from)s, %(preview)s, %(kind)s, 1, %(now)s
      FROM contact
    ON CONFLICT (organization_id, contact_id, channel_id) WHERE merge_id IS NULL
    DO UPDATE SET address = CASE WHEN %(by_number)s THEN excluded.address
                                 ELSE coalesce(excluded.address, c.address) END,
                  last_message_at = greatest(c.last_message_at, excluded.last_message_at),
                  last_message_id = CASE WHEN excluded.last_message_at >= c.last_message_at
                                         THEN excluded.last_message_id ELSE c.last_message_id END,
                  last_inbound_at = greatest(c.last_inbound_at, excluded.last_inbound_at),
                  preview = CASE WHEN excluded.last_message_at >= c.last_message_at
                                 THEN excluded.preview ELSE c.preview END,
                  preview_kind = CASE WHEN excluded.last_message_at >= c.last_message_at
                                      THEN excluded.preview_kind ELSE c.preview_kind END,
                  unread_count = c.unread_count + 1
    RETURNING id, contact_id
),
message AS (
    INSERT INTO messages (
        organization_id, id, conversation_id, direction, kind, body, content, reply_to, altered, segments,
        status, status_rank, provider_message_id, created_at, sent_at
    )
    SELECT %(organization_id)s, %(message_id)s, id, 'inbound', %(kind)s, %(body)s, %(content)s,
           CASE WHEN %(reply_to)s::text IS NOT NULL THEN
                coalesce((SELECT m.id
                            FROM messages AS m
                           WHERE m.organization_id = %(organization_id)s
                             AND m.direction = 'outbound'
                             AND m.provider_message_id = %(reply_to)s),
                         (SELECT r.message_id
                            FROM message_receipts AS r
                           WHERE r.organization_id = %(organization_id)s
                             AND r.channel_id = %(channel_id)s
                             AND r.provider_hash = %(reply_to_hash)s))
           END,
           %(altered)s, %(segments)s, 'received', %(received_rank)s, %(provider_message_id)s, %(now)s,
           %(sent_at)s
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
)
"""

# A call that brings one message is logged with it. Its outcome may not have been heard, and then it is done again.
_LOGGED = """,
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
    ON CONFLICT DO NOTHING
)
"""

_RESULT = """
SELECT conversation.id AS conversation_id, conversation.contact_id, scoring.id AS scoring_job_id,
       false AS amended_early
  FROM channel
  LEFT JOIN conversation ON true
  LEFT JOIN scoring ON true
"""

# Asked of a repeat too: the first delivery may have died before it applied what had come early.
_RESULT_OF_PIECE = """
SELECT conversation.id AS conversation_id, conversation.contact_id, scoring.id AS scoring_job_id,
       EXISTS (SELECT 1
                 FROM early_amendments AS e
                WHERE e.organization_id = %(organization_id)s
                  AND e.channel_id = channel.id
                  AND e.target_hash = %(provider_hash)s) AS amended_early
  FROM channel
  LEFT JOIN conversation ON true
  LEFT JOIN scoring ON true
"""

_STORE_TEXT = _OPENING + _BY_NUMBER + _THREAD + TEXT_CAME + _LOGGED + _RESULT
_STORE_PIECE = _OPENING + _BY_NAME + _THREAD + _RESULT_OF_PIECE


@dataclass(frozen=True, slots=True)
class New:
    """Ids for whatever has to be made."""

    message_id: UUID
    contact_id: UUID
    conversation_id: UUID
    job_id: UUID


@dataclass(frozen=True, slots=True)
class Pause:
    """How long a score waits for the next text, and how long at most."""

    burst: timedelta
    patience: timedelta


@dataclass(frozen=True, slots=True)
class StoredInbound:
    """Without a conversation the message was a repeat."""

    conversation_id: UUID | None
    contact_id: UUID | None
    scoring_job_id: UUID | None
    amended_early: bool  # something about this message came before it and waits to be applied


def store_text(
    tx: Tx,
    channel: Channel,
    inbound: InboundMessage,
    call: Call,
    new: New,
    *,
    provider_hash: bytes,
    score: bool,
    pause: Pause,
) -> StoredInbound | None:
    """Store a message that came alone, with its contact, thread, scoring job and log row.

    None: the channel is no longer what was kept, and nothing was written.
    """
    return tx.maybe(
        StoredInbound,
        _STORE_TEXT,
        {
            **_said(channel, inbound, call.at, new, provider_hash, score=score, pause=pause),
            **text_came(inbound.segments, files=bool(inbound.media), now=call.at),
            "by_number": True,
            "reply_to_hash": None,
            "provider": call.provider,
            "source_ip": call.source_ip,
            "bytes": call.bytes,
            "log_id": call.id,
            "request_id": call.request_id,
        },
    )


def store_piece(
    tx: Tx,
    channel: Channel,
    inbound: InboundMessage,
    new: New,
    *,
    provider_hash: bytes,
    reply_to_hash: bytes | None,
    score: bool,
    pause: Pause,
    now: datetime,
) -> StoredInbound | None:
    """As `store_text`, for one piece of a delivery that is logged as a whole, from a person with names.

    Raises `Unavailable` when somebody else has met the same person in the same moment: try again.
    """
    sender = inbound.sender
    try:
        return tx.maybe(
            StoredInbound,
            _STORE_PIECE,
            {
                **_said(channel, inbound, now, new, provider_hash, score=score, pause=pause),
                "kinds": [identity.kind for identity in sender.identities],
                "values": [identity.value for identity in sender.identities],
                "name": sender.name,
                "by_number": False,
                "address": sender.named("wa_id") or sender.named("bsuid"),
                "reply_to_hash": reply_to_hash,
            },
        )
    except (psycopg.errors.ForeignKeyViolation, psycopg.errors.UniqueViolation):
        raise Unavailable(
            "The same person wrote twice in one moment. Try again.", code="met_at_once"
        ) from None


def _said(
    channel: Channel,
    inbound: InboundMessage,
    now: datetime,
    new: New,
    provider_hash: bytes,
    *,
    score: bool,
    pause: Pause,
) -> dict[str, Any]:
    # A provider's clock may be ahead of ours; nothing was said in the future.
    sent_at = None if inbound.sent_at is None else min(inbound.sent_at, now)
    phone = inbound.sender.phone
    return {
        "organization_id": channel.organization_id,
        "channel_id": channel.id,
        "credentials_version": channel.credentials_version,
        "provider_hash": provider_hash,
        "phone": phone,
        "phones": [] if phone is None else list(variants(phone)),
        "contact_id": new.contact_id,
        "conversation_id": new.conversation_id,
        "message_id": new.message_id,
        "job_id": new.job_id,
        "kind": inbound.kind,
        "body": inbound.body,
        "content": None if inbound.content is None else Jsonb(dict(inbound.content)),
        "reply_to": inbound.reply_to,
        "preview": inbound.body[:140],
        "altered": inbound.altered,
        "segments": inbound.segments,
        "received_rank": RANK[Status.RECEIVED],
        "provider_message_id": inbound.provider_message_id,
        "sent_at": sent_at,
        "said_at": sent_at or now,
        "window_from": sent_at if inbound.opens_window else None,
        "score": score,
        "burst": pause.burst,
        "patience": pause.patience,
        "now": now,
    }
