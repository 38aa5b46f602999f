-- P6.6: which backups were made. The files themselves tell what is there; this tells the auditor.

CREATE TABLE backups (
    id         uuid PRIMARY KEY,
    at         timestamptz NOT NULL,       -- of the snapshot
    made_at    timestamptz NOT NULL,
    bytes      bigint NOT NULL CHECK (bytes > 0),
    row_count  bigint NOT NULL,
    deleted_at timestamptz                 -- NULL: it is there
);
CREATE INDEX backups_newest ON backups (at DESC);

-- The role that makes backups reads every row of every table (always/open_to_backup.sql sees to it, for tables to come
-- too), and writes down what it did and nothing else.
GRANT INSERT, UPDATE (deleted_at) ON backups TO leadsrally_backup;
GRANT INSERT, UPDATE ON sweep_runs TO leadsrally_backup;
GRANT SELECT ON backups, sweep_runs TO leadsrally_clauses;

-- A day of the delivery log is born open to backups: its lock would hold up inserts later. As 0010 else.
CREATE OR REPLACE FUNCTION delivery_log_make_day(day date) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
    DECLARE
        name text := 'delivery_log_' || to_char(day, 'YYYYMMDD');
    BEGIN
        IF to_regclass('public.' || name) IS NOT NULL THEN
            RETURN false;
        END IF;
        SET LOCAL lock_timeout = '200ms';
        EXECUTE format('CREATE TABLE %I PARTITION OF delivery_log FOR VALUES FROM (%L) TO (%L)',
                       name, day::timestamp AT TIME ZONE 'UTC', (day + 1)::timestamp AT TIME ZONE 'UTC');
        -- A partition named directly is nobody's: reached through the parent only. A dump names it.
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('GRANT SELECT ON %I TO leadsrally_backup', name);
        EXECUTE format('CREATE POLICY backup ON %I FOR SELECT TO leadsrally_backup USING (true)', name);
        RETURN true;
    EXCEPTION WHEN duplicate_table THEN
        RETURN false;   -- another sweep made it in the same moment
    END
    $$;
