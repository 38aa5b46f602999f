-- P2.3: what is used, counted in the transaction that causes it. A row is one cause: a message, or a score. It holds
-- ids and counts, and outlives the message that it counts.

CREATE TABLE usage (
    organization_id uuid NOT NULL,           -- no foreign key: written with every message, which must not wait for it
    occurred_on     date NOT NULL,           -- the UTC day of the cause, the same whoever writes the row
    kind            text NOT NULL CHECK (kind IN (
                        'sms_in', 'sms_out', 'mms_in', 'mms_out', 'whatsapp_out',
                        'ai_input', 'ai_output', 'ai_cache_read', 'ai_cache_write')),
    cause_id        uuid NOT NULL,
    detail          text NOT NULL DEFAULT '' CHECK (length(detail) <= 64),   -- Meta's category, or a model
    quantity        integer NOT NULL CHECK (quantity > 0),
    late            boolean NOT NULL DEFAULT false,   -- written in a month after its own
    -- A month is counted from the key alone.
    PRIMARY KEY (organization_id, occurred_on, kind, cause_id) INCLUDE (detail, quantity)
);
-- Nearly none are late, so this costs nothing where messages come in.
CREATE INDEX usage_late ON usage (organization_id, occurred_on) WHERE late;
-- For the sweep. Rows come nearly in the order of their days.
CREATE INDEX usage_by_day ON usage USING brin (occurred_on);

ALTER TABLE usage ENABLE ROW LEVEL SECURITY;
ALTER TABLE usage FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON usage
    USING (organization_id = current_organization()) WITH CHECK (organization_id = current_organization());

GRANT INSERT ON usage TO
    leadsrally_webhook_twilio, leadsrally_webhook_meta, leadsrally_send_message, leadsrally_ai_score;
-- Whether a text that is reported has files: then it is one MMS, of however many parts.
GRANT SELECT (organization_id, message_id) ON media TO leadsrally_webhook_twilio;
