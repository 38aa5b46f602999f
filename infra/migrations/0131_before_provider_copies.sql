-- P6.2: copies that providers still have of what was erased, until they are deleted there; and what became of them.

CREATE TABLE provider_copies (
    organization_id uuid NOT NULL,
    id              uuid NOT NULL,
    channel_id      uuid NOT NULL,
    erasure_id      uuid,                    -- NULL: sent while it was erased, and nobody knows for whom
    what            text NOT NULL CHECK (what IN ('message', 'file')),
    provider_id     text NOT NULL,           -- what the provider calls it; goes with the row
    ends_at         timestamptz NOT NULL,    -- when the provider deletes it by itself
    reason          text,                    -- why it is still there; a word of ours or a code of the provider's
    attempts        integer NOT NULL DEFAULT 0,
    asked_at        timestamptz NOT NULL,
    next_at         timestamptz NOT NULL,
    PRIMARY KEY (organization_id, id),
    UNIQUE (organization_id, channel_id, what, provider_id),
    FOREIGN KEY (organization_id, channel_id) REFERENCES channels (organization_id, id),
    FOREIGN KEY (organization_id, erasure_id) REFERENCES erasures (organization_id, id)
);
CREATE INDEX provider_copies_due ON provider_copies (organization_id, channel_id, next_at);
CREATE INDEX provider_copies_of_erasure ON provider_copies (organization_id, erasure_id);

CREATE TABLE provider_outcomes (
    organization_id uuid NOT NULL,
    erasure_id      uuid NOT NULL,
    provider        text NOT NULL CHECK (provider IN ('twilio', 'meta')),
    deleted         integer NOT NULL DEFAULT 0,
    kept            integer NOT NULL DEFAULT 0,      -- that the provider did not delete
    kept_until      timestamptz,                     -- when the last of these ends by itself
    PRIMARY KEY (organization_id, erasure_id, provider),
    FOREIGN KEY (organization_id, erasure_id) REFERENCES erasures (organization_id, id)
);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['provider_copies', 'provider_outcomes']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant ON %I USING (organization_id = current_organization())'
                       ' WITH CHECK (organization_id = current_organization())', name);
    END LOOP;
END
$$;

CREATE POLICY own_queue_provider_delete ON jobs TO leadsrally_provider_delete
    USING (queue = 'provider_delete') WITH CHECK (queue = 'provider_delete');
GRANT SELECT, UPDATE, DELETE ON jobs TO leadsrally_provider_delete;
GRANT SELECT (organization_id, id, kind, account_sid, credentials) ON channels TO leadsrally_provider_delete;
GRANT SELECT, UPDATE (reason, attempts, next_at), DELETE ON provider_copies TO leadsrally_provider_delete;
GRANT SELECT, INSERT, UPDATE ON provider_outcomes TO leadsrally_provider_delete;

GRANT SELECT (organization_id, channel_id, what, provider_id), INSERT ON provider_copies
    TO leadsrally_erase, leadsrally_send_message;
GRANT SELECT, INSERT, UPDATE ON provider_outcomes TO leadsrally_erase;
GRANT SELECT (organization_id, id, kind) ON channels TO leadsrally_erase;
GRANT SELECT (organization_id, id, subject_id, conversation_ids, requested_at) ON erasures TO leadsrally_send_message;

GRANT SELECT ON provider_outcomes TO leadsrally_api;
GRANT SELECT (organization_id, channel_id, erasure_id) ON provider_copies TO leadsrally_api;
CREATE POLICY audit ON provider_copies FOR SELECT TO leadsrally_clauses USING (true);
GRANT SELECT (organization_id, asked_at) ON provider_copies TO leadsrally_clauses;
