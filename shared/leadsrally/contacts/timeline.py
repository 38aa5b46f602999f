"""What happened with a person, from every source, in the order in which it happened."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from leadsrally.contacts.imports import store as imports
from leadsrally.kit.db import Tx

# Each source gives as many as a page holds, newest first by an index of its own; what is newest of all makes the page.
_TIMELINE: Final = """
SELECT kind, at, id, told
  FROM (
    (SELECT 'message' AS kind, m.said_at AS at, m.id,
            jsonb_build_object('direction', m.direction, 'kind', m.kind, 'body', m.body, 'status', m.status,
                               'conversation_id', m.conversation_id, 'author_id', m.author_id) AS told
       FROM conversations AS v
      CROSS JOIN LATERAL (
        SELECT id, said_at, direction, kind, body, status, conversation_id, author_id
          FROM messages
         WHERE organization_id = v.organization_id
           AND conversation_id = v.id
           AND (said_at, id) < (%(before)s, %(before_id)s)
         ORDER BY said_at DESC, id DESC
         LIMIT %(limit)s) AS m
      WHERE v.organization_id = %(organization_id)s AND v.contact_id = %(contact_id)s)
    UNION ALL
    (SELECT 'score', s.created_at, s.id,
            jsonb_build_object('intent', s.intent, 'interest', s.interest, 'message_id', s.message_id)
       FROM conversations AS v
      CROSS JOIN LATERAL (
        SELECT id, said_at
          FROM messages
         WHERE organization_id = v.organization_id
           AND conversation_id = v.id
           AND direction = 'inbound'
           AND said_at < %(before)s
         ORDER BY said_at DESC
         LIMIT %(limit)s) AS m
       JOIN scores AS s ON s.organization_id = v.organization_id AND s.message_id = m.id
      WHERE v.organization_id = %(organization_id)s AND v.contact_id = %(contact_id)s
        AND (s.created_at, s.id) < (%(before)s, %(before_id)s))
    UNION ALL
    (SELECT 'consent', recorded_at, id,
            jsonb_build_object('channel', channel_kind, 'purpose', purpose, 'action', action, 'source', source)
       FROM consent_events
      WHERE organization_id = %(organization_id)s AND contact_id = %(contact_id)s
        AND (recorded_at, id) < (%(before)s, %(before_id)s)
      ORDER BY recorded_at DESC, id DESC
      LIMIT %(limit)s)
    UNION ALL
    (SELECT 'note', created_at, id,
            jsonb_build_object('body', body, 'author_id', author_id, 'edited_at', edited_at)
       FROM contact_notes
      WHERE organization_id = %(organization_id)s AND contact_id = %(contact_id)s
        AND (created_at, id) < (%(before)s, %(before_id)s)
      ORDER BY created_at DESC, id DESC
      LIMIT %(limit)s)
    UNION ALL
    (SELECT 'merge', merged_at, id, jsonb_build_object('loser_id', loser_id, 'split_at', split_at)
       FROM contact_merges
      WHERE organization_id = %(organization_id)s AND contact_id = %(contact_id)s
        AND (merged_at, id) < (%(before)s, %(before_id)s)
      ORDER BY merged_at DESC, id DESC
      LIMIT %(limit)s)
    UNION ALL
    (SELECT 'disclosure', disclosed_at, id,
            jsonb_build_object('recipient', subprocessor, 'purpose', purpose, 'data_kinds', data_kinds,
                               'message_id', message_id)
       FROM disclosures
      WHERE organization_id = %(organization_id)s AND contact_id = %(contact_id)s
        AND (disclosed_at, id) < (%(before)s, %(before_id)s)
      ORDER BY disclosed_at DESC, id DESC
      LIMIT %(limit)s)
    UNION ALL
    (SELECT 'lead', submitted_at, id, jsonb_build_object('form_id', form_id, 'campaign', campaign_name)
       FROM leads
      WHERE organization_id = %(organization_id)s AND contact_id = %(contact_id)s
        AND (submitted_at, id) < (%(before)s, %(before_id)s)
      ORDER BY submitted_at DESC, id DESC
      LIMIT %(limit)s)
    UNION ALL
    (SELECT 'import', r.recorded_at, r.import_id,
            jsonb_build_object('file_name', i.file_name, 'undone', coalesce(r.undone = 'restored', false))
       FROM import_changes AS r
       JOIN imports AS i ON i.organization_id = r.organization_id AND i.id = r.import_id
      WHERE r.organization_id = %(organization_id)s AND r.contact_id = %(contact_id)s
        AND (r.undone IS NULL OR r.undone IN ('restored', 'kept_changed'))
        AND (r.recorded_at, r.import_id) < (%(before)s, %(before_id)s)
      ORDER BY r.recorded_at DESC, r.import_id DESC
      LIMIT %(limit)s)
    UNION ALL
    (SELECT 'edited', occurred_at, id,
            jsonb_build_object('fields', details ->> 'fields', 'by', actor_kind, 'author_id', actor_id)
       FROM audit_log
      WHERE organization_id = %(organization_id)s AND target_id = %(contact_id)s AND action = 'contact.edited'
        AND (occurred_at, id) < (%(before)s, %(before_id)s)
      ORDER BY occurred_at DESC, id DESC
      LIMIT %(limit)s)
    UNION ALL
    (SELECT 'created', created_at, id, '{}'::jsonb
       FROM contacts
      WHERE organization_id = %(organization_id)s AND id = %(contact_id)s
        AND (created_at, id) < (%(before)s, %(before_id)s))
  ) AS happened
 ORDER BY at DESC, id DESC
 LIMIT %(limit)s
"""


def timeline(
    tx: Tx, organization_id: UUID, contact_id: UUID, *, before: datetime, before_id: UUID, limit: int
) -> list[dict[str, Any]]:
    """Newest first, after the given place (keyset), as rows of kind, at, id and what there is to tell.

    Which import made a person is told for ever, that one changed them as long as it can be undone. An edit by hand is
    told as long as the audit log, and only which fields it was about: what they were before is kept nowhere.
    """
    given = {"organization_id": organization_id, "contact_id": contact_id, "limit": limit}
    rows = tx.dicts(_TIMELINE, {**given, "before": before, "before_id": before_id})
    for row in rows:
        if row["kind"] == "created":
            made = imports.maker_of(tx, organization_id, contact_id)
            row["told"] = {} if made is None else {"import_id": made[0], "file_name": made[1]}
    return rows
