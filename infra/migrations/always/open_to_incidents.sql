-- After every migration: of whatever table there is now, an incident can be traced to the customers whose rows it holds.
-- To be seen are whose a row is and when it was written, no more. Changes only what is not so yet.

DO $$
DECLARE
    found record;
    written name;
BEGIN
    IF to_regrole('leadsrally_incidents') IS NULL THEN
        RETURN;   -- a server that was provisioned before there were incidents; `leadsrally incident` will say so
    END IF;
    FOR found IN
        SELECT c.oid, format('public.%I', c.relname) AS name, a.attname AS owner, c.relrowsecurity
          FROM pg_catalog.pg_class AS c
          JOIN pg_catalog.pg_attribute AS a
            ON a.attrelid = c.oid
           AND a.attname = CASE c.relname WHEN 'organizations' THEN 'id' ELSE 'organization_id' END
           AND NOT a.attisdropped
         WHERE c.relnamespace = 'public'::regnamespace
           AND c.relkind IN ('r', 'p')
           AND NOT c.relispartition
         ORDER BY c.oid
    LOOP
        written := written_at_column(found.oid);
        IF NOT has_column_privilege('leadsrally_incidents', found.oid, found.owner, 'SELECT') THEN
            EXECUTE format('GRANT SELECT (%I) ON %s TO leadsrally_incidents', found.owner, found.name);
        END IF;
        IF written IS NOT NULL AND NOT has_column_privilege('leadsrally_incidents', found.oid, written, 'SELECT') THEN
            EXECUTE format('GRANT SELECT (%I) ON %s TO leadsrally_incidents', written, found.name);
        END IF;
        IF found.relrowsecurity AND NOT EXISTS (
            SELECT 1 FROM pg_catalog.pg_policy WHERE polrelid = found.oid AND polname = 'incident'
        ) THEN
            EXECUTE format('CREATE POLICY incident ON %s FOR SELECT TO leadsrally_incidents USING (true)', found.name);
        END IF;
        COMMIT;   -- each for itself: a policy takes its table's lock for a moment
    END LOOP;
END
$$;
