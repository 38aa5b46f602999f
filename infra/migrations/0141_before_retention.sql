-- P6: what customers keep for a shorter time than the policy, and what every sweep of it came to.

CREATE TABLE retention_windows (
    organization_id    uuid PRIMARY KEY REFERENCES organizations (id),
    messages_days      integer CHECK (messages_days BETWEEN 1 AND 3650),       -- NULL, here and below: as the policy says
    conversations_days integer CHECK (conversations_days BETWEEN 1 AND 3650),
    leads_days         integer CHECK (leads_days BETWEEN 1 AND 3650),
    notes_days         integer CHECK (notes_days BETWEEN 1 AND 3650),
    media_days         integer CHECK (media_days BETWEEN 1 AND 3650),
    delivery_log_days  integer CHECK (delivery_log_days BETWEEN 1 AND 89),
    obeyed_from        timestamptz NOT NULL,   -- a slip can be taken back until then
    version            integer NOT NULL,
    changed_at         timestamptz NOT NULL
);

CREATE TABLE retention_runs (
    organization_id uuid NOT NULL REFERENCES organizations (id),
    id              uuid NOT NULL,
    kind            text NOT NULL CHECK (kind IN ('messages', 'conversations', 'leads', 'notes', 'media',
                                                  'delivery_log')),
    cutoff          timestamptz NOT NULL,
    due_before      bigint NOT NULL,
    deleted         bigint NOT NULL DEFAULT 0,
    due_after       bigint,                    -- NULL: still running, or interrupted
    started_at      timestamptz NOT NULL,
    finished_at     timestamptz,
    PRIMARY KEY (organization_id, id)
);
CREATE INDEX retention_runs_newest ON retention_runs (organization_id, started_at DESC, id DESC);
CREATE INDEX retention_runs_oldest ON retention_runs (started_at);
CREATE INDEX sweep_runs_oldest ON sweep_runs (started_at);

-- The oldest row that was left; NULL: none, or nobody asked.
ALTER TABLE sweep_runs ADD COLUMN oldest_at timestamptz;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['retention_windows', 'retention_runs']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant ON %I USING (organization_id = current_organization())'
                       ' WITH CHECK (organization_id = current_organization())', name);
    END LOOP;
END
$$;

GRANT SELECT, INSERT, UPDATE ON retention_windows TO leadsrally_api;
GRANT SELECT ON retention_runs TO leadsrally_api;

-- The hourly sweep sees who has windows of their own, and hands the work over; it deletes old runs of both kinds.
CREATE POLICY sweep ON retention_windows FOR SELECT TO leadsrally_retention_sweep USING (true);
GRANT SELECT (organization_id, obeyed_from) ON retention_windows TO leadsrally_retention_sweep;
CREATE POLICY sweep ON retention_runs TO leadsrally_retention_sweep USING (true);
GRANT SELECT (organization_id, id, started_at), DELETE ON retention_runs TO leadsrally_retention_sweep;
GRANT DELETE ON sweep_runs TO leadsrally_retention_sweep;

-- Who rings the alarm is not who sweeps.
GRANT SELECT ON sweep_runs TO leadsrally_tick;
