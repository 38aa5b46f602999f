-- The auditor behind `leadsrally clauses`: reads across tenants, and only columns that hold no content.

GRANT SELECT (organization_id, id, password_hash) ON users TO leadsrally_clauses;
GRANT SELECT (organization_id, id, account_sid, credentials) ON channels TO leadsrally_clauses;
GRANT SELECT (organization_id, id, contact_id) ON conversations TO leadsrally_clauses;
GRANT SELECT (organization_id, id, conversation_id, direction, purpose, claimed_at) ON messages TO leadsrally_clauses;
GRANT SELECT (organization_id, contact_id, channel_kind, action, recorded_at) ON consent_events TO leadsrally_clauses;
GRANT SELECT (organization_id, message_id, subprocessor) ON disclosures TO leadsrally_clauses;
GRANT SELECT (organization_id, message_id) ON scores TO leadsrally_clauses;
GRANT SELECT (received_at) ON delivery_log TO leadsrally_clauses;
GRANT EXECUTE ON FUNCTION delivery_log_days() TO leadsrally_clauses;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['users', 'channels', 'conversations', 'messages', 'consent_events',
                                'disclosures', 'scores', 'delivery_log']
    LOOP
        EXECUTE format('CREATE POLICY audit ON %I FOR SELECT TO leadsrally_clauses USING (true)', name);
    END LOOP;
END
$$;
