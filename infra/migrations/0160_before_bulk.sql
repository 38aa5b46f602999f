-- P1.2: one thing that is done about many contacts: they are tagged or untagged, given values, or written to a file.

CREATE TABLE bulk_actions (
    organization_id uuid NOT NULL REFERENCES organizations (id),
    id              uuid NOT NULL,
    kind            text NOT NULL CHECK (kind IN ('tag', 'untag', 'set_fields', 'export')),
    state           text NOT NULL DEFAULT 'running' CHECK (state IN (
        'running', 'done', 'cancelled', 'failed', 'undoing', 'undone')),
    reason          text CHECK (length(reason) <= 40),   -- why it failed; a closed word
    actor_kind      text NOT NULL,
    actor_id        uuid,
    -- Whom it is about: those who are named, or those of whom the condition is true when their turn comes.
    -- This, and the values that are set, go a day after the end.
    contact_ids     uuid[],
    condition       jsonb,
    segment_id      uuid,                                -- whose condition it was then
    tag_ids         uuid[] NOT NULL DEFAULT '{}',
    fields          jsonb NOT NULL DEFAULT '{}',         -- by slot; null takes a value away
    expected        integer NOT NULL,                    -- how many there seemed to be at the beginning
    margin          integer NOT NULL,                    -- by how much that may be off
    -- How far it is: whoever has this id or a later one is done.
    place           uuid,
    counts          jsonb NOT NULL DEFAULT '{}',
    undo_counts     jsonb,
    created_at      timestamptz NOT NULL,
    progressed_at   timestamptz NOT NULL,
    finished_at     timestamptz,
    forgotten_at    timestamptz,                         -- file, choice and values are gone
    PRIMARY KEY (organization_id, id)
);
CREATE INDEX bulk_actions_newest ON bulk_actions (organization_id, created_at DESC, id DESC);

-- What a contact was before, for a day, so that it can be undone.
CREATE TABLE bulk_changes (
    organization_id uuid NOT NULL,
    action_id       uuid NOT NULL,
    contact_id      uuid NOT NULL,                       -- no foreign key: it may be erased meanwhile
    before          jsonb,                               -- of the values that were set, those that were there
    tag_ids         uuid[] NOT NULL DEFAULT '{}',        -- put on, or taken off
    undone          text CHECK (undone IN ('restored', 'kept_changed', 'kept_restricted', 'gone')),
    recorded_at     timestamptz NOT NULL,
    PRIMARY KEY (organization_id, action_id, contact_id),
    FOREIGN KEY (organization_id, action_id) REFERENCES bulk_actions (organization_id, id)
);
CREATE INDEX bulk_changes_of_contact ON bulk_changes (organization_id, contact_id);
CREATE INDEX bulk_changes_old ON bulk_changes (recorded_at);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['bulk_actions', 'bulk_changes']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant ON %I USING (organization_id = current_organization())'
                       ' WITH CHECK (organization_id = current_organization())', name);
    END LOOP;
END
$$;

GRANT SELECT, INSERT ON bulk_actions TO leadsrally_api;
GRANT UPDATE (state, progressed_at, finished_at) ON bulk_actions TO leadsrally_api;

CREATE POLICY own_queue_bulk ON jobs TO leadsrally_bulk_contacts
    USING (queue = 'bulk_contacts') WITH CHECK (queue = 'bulk_contacts');
GRANT SELECT, INSERT, UPDATE, DELETE ON jobs TO leadsrally_bulk_contacts;
GRANT SELECT, UPDATE (state, reason, contact_ids, condition, fields, place, counts, undo_counts, progressed_at,
    finished_at, forgotten_at) ON bulk_actions TO leadsrally_bulk_contacts;
GRANT SELECT, INSERT, UPDATE (undone, recorded_at) ON bulk_changes TO leadsrally_bulk_contacts;
GRANT SELECT, UPDATE (fields, version, updated_at) ON contacts TO leadsrally_bulk_contacts;
GRANT SELECT, INSERT, DELETE ON contact_tags TO leadsrally_bulk_contacts;
GRANT SELECT ON contact_fields, tags, contact_identities TO leadsrally_bulk_contacts;
-- What a condition asks about, and what a file says of permission.
GRANT SELECT (organization_id, contact_id, channel_kind, purpose, state) ON consent_states TO leadsrally_bulk_contacts;
GRANT SELECT (organization_id, channel_kind, number_hash, purpose) ON suppressions TO leadsrally_bulk_contacts;
GRANT SELECT (organization_id, id, contact_id, last_message_at, interest, intent, unread_count) ON conversations
    TO leadsrally_bulk_contacts;
GRANT SELECT (organization_id, conversation_id, direction, said_at) ON messages TO leadsrally_bulk_contacts;

SET ROLE leadsrally_lookup;
GRANT EXECUTE ON FUNCTION contacts_found(text, text, uuid, integer) TO leadsrally_bulk_contacts;
SET ROLE leadsrally_owner;

CREATE POLICY sweep ON bulk_changes TO leadsrally_retention_sweep USING (true) WITH CHECK (false);
GRANT SELECT (organization_id, action_id, contact_id, recorded_at), DELETE ON bulk_changes TO leadsrally_retention_sweep;

GRANT SELECT (organization_id, id, kind, state, reason, actor_kind, actor_id, contact_ids, segment_id, tag_ids, expected,
    margin, place, counts, undo_counts, created_at, progressed_at, finished_at, forgotten_at) ON bulk_actions TO leadsrally_export;
