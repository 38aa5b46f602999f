-- What each sweep found and did. No personal data: shown to customers and to the public status page.

CREATE TABLE sweep_runs (
    id          uuid PRIMARY KEY,
    rule        text NOT NULL,
    dry_run     boolean NOT NULL,
    cutoff      timestamptz NOT NULL,      -- everything older is due
    due_before  bigint NOT NULL,
    deleted     bigint NOT NULL DEFAULT 0,
    due_after   bigint,                    -- NULL: still running, or interrupted
    started_at  timestamptz NOT NULL,
    finished_at timestamptz
);
CREATE INDEX sweep_runs_newest ON sweep_runs (rule, started_at DESC);

GRANT SELECT, INSERT, UPDATE ON sweep_runs TO leadsrally_retention_sweep;
GRANT SELECT ON sweep_runs TO leadsrally_api;
