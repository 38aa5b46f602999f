-- P10.1: versions of the privacy policy, who was told of each, and what the checks of its clauses found. The versions
-- and the findings are the house's own and hold no personal data; they are shown to everyone.

CREATE TABLE policy_versions (
    id            uuid PRIMARY KEY,
    dated         date NOT NULL UNIQUE,                    -- "last updated", by which it is called
    fingerprint   bytea NOT NULL CHECK (octet_length(fingerprint) = 32),
    material      boolean NOT NULL,                        -- false: nothing that matters changed, so it holds at once
    summary       text NOT NULL CHECK (length(summary) BETWEEN 1 AND 1000),
    published_at  timestamptz NOT NULL,
    announced_for timestamptz NOT NULL,                    -- the day that its notices name
    told_at       timestamptz,                             -- when the last notice went out
    effective_at  timestamptz,                             -- NULL: not everybody has been told
    altered_at    timestamptz,                             -- since when what is shown differs from what was published
    CONSTRAINT policy_is_announced_fourteen_days_ahead CHECK (
        effective_at IS NULL
        OR NOT material
        OR (told_at IS NOT NULL AND effective_at >= told_at + interval '336 hours' AND effective_at >= announced_for))
);

CREATE TABLE policy_notices (
    organization_id uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    version_id      uuid NOT NULL,                         -- of policy_versions, from which nothing is deleted
    telling         text NOT NULL CHECK (telling IN ('announced', 'reminded')),
    job_id          uuid NOT NULL,
    asked_at        timestamptz NOT NULL,
    out_at          timestamptz,                           -- when the last of its owners' notices went out
    PRIMARY KEY (organization_id, version_id, telling)
);
CREATE INDEX policy_notices_of_version ON policy_notices (version_id, telling, organization_id);
ALTER TABLE policy_notices ENABLE ROW LEVEL SECURITY;
ALTER TABLE policy_notices FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON policy_notices
    USING (organization_id = current_organization()) WITH CHECK (organization_id = current_organization());

-- Each round of checks, and what stands about each clause since the newest one.
CREATE TABLE clause_runs (
    id          uuid PRIMARY KEY,
    started_at  timestamptz NOT NULL,
    finished_at timestamptz NOT NULL,
    kept        integer NOT NULL,
    broken      integer NOT NULL,
    not_built   integer NOT NULL
);
CREATE INDEX clause_runs_newest ON clause_runs (finished_at DESC);

CREATE TABLE clause_standings (
    clause     text PRIMARY KEY CHECK (length(clause) <= 8),
    promise    text NOT NULL CHECK (length(promise) <= 200),
    state      text NOT NULL CHECK (state IN ('kept', 'broken', 'not built')),
    sentence   text NOT NULL CHECK (length(sentence) <= 1000),
    checked_at timestamptz NOT NULL,
    passed_at  timestamptz,                                -- when its check passed last; NULL: never
    since      timestamptz NOT NULL                        -- when it came to stand as it does
);

-- What watches over the versions: every organisation's id, and what became of the two kinds of notice it asked for.
GRANT SELECT, INSERT ON policy_versions TO leadsrally_policy_watch;
GRANT UPDATE (told_at, effective_at, altered_at) ON policy_versions TO leadsrally_policy_watch;
GRANT SELECT, INSERT, UPDATE (job_id, asked_at, out_at) ON policy_notices TO leadsrally_policy_watch;
GRANT SELECT (id, state, created_at) ON organizations TO leadsrally_policy_watch;
GRANT SELECT (organization_id, kind, job_id, state, reason, created_at, taken_at) ON notices TO leadsrally_policy_watch;
GRANT SELECT, INSERT, UPDATE ON jobs TO leadsrally_policy_watch;
CREATE POLICY policy_watch ON policy_notices TO leadsrally_policy_watch USING (true) WITH CHECK (true);
CREATE POLICY policy_watch ON organizations FOR SELECT TO leadsrally_policy_watch USING (true);
CREATE POLICY policy_watch ON notices FOR SELECT TO leadsrally_policy_watch
    USING (kind IN ('policy_change', 'policy_reminder'));
CREATE POLICY policy_watch ON jobs FOR SELECT TO leadsrally_policy_watch
    USING (queue = 'notify' AND kind IN ('policy_change', 'policy_reminder'));

-- Who mails it reads what it is to say, and whether somebody of the organisation has accepted it already.
GRANT SELECT (id, dated, summary, announced_for, effective_at) ON policy_versions TO leadsrally_notify;
GRANT SELECT (organization_id, document, document_version) ON acceptances TO leadsrally_notify;

GRANT SELECT ON policy_versions, clause_standings TO leadsrally_policy;
GRANT SELECT ON policy_versions TO leadsrally_api;

-- The auditor, who looks at the announcements too, and writes down what it found.
GRANT SELECT ON policy_versions TO leadsrally_clauses;
GRANT SELECT (organization_id, version_id, telling, out_at) ON policy_notices TO leadsrally_clauses;
GRANT SELECT (created_at) ON users TO leadsrally_clauses;
GRANT SELECT (provider_id) ON media TO leadsrally_clauses;
GRANT SELECT (ai_scoring, ai_suggestions, ai_auto_reply) ON organizations TO leadsrally_clauses;
GRANT SELECT (data_kinds) ON disclosures TO leadsrally_clauses;
GRANT SELECT, INSERT, UPDATE ON clause_standings TO leadsrally_clauses;
GRANT INSERT ON clause_runs TO leadsrally_clauses;
CREATE POLICY audit ON policy_notices FOR SELECT TO leadsrally_clauses USING (true);
