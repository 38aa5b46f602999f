-- Two records of one person become one, and can be taken apart again (docs/decisions/0021).

CREATE TABLE contact_merges (
    organization_id uuid NOT NULL,
    id              uuid NOT NULL,
    contact_id      uuid NOT NULL,           -- the winner, whose record stays
    loser_id        uuid NOT NULL,           -- whose record is gone, and whose id leads to the winner
    loser           jsonb NOT NULL,          -- the record that is gone, as it was
    filled          jsonb NOT NULL,          -- what the winner's record took over where it had nothing
    consents        jsonb NOT NULL,          -- what stood about each of the two, and what was made of it
    actor_id        uuid,
    merged_at       timestamptz NOT NULL,
    split_at        timestamptz,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, contact_id) REFERENCES contacts (organization_id, id)
);
CREATE UNIQUE INDEX contact_merges_of_loser ON contact_merges (organization_id, loser_id) WHERE split_at IS NULL;
CREATE INDEX contact_merges_of_contact ON contact_merges (organization_id, contact_id, merged_at DESC, id DESC);

-- What was the loser's, so that it can be given back.
CREATE TABLE contact_merge_moves (
    organization_id uuid NOT NULL,
    merge_id        uuid NOT NULL,
    kind            text NOT NULL,           -- the table
    row_key         text NOT NULL,
    PRIMARY KEY (organization_id, merge_id, kind, row_key),
    FOREIGN KEY (organization_id, merge_id) REFERENCES contact_merges (organization_id, id)
);

-- A thread that came with a merge to somebody who has one on this channel already stays a thread of its own;
-- what is said from now on goes into the other one.
ALTER TABLE conversations ADD COLUMN merge_id uuid;
CREATE UNIQUE INDEX conversations_of_contact ON conversations (organization_id, contact_id, channel_id)
    WHERE merge_id IS NULL;
ALTER TABLE conversations DROP CONSTRAINT conversations_organization_id_contact_id_channel_id_key;
CREATE INDEX conversations_by_contact ON conversations (organization_id, contact_id, channel_id);

-- Conditions on contacts, under a name.
CREATE TABLE segments (
    organization_id uuid NOT NULL REFERENCES organizations (id),
    id              uuid NOT NULL,
    name            text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    condition       jsonb NOT NULL,
    version         integer NOT NULL DEFAULT 1,
    created_at      timestamptz NOT NULL,
    PRIMARY KEY (organization_id, id)
);
CREATE UNIQUE INDEX segments_name ON segments (organization_id, lower(name));

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['contact_merges', 'contact_merge_moves', 'segments']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant ON %I USING (organization_id = current_organization())'
                       ' WITH CHECK (organization_id = current_organization())', name);
    END LOOP;
END
$$;

GRANT SELECT, INSERT, UPDATE (contact_id, split_at) ON contact_merges TO leadsrally_api;
GRANT SELECT, INSERT, DELETE ON contact_merge_moves TO leadsrally_api;
GRANT DELETE, INSERT (version, restricted_at) ON contacts TO leadsrally_api;
GRANT UPDATE (contact_id, address, merge_id) ON conversations TO leadsrally_api;
GRANT INSERT, UPDATE (contact_id), DELETE ON contact_identities TO leadsrally_api;
GRANT UPDATE (contact_id) ON consent_events, disclosures, contact_notes, leads TO leadsrally_api;
GRANT SELECT, INSERT, UPDATE (name, condition, version), DELETE ON segments TO leadsrally_api;

-- What the register says that an export holds.
GRANT SELECT (organization_id, id, contact_id, loser_id, loser, filled, consents, merged_at, split_at, actor_id)
    ON contact_merges TO leadsrally_export;
GRANT SELECT (organization_id, id, version, created_at, name, condition) ON segments TO leadsrally_export;
GRANT SELECT (merge_id) ON conversations TO leadsrally_export;

-- Older contacts of the same name as these, some for each.
GRANT CREATE ON SCHEMA public TO leadsrally_lookup;
SET ROLE leadsrally_lookup;
CREATE FUNCTION contacts_namesakes(ids uuid[]) RETURNS TABLE (id uuid, older uuid)
    LANGUAGE sql STABLE STRICT SECURITY DEFINER ROWS 100
    SET search_path = public, pg_temp SET enable_seqscan = off
    AS $$
        SELECT c.id, o.id
          FROM contacts AS c
         CROSS JOIN LATERAL (
            SELECT other.id
              FROM contacts AS other
             WHERE other.organization_id = c.organization_id
               AND lower(left(other.name, 40)) COLLATE "C" = lower(left(c.name, 40)) COLLATE "C"
               AND other.id < c.id
             ORDER BY other.id DESC
             LIMIT 5) AS o
         WHERE c.organization_id = current_organization()
           AND c.id = ANY (ids)
           AND c.name <> ''
    $$;
REVOKE ALL ON FUNCTION contacts_namesakes(uuid[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION contacts_namesakes(uuid[]) TO leadsrally_api;
SET ROLE leadsrally_owner;
REVOKE CREATE ON SCHEMA public FROM leadsrally_lookup;
