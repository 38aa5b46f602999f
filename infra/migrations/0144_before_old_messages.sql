-- A customer's own windows of messages and conversations are kept as an erasure deletes them (docs/decisions/0025).

GRANT SELECT (organization_id, id, conversation_id, direction, kind, body, provider_message_id, created_at, said_at),
      DELETE ON messages TO leadsrally_retention_sweep;
GRANT SELECT (organization_id, id, contact_id, channel_id, last_message_id, last_message_at, unread_count),
      UPDATE (preview, preview_kind, intent, interest, unread_count, last_message_id, last_message_at)
    ON conversations TO leadsrally_retention_sweep;
GRANT SELECT (provider_id, provider_until) ON media TO leadsrally_retention_sweep;
GRANT SELECT (organization_id, message_id, intent, interest) ON scores TO leadsrally_retention_sweep;
GRANT SELECT, INSERT (organization_id, id, kind, subject_id, requested_by, requested_at),
      UPDATE (state, conversation_ids, import_ids, known_as, counts, messages_total, finished_at) ON erasures
    TO leadsrally_retention_sweep;
GRANT SELECT (organization_id, channel_id, what, provider_id), INSERT ON provider_copies TO leadsrally_retention_sweep;
GRANT SELECT, INSERT, UPDATE ON provider_outcomes TO leadsrally_retention_sweep;
GRANT SELECT (organization_id, id, kind) ON channels TO leadsrally_retention_sweep;
GRANT SELECT, INSERT, UPDATE ON jobs TO leadsrally_retention_sweep;
GRANT INSERT ON audit_log TO leadsrally_retention_sweep;
