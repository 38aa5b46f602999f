-- What logging in, staying logged in and expiring need beyond the tables of 0011.

-- A refresh token and a recovery code rest as 32 bytes of a hash, or they cannot be stored at all.
ALTER TABLE sessions
    ADD CONSTRAINT sessions_hold_hashes
        CHECK (octet_length(token_hash) = 32 AND octet_length(previous_hash) = 32),
    ADD CONSTRAINT sessions_end_within_30_days
        CHECK (expires_at <= created_at + interval '720 hours');
ALTER TABLE recovery_codes ADD CONSTRAINT recovery_codes_are_hashes CHECK (octet_length(code_hash) = 32);

CREATE INDEX sessions_ended ON sessions (least(revoked_at, expires_at));
CREATE INDEX idempotency_keys_old ON idempotency_keys (created_at);

-- Whoever has not proven the address yet cannot log in. `version` lets the log-in notice that the account was
-- changed while the password was being compared.
GRANT CREATE ON SCHEMA public TO leadsrally_lookup;
SET ROLE leadsrally_lookup;

DROP FUNCTION login_by_email(text);
CREATE FUNCTION login_by_email(wanted text)
    RETURNS TABLE (organization_id uuid, id uuid, role text, password_hash text, version integer)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
        SELECT u.organization_id, u.id, u.role, u.password_hash, u.version
          FROM users AS u
          JOIN organizations AS o ON o.id = u.organization_id
         WHERE lower(u.email) = lower(wanted)
           AND o.state <> 'pending'
    $$;

REVOKE ALL ON FUNCTION login_by_email(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION login_by_email(text) TO leadsrally_api;

SET ROLE leadsrally_owner;
REVOKE CREATE ON SCHEMA public FROM leadsrally_lookup;

-- The sweep sees and deletes what has expired, in every tenant. Of organisations and their jobs it sees those
-- that never got beyond the sign-up.
CREATE POLICY sweep ON signups TO leadsrally_retention_sweep USING (true);
CREATE POLICY sweep ON sessions TO leadsrally_retention_sweep USING (true);
CREATE POLICY sweep ON password_resets TO leadsrally_retention_sweep USING (true);
CREATE POLICY sweep ON email_changes TO leadsrally_retention_sweep USING (true);
CREATE POLICY sweep ON idempotency_keys TO leadsrally_retention_sweep USING (true);
CREATE POLICY sweep_pending ON organizations TO leadsrally_retention_sweep USING (state = 'pending');
CREATE POLICY sweep_pending ON jobs TO leadsrally_retention_sweep
    USING (EXISTS (SELECT 1 FROM organizations AS o WHERE o.id = jobs.organization_id AND o.state = 'pending'));

GRANT DELETE ON signups, sessions, password_resets, email_changes, idempotency_keys, rate_limits, organizations, jobs
    TO leadsrally_retention_sweep;
GRANT SELECT (organization_id, id, expires_at) ON signups, password_resets, email_changes
    TO leadsrally_retention_sweep;
GRANT SELECT (organization_id, id, expires_at, revoked_at) ON sessions TO leadsrally_retention_sweep;
GRANT SELECT (organization_id, actor_id, key, created_at) ON idempotency_keys TO leadsrally_retention_sweep;
GRANT SELECT (bucket, subject, full_at) ON rate_limits TO leadsrally_retention_sweep;
GRANT SELECT (id, state) ON organizations TO leadsrally_retention_sweep;
GRANT SELECT (organization_id) ON jobs TO leadsrally_retention_sweep;

-- The auditor counts sessions that live too long or hold no hash, and organisations that attested nothing.
CREATE POLICY audit ON sessions FOR SELECT TO leadsrally_clauses USING (true);
CREATE POLICY audit ON acceptances FOR SELECT TO leadsrally_clauses USING (true);
GRANT SELECT (organization_id, id, token_hash, previous_hash, created_at, expires_at) ON sessions
    TO leadsrally_clauses;
GRANT SELECT (organization_id, document) ON acceptances TO leadsrally_clauses;
GRANT SELECT (id, state) ON organizations TO leadsrally_clauses;

-- Whoever moves sealed secrets to another master key moves these too.
GRANT SELECT (organization_id, user_id, secret), UPDATE (secret) ON second_factors TO leadsrally_keys;
CREATE POLICY rotation ON second_factors FOR SELECT TO leadsrally_keys USING (true);
CREATE POLICY rotation_writes ON second_factors FOR UPDATE TO leadsrally_keys USING (true) WITH CHECK (true);
