-- Who of us answers a conversation, and who is looking at which one now.

ALTER TABLE conversations
    ADD COLUMN assignee_id uuid,                 -- NULL: nobody in particular
    ADD CONSTRAINT conversations_assignee FOREIGN KEY (organization_id, assignee_id)
        REFERENCES users (organization_id, id) ON DELETE SET NULL (assignee_id);
CREATE INDEX conversations_of_assignee ON conversations (organization_id, assignee_id, last_message_at DESC, id DESC);
GRANT UPDATE (assignee_id) ON conversations TO leadsrally_api;
GRANT SELECT (assignee_id) ON conversations TO leadsrally_export;

-- One row a person, so that nothing has to be swept: where they were last, and whether they were writing.
CREATE TABLE presence (
    organization_id uuid NOT NULL,
    user_id         uuid NOT NULL,
    conversation_id uuid NOT NULL,
    writing         boolean NOT NULL,
    seen_at         timestamptz NOT NULL,
    PRIMARY KEY (organization_id, user_id),
    FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id) ON DELETE CASCADE,
    FOREIGN KEY (organization_id, conversation_id) REFERENCES conversations (organization_id, id) ON DELETE CASCADE
);
CREATE INDEX presence_of_conversation ON presence (organization_id, conversation_id);
ALTER TABLE presence ENABLE ROW LEVEL SECURITY;
ALTER TABLE presence FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON presence USING (organization_id = current_organization())
    WITH CHECK (organization_id = current_organization());
GRANT SELECT, INSERT, UPDATE ON presence TO leadsrally_api;
GRANT SELECT (organization_id, user_id, conversation_id, writing, seen_at) ON presence TO leadsrally_export;

-- A message that still waits can be taken back by whoever may answer.
GRANT UPDATE (status, status_rank) ON messages TO leadsrally_api;
