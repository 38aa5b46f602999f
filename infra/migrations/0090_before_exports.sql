-- P7.1: exports that were asked for, how far they have come, and the files they are made of. A file lies in the
-- storage at a place that follows from organization_id, export_id and number.

CREATE TABLE exports (
    organization_id uuid NOT NULL REFERENCES organizations (id),
    id              uuid NOT NULL,
    contact_id      uuid,                    -- NULL: everything. No foreign key: it outlives whom it is about
    requested_by    uuid NOT NULL,           -- no foreign key: it outlives who asked
    state           text NOT NULL DEFAULT 'waiting'
                    CHECK (state IN ('waiting', 'building', 'ready', 'failed', 'cancelled', 'expired')),
    position        jsonb NOT NULL DEFAULT '{}',   -- where the next part begins; empty when there is none
    counts          jsonb NOT NULL DEFAULT '{}',   -- rows written, by table
    rows_done       bigint NOT NULL DEFAULT 0,
    rows_total      bigint,                  -- counted when it began
    requested_at    timestamptz NOT NULL,
    ready_at        timestamptz,
    expires_at      timestamptz,
    PRIMARY KEY (organization_id, id),
    CHECK ((ready_at IS NULL) = (expires_at IS NULL))
);
-- One of a kind at a time. Postgres calls two NULLs the same here.
CREATE UNIQUE INDEX exports_under_way ON exports (organization_id, contact_id) NULLS NOT DISTINCT
    WHERE state IN ('waiting', 'building');
CREATE INDEX exports_newest ON exports (organization_id, requested_at DESC, id DESC);

CREATE TABLE export_parts (
    organization_id uuid NOT NULL,
    export_id       uuid NOT NULL,
    number          integer NOT NULL CHECK (number > 0),
    bytes           bigint NOT NULL CHECK (bytes > 0),
    made_at         timestamptz NOT NULL,
    PRIMARY KEY (organization_id, export_id, number),
    FOREIGN KEY (organization_id, export_id) REFERENCES exports (organization_id, id) ON DELETE CASCADE
);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['exports', 'export_parts']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant ON %I USING (organization_id = current_organization())'
                       ' WITH CHECK (organization_id = current_organization())', name);
    END LOOP;
END
$$;

CREATE POLICY own_queue_export ON jobs TO leadsrally_export
    USING (queue = 'export') WITH CHECK (queue = 'export');

GRANT SELECT, INSERT ON exports TO leadsrally_api;
GRANT UPDATE (state) ON exports TO leadsrally_api;
GRANT SELECT ON export_parts TO leadsrally_api;

GRANT SELECT ON exports TO leadsrally_export;
GRANT UPDATE (state, position, counts, rows_done, rows_total, ready_at, expires_at) ON exports TO leadsrally_export;
GRANT SELECT, INSERT, DELETE ON export_parts TO leadsrally_export;
GRANT SELECT, INSERT, UPDATE, DELETE ON jobs TO leadsrally_export;
GRANT SELECT (organization_id, id, requested_by, contact_id, state, ready_at, expires_at) ON exports
    TO leadsrally_notify;

-- What an export holds, column by column, as the register says (tests/wiring/test_tenancy.py compares).
GRANT SELECT (id, version, ai_scoring, ai_suggestions, ai_auto_reply, created_at, state, time_zone, country,
    language, ai_daily_calls, ai_daily_tokens, contact_daily_messages, name, help_contact) ON organizations TO
    leadsrally_export;
GRANT SELECT (organization_id, id, version, email, role, created_at, mail_blocked_at, mail_blocked_because) ON
    users TO leadsrally_export;
GRANT SELECT (organization_id, id, user_id, document, document_version, accepted_at) ON acceptances TO
    leadsrally_export;
GRANT SELECT (organization_id, id, user_id, rotated_at, confirmed_at, expires_at, revoked_at, kind, source_ip,
    user_agent, created_at, last_used_at, revoked_because) ON sessions TO leadsrally_export;
GRANT SELECT (organization_id, id, expires_at, accepted_at, revoked_at, email, role, created_at,
    mail_blocked_at, mail_blocked_because, invited_by) ON invitations TO leadsrally_export;
GRANT SELECT (organization_id, id, user_id, expires_at, revoked_at, scopes, name, created_at, last_used_at) ON
    api_keys TO leadsrally_export;
GRANT SELECT (organization_id, id, job_id, rank, language, user_id, kind, about_id, address, state, reason,
    provider_id, created_at, taken_at, delivered_at, returned_at, read_at) ON notices TO leadsrally_export;
GRANT SELECT (organization_id, id, notice_id, event, reason, occurred_at, recorded_at) ON notice_events TO
    leadsrally_export;
