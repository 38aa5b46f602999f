-- People, threads and messages.

CREATE TABLE contacts (
    organization_id uuid NOT NULL REFERENCES organizations (id),
    id              uuid NOT NULL,
    phone           text NOT NULL CHECK (length(phone) BETWEEN 1 AND 64),  -- E.164, or a short code as given
    name            text NOT NULL DEFAULT '' CHECK (length(name) <= 200),
    email           text NOT NULL DEFAULT '' CHECK (length(email) <= 320),
    time_zone       text,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    PRIMARY KEY (organization_id, id),
    UNIQUE (organization_id, phone)
);

CREATE TABLE conversations (
    organization_id uuid NOT NULL,
    id              uuid NOT NULL,
    contact_id      uuid NOT NULL,
    channel_id      uuid NOT NULL,
    last_message_at timestamptz NOT NULL,
    last_message_id uuid NOT NULL,
    preview         text NOT NULL DEFAULT '',
    unread_count    integer NOT NULL DEFAULT 0,
    intent          text,                    -- newest score
    interest        smallint CHECK (interest BETWEEN 0 AND 100),
    attention       text,                    -- why a person is asked to look; NULL: no reason
    created_at      timestamptz NOT NULL,
    PRIMARY KEY (organization_id, id),
    UNIQUE (organization_id, contact_id, channel_id),
    FOREIGN KEY (organization_id, contact_id) REFERENCES contacts (organization_id, id),
    FOREIGN KEY (organization_id, channel_id) REFERENCES channels (organization_id, id)
) WITH (fillfactor = 85);
CREATE INDEX conversations_by_channel ON conversations (organization_id, channel_id);
CREATE INDEX conversations_newest ON conversations (organization_id, last_message_at DESC, id DESC);
CREATE INDEX conversations_unread ON conversations (organization_id, last_message_at DESC, id DESC)
    WHERE unread_count > 0;

-- A provider's message id is taken once and for ever. Kept as a keyed hash, and kept after erasure: no
-- provider signs a timestamp, so a captured delivery verifies for as long as the secret lives.
CREATE TABLE message_receipts (
    organization_id uuid NOT NULL,           -- no foreign key: written with every message, and outlives them
    channel_id      uuid NOT NULL,
    provider_hash   bytea NOT NULL,
    PRIMARY KEY (organization_id, channel_id, provider_hash)
);

CREATE TABLE messages (
    organization_id     uuid NOT NULL,
    id                  uuid NOT NULL,
    conversation_id     uuid NOT NULL,
    direction           text NOT NULL CHECK (direction IN ('inbound', 'outbound')),
    purpose             text NOT NULL DEFAULT 'service' CHECK (purpose IN ('service', 'marketing', 'keyword')),
    body                text NOT NULL CHECK (length(body) <= 65536),
    media               jsonb,               -- references at the provider
    altered             boolean NOT NULL DEFAULT false,
    segments            smallint,
    status              text NOT NULL,
    status_rank         smallint NOT NULL,
    error_code          text,
    provider_message_id text,
    verdict             jsonb,               -- what the send gate decided, and by which rule
    author_id           uuid,                -- the person who wrote it; NULL: not a person
    idempotency_key     text CHECK (length(idempotency_key) <= 255),
    created_at          timestamptz NOT NULL,
    claimed_at          timestamptz,
    sent_at             timestamptz,
    delivered_at        timestamptz,
    expires_at          timestamptz,
    -- The tenant is a word of the text index: core Postgres has no GIN over uuid, and a search that did
    -- not start with the tenant would read every tenant's rows.
    search              tsvector GENERATED ALWAYS AS (
        array_to_tsvector(ARRAY['org:' || organization_id::text]) || to_tsvector('simple', body)
    ) STORED,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, conversation_id) REFERENCES conversations (organization_id, id)
);
CREATE INDEX messages_thread ON messages (organization_id, conversation_id, created_at DESC, id DESC);
CREATE INDEX messages_newest ON messages (organization_id, created_at DESC, id DESC);
CREATE INDEX messages_search ON messages USING gin (search);
CREATE UNIQUE INDEX messages_at_provider ON messages (organization_id, provider_message_id)
    WHERE direction = 'outbound' AND provider_message_id IS NOT NULL;
CREATE UNIQUE INDEX messages_once ON messages (organization_id, idempotency_key) WHERE idempotency_key IS NOT NULL;

-- A status that came before our own record of the message it speaks of.
CREATE TABLE early_reports (
    organization_id uuid NOT NULL REFERENCES organizations (id),
    provider_hash   bytea NOT NULL,
    status          text NOT NULL,
    status_rank     smallint NOT NULL,
    error_code      text,
    received_at     timestamptz NOT NULL,
    PRIMARY KEY (organization_id, provider_hash, status)
);

