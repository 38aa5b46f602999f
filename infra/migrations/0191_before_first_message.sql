-- What whoever leaves a lead is written at once, as the customer has set it for the form, and what came of it.
ALTER TABLE lead_forms ADD COLUMN first_message jsonb;   -- NULL: nothing is sent
ALTER TABLE leads
    ADD COLUMN first_message_id uuid,                    -- no foreign key: the message may be deleted, the lead stays
    ADD COLUMN first_message_failure text;               -- a word of ours: why there is none

GRANT UPDATE (first_message) ON lead_forms TO leadsrally_api;

CREATE POLICY own_queue_automation ON jobs TO leadsrally_automation
    USING (queue = 'automation') WITH CHECK (queue = 'automation');
GRANT SELECT, INSERT, UPDATE, DELETE ON jobs TO leadsrally_automation;
GRANT SELECT (organization_id, id, form_id, contact_id, state),
      UPDATE (first_message_id, first_message_failure) ON leads TO leadsrally_automation;
GRANT SELECT (organization_id, id, first_message) ON lead_forms TO leadsrally_automation;
GRANT SELECT (organization_id, id, kind, state, waba_id) ON channels TO leadsrally_automation;
GRANT SELECT, INSERT,
      UPDATE (unread_count, last_message_at, last_message_id, preview, preview_kind)
    ON conversations TO leadsrally_automation;
GRANT SELECT, INSERT ON messages TO leadsrally_automation;
GRANT SELECT (id, language) ON organizations TO leadsrally_automation;
GRANT SELECT (organization_id, message_id, language) ON scores TO leadsrally_automation;
GRANT SELECT ON contacts, contact_identities, contact_fields, templates TO leadsrally_automation;
GRANT SELECT (organization_id, contact_id, loser_id, split_at) ON contact_merges TO leadsrally_automation;
GRANT SELECT, INSERT ON unsubscribe_links TO leadsrally_automation;

GRANT SELECT (first_message) ON lead_forms TO leadsrally_export;
GRANT SELECT (first_message_id, first_message_failure) ON leads TO leadsrally_export;
