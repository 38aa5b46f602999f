"""Conversations and messages, as a customer reads them. Lists are keyset pages, newest first."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from leadsrally.kit.db import Tx

_SHOWN = """
SELECT c.id, c.contact_id, p.phone, p.name, ch.kind AS channel, ch.address AS our_number,
       c.last_message_at, c.last_inbound_at, c.preview, c.preview_kind, c.unread_count, c.intent, c.interest,
       c.attention, c.assignee_id, c.ai_paused_at, c.ai_paused_by,
       (SELECT o.ai_scoring OR o.ai_suggestions FROM organizations AS o WHERE o.id = %(organization_id)s) AS ai_on,
       s.state AS consent_state, s.source AS consent_source, s.since AS consent_since
  FROM conversations AS c
  JOIN contacts AS p ON p.organization_id = c.organization_id AND p.id = c.contact_id
  JOIN channels AS ch ON ch.organization_id = c.organization_id AND ch.id = c.channel_id
  LEFT JOIN consent_states AS s
         ON s.organization_id = c.organization_id AND s.contact_id = c.contact_id
        AND s.channel_kind = ch.kind AND s.purpose = 'all'
"""

# What is not asked for is NULL. The list is read along one of its indices until the page is full.
_FITTING = """
   AND (%(attention)s::boolean IS NULL OR (c.attention IS NOT NULL) = %(attention)s)
   AND (%(channel)s::text IS NULL OR ch.kind = %(channel)s)
   AND (%(intent)s::text IS NULL OR c.intent = %(intent)s)
   AND (%(interest)s::smallint IS NULL OR c.interest >= %(interest)s)
   AND (%(unassigned)s::boolean IS NULL OR (c.assignee_id IS NULL) = %(unassigned)s)
   AND (c.last_message_at, c.id) < (%(before)s, %(before_id)s)
 ORDER BY c.last_message_at DESC, c.id DESC
 LIMIT %(limit)s
"""
_CONVERSATIONS = _SHOWN + " WHERE c.organization_id = %(organization_id)s" + _FITTING

# Statements of their own: a prepared one with the question as a parameter could not use these indices.
_UNREAD = _SHOWN + " WHERE c.organization_id = %(organization_id)s AND c.unread_count > 0" + _FITTING
_ASSIGNED = (
    _SHOWN
    + """ WHERE c.organization_id = %(organization_id)s
   AND c.assignee_id = %(assignee_id)s
   AND (NOT %(unread)s OR c.unread_count > 0)
"""
    + _FITTING
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which conversations; None asks for nothing. `interest` is the least."""

    unread: bool = False
    attention: bool | None = None
    channel: Literal["sms", "whatsapp"] | None = None
    intent: str | None = None
    interest: int | None = None
    assignee_id: UUID | None = None
    unassigned: bool | None = None


def conversations(
    tx: Tx, organization_id: UUID, wanted: Wanted, *, before: datetime, before_id: UUID, limit: int
) -> list[dict[str, Any]]:
    """Newest first, after the given place (keyset)."""
    asked = _ASSIGNED if wanted.assignee_id is not None else _UNREAD if wanted.unread else _CONVERSATIONS
    return tx.dicts(
        asked,
        {
            **asdict(wanted),
            "organization_id": organization_id,
            "before": before,
            "before_id": before_id,
            "limit": limit,
        },
    )


_CONVERSATION = (
    _SHOWN
    + """ WHERE c.organization_id = %(organization_id)s
   AND c.id = %(conversation_id)s
"""
)


_PERMISSIONS = """
SELECT channel_kind AS channel, purpose, state, source, since
  FROM consent_states
 WHERE organization_id = %(organization_id)s
   AND contact_id = %(contact_id)s
 ORDER BY channel_kind, purpose
"""


def permissions(tx: Tx, organization_id: UUID, contact_id: UUID) -> list[dict[str, Any]]:
    """What stands for this person, on every kind of channel and for every purpose, and what it stands on."""
    return tx.dicts(_PERMISSIONS, {"organization_id": organization_id, "contact_id": contact_id})


def conversation(tx: Tx, organization_id: UUID, conversation_id: UUID) -> dict[str, Any] | None:
    found = tx.dicts(_CONVERSATION, {"organization_id": organization_id, "conversation_id": conversation_id})
    return found[0] if found else None


