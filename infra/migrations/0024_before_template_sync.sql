-- The function that keeps our copy of a WhatsApp account's templates true.

CREATE POLICY own_queue_template_sync ON jobs TO leadsrally_template_sync
    USING (queue = 'template_sync') WITH CHECK (queue = 'template_sync');

-- Once an hour it asks for every account there is, of all tenants; which they are is all that it learns by this.
GRANT CREATE ON SCHEMA public TO leadsrally_lookup;
SET ROLE leadsrally_lookup;
CREATE FUNCTION whatsapp_accounts()
    RETURNS TABLE (organization_id uuid, channel_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
        -- Several numbers share an account; one of them asks for all.
        SELECT DISTINCT ON (c.organization_id, c.waba_id) c.organization_id, c.id
          FROM channels AS c
         WHERE c.kind = 'whatsapp'
           AND c.state = 'active'
         ORDER BY c.organization_id, c.waba_id, c.id
    $$;
REVOKE ALL ON FUNCTION whatsapp_accounts() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION whatsapp_accounts() TO leadsrally_template_sync;
SET ROLE leadsrally_owner;
REVOKE CREATE ON SCHEMA public FROM leadsrally_lookup;

GRANT SELECT (organization_id, id, kind, state, waba_id, credentials, trouble), UPDATE (trouble, trouble_since)
    ON channels TO leadsrally_template_sync;
GRANT SELECT, INSERT, UPDATE, DELETE ON jobs TO leadsrally_template_sync;
GRANT SELECT, INSERT, UPDATE ON templates TO leadsrally_template_sync;

-- A status says what became of a template, of a channel, or of marketing to a person.
GRANT SELECT ON templates TO leadsrally_webhook_meta;
GRANT UPDATE (state, reason, changed_at) ON templates TO leadsrally_webhook_meta;
GRANT UPDATE (trouble, trouble_since) ON channels TO leadsrally_webhook_meta;
GRANT SELECT (trouble) ON channels TO leadsrally_webhook_meta;

-- What owners are told.
GRANT SELECT (organization_id, id, name, language, category, state) ON templates TO leadsrally_notify;
GRANT SELECT (organization_id, id, kind, address, trouble, trouble_since) ON channels TO leadsrally_notify;
