-- P4.2: sending over WhatsApp: templates as Meta has them, and whom to hold back for how long.

CREATE TABLE templates (
    organization_id uuid NOT NULL REFERENCES organizations (id),
    id              uuid NOT NULL,
    waba_id         text NOT NULL CHECK (length(waba_id) BETWEEN 1 AND 64),   -- all numbers of an account share them
    provider_id     text NOT NULL CHECK (length(provider_id) BETWEEN 1 AND 64),
    name            text NOT NULL CHECK (length(name) BETWEEN 1 AND 512),
    language        text NOT NULL CHECK (length(language) BETWEEN 2 AND 16),
    category        text NOT NULL CHECK (category IN ('marketing', 'utility', 'authentication')),
    state           text NOT NULL CHECK (state IN (
        'approved', 'pending', 'rejected', 'paused', 'disabled', 'in_appeal', 'deleted', 'archived', 'limit_exceeded',
        'unknown')),
    reason          text CHECK (length(reason) <= 64),                        -- Meta's word for a rejection
    quality         text NOT NULL DEFAULT 'unknown' CHECK (quality IN ('green', 'yellow', 'red', 'unknown')),
    form            jsonb NOT NULL,          -- header, body, footer and buttons, with the values that they want
    created_at      timestamptz NOT NULL,
    changed_at      timestamptz NOT NULL,    -- its state, category or form
    synced_at       timestamptz NOT NULL,
    PRIMARY KEY (organization_id, id),
    UNIQUE (organization_id, waba_id, name, language)
);
ALTER TABLE templates ENABLE ROW LEVEL SECURITY;
ALTER TABLE templates FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON templates
    USING (organization_id = current_organization()) WITH CHECK (organization_id = current_organization());
GRANT SELECT ON templates TO leadsrally_api, leadsrally_send_message;
GRANT UPDATE (state, reason, changed_at) ON templates TO leadsrally_send_message;  -- Meta's refusals say what became of one

-- Not a foreign key: what is sent is in the message itself, and the template may be gone.
ALTER TABLE messages ADD COLUMN template_id uuid;

ALTER TABLE channels
    ADD COLUMN trouble text CHECK (length(trouble) <= 32),  -- Meta's code: nothing passes until somebody sets it right
    ADD COLUMN trouble_since timestamptz;

ALTER TABLE conversations
    ADD COLUMN quiet_until timestamptz,            -- WhatsApp takes few messages per minute to one person
    ADD COLUMN marketing_quiet_until timestamptz;  -- WhatsApp held marketing back from the person

GRANT SELECT (trouble, trouble_since) ON channels TO leadsrally_api;
GRANT UPDATE (trouble, trouble_since) ON channels TO leadsrally_send_message;
GRANT UPDATE (quiet_until, marketing_quiet_until) ON conversations TO leadsrally_send_message;
GRANT UPDATE (preview_kind) ON conversations TO leadsrally_api;
