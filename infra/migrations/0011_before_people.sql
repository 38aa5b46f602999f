-- The people of an organisation: how they come in, prove who they are, what they may do, what they did.
-- A secret that a person holds (password, refresh token, API key, recovery code) rests as a hash. Links in
-- mails are signed (leadsrally.kit.links): their rows say only what the link is for and whether it was used.

ALTER TABLE organizations
    ADD COLUMN language text NOT NULL DEFAULT 'en' CHECK (language IN ('en', 'es', 'pt', 'fr', 'de', 'it')),
    ADD COLUMN version integer NOT NULL DEFAULT 1,
    DROP CONSTRAINT organizations_state_check,
    -- pending: signed up, but the address is not proven yet; nobody can log in, and it is gone in a day
    ADD CONSTRAINT organizations_state_check CHECK (state IN ('pending', 'active', 'paused'));

ALTER TABLE users
    ADD COLUMN version integer NOT NULL DEFAULT 1,
    ADD COLUMN mail_blocked_at timestamptz,      -- our mail came back, or was called spam: nothing more is sent
    ADD COLUMN mail_blocked_because text CHECK (mail_blocked_because IN ('bounced', 'complained', 'suppressed'));

-- Who signed up and has not followed the link yet. Becomes the owner's row in users.
CREATE TABLE signups (
    organization_id uuid NOT NULL REFERENCES organizations (id),
    id              uuid NOT NULL,
    email           text NOT NULL CHECK (length(email) BETWEEN 3 AND 320),
    password_hash   text NOT NULL,
    terms_version   text NOT NULL,
    policy_version  text NOT NULL,
    created_at      timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL,
    used_at         timestamptz,
    PRIMARY KEY (organization_id, id)
);

-- Evidence of what was accepted. Kept as long as the account, also when the person has left.
CREATE TABLE acceptances (
    organization_id uuid NOT NULL REFERENCES organizations (id),
    id              uuid NOT NULL,
    user_id         uuid NOT NULL,
    document        text NOT NULL CHECK (document IN ('terms', 'privacy_policy', 'business_use', 'age')),
    document_version text NOT NULL,
    accepted_at     timestamptz NOT NULL,
    PRIMARY KEY (organization_id, id)
);

-- One log-in on one device. The refresh token changes at each use; using an old one ends the session.
CREATE TABLE sessions (
    organization_id uuid NOT NULL,
    id              uuid NOT NULL,
    user_id         uuid NOT NULL,
    kind            text NOT NULL CHECK (kind IN ('browser', 'client')),
    token_hash      bytea NOT NULL,
    previous_hash   bytea,                       -- accepted once more for some seconds: answers get lost
    rotated_at      timestamptz NOT NULL,
    confirmed_at    timestamptz NOT NULL,        -- when the person last proved who they are
    source_ip       inet,
    user_agent      text NOT NULL DEFAULT '' CHECK (length(user_agent) <= 300),
    created_at      timestamptz NOT NULL,
    last_used_at    timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL,
    revoked_at      timestamptz,
    revoked_because text,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id) ON DELETE CASCADE
);
CREATE INDEX sessions_of_user ON sessions (organization_id, user_id, last_used_at DESC);

CREATE TABLE password_resets (
    organization_id uuid NOT NULL,
    id              uuid NOT NULL,
    user_id         uuid NOT NULL,
    created_at      timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL,
    used_at         timestamptz,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id) ON DELETE CASCADE
);
CREATE INDEX password_resets_of_user ON password_resets (organization_id, user_id);

CREATE TABLE email_changes (
    organization_id uuid NOT NULL,
    id              uuid NOT NULL,
    user_id         uuid NOT NULL,
    old_email       text NOT NULL CHECK (length(old_email) BETWEEN 3 AND 320),
    new_email       text NOT NULL CHECK (length(new_email) BETWEEN 3 AND 320),
    created_at      timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL,
    used_at         timestamptz,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id) ON DELETE CASCADE
);
CREATE INDEX email_changes_of_user ON email_changes (organization_id, user_id);

-- Time-based one-time passwords (RFC 6238). A code is good once: the step of the last one is kept.
CREATE TABLE second_factors (
    organization_id uuid NOT NULL,
    user_id         uuid NOT NULL,
    secret          bytea NOT NULL,              -- sealed; context: organisation, purpose, user
    last_step       bigint NOT NULL DEFAULT 0,
    created_at      timestamptz NOT NULL,
    confirmed_at    timestamptz,                 -- NULL: set up, but no code was ever shown
    PRIMARY KEY (organization_id, user_id),
    FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id) ON DELETE CASCADE
);

CREATE TABLE recovery_codes (
    organization_id uuid NOT NULL,
    user_id         uuid NOT NULL,
    code_hash       bytea NOT NULL,
    used_at         timestamptz,
    PRIMARY KEY (organization_id, user_id, code_hash),
    FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id) ON DELETE CASCADE
);

