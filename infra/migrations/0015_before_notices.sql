-- What people of a customer are told, by mail and in product (P2.4, P4.5), and what became of each mail.

CREATE TABLE notices (
    organization_id uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    id              uuid NOT NULL,               -- also the key under which the provider takes the mail once
    job_id          uuid NOT NULL,
    user_id         uuid,                        -- NULL: somebody who is no user yet
    kind            text NOT NULL CHECK (length(kind) <= 40),
    about_id        uuid NOT NULL,               -- the row it speaks of
    address         text NOT NULL CHECK (length(address) BETWEEN 3 AND 320),
    language        text NOT NULL CHECK (language IN ('en', 'es', 'pt', 'fr', 'de', 'it')),
    state           text NOT NULL DEFAULT 'queued'
                    CHECK (state IN ('queued', 'withheld', 'refused', 'taken', 'delivered', 'failed',
                                     'suppressed', 'bounced', 'complained')),
    rank            smallint NOT NULL DEFAULT 10,
    reason          text CHECK (length(reason) <= 64),   -- a closed word
    provider_id     text CHECK (length(provider_id) <= 255),
    created_at      timestamptz NOT NULL,
    taken_at        timestamptz,
    delivered_at    timestamptz,
    returned_at     timestamptz,                 -- it bounced, was suppressed, failed, or was called spam
    read_at         timestamptz,                 -- in product, not in the mailbox: mails are not tracked
    PRIMARY KEY (organization_id, id),
    -- A job that runs again tells nobody twice.
    UNIQUE (organization_id, job_id, address),
    FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id) ON DELETE CASCADE
);
CREATE INDEX notices_of_user ON notices (organization_id, user_id, created_at DESC, id DESC);
CREATE INDEX notices_waiting ON notices (created_at) WHERE state = 'queued';

-- Each report of the provider about a mail, once: the receipts of what was delivered, and the memory that
-- makes a repeat harmless.
CREATE TABLE notice_events (
    organization_id uuid NOT NULL,
    id              text NOT NULL CHECK (length(id) BETWEEN 1 AND 255),  -- the provider's
    notice_id       uuid NOT NULL,
    event           text NOT NULL CHECK (event IN ('sent', 'delayed', 'delivered', 'failed', 'suppressed',
                                                   'bounced', 'complained')),
    reason          text CHECK (length(reason) <= 64),
    occurred_at     timestamptz NOT NULL,
    recorded_at     timestamptz NOT NULL,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, notice_id) REFERENCES notices (organization_id, id) ON DELETE CASCADE
);
CREATE INDEX notice_events_of_notice ON notice_events (organization_id, notice_id, occurred_at);

-- Somebody who is no user yet can have a wrong address too. What is sent to it came back: nothing more is.
ALTER TABLE signups
    ADD COLUMN mail_blocked_at timestamptz,
    ADD COLUMN mail_blocked_because text CHECK (mail_blocked_because IN ('bounced', 'complained', 'suppressed'));
ALTER TABLE invitations
    ADD COLUMN mail_blocked_at timestamptz,
    ADD COLUMN mail_blocked_because text CHECK (mail_blocked_because IN ('bounced', 'complained', 'suppressed'));

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['notices', 'notice_events']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant ON %I USING (organization_id = current_organization())'
                       ' WITH CHECK (organization_id = current_organization())', name);
    END LOOP;
END
$$;

-- The function that mails reads who it is about and what happened; no hash and no secret.
CREATE POLICY own_queue_notify ON jobs TO leadsrally_notify USING (queue = 'notify') WITH CHECK (queue = 'notify');
GRANT SELECT, UPDATE, DELETE ON jobs TO leadsrally_notify;
GRANT SELECT, INSERT, UPDATE ON notices TO leadsrally_notify;
GRANT SELECT (id, name, language, time_zone) ON organizations TO leadsrally_notify;
GRANT SELECT (organization_id, id, email, role, mail_blocked_at) ON users TO leadsrally_notify;
GRANT SELECT (organization_id, id, email, expires_at, used_at, mail_blocked_at) ON signups TO leadsrally_notify;
GRANT SELECT (organization_id, id, user_id, expires_at, used_at) ON password_resets TO leadsrally_notify;
GRANT SELECT (organization_id, id, user_id, old_email, new_email, expires_at, used_at)
    ON email_changes TO leadsrally_notify;
GRANT SELECT (organization_id, id, email, role, invited_by, expires_at, accepted_at, revoked_at, mail_blocked_at)
    ON invitations TO leadsrally_notify;
GRANT SELECT (organization_id, id, user_id, source_ip, user_agent, created_at) ON sessions TO leadsrally_notify;
GRANT SELECT (organization_id, id, user_id, name, created_at) ON api_keys TO leadsrally_notify;
GRANT SELECT (organization_id, user_id, confirmed_at) ON second_factors TO leadsrally_notify;

-- The function that hears of mails. A report that names no notice of ours belongs to nobody and is still logged.
GRANT SELECT (organization_id, id, user_id, kind, about_id, address, state, rank, reason, provider_id, taken_at,
              delivered_at, returned_at),
      UPDATE (state, rank, reason, provider_id, taken_at, delivered_at, returned_at)
    ON notices TO leadsrally_webhook_resend;
GRANT SELECT (organization_id, id), INSERT ON notice_events TO leadsrally_webhook_resend;
GRANT SELECT (organization_id, id, email, mail_blocked_at), UPDATE (mail_blocked_at, mail_blocked_because)
    ON users TO leadsrally_webhook_resend;
GRANT SELECT (organization_id, id, mail_blocked_at), UPDATE (mail_blocked_at, mail_blocked_because)
    ON signups, invitations TO leadsrally_webhook_resend;
GRANT INSERT ON delivery_log TO leadsrally_webhook_resend;
CREATE POLICY unattributed_mail ON delivery_log FOR INSERT TO leadsrally_webhook_resend
    WITH CHECK (organization_id IS NULL);

-- In product: what one was told, and that it was read.
GRANT SELECT (organization_id, id, user_id, kind, about_id, language, state, reason, created_at, taken_at,
              delivered_at, returned_at, read_at) ON notices TO leadsrally_api;
GRANT UPDATE (read_at) ON notices TO leadsrally_api;

-- The auditor: whether mails leave, and whether blocked addresses are left alone. No address and no word.
GRANT SELECT (organization_id, id, user_id, kind, state, created_at, taken_at) ON notices TO leadsrally_clauses;
GRANT SELECT (mail_blocked_at) ON users TO leadsrally_clauses;
GRANT SELECT (organization_id, queue, state) ON jobs TO leadsrally_clauses;
CREATE POLICY audit ON notices FOR SELECT TO leadsrally_clauses USING (true);
CREATE POLICY audit ON jobs FOR SELECT TO leadsrally_clauses USING (true);
