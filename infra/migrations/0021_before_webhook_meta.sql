-- What Meta calls, and what cannot be taken at once.

-- Checked at commit: an identity may be written before its contact, so that of two first messages at once both
-- find the same one. Whatever else they do at once fails here, and is tried again.
ALTER TABLE contact_identities
    ALTER CONSTRAINT contact_identities_organization_id_contact_id_fkey DEFERRABLE INITIALLY DEFERRED;

-- A reaction, an edit or a revocation that came before the message it speaks of.
CREATE TABLE early_amendments (
    organization_id uuid NOT NULL REFERENCES organizations (id),
    channel_id      uuid NOT NULL,
    target_hash     bytea NOT NULL,          -- as in message_receipts
    action          text NOT NULL CHECK (action IN ('reaction', 'edit', 'revoke')),
    body            text NOT NULL CHECK (length(body) <= 65536),
    said_at         timestamptz NOT NULL,    -- by the provider's clock; the newest of each action is kept
    received_at     timestamptz NOT NULL,
    PRIMARY KEY (organization_id, channel_id, target_hash, action),
    FOREIGN KEY (organization_id, channel_id) REFERENCES channels (organization_id, id)
);
CREATE INDEX early_amendments_old ON early_amendments (received_at);

-- One piece of a delivery that could not be taken, beside its neighbours that were. As it came, for whoever has
-- to find out why, and for 30 days at most.
CREATE TABLE quarantine (
    organization_id uuid NOT NULL REFERENCES organizations (id),
    channel_id      uuid NOT NULL,           -- whose address was called
    piece_hash      bytea NOT NULL,          -- keyed: the same piece again is the same row
    delivery_id     uuid NOT NULL,           -- row of delivery_log
    reason          text NOT NULL,           -- a closed word
    piece           bytea,                   -- JSON; NULL: longer than is kept
    person_hash     bytea,                   -- of the sender's address, as in suppressions; NULL: nobody is named
    received_at     timestamptz NOT NULL,
    PRIMARY KEY (organization_id, channel_id, piece_hash),
    FOREIGN KEY (organization_id, channel_id) REFERENCES channels (organization_id, id)
);
CREATE INDEX quarantine_of_person ON quarantine (organization_id, person_hash) WHERE person_hash IS NOT NULL;
CREATE INDEX quarantine_old ON quarantine (received_at);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['early_amendments', 'quarantine']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant ON %I USING (organization_id = current_organization())'
                       ' WITH CHECK (organization_id = current_organization())', name);
        EXECUTE format('CREATE POLICY sweep ON %I TO leadsrally_retention_sweep USING (true) WITH CHECK (false)',
                       name);
        EXECUTE format('GRANT SELECT (received_at), DELETE ON %I TO leadsrally_retention_sweep', name);
    END LOOP;
END
$$;

-- A delivery may hold many pieces: how many came to what, by closed words.
ALTER TABLE delivery_log ADD COLUMN counts jsonb;

CREATE POLICY unattributed_meta ON delivery_log FOR INSERT TO leadsrally_webhook_meta
    WITH CHECK (organization_id IS NULL);
SET ROLE leadsrally_lookup;
GRANT EXECUTE ON FUNCTION channel_by_key(text) TO leadsrally_webhook_meta;
SET ROLE leadsrally_owner;
GRANT SELECT ON organizations TO leadsrally_webhook_meta;
GRANT SELECT (organization_id, id, key, kind, address, account_sid, waba_id, phone_number_id, page_id, state,
              credentials_version, provider_answers_keywords) ON channels TO leadsrally_webhook_meta;
GRANT SELECT, INSERT, UPDATE ON contacts, contact_identities, conversations, messages, jobs
    TO leadsrally_webhook_meta;
GRANT SELECT, INSERT ON message_receipts, early_reports, consent_events TO leadsrally_webhook_meta;
GRANT SELECT, INSERT, UPDATE, DELETE ON consent_states, early_amendments TO leadsrally_webhook_meta;
GRANT SELECT, INSERT, DELETE ON suppressions TO leadsrally_webhook_meta;
GRANT INSERT ON delivery_log, quarantine TO leadsrally_webhook_meta;
GRANT SELECT (organization_id, message_id), DELETE ON scores TO leadsrally_webhook_meta; -- of a revoked message

-- Whether a person may be written to is asked by kind of channel.
GRANT SELECT (organization_id, id, kind) ON channels TO leadsrally_ai_score;