CREATE TABLE invitations (
    organization_id uuid NOT NULL REFERENCES organizations (id),
    id              uuid NOT NULL,
    email           text NOT NULL CHECK (length(email) BETWEEN 3 AND 320),
    role            text NOT NULL CHECK (role IN ('owner', 'admin', 'agent', 'viewer')),
    invited_by      uuid NOT NULL,
    created_at      timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL,
    accepted_at     timestamptz,
    revoked_at      timestamptz,
    PRIMARY KEY (organization_id, id)
);
CREATE UNIQUE INDEX invitations_open ON invitations (organization_id, lower(email))
    WHERE accepted_at IS NULL AND revoked_at IS NULL;

-- A key belongs to the person who made it, holds no more than that person's role, and goes with them.
CREATE TABLE api_keys (
    organization_id uuid NOT NULL,
    id              uuid NOT NULL,
    user_id         uuid NOT NULL,
    name            text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    key_hash        bytea NOT NULL,
    scopes          text[] NOT NULL,
    created_at      timestamptz NOT NULL,
    last_used_at    timestamptz,
    expires_at      timestamptz,
    revoked_at      timestamptz,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id) ON DELETE CASCADE
);
CREATE INDEX api_keys_of_user ON api_keys (organization_id, user_id);

-- Append-only by grant: who did what to what. Ids and closed words, never a value.
CREATE TABLE audit_log (
    organization_id uuid NOT NULL REFERENCES organizations (id),
    id              uuid NOT NULL,
    actor_kind      text NOT NULL CHECK (actor_kind IN ('person', 'api_key', 'system')),
    actor_id        uuid,
    action          text NOT NULL,
    target_kind     text,
    target_id       uuid,
    details         jsonb NOT NULL DEFAULT '{}',
    occurred_at     timestamptz NOT NULL,
    PRIMARY KEY (organization_id, id)
);
CREATE INDEX audit_log_newest ON audit_log (organization_id, occurred_at DESC, id DESC);

-- The answer to a request that may come again. Written with what the request did, kept for a day.
CREATE TABLE idempotency_keys (
    organization_id uuid NOT NULL REFERENCES organizations (id),
    actor_id        uuid NOT NULL,
    key             text NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
    request_hash    bytea NOT NULL,
    answer          jsonb,                       -- NULL: what was answered is shown once only
    created_at      timestamptz NOT NULL,
    PRIMARY KEY (organization_id, actor_id, key)
);

-- How often something was tried, before anybody is known: generic cell rate algorithm, one instant a bucket.
CREATE TABLE rate_limits (
    bucket  text NOT NULL,
    subject bytea NOT NULL,                      -- keyed hash of an address or an account
    full_at timestamptz NOT NULL,                -- when the bucket will be empty again
    PRIMARY KEY (bucket, subject)
);
CREATE INDEX rate_limits_old ON rate_limits (full_at);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['signups', 'acceptances', 'sessions', 'password_resets', 'email_changes',
                                'second_factors', 'recovery_codes', 'invitations', 'api_keys', 'audit_log',
                                'idempotency_keys']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant ON %I USING (organization_id = current_organization())'
                       ' WITH CHECK (organization_id = current_organization())', name);
    END LOOP;
END
$$;

GRANT INSERT ON organizations TO leadsrally_api;
GRANT UPDATE (name, help_contact, time_zone, country, language, state, version, ai_scoring, ai_suggestions,
              ai_auto_reply, ai_daily_calls, ai_daily_tokens, contact_daily_messages)
    ON organizations TO leadsrally_api;
GRANT SELECT (version, mail_blocked_at, mail_blocked_because) ON users TO leadsrally_api;
GRANT INSERT, DELETE ON users TO leadsrally_api;
GRANT UPDATE (email, password_hash, role, version, mail_blocked_at, mail_blocked_because) ON users TO leadsrally_api;
GRANT SELECT, INSERT, UPDATE (used_at) ON signups TO leadsrally_api;
GRANT SELECT, INSERT ON acceptances TO leadsrally_api;
GRANT SELECT, INSERT, UPDATE ON sessions TO leadsrally_api;
GRANT SELECT, INSERT, UPDATE (used_at) ON password_resets, email_changes TO leadsrally_api;
GRANT SELECT, INSERT, UPDATE, DELETE ON second_factors, recovery_codes TO leadsrally_api;
GRANT SELECT, INSERT, UPDATE (role, expires_at, accepted_at, revoked_at) ON invitations TO leadsrally_api;
GRANT SELECT, INSERT, UPDATE (last_used_at, expires_at, revoked_at) ON api_keys TO leadsrally_api;
GRANT SELECT, INSERT ON audit_log TO leadsrally_api;
GRANT SELECT, INSERT ON idempotency_keys TO leadsrally_api;
GRANT SELECT, INSERT, UPDATE ON rate_limits TO leadsrally_api;
