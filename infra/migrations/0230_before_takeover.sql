-- Since when a person answers a conversation alone, and who: no model reads it, and nothing goes out by itself.

ALTER TABLE conversations
    ADD COLUMN ai_paused_at timestamptz,         -- NULL: a model may read along
    ADD COLUMN ai_paused_by uuid,                -- NULL beside a time: whoever it was has left
    ADD CONSTRAINT conversations_paused_by FOREIGN KEY (organization_id, ai_paused_by)
        REFERENCES users (organization_id, id) ON DELETE SET NULL (ai_paused_by);
CREATE INDEX conversations_paused_by ON conversations (organization_id, ai_paused_by);
GRANT UPDATE (ai_paused_at, ai_paused_by) ON conversations TO leadsrally_api;
GRANT SELECT (ai_paused_at, ai_paused_by) ON conversations TO leadsrally_export;

-- A lead that was written to is left alone, whoever answers it by now.
GRANT SELECT (first_message_id) ON leads TO leadsrally_automation;
