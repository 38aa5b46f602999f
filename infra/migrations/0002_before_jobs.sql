-- Work for later. A row is written in the transaction that causes it; SQS or NOTIFY is only the bell.

CREATE TABLE jobs (
    id              uuid PRIMARY KEY,       -- the bell carries this and nothing else
    organization_id uuid NOT NULL REFERENCES organizations (id),
    queue           text NOT NULL,          -- the function that does it
    kind            text NOT NULL,          -- what it is to do there
    payload         jsonb NOT NULL,         -- ids only
    state           text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'leased', 'dead')),
    run_at          timestamptz NOT NULL,
    attempts        smallint NOT NULL DEFAULT 0,
    max_attempts    smallint NOT NULL DEFAULT 8,
    lease_token     uuid,                   -- fences a worker that lost its lease
    lease_until     timestamptz,
    rung_at         timestamptz,            -- when the bell last rang for it
    ordering_key    text,                   -- jobs with the same key run one after another, oldest first
    unique_key      text,                   -- one waiting job for the same key
    error           text,                   -- a closed word, never a provider's or a contact's text
    created_at      timestamptz NOT NULL,
    number          bigint GENERATED ALWAYS AS IDENTITY
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);

CREATE INDEX jobs_due ON jobs (queue, organization_id, run_at) WHERE state = 'queued';
CREATE INDEX jobs_in_order ON jobs (ordering_key, number) WHERE ordering_key IS NOT NULL AND state <> 'dead';
CREATE UNIQUE INDEX jobs_waiting_once ON jobs (queue, unique_key) WHERE unique_key IS NOT NULL AND state = 'queued';
CREATE INDEX jobs_leased ON jobs (lease_until) WHERE state = 'leased';
CREATE INDEX jobs_of_organization ON jobs (organization_id, created_at DESC, id DESC);

ALTER TABLE jobs ENABLE ROW LEVEL SECURITY;
ALTER TABLE jobs FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON jobs
    USING (organization_id = current_organization()) WITH CHECK (organization_id = current_organization());
-- A worker serves all organisations, but only the queue it was made for.
CREATE POLICY own_queue ON jobs TO leadsrally_ai_score USING (queue = 'ai_score') WITH CHECK (queue = 'ai_score');
CREATE POLICY own_queue_send ON jobs TO leadsrally_send_message
    USING (queue = 'send_message') WITH CHECK (queue = 'send_message');
CREATE POLICY every_queue ON jobs TO leadsrally_tick USING (true) WITH CHECK (true);

GRANT SELECT, UPDATE, DELETE ON jobs TO leadsrally_ai_score;
GRANT SELECT, INSERT, UPDATE, DELETE ON jobs TO leadsrally_send_message;
GRANT SELECT, INSERT, UPDATE ON jobs TO leadsrally_api;
GRANT SELECT, INSERT, UPDATE ON jobs TO leadsrally_webhook_twilio;
GRANT SELECT, UPDATE ON jobs TO leadsrally_tick;