_THREAD = """
SELECT m.id, m.direction, m.purpose, m.kind, m.body, m.content, m.reply_to, m.reaction, m.status,
       m.error_code, m.verdict, m.pricing, m.author_id, m.created_at, m.said_at, m.sent_at, m.delivered_at,
       m.read_at, m.edited_at, m.revoked_at,
       s.outcome AS score_outcome, s.intent, s.interest, s.reason, s.wants_to_stop,
       CASE WHEN c.ai_paused_at IS NULL THEN s.suggestions ELSE '[]' END AS suggestions,
       s.language, s.model, s.prompt_version, s.created_at AS scored_at,
       ARRAY(SELECT jsonb_build_object(
                        'id', f.id, 'state', f.state, 'reason', f.reason, 'content_type', f.content_type,
                        'bytes', f.bytes, 'file_name', f.file_name)
               FROM media AS f
              WHERE f.organization_id = m.organization_id
                AND f.message_id = m.id
              ORDER BY f.place) AS media
  FROM messages AS m
  JOIN conversations AS c ON c.organization_id = m.organization_id AND c.id = m.conversation_id
  LEFT JOIN scores AS s ON s.organization_id = m.organization_id AND s.message_id = m.id
 WHERE m.organization_id = %(organization_id)s
   AND m.conversation_id = %(conversation_id)s
   AND (m.said_at, m.id) < (%(before)s, %(before_id)s)
 ORDER BY m.said_at DESC, m.id DESC
 LIMIT %(limit)s
"""


def thread(
    tx: Tx,
    organization_id: UUID,
    conversation_id: UUID,
    *,
    before: datetime,
    before_id: UUID,
    limit: int,
) -> list[dict[str, Any]]:
    """Messages of one conversation with what AI said of them, newest first (keyset).

    While a person has taken it over, without the replies that a model suggested.
    """
    return tx.dicts(
        _THREAD,
        {
            "organization_id": organization_id,
            "conversation_id": conversation_id,
            "before": before,
            "before_id": before_id,
            "limit": limit,
        },
    )


# The function looks into the text index, which row security would forbid; what it finds is read under it.
_SEARCH = """
SELECT m.id, m.conversation_id, m.direction, m.body, m.created_at
  FROM messages_with_words(%(words)s, %(before)s, %(before_id)s, %(limit)s) AS found (id)
  JOIN messages AS m ON m.organization_id = %(organization_id)s AND m.id = found.id
 WHERE EXISTS (SELECT 1
                 FROM conversations AS c
                WHERE c.organization_id = m.organization_id
                  AND c.id = m.conversation_id
                  AND c.contact_id IS NOT NULL)
 ORDER BY m.created_at DESC, m.id DESC
"""


def search(
    tx: Tx, organization_id: UUID, words: str, *, before: datetime, before_id: UUID, limit: int
) -> list[dict[str, Any]]:
    """Messages that hold all `words`, newest first (keyset). Quotes, `or` and a minus mean what they mean on the web."""
    return tx.dicts(
        _SEARCH,
        {
            "organization_id": organization_id,
            "words": words,
            "before": before,
            "before_id": before_id,
            "limit": limit,
        },
    )


_DELIVERIES = """
SELECT received_at, id, channel_id, provider, kind, outcome, reason, http_status, bytes, message_id, counts,
       request_id
  FROM delivery_log
 WHERE organization_id = %(organization_id)s
   AND (received_at, id) < (%(before)s, %(before_id)s)
 ORDER BY received_at DESC, id DESC
 LIMIT %(limit)s
"""


def deliveries(
    tx: Tx, organization_id: UUID, *, before: datetime, before_id: UUID, limit: int
) -> list[dict[str, Any]]:
    return tx.dicts(
        _DELIVERIES,
        {"organization_id": organization_id, "before": before, "before_id": before_id, "limit": limit},
    )


_READ = """
UPDATE conversations
   SET unread_count = 0
 WHERE organization_id = %(organization_id)s
   AND id = %(conversation_id)s
RETURNING id
"""


def mark_read(tx: Tx, organization_id: UUID, conversation_id: UUID) -> bool:
    return (
        tx.value(_READ, {"organization_id": organization_id, "conversation_id": conversation_id}) is not None
    )
