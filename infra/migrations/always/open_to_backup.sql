-- After every migration: whatever table there is now, the backup sees all of it. Changes only what is not so yet.

DO $$
DECLARE
    found record;
BEGIN
    IF to_regrole('leadsrally_backup') IS NULL THEN
        RETURN;   -- a server that was provisioned before there were backups; `leadsrally backup` will say so
    END IF;
    FOR found IN
        SELECT c.oid, format('public.%I', c.relname) AS name, c.relkind, c.relrowsecurity
          FROM pg_catalog.pg_class AS c
         WHERE c.relnamespace = 'public'::regnamespace
           AND c.relkind IN ('r', 'p', 'S', 'm', 'f')
         ORDER BY c.oid
    LOOP
        IF NOT (CASE found.relkind WHEN 'S' THEN has_sequence_privilege('leadsrally_backup', found.oid, 'SELECT')
                                   ELSE has_table_privilege('leadsrally_backup', found.oid, 'SELECT') END) THEN
            EXECUTE format('GRANT SELECT ON %s TO leadsrally_backup', found.name);
        END IF;
        IF found.relrowsecurity AND NOT EXISTS (
            SELECT 1 FROM pg_catalog.pg_policy WHERE polrelid = found.oid AND polname = 'backup'
        ) THEN
            EXECUTE format('CREATE POLICY backup ON %s FOR SELECT TO leadsrally_backup USING (true)', found.name);
        END IF;
        COMMIT;   -- each for itself: a policy takes its table's lock for a moment
    END LOOP;
END
$$;
