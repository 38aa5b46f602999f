-- P1.2: lists of contacts that a customer brings, and lists of numbers that must not be written to.

CREATE TABLE imports (
    organization_id uuid NOT NULL REFERENCES organizations (id),
    id              uuid NOT NULL,
    kind            text NOT NULL CHECK (kind IN ('contacts', 'suppressions')),
    state           text NOT NULL DEFAULT 'awaiting_file' CHECK (state IN (
        'awaiting_file', 'looking', 'ready', 'checking', 'running', 'done', 'cancelled', 'failed', 'undoing', 'undone')),
    reason          text CHECK (length(reason) <= 40),   -- why it failed; a closed word
    actor_kind      text NOT NULL,
    actor_id        uuid,
    file_name       text NOT NULL DEFAULT '' CHECK (length(file_name) <= 255),
    bytes           bigint NOT NULL CHECK (bytes > 0),
    -- What was seen in the file. The names of columns, the sample and the file itself go a day after the end.
    encoding        text CHECK (length(encoding) <= 32),
    delimiter       text CHECK (length(delimiter) = 1),
    has_header      boolean,
    columns         jsonb NOT NULL DEFAULT '[]',
    sample          jsonb,
    rows            integer CHECK (rows >= 0),           -- the header and empty lines too
    -- What the customer says about it.
    mapping         jsonb NOT NULL DEFAULT '[]',
    country         text,
    tags            text[] NOT NULL DEFAULT '{}',
    attestation     jsonb,
    channels        text[] NOT NULL DEFAULT '{}',        -- of suppressions
    -- How far it is: rows up to this one are committed.
    lines_done      integer NOT NULL DEFAULT 0,
    counts          jsonb NOT NULL DEFAULT '{}',
    checked         jsonb,                               -- what the last trial counted
    undo_counts     jsonb,
    version         integer NOT NULL DEFAULT 1,
    created_at      timestamptz NOT NULL,
    started_at      timestamptz,
    progressed_at   timestamptz,
    finished_at     timestamptz,
    forgotten_at    timestamptz,                         -- file, lists and sample are gone
    PRIMARY KEY (organization_id, id)
);
CREATE INDEX imports_newest ON imports (organization_id, created_at DESC, id DESC);

-- What a contact was before an import changed it, for a day, so that the import can be undone. Contacts that an
-- import makes need no row: their ids say so.
CREATE TABLE import_changes (
    organization_id uuid NOT NULL,
    import_id       uuid NOT NULL,
    contact_id      uuid NOT NULL,           -- no foreign key: it may be erased meanwhile
    line            integer NOT NULL,
    before          jsonb,                   -- NULL: only tagged, or made by the import
    after           jsonb,
    tag_ids         uuid[] NOT NULL DEFAULT '{}',
    undone          text CHECK (undone IN ('removed', 'kept_in_use', 'kept_edited', 'restored', 'kept_changed', 'gone')),
    recorded_at     timestamptz NOT NULL,
    PRIMARY KEY (organization_id, import_id, contact_id),
    FOREIGN KEY (organization_id, import_id) REFERENCES imports (organization_id, id)
);
CREATE INDEX import_changes_of_contact ON import_changes (organization_id, contact_id);
CREATE INDEX import_changes_old ON import_changes (recorded_at);

-- Numbers as a customer listed them, beside the hash in suppressions. Erased with their person; the hash stays.
CREATE TABLE listed_numbers (
    organization_id uuid NOT NULL REFERENCES organizations (id),
    number_hash     bytea NOT NULL,
    phone           text NOT NULL CHECK (length(phone) BETWEEN 1 AND 64),
    listed_at       timestamptz NOT NULL,
    PRIMARY KEY (organization_id, number_hash)
);

ALTER TABLE suppressions ADD COLUMN id uuid NOT NULL DEFAULT gen_random_uuid();
CREATE UNIQUE INDEX suppressions_newest ON suppressions (organization_id, since DESC, id DESC);
CREATE UNIQUE INDEX suppressions_id ON suppressions (organization_id, id);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['imports', 'import_changes', 'listed_numbers']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant ON %I USING (organization_id = current_organization())'
                       ' WITH CHECK (organization_id = current_organization())', name);
    END LOOP;
END
$$;

-- The API writes down what is wanted; the file and everything that comes of it is the worker's.
GRANT SELECT, INSERT ON imports TO leadsrally_api;
GRANT UPDATE (state, reason, encoding, delimiter, has_header, mapping, country, tags, attestation, channels,
              version, started_at, progressed_at, finished_at, lines_done, counts, undo_counts) ON imports TO leadsrally_api;
GRANT SELECT, INSERT, DELETE ON listed_numbers TO leadsrally_api;

CREATE POLICY own_queue_import ON jobs TO leadsrally_import_contacts
    USING (queue = 'import_contacts') WITH CHECK (queue = 'import_contacts');
GRANT SELECT, INSERT, UPDATE, DELETE ON jobs TO leadsrally_import_contacts;
GRANT SELECT (id, country) ON organizations TO leadsrally_import_contacts;
GRANT SELECT, UPDATE ON imports TO leadsrally_import_contacts;
GRANT SELECT, INSERT, UPDATE, DELETE ON import_changes TO leadsrally_import_contacts;
GRANT SELECT, INSERT ON listed_numbers TO leadsrally_import_contacts;
GRANT SELECT, INSERT, UPDATE, DELETE ON contacts TO leadsrally_import_contacts;
GRANT SELECT ON contact_identities TO leadsrally_import_contacts;
GRANT SELECT, INSERT, DELETE ON consent_events TO leadsrally_import_contacts;
GRANT SELECT, INSERT, UPDATE, DELETE ON consent_states TO leadsrally_import_contacts;
GRANT SELECT, INSERT ON suppressions TO leadsrally_import_contacts;
-- Whether somebody has talked since.
GRANT SELECT (organization_id, contact_id, last_message_at) ON conversations TO leadsrally_import_contacts;
GRANT SELECT (organization_id, contact_id) ON disclosures TO leadsrally_import_contacts;

-- Evidence is append-only. Undoing an import takes back what that import wrote and nothing else.
CREATE POLICY own_evidence ON consent_events AS RESTRICTIVE FOR DELETE TO leadsrally_import_contacts
    USING (source = 'import');
CREATE POLICY own_grants ON consent_states AS RESTRICTIVE FOR DELETE TO leadsrally_import_contacts
    USING (source = 'import');

CREATE POLICY sweep ON import_changes TO leadsrally_retention_sweep USING (true) WITH CHECK (false);
GRANT SELECT (organization_id, import_id, contact_id, recorded_at), DELETE ON import_changes TO leadsrally_retention_sweep;
