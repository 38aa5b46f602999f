-- Organisations, their people and their channels.
-- Rules that hold for every table of a tenant, and are asserted by tests/wiring/test_tenancy.py:
--   * organization_id comes first in the key, foreign keys are composite, every foreign key has an index;
--   * row-level security is enabled and forced; the policy "tenant" treats an unset tenant as nobody;
--   * what a function's role may do beyond its tenant has a policy with a name of its own.

-- The tenant of the running transaction. After set_config(…, true) has ended the setting is '', not NULL.
CREATE FUNCTION current_organization() RETURNS uuid
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT nullif(current_setting('leadsrally.organization_id', true), '')::uuid $$;

CREATE TABLE organizations (
    id                      uuid PRIMARY KEY,
    name                    text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    help_contact            text NOT NULL DEFAULT '',      -- what HELP answers with: an address or a number
    time_zone               text NOT NULL DEFAULT 'UTC',
    country                 text NOT NULL DEFAULT 'US',    -- region for numbers written without a country code
    state                   text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'paused')),
    ai_scoring              boolean NOT NULL DEFAULT false,
    ai_suggestions          boolean NOT NULL DEFAULT false,
    ai_auto_reply           boolean NOT NULL DEFAULT false,
    ai_daily_calls          integer NOT NULL DEFAULT 2000 CHECK (ai_daily_calls >= 0),
    ai_daily_tokens         bigint  NOT NULL DEFAULT 2000000 CHECK (ai_daily_tokens >= 0),
    contact_daily_messages  integer NOT NULL DEFAULT 20 CHECK (contact_daily_messages >= 0),
    created_at              timestamptz NOT NULL
);
ALTER TABLE organizations ENABLE ROW LEVEL SECURITY;
ALTER TABLE organizations FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON organizations
    USING (id = current_organization()) WITH CHECK (id = current_organization());

CREATE TABLE users (
    organization_id uuid NOT NULL REFERENCES organizations (id),
    id              uuid NOT NULL,
    email           text NOT NULL CHECK (length(email) BETWEEN 3 AND 320),
    password_hash   text NOT NULL,
    role            text NOT NULL CHECK (role IN ('owner', 'admin', 'agent', 'viewer')),
    created_at      timestamptz NOT NULL,
    PRIMARY KEY (organization_id, id)
);
CREATE UNIQUE INDEX users_email ON users (lower(email));
ALTER TABLE users ENABLE ROW LEVEL SECURITY;
ALTER TABLE users FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON users
    USING (organization_id = current_organization()) WITH CHECK (organization_id = current_organization());
CREATE POLICY lookup ON users FOR SELECT TO leadsrally_lookup USING (true);

CREATE TABLE channels (
    organization_id             uuid NOT NULL REFERENCES organizations (id),
    id                          uuid NOT NULL,
    key                         text NOT NULL UNIQUE CHECK (length(key) >= 22),  -- in the webhook's address
    kind                        text NOT NULL CHECK (kind IN ('sms', 'whatsapp', 'lead_ads')),
    address                     text NOT NULL,               -- our number, E.164
    account_sid                 text NOT NULL,
    credentials                 bytea NOT NULL,              -- sealed; context: organisation, purpose, row
    credentials_version         integer NOT NULL DEFAULT 1,
    provider_answers_keywords   boolean NOT NULL DEFAULT true,
    state                       text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'disconnected')),
    quiet_until                 timestamptz,                 -- the provider asked us to slow down until then
    created_at                  timestamptz NOT NULL,
    PRIMARY KEY (organization_id, id),
    UNIQUE (organization_id, kind, address)
);
ALTER TABLE channels ENABLE ROW LEVEL SECURITY;
ALTER TABLE channels FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON channels
    USING (organization_id = current_organization()) WITH CHECK (organization_id = current_organization());
CREATE POLICY lookup ON channels FOR SELECT TO leadsrally_lookup USING (true);
CREATE POLICY lookup ON organizations FOR SELECT TO leadsrally_lookup USING (true);

GRANT SELECT ON organizations, users, channels TO leadsrally_lookup;

-- The two look-ups that must happen before the tenant is known. They belong to a role that can log in
-- nowhere and read these columns only.
GRANT CREATE ON SCHEMA public TO leadsrally_lookup;
SET ROLE leadsrally_lookup;

CREATE FUNCTION channel_by_key(wanted text)
    RETURNS TABLE (
        organization_id uuid, id uuid, key text, kind text, address text, account_sid text,
        credentials bytea, credentials_version integer, provider_answers_keywords boolean, scoring boolean
    )
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
        SELECT c.organization_id, c.id, c.key, c.kind, c.address, c.account_sid,
               c.credentials, c.credentials_version, c.provider_answers_keywords,
               o.ai_scoring OR o.ai_suggestions
          FROM channels AS c
          JOIN organizations AS o ON o.id = c.organization_id
         WHERE c.key = wanted
           AND c.state = 'active'
    $$;

CREATE FUNCTION login_by_email(wanted text)
    RETURNS TABLE (organization_id uuid, id uuid, role text, password_hash text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
        SELECT u.organization_id, u.id, u.role, u.password_hash
          FROM users AS u
         WHERE lower(u.email) = lower(wanted)
    $$;

REVOKE ALL ON FUNCTION channel_by_key(text), login_by_email(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION channel_by_key(text) TO leadsrally_webhook_twilio;
GRANT EXECUTE ON FUNCTION login_by_email(text) TO leadsrally_api;

SET ROLE leadsrally_owner;
REVOKE CREATE ON SCHEMA public FROM leadsrally_lookup;

GRANT SELECT ON organizations TO
    leadsrally_api, leadsrally_webhook_twilio, leadsrally_ai_score, leadsrally_send_message;
GRANT SELECT ON channels TO
    leadsrally_api, leadsrally_webhook_twilio, leadsrally_send_message;
GRANT UPDATE (quiet_until) ON channels TO leadsrally_send_message;
GRANT SELECT (organization_id, id, email, role, created_at) ON users TO leadsrally_api;
