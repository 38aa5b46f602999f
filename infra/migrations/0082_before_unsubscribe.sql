-- The unsubscribe link of a message. It has to work for as long as a message can be read, also after the person was
-- merged or erased, so it carries no contact: a number and a signature. The number leads to this row.

CREATE TABLE unsubscribe_links (
    organization_id uuid NOT NULL REFERENCES organizations (id),
    number          bigint NOT NULL UNIQUE CHECK (number BETWEEN 0 AND 281474976710655),  -- 48 bits, drawn by chance
    contact_id      uuid,                    -- NULL: erased; the hashes go on
    channel_kind    text NOT NULL CHECK (channel_kind IN ('sms', 'whatsapp', 'email')),
    address_hashes  bytea[] NOT NULL,        -- as in suppressions, of the newest message with the link
    created_at      timestamptz NOT NULL,
    PRIMARY KEY (organization_id, number),
    FOREIGN KEY (organization_id, contact_id) REFERENCES contacts (organization_id, id)
        ON DELETE SET NULL (contact_id)
);
-- One for each person and kind of channel, whatever they are sent; more where two records of a person became one.
CREATE INDEX unsubscribe_links_of_contact ON unsubscribe_links (organization_id, contact_id, channel_kind);
ALTER TABLE unsubscribe_links ENABLE ROW LEVEL SECURITY;
ALTER TABLE unsubscribe_links FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON unsubscribe_links
    USING (organization_id = current_organization()) WITH CHECK (organization_id = current_organization());
CREATE POLICY lookup ON unsubscribe_links FOR SELECT TO leadsrally_lookup USING (true);
GRANT SELECT ON unsubscribe_links TO leadsrally_lookup;

-- Whoever calls a link brings its number and nothing else; the function that answers learns whose it is by this alone.
GRANT CREATE ON SCHEMA public TO leadsrally_lookup;
SET ROLE leadsrally_lookup;

CREATE FUNCTION unsubscribe_link(wanted bigint)
    RETURNS TABLE (organization_id uuid, contact_id uuid, channel_kind text, address_hashes bytea[],
                   organization_name text, language text, opt_out_scope text)
    LANGUAGE sql STABLE SECURITY DEFINER ROWS 1 SET search_path = public, pg_temp
    AS $$
        SELECT l.organization_id, l.contact_id, l.channel_kind, l.address_hashes, o.name, o.language, o.opt_out_scope
          FROM unsubscribe_links AS l
          JOIN organizations AS o ON o.id = l.organization_id
         WHERE l.number = wanted
    $$;
REVOKE ALL ON FUNCTION unsubscribe_link(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION unsubscribe_link(bigint) TO leadsrally_unsubscribe;

SET ROLE leadsrally_owner;
REVOKE CREATE ON SCHEMA public FROM leadsrally_lookup;

GRANT SELECT, INSERT, UPDATE (address_hashes, contact_id) ON unsubscribe_links TO leadsrally_api;

-- What the link may change, within the tenant that it names: permission, and no more.
GRANT SELECT (organization_id, id), UPDATE (updated_at) ON contacts TO leadsrally_unsubscribe;
GRANT SELECT (organization_id, id, contact_id, channel_kind, purpose, action, source, occurred_at, recorded_at), INSERT
    ON consent_events TO leadsrally_unsubscribe;
GRANT SELECT, INSERT, UPDATE, DELETE ON consent_states TO leadsrally_unsubscribe;
GRANT SELECT, INSERT, DELETE ON suppressions TO leadsrally_unsubscribe;
