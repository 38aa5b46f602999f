-- P1.2: people as their customer describes them: fields of the customer's own, tags, notes.

CREATE TABLE contact_fields (
    organization_id uuid NOT NULL REFERENCES organizations (id),
    id              uuid NOT NULL,
    key             text NOT NULL CHECK (key ~ '^[a-z][a-z0-9_]{0,63}$'),
    label           text NOT NULL CHECK (length(label) BETWEEN 1 AND 100),
    type            text NOT NULL CHECK (type IN ('text', 'number', 'date', 'boolean', 'choice')),
    choices         text[] NOT NULL DEFAULT '{}',
    version         integer NOT NULL DEFAULT 1,
    created_at      timestamptz NOT NULL,
    PRIMARY KEY (organization_id, id),
    UNIQUE (organization_id, key)
);

-- A value stands under its field's slot, the last twelve digits of the field's id, not under the key: no two
-- tenants share a slot, so an index over values keeps them apart, and a key that is given up and taken again
-- brings no old value back.
ALTER TABLE contacts
    ADD COLUMN fields jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(fields) = 'object'),
    ADD COLUMN restricted_at timestamptz,    -- GDPR Art. 18: stored, and nothing else is done with it
    ADD COLUMN version integer NOT NULL DEFAULT 1;

CREATE TABLE tags (
    organization_id uuid NOT NULL REFERENCES organizations (id),
    id              uuid NOT NULL,
    name            text NOT NULL CHECK (length(name) BETWEEN 1 AND 64),
    version         integer NOT NULL DEFAULT 1,
    created_at      timestamptz NOT NULL,
    PRIMARY KEY (organization_id, id)
);
CREATE UNIQUE INDEX tags_name ON tags (organization_id, lower(name));

CREATE TABLE contact_tags (
    organization_id uuid NOT NULL,
    contact_id      uuid NOT NULL,
    tag_id          uuid NOT NULL,
    tagged_at       timestamptz NOT NULL,
    PRIMARY KEY (organization_id, contact_id, tag_id),
    FOREIGN KEY (organization_id, contact_id) REFERENCES contacts (organization_id, id),
    FOREIGN KEY (organization_id, tag_id) REFERENCES tags (organization_id, id)
);
CREATE INDEX contact_tags_of_tag ON contact_tags (organization_id, tag_id, contact_id);

CREATE TABLE contact_notes (
    organization_id uuid NOT NULL,
    id              uuid NOT NULL,
    contact_id      uuid NOT NULL,
    author_id       uuid,                    -- NULL: a person who has left, or nobody
    body            text NOT NULL CHECK (length(body) BETWEEN 1 AND 5000),
    version         integer NOT NULL DEFAULT 1,
    created_at      timestamptz NOT NULL,
    edited_at       timestamptz,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, contact_id) REFERENCES contacts (organization_id, id)
);
CREATE INDEX contact_notes_of_contact ON contact_notes (organization_id, contact_id, created_at DESC, id DESC);

-- A number may lead to somebody whose record carries another one: two records that were found to be one person.
ALTER TABLE contact_identities
    DROP CONSTRAINT contact_identities_kind_check,
    ADD CONSTRAINT contact_identities_kind_check CHECK (kind IN (
        'wa_id',          -- WhatsApp's form of a number: digits, not always those of the E.164 number
        'bsuid',          -- business-scoped user id: the same person has another one at another business portfolio
        'parent_bsuid',   -- the one that linked portfolios share
        'number'));       -- a further number of the person, in E.164

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['contact_fields', 'tags', 'contact_tags', 'contact_notes']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant ON %I USING (organization_id = current_organization())'
                       ' WITH CHECK (organization_id = current_organization())', name);
    END LOOP;
END
$$;

GRANT INSERT (organization_id, id, phone, name, email, time_zone, fields, created_at, updated_at),
      UPDATE (phone, name, email, time_zone, fields, restricted_at, version) ON contacts TO leadsrally_api;
GRANT SELECT, INSERT, UPDATE (label, choices, version), DELETE ON contact_fields TO leadsrally_api;
GRANT SELECT, INSERT, UPDATE (name, version), DELETE ON tags TO leadsrally_api;
GRANT SELECT, INSERT, DELETE ON contact_tags TO leadsrally_api;
GRANT SELECT, INSERT, UPDATE (body, version, edited_at), DELETE ON contact_notes TO leadsrally_api;