GRANT SELECT (organization_id, id, actor_kind, target_kind, actor_id, action, target_id, details, occurred_at)
    ON audit_log TO leadsrally_export;
GRANT SELECT (organization_id, id, key, credentials_version, version, provider_answers_keywords, quiet_until,
    trouble_since, created_at, checked_at, disconnected_at, token_expires_at, expiry_warned_at, challenged_at, kind,
    state, trouble, checks, health, quality, messaging_limit, name_status, address, account_sid, waba_id,
    phone_number_id, page_id, app_id, name) ON channels TO leadsrally_export;
GRANT SELECT (organization_id, id, waba_id, provider_id, created_at, changed_at, synced_at, category, state,
    reason, quality, name, language, form) ON templates TO leadsrally_export;
GRANT SELECT (organization_id, id, channel_id, provider_form_id, reading_after, version, created_at, synced_at,
    read_through, reading_since, reading_begun_at, state, mapping, consents, reading_for, locale, country, name,
    questions, disclaimer, privacy_url) ON lead_forms TO leadsrally_export;
GRANT SELECT (organization_id, id, channel_id, called_at, finished_at, kind, provider, state, failure,
    actor_kind, number, account_sid, wanted, result, actor_id, created_at) ON channel_tasks TO leadsrally_export;
GRANT SELECT (organization_id, id, conversation_id, template_id, segments, status_rank, altered, author_id,
    body, kind, content, reaction, reacted_at, edited_at, revoked_at, reply_to, direction, purpose, status,
    error_code, verdict, created_at, claimed_at, sent_at, said_at, delivered_at, read_at, expires_at, pricing,
    provider_message_id) ON messages TO leadsrally_export;
GRANT SELECT (organization_id, id, contact_id, version, author_id, body, created_at, edited_at) ON contact_notes
    TO leadsrally_export;
GRANT SELECT (organization_id, id, version, created_at, type, key, label, choices) ON contact_fields TO
    leadsrally_export;
GRANT SELECT (organization_id, id, version, created_at, name) ON tags TO leadsrally_export;
GRANT SELECT (organization_id, id, contact_id, message_id, wording_id, actor_id, channel_kind, purpose, action,
    source, scope, word, occurred_at, recorded_at, method, reference) ON consent_events TO leadsrally_export;
GRANT SELECT (organization_id, id, version, phone, name, email, time_zone, created_at, updated_at, fields,
    restricted_at) ON contacts TO leadsrally_export;
GRANT SELECT (organization_id, contact_id, tag_id, tagged_at) ON contact_tags TO leadsrally_export;
GRANT SELECT (organization_id, contact_id, kind, value, created_at, retired_at) ON contact_identities TO
    leadsrally_export;
GRANT SELECT (organization_id, id, contact_id, channel_id, last_message_id, unread_count, last_message_at,
    last_inbound_at, quiet_until, marketing_quiet_until, created_at, attention) ON conversations TO
    leadsrally_export;
GRANT SELECT (organization_id, id, message_id, place, file_name, content_type, bytes, sha256, state, reason,
    created_at, settled_at) ON media TO leadsrally_export;
GRANT SELECT (organization_id, channel_id, delivery_id, piece, person_hash, piece_hash, reason, received_at) ON
    quarantine TO leadsrally_export;
GRANT SELECT (organization_id, id, message_id, input_tokens, output_tokens, intent, interest, reason,
    suggestions, wants_to_stop, language, outcome, model, prompt_version, created_at) ON scores TO
    leadsrally_export;
GRANT SELECT (organization_id, id, channel_id, form_id, contact_id, provider_form_id, page_id, test, backfilled,
    state, failure, found_by, provider_lead_id, answers, ticked, submitted_at, received_at, fetched_at, platform,
    organic, ad_id, ad_name, adset_id, adset_name, campaign_id, campaign_name) ON leads TO leadsrally_export;
GRANT SELECT (organization_id, id, words, created_at) ON consent_wordings TO leadsrally_export;
GRANT SELECT (organization_id, contact_id, event_id, channel_kind, purpose, state, source, since) ON
    consent_states TO leadsrally_export;
GRANT SELECT (organization_id, channel_kind, purpose, number_hash, source, since) ON suppressions TO
    leadsrally_export;
GRANT SELECT (organization_id, id, contact_id, message_id, subprocessor, purpose, data_kinds, disclosed_at) ON
    disclosures TO leadsrally_export;
GRANT SELECT (id, organization_id, channel_id, message_id, http_status, bytes, counts, provider, kind, outcome,
    reason, source_ip, received_at, request_id) ON delivery_log TO leadsrally_export;

CREATE POLICY audit ON exports FOR SELECT TO leadsrally_clauses USING (true);
GRANT SELECT (organization_id, state, requested_at, expires_at) ON exports TO leadsrally_clauses;
