-- P6.2, P7.2: what is being erased, and how far that is (docs/decisions/0025).

-- A thread whose erasure has begun leads to nobody. Whatever shows or sends asks for its person and finds it no more,
-- while its messages go in bites.
ALTER TABLE conversations ALTER COLUMN contact_id DROP NOT NULL;

CREATE TABLE erasures (
    organization_id  uuid NOT NULL REFERENCES organizations (id),
    id               uuid NOT NULL,
    kind             text NOT NULL CHECK (kind IN ('contact', 'conversation', 'message')),
    subject_id       uuid NOT NULL,          -- no foreign key: it outlives what it names
    requested_by     uuid NOT NULL,          -- no foreign key: it outlives who asked
    state            text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'erasing', 'done')),
    conversation_ids uuid[] NOT NULL DEFAULT '{}',  -- whose messages are still to go
    import_ids       uuid[] NOT NULL DEFAULT '{}',  -- that were under way and may bring the person back
    known_as         bytea[] NOT NULL DEFAULT '{}', -- keyed hashes by which they would be known; empty when done
    counts           jsonb NOT NULL DEFAULT '{}',   -- what was deleted, by table
    messages_total   bigint,                 -- counted when it began
    requested_at     timestamptz NOT NULL,
    finished_at      timestamptz,
    PRIMARY KEY (organization_id, id),
    CHECK ((state = 'done') = (finished_at IS NOT NULL)),
    CHECK (state <> 'done' OR known_as = '{}')
);
CREATE UNIQUE INDEX erasures_under_way ON erasures (organization_id, subject_id) WHERE state <> 'done';
CREATE INDEX erasures_newest ON erasures (organization_id, requested_at DESC, id DESC);

ALTER TABLE erasures ENABLE ROW LEVEL SECURITY;
ALTER TABLE erasures FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON erasures
    USING (organization_id = current_organization()) WITH CHECK (organization_id = current_organization());

CREATE INDEX contact_merges_by_loser ON contact_merges (organization_id, loser_id);

CREATE POLICY own_queue_erase ON jobs TO leadsrally_erase USING (queue = 'erase') WITH CHECK (queue = 'erase');
GRANT SELECT, INSERT, UPDATE, DELETE ON jobs TO leadsrally_erase;

-- Asked for by the API, done by the worker.
GRANT SELECT (organization_id, id, kind, subject_id, requested_by, state, counts, messages_total, requested_at,
              finished_at),
      INSERT (organization_id, id, kind, subject_id, requested_by, requested_at) ON erasures TO leadsrally_api;
GRANT SELECT, UPDATE (state, conversation_ids, import_ids, known_as, counts, messages_total, finished_at)
    ON erasures TO leadsrally_erase;
GRANT SELECT (organization_id, id, kind, subject_id, requested_by, state, conversation_ids, import_ids, counts,
              messages_total, requested_at, finished_at) ON erasures TO leadsrally_export;
CREATE POLICY audit ON erasures FOR SELECT TO leadsrally_clauses USING (true);
GRANT SELECT (organization_id, id, kind, subject_id, state, requested_at) ON erasures TO leadsrally_clauses;

-- The person, and whatever speaks of them.
GRANT SELECT (organization_id, id, phone, email), UPDATE (updated_at), DELETE ON contacts TO leadsrally_erase;
GRANT SELECT (organization_id, contact_id, kind, value, retired_at), DELETE ON contact_identities TO leadsrally_erase;
GRANT SELECT (organization_id, id, contact_id, loser_id, loser, split_at), DELETE ON contact_merges TO leadsrally_erase;
GRANT SELECT (organization_id, merge_id), DELETE ON contact_merge_moves TO leadsrally_erase;
GRANT SELECT (organization_id, contact_id), DELETE ON contact_tags, disclosures, import_changes TO leadsrally_erase;
GRANT SELECT (organization_id, id, contact_id), DELETE ON contact_notes, leads TO leadsrally_erase;
GRANT SELECT (organization_id, contact_id), DELETE ON consent_events TO leadsrally_erase;
GRANT SELECT (organization_id, contact_id, channel_kind, purpose, state, source, since), DELETE ON consent_states
    TO leadsrally_erase;
GRANT SELECT, INSERT ON suppressions TO leadsrally_erase;
GRANT SELECT (organization_id, number_hash), DELETE ON listed_numbers TO leadsrally_erase;
GRANT SELECT (organization_id, person_hash), DELETE ON quarantine TO leadsrally_erase;
GRANT SELECT (organization_id, answer), UPDATE (answer) ON idempotency_keys TO leadsrally_erase;
GRANT SELECT (organization_id, id, contact_id, state, position), UPDATE (state, position) ON exports TO leadsrally_erase;
GRANT SELECT (organization_id, id, state, created_at, forgotten_at) ON imports TO leadsrally_erase;
GRANT INSERT ON audit_log TO leadsrally_erase;

-- Their threads.
GRANT SELECT (organization_id, id, contact_id, channel_id, address, last_message_id, last_message_at, unread_count),
      UPDATE (contact_id, address, preview, preview_kind, intent, interest, attention, unread_count, last_message_id,
              last_message_at), DELETE ON conversations TO leadsrally_erase;
GRANT SELECT (organization_id, id, conversation_id, direction, kind, body, status, provider_message_id, said_at),
      DELETE ON messages TO leadsrally_erase;
GRANT SELECT (organization_id, id, message_id, state, reason, settled_at, provider_id, provider_until),
      UPDATE (state, reason, source, bytes, sha256, file_name, settled_at), DELETE ON media TO leadsrally_erase;
GRANT SELECT (organization_id, message_id, intent, interest) ON scores TO leadsrally_erase;
GRANT SELECT (organization_id, provider_hash), DELETE ON early_reports TO leadsrally_erase;
