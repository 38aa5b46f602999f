-- Channels that customers look after themselves. What needs the provider is a task: the API writes it down and
-- answers, the function manage_channel does it. The API seals what people enter and can open nothing (decision 12).

ALTER TABLE channels
    ADD COLUMN name text NOT NULL DEFAULT '' CHECK (length(name) <= 100),
    ADD COLUMN version integer NOT NULL DEFAULT 1,
    ADD COLUMN checks jsonb,                     -- what the last live test found, in closed words
    ADD COLUMN checked_at timestamptz,
    ADD COLUMN disconnected_at timestamptz,
    ALTER COLUMN credentials DROP NOT NULL,      -- forgotten with the connection
    ADD CONSTRAINT channels_credentials CHECK (state = 'disconnected' OR credentials IS NOT NULL);

CREATE TABLE channel_tasks (
    organization_id uuid NOT NULL REFERENCES organizations (id),
    id              uuid NOT NULL,
    kind            text NOT NULL CHECK (kind IN ('test', 'configure', 'replace', 'search', 'buy', 'release')),
    channel_id      uuid,                        -- whose account is used; NULL: the task brings one of its own
    account_sid     text,                        -- of that account
    secret          bytea,                       -- sealed; context: organisation, purpose, task; gone with its end
    number          text,                        -- to be bought
    wanted          jsonb,                       -- what is looked for
    state           text NOT NULL DEFAULT 'waiting' CHECK (state IN (
        'waiting', 'calling',                    -- calling: a number was ordered, the answer is not recorded yet
        'unknown',                               -- ordered, and no answer came back; being looked up
        'done', 'failed')),
    failure         text,                        -- a closed word of ours or a code of the provider's
    result          jsonb,
    actor_kind      text NOT NULL,               -- who asked, for the audit log
    actor_id        uuid,
    created_at      timestamptz NOT NULL,
    called_at       timestamptz,
    finished_at     timestamptz,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, channel_id) REFERENCES channels (organization_id, id),
    CHECK ((channel_id IS NULL) = (account_sid IS NOT NULL)),
    CHECK ((finished_at IS NULL) = (state IN ('waiting', 'calling', 'unknown'))),
    CHECK (finished_at IS NULL OR secret IS NULL)
);
CREATE INDEX channel_tasks_of_channel ON channel_tasks (organization_id, channel_id, created_at DESC, id DESC);
CREATE INDEX channel_tasks_finished ON channel_tasks (organization_id, finished_at);
-- A number is ordered once, however often the button is pressed.
CREATE UNIQUE INDEX channel_tasks_one_purchase ON channel_tasks (organization_id, number)
    WHERE kind = 'buy' AND finished_at IS NULL;

ALTER TABLE channel_tasks ENABLE ROW LEVEL SECURITY;
ALTER TABLE channel_tasks FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON channel_tasks
    USING (organization_id = current_organization()) WITH CHECK (organization_id = current_organization());

GRANT SELECT (credentials_version, name, version, checks, checked_at, disconnected_at) ON channels TO leadsrally_api;
GRANT INSERT (organization_id, id, key, kind, address, account_sid, credentials, name, created_at)
    ON channels TO leadsrally_api;
GRANT UPDATE (key, account_sid, credentials, credentials_version, provider_answers_keywords, state, quiet_until, name,
              version, checks, checked_at, disconnected_at) ON channels TO leadsrally_api;
GRANT SELECT (organization_id, id, kind, channel_id, account_sid, number, wanted, state, failure, result, actor_kind,
              actor_id, created_at, called_at, finished_at) ON channel_tasks TO leadsrally_api;
GRANT INSERT, DELETE ON channel_tasks TO leadsrally_api;

GRANT SELECT ON channels, channel_tasks TO leadsrally_manage_channel;
GRANT INSERT (organization_id, id, key, kind, address, account_sid, credentials, name, created_at)
    ON channels TO leadsrally_manage_channel;
GRANT UPDATE (key, account_sid, credentials, credentials_version, state, quiet_until, name, version, checks,
              checked_at, disconnected_at) ON channels TO leadsrally_manage_channel;
GRANT INSERT, DELETE ON channel_tasks TO leadsrally_manage_channel;
GRANT UPDATE (secret, state, failure, result, called_at, finished_at) ON channel_tasks TO leadsrally_manage_channel;
GRANT INSERT ON audit_log TO leadsrally_manage_channel;
GRANT SELECT, INSERT, UPDATE, DELETE ON jobs TO leadsrally_manage_channel;
CREATE POLICY own_queue_channels ON jobs TO leadsrally_manage_channel
    USING (queue = 'manage_channel') WITH CHECK (queue = 'manage_channel');

GRANT SELECT (organization_id, id, secret), UPDATE (secret) ON channel_tasks TO leadsrally_keys;
CREATE POLICY rotation ON channel_tasks FOR SELECT TO leadsrally_keys USING (true);
CREATE POLICY rotation_writes ON channel_tasks FOR UPDATE TO leadsrally_keys USING (true) WITH CHECK (true);

GRANT SELECT (organization_id, id, kind, secret, state, called_at) ON channel_tasks TO leadsrally_clauses;
CREATE POLICY audit ON channel_tasks FOR SELECT TO leadsrally_clauses USING (true);
