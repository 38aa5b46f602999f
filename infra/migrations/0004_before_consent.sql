-- Permission: what was said, what stands, and what outlives the person's record.

-- Append-only by grant. Each row is evidence: who, when, how, in which words of ours.
CREATE TABLE consent_events (
    organization_id uuid NOT NULL,
    id              uuid NOT NULL,
    contact_id      uuid NOT NULL,
    channel_kind    text NOT NULL CHECK (channel_kind IN ('sms', 'whatsapp', 'email')),
    purpose         text NOT NULL CHECK (purpose IN ('all', 'service', 'marketing')),
    action          text NOT NULL CHECK (action IN ('grant', 'revoke', 'pause', 'resume')),
    source          text NOT NULL,           -- keyword, phrase, provider, provider_error, ai, staff, …
    scope           text NOT NULL,           -- organization: every sender of this kind
    word            text,                    -- the canonical opt-out word, never the contact's text
    message_id      uuid,
    actor_id        uuid,
    occurred_at     timestamptz NOT NULL,
    recorded_at     timestamptz NOT NULL,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, contact_id) REFERENCES contacts (organization_id, id)
);
CREATE INDEX consent_events_of_contact ON consent_events (organization_id, contact_id, recorded_at DESC, id DESC);

CREATE TABLE consent_states (
    organization_id uuid NOT NULL,
    contact_id      uuid NOT NULL,
    channel_kind    text NOT NULL,
    purpose         text NOT NULL,
    state           text NOT NULL CHECK (state IN ('granted', 'revoked', 'paused')),
    source          text NOT NULL,
    event_id        uuid NOT NULL,
    since           timestamptz NOT NULL,
    PRIMARY KEY (organization_id, contact_id, channel_kind, purpose),
    FOREIGN KEY (organization_id, contact_id) REFERENCES contacts (organization_id, id),
    FOREIGN KEY (organization_id, event_id) REFERENCES consent_events (organization_id, id)
);
CREATE INDEX consent_states_by_event ON consent_states (organization_id, event_id);

-- Keeps an opt-out true after the person is erased: HMAC of the number under the organisation's own key.
-- A plain hash of a phone number can be reversed by trying them all.
CREATE TABLE suppressions (
    organization_id uuid NOT NULL REFERENCES organizations (id),
    channel_kind    text NOT NULL,
    number_hash     bytea NOT NULL,
    source          text NOT NULL,
    since           timestamptz NOT NULL,
    PRIMARY KEY (organization_id, channel_kind, number_hash)
);

-- P4.7: who was told what about whom. A row for each transfer to a subprocessor, without content.
CREATE TABLE disclosures (
    organization_id uuid NOT NULL,
    id              uuid NOT NULL,
    contact_id      uuid NOT NULL,
    subprocessor    text NOT NULL,
    purpose         text NOT NULL,
    data_kinds      text[] NOT NULL,
    message_id      uuid,
    disclosed_at    timestamptz NOT NULL,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, contact_id) REFERENCES contacts (organization_id, id)
);
CREATE INDEX disclosures_of_contact ON disclosures (organization_id, contact_id, disclosed_at DESC, id DESC);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['consent_events', 'consent_states', 'suppressions', 'disclosures']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant ON %I USING (organization_id = current_organization())'
                       ' WITH CHECK (organization_id = current_organization())', name);
    END LOOP;
END
$$;

GRANT SELECT, INSERT ON consent_events TO
    leadsrally_api, leadsrally_webhook_twilio, leadsrally_ai_score, leadsrally_send_message;
GRANT SELECT, INSERT, UPDATE ON consent_states TO
    leadsrally_api, leadsrally_webhook_twilio, leadsrally_ai_score, leadsrally_send_message;
GRANT SELECT, INSERT ON suppressions TO
    leadsrally_api, leadsrally_webhook_twilio, leadsrally_send_message;
GRANT DELETE ON suppressions TO leadsrally_webhook_twilio;
GRANT SELECT ON suppressions TO leadsrally_ai_score;
GRANT INSERT ON disclosures TO leadsrally_ai_score, leadsrally_send_message;
GRANT SELECT ON disclosures TO leadsrally_api;
