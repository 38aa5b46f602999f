-- P1.4: what a model said about a message, beside the message, gone with it.

CREATE TABLE scores (
    organization_id uuid NOT NULL,
    id              uuid NOT NULL,
    message_id      uuid NOT NULL,
    outcome         text NOT NULL CHECK (outcome IN ('scored', 'refusal', 'truncated', 'nonsense')),
    intent          text,
    interest        smallint CHECK (interest BETWEEN 0 AND 100),
    reason          text,
    suggestions     jsonb NOT NULL DEFAULT '[]',
    wants_to_stop   boolean NOT NULL DEFAULT false,
    language        text,
    model           text NOT NULL,
    prompt_version  text NOT NULL,
    input_tokens    integer NOT NULL,
    output_tokens   integer NOT NULL,
    created_at      timestamptz NOT NULL,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, message_id) REFERENCES messages (organization_id, id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX scores_of_message ON scores (organization_id, message_id);

-- The daily budget is spent here before a call is made.
CREATE TABLE ai_usage (
    organization_id uuid NOT NULL REFERENCES organizations (id),
    day             date NOT NULL,
    calls           integer NOT NULL DEFAULT 0,
    tokens          bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (organization_id, day)
);

ALTER TABLE scores ENABLE ROW LEVEL SECURITY;
ALTER TABLE scores FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON scores
    USING (organization_id = current_organization()) WITH CHECK (organization_id = current_organization());
ALTER TABLE ai_usage ENABLE ROW LEVEL SECURITY;
ALTER TABLE ai_usage FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON ai_usage
    USING (organization_id = current_organization()) WITH CHECK (organization_id = current_organization());

GRANT SELECT, INSERT ON scores TO leadsrally_ai_score;
GRANT SELECT, INSERT, UPDATE ON ai_usage TO leadsrally_ai_score;
GRANT SELECT ON scores, ai_usage TO leadsrally_api;
