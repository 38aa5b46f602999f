-- Consent with proof: who gave it, when, how, in which words; and opt-outs that reach as far as they were meant.

-- A wording is shown to thousands, so it is kept once.
CREATE TABLE consent_wordings (
    organization_id uuid NOT NULL REFERENCES organizations (id),
    id              uuid NOT NULL,
    digest          bytea NOT NULL,          -- SHA-256 of the words
    words           text NOT NULL CHECK (length(words) BETWEEN 1 AND 8000),
    created_at      timestamptz NOT NULL,
    PRIMARY KEY (organization_id, id),
    UNIQUE (organization_id, digest)
);
ALTER TABLE consent_wordings ENABLE ROW LEVEL SECURITY;
ALTER TABLE consent_wordings FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON consent_wordings
    USING (organization_id = current_organization()) WITH CHECK (organization_id = current_organization());

ALTER TABLE consent_events
    ADD COLUMN method text CHECK (length(method) <= 40),          -- how it was given; a closed word
    ADD COLUMN wording_id uuid,
    ADD COLUMN reference text CHECK (length(reference) BETWEEN 1 AND 500),  -- where the customer keeps the proof
    ADD FOREIGN KEY (organization_id, wording_id) REFERENCES consent_wordings (organization_id, id);
CREATE INDEX consent_events_of_wording ON consent_events (organization_id, wording_id);
CREATE INDEX consent_events_newest ON consent_events (organization_id, recorded_at DESC, id DESC);

-- Who may be written to, for segments and counts.
CREATE INDEX consent_states_by_state ON consent_states (organization_id, channel_kind, purpose, state, contact_id);

-- Somebody may want no offers and yet the appointment, or the other way round.
ALTER TABLE suppressions DROP CONSTRAINT suppressions_purpose_check;
ALTER TABLE suppressions
    ADD CONSTRAINT suppressions_purpose_check CHECK (purpose IN ('all', 'service', 'marketing'));

GRANT SELECT, INSERT ON consent_wordings TO leadsrally_api, leadsrally_webhook_meta;
GRANT DELETE ON suppressions TO leadsrally_api;