-- P1.5, P6.4: a row for each call at a webhook, refused ones included, without content. One partition a
-- UTC day, so that an expired day is dropped, not deleted. There is no default partition on purpose: the
-- sweep makes days ahead, and an alarm rings when fewer than seven are left.
CREATE TABLE delivery_log (
    received_at     timestamptz NOT NULL,
    id              uuid NOT NULL,
    organization_id uuid,                    -- NULL: the address named no channel of ours
    channel_id      uuid,
    provider        text NOT NULL,
    kind            text NOT NULL,           -- inbound, status
    outcome         text NOT NULL,           -- stored, duplicate, applied, ignored, refused
    reason          text,                    -- a closed word for a refusal
    http_status     smallint NOT NULL,
    source_ip       inet,
    bytes           integer NOT NULL,
    message_id      uuid,
    request_id      text NOT NULL,
    PRIMARY KEY (received_at, id)
) PARTITION BY RANGE (received_at);
CREATE INDEX delivery_log_of_organization ON delivery_log (organization_id, received_at DESC, id DESC);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['contacts', 'conversations', 'message_receipts', 'messages', 'early_reports',
                                'delivery_log']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant ON %I USING (organization_id = current_organization())'
                       ' WITH CHECK (organization_id = current_organization())', name);
    END LOOP;
END
$$;
-- A call to an address that is no channel of ours belongs to nobody and is still logged.
CREATE POLICY unattributed ON delivery_log FOR INSERT TO leadsrally_webhook_twilio
    WITH CHECK (organization_id IS NULL);
CREATE POLICY sweep_counts ON delivery_log FOR SELECT TO leadsrally_retention_sweep USING (true);

-- Making and dropping a day needs the table's owner, whom no function is. These two do it and nothing else.
CREATE FUNCTION delivery_log_make_day(day date) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
    DECLARE
        name text := 'delivery_log_' || to_char(day, 'YYYYMMDD');
    BEGIN
        IF to_regclass('public.' || name) IS NOT NULL THEN
            RETURN false;
        END IF;
        EXECUTE format('CREATE TABLE %I PARTITION OF delivery_log FOR VALUES FROM (%L) TO (%L)',
                       name, day::timestamp AT TIME ZONE 'UTC', (day + 1)::timestamp AT TIME ZONE 'UTC');
        -- A partition named directly is nobody's: reached through the parent only.
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        RETURN true;
    EXCEPTION WHEN duplicate_table THEN
        RETURN false;   -- another sweep made it in the same moment
    END
    $$;

-- Drops one whole day. Kept are today and the 89 days before it, so that no row grows older than 90 days
-- (P6.4). Refuses a day that is not past that by the database's own clock, so that a worker whose clock is
-- wrong cannot delete early.
CREATE FUNCTION delivery_log_drop_day(day date) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
    DECLARE
        name text := 'delivery_log_' || to_char(day, 'YYYYMMDD');
    BEGIN
        IF day > (clock_timestamp() AT TIME ZONE 'UTC')::date - 90 THEN
            RAISE EXCEPTION 'delivery_log: % is kept for 90 days', day USING ERRCODE = 'check_violation';
        END IF;
        IF to_regclass('public.' || name) IS NULL THEN
            RETURN false;
        END IF;
        -- A drop takes the parent's lock for a moment; inserts must never queue behind a drop that waits.
        SET LOCAL lock_timeout = '200ms';
        EXECUTE format('DROP TABLE %I', name);
        RETURN true;
    END
    $$;

CREATE FUNCTION delivery_log_days() RETURNS SETOF date
    LANGUAGE sql STABLE SET search_path = public, pg_catalog, pg_temp
    AS $$
        SELECT to_date(right(c.relname, 8), 'YYYYMMDD')
          FROM pg_catalog.pg_inherits AS i
          JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid
         WHERE i.inhparent = 'public.delivery_log'::regclass
         ORDER BY 1
    $$;

REVOKE ALL ON FUNCTION delivery_log_make_day(date), delivery_log_drop_day(date), delivery_log_days() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION delivery_log_make_day(date), delivery_log_drop_day(date), delivery_log_days()
    TO leadsrally_retention_sweep;

-- Days to begin with; from here on the sweep keeps fourteen ahead.
SELECT delivery_log_make_day(((now() AT TIME ZONE 'UTC')::date + ahead)::date)
  FROM generate_series(-1, 14) AS ahead;

GRANT SELECT, INSERT, UPDATE ON contacts, conversations TO leadsrally_webhook_twilio;
GRANT SELECT, INSERT ON message_receipts TO leadsrally_webhook_twilio;
GRANT SELECT, INSERT, UPDATE ON messages TO leadsrally_webhook_twilio;
GRANT SELECT, INSERT ON early_reports TO leadsrally_webhook_twilio;
GRANT INSERT ON delivery_log TO leadsrally_webhook_twilio;

GRANT SELECT ON contacts, conversations, messages, delivery_log TO leadsrally_api;
GRANT INSERT ON messages TO leadsrally_api;
GRANT UPDATE (last_message_at, last_message_id, preview, unread_count, attention) ON conversations TO leadsrally_api;
GRANT UPDATE (updated_at) ON contacts TO leadsrally_api;

-- FOR SHARE and FOR UPDATE need the right to update at least one column.
GRANT SELECT, UPDATE (updated_at) ON contacts TO leadsrally_send_message, leadsrally_ai_score;
GRANT SELECT, UPDATE ON messages TO leadsrally_send_message;
GRANT SELECT, UPDATE (attention) ON conversations TO leadsrally_send_message;
GRANT SELECT, DELETE ON early_reports TO leadsrally_send_message;

GRANT SELECT ON messages, conversations TO leadsrally_ai_score;
GRANT UPDATE (intent, interest, attention) ON conversations TO leadsrally_ai_score;

GRANT SELECT ON delivery_log TO leadsrally_retention_sweep;
