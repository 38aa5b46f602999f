-- WhatsApp numbers and pages that customers connect and look after themselves (decision 18).

ALTER TABLE channels
    ADD COLUMN app_id text CHECK (length(app_id) BETWEEN 1 AND 64),         -- the customer's app at Meta
    ADD COLUMN health text CHECK (health IN ('available', 'limited', 'blocked')),
    ADD COLUMN quality text CHECK (quality IN ('green', 'yellow', 'red', 'unknown')),
    ADD COLUMN messaging_limit text CHECK (length(messaging_limit) <= 32),  -- Meta's word, of the whole portfolio
    ADD COLUMN name_status text CHECK (length(name_status) <= 32),          -- Meta's word for the name people see
    ADD COLUMN token_expires_at timestamptz,                                -- NULL: never, or not known yet
    ADD COLUMN expiry_warned_at timestamptz,
    ADD COLUMN challenged_at timestamptz,        -- when Meta last made sure of the webhook's address
    DROP CONSTRAINT channels_ids_of_kind,
    -- A WhatsApp number has no address until the first test has asked Meta which number it is.
    ADD CONSTRAINT channels_ids_of_kind CHECK (
        CASE kind
            WHEN 'sms' THEN num_nonnulls(address, account_sid) = 2
                        AND num_nulls(waba_id, phone_number_id, page_id, app_id) = 4
            WHEN 'whatsapp' THEN num_nonnulls(waba_id, phone_number_id) = 2
                             AND num_nulls(account_sid, page_id) = 2
            ELSE num_nonnulls(page_id) = 1
             AND num_nulls(address, account_sid, waba_id, phone_number_id) = 4
        END);

ALTER TABLE channel_tasks
    ADD COLUMN provider text NOT NULL DEFAULT 'twilio' CHECK (provider IN ('twilio', 'meta')),  -- whose secret it brings
    DROP CONSTRAINT channel_tasks_kind_check,
    ADD CONSTRAINT channel_tasks_kind_check CHECK (kind IN (
        'connect', 'disconnect', 'test', 'configure', 'replace', 'search', 'buy', 'release'));

GRANT SELECT (app_id, health, quality, messaging_limit, name_status, token_expires_at, challenged_at)
    ON channels TO leadsrally_api;
GRANT INSERT (waba_id, phone_number_id, page_id, app_id) ON channels TO leadsrally_api;
GRANT UPDATE (waba_id, app_id, health, quality, messaging_limit, name_status, token_expires_at, expiry_warned_at,
              challenged_at, trouble, trouble_since) ON channels TO leadsrally_api;
GRANT SELECT (provider) ON channel_tasks TO leadsrally_api, leadsrally_keys;

GRANT UPDATE (address, health, quality, messaging_limit, name_status, token_expires_at, expiry_warned_at, trouble,
              trouble_since) ON channels TO leadsrally_manage_channel;

GRANT UPDATE (challenged_at) ON channels TO leadsrally_webhook_meta;
GRANT SELECT (name, token_expires_at) ON channels TO leadsrally_notify;

-- Once an hour manage_channel asks which channels are to be looked after, of all tenants; which they are and when they
-- were is all that it learns by this.
GRANT CREATE ON SCHEMA public TO leadsrally_lookup;
SET ROLE leadsrally_lookup;
CREATE FUNCTION meta_channels_due(tested_before timestamptz, expiring_before timestamptz)
    RETURNS TABLE (
        organization_id uuid, channel_id uuid, checked_at timestamptz, token_expires_at timestamptz,
        expiry_warned_at timestamptz
    )
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
        SELECT c.organization_id, c.id, c.checked_at, c.token_expires_at, c.expiry_warned_at
          FROM channels AS c
         WHERE c.kind IN ('whatsapp', 'lead_ads')
           AND c.state = 'active'
           AND (coalesce(c.checked_at, c.created_at) < tested_before OR c.token_expires_at < expiring_before)
         ORDER BY c.organization_id, c.id
    $$;
REVOKE ALL ON FUNCTION meta_channels_due(timestamptz, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION meta_channels_due(timestamptz, timestamptz) TO leadsrally_manage_channel;
SET ROLE leadsrally_owner;
REVOKE CREATE ON SCHEMA public FROM leadsrally_lookup;
