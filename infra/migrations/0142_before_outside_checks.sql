-- P6.3, P6.6: what somebody found who looked at a provider, since what lies there no query of ours can see.

CREATE TABLE outside_checks (
    id        uuid PRIMARY KEY,
    subject   text NOT NULL CHECK (subject IN ('sentry_plan', 'sentry_events', 'railway_backups', 'restore_rehearsal')),
    verdict   text NOT NULL CHECK (verdict IN ('kept', 'broken', 'unused')),
    days      integer CHECK (days >= 0),      -- for how long it is kept there at most
    looked_by text NOT NULL CHECK (length(looked_by) BETWEEN 1 AND 100),   -- a person of the operator, or the command
    note      text NOT NULL DEFAULT '' CHECK (length(note) <= 300),
    looked_at timestamptz NOT NULL,
    CHECK (verdict <> 'kept' OR subject NOT IN ('sentry_plan', 'railway_backups') OR days IS NOT NULL)
);
CREATE INDEX outside_checks_newest ON outside_checks (subject, looked_at DESC);

GRANT INSERT ON outside_checks TO leadsrally_backup;
GRANT SELECT (id, subject, verdict, days, looked_at) ON outside_checks TO leadsrally_clauses;
