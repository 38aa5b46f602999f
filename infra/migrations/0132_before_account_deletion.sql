-- P6.1, P7.2: an organisation that is to be deleted, for thirty days reversibly, and what is left of it after that.

ALTER TABLE organizations
    DROP CONSTRAINT organizations_state_check,
    -- leaving: everything rests, and an owner can undo it; erasing: nobody can; erased: a row without a name, for what
    -- must outlive the account
    ADD CONSTRAINT organizations_state_check CHECK (state IN (
        'pending', 'active', 'paused', 'leaving', 'erasing', 'erased'));

-- held: of an organisation that is leaving; queued again when it stays
ALTER TABLE jobs
    DROP CONSTRAINT jobs_state_check,
    ADD CONSTRAINT jobs_state_check CHECK (state IN ('queued', 'leased', 'dead', 'held'));

-- When it is erased, the row is its certificate: ids, instants and counts.
CREATE TABLE account_deletions (
    organization_id uuid NOT NULL REFERENCES organizations (id),
    id              uuid NOT NULL,
    state_before    text NOT NULL,
    requested_by    uuid,                    -- NULL once it is erased
    requested_at    timestamptz NOT NULL,
    erases_at       timestamptz NOT NULL,    -- from then on it cannot be undone
    reversed_by     uuid,
    reversed_at     timestamptz,
    erasing_at      timestamptz,
    erased_at       timestamptz,
    counts          jsonb NOT NULL DEFAULT '{}',   -- what was deleted, by table; "files" are those of the storage
    PRIMARY KEY (organization_id, id),
    CHECK (reversed_at IS NULL OR erasing_at IS NULL),
    CHECK (erased_at IS NULL OR (erasing_at IS NOT NULL AND requested_by IS NULL))
);
CREATE UNIQUE INDEX account_deletions_standing ON account_deletions (organization_id) WHERE reversed_at IS NULL;

ALTER TABLE account_deletions ENABLE ROW LEVEL SECURITY;
ALTER TABLE account_deletions FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON account_deletions
    USING (organization_id = current_organization()) WITH CHECK (organization_id = current_organization());

GRANT SELECT, INSERT (organization_id, id, state_before, requested_by, requested_at, erases_at),
      UPDATE (reversed_by, reversed_at) ON account_deletions TO leadsrally_api;
GRANT SELECT, UPDATE (erasing_at, erased_at, requested_by, reversed_by, counts) ON account_deletions TO leadsrally_erase;
GRANT SELECT (organization_id, id, erases_at, reversed_at) ON account_deletions TO leadsrally_notify;
GRANT SELECT (organization_id, id, counts, erases_at, erasing_at, erased_at, state_before, requested_by, requested_at,
    reversed_by, reversed_at) ON account_deletions TO leadsrally_export;
CREATE POLICY audit ON account_deletions FOR SELECT TO leadsrally_clauses USING (true);
GRANT SELECT (organization_id, id, requested_at, erases_at, reversed_at, erased_at) ON account_deletions
    TO leadsrally_clauses;
GRANT SELECT (id, state, version), UPDATE (state, name, help_contact, stop_confirmation, version) ON organizations
    TO leadsrally_erase;

-- Some rows of one table of an organisation that is being erased, and of no other. What the law has us keep is refused.
CREATE FUNCTION organization_erase_rows(from_table text, bite integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
    DECLARE
        gone integer;
    BEGIN
        IF NOT EXISTS (SELECT 1
                         FROM organizations
                        WHERE id = current_organization()
                          AND state = 'erasing') THEN
            RAISE EXCEPTION 'this organisation is not being erased' USING ERRCODE = 'check_violation';
        END IF;
        IF from_table IN ('organizations', 'account_deletions', 'delivery_log', 'usage')
           OR from_table LIKE 'invoice%' OR from_table LIKE 'billing%' THEN
            RAISE EXCEPTION '% outlives its organisation', from_table USING ERRCODE = 'check_violation';
        END IF;
        EXECUTE format('DELETE FROM %1$I WHERE ctid = ANY (ARRAY(SELECT ctid FROM %1$I'
                       ' WHERE organization_id = current_organization() LIMIT $1))', from_table)
          USING bite;
        GET DIAGNOSTICS gone = ROW_COUNT;
        RETURN gone;
    END
    $$;
REVOKE ALL ON FUNCTION organization_erase_rows(text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION organization_erase_rows(text, integer) TO leadsrally_erase;

-- Whoever leaves is looked after no more.
GRANT CREATE ON SCHEMA public TO leadsrally_lookup;
SET ROLE leadsrally_lookup;
CREATE OR REPLACE FUNCTION whatsapp_accounts()
    RETURNS TABLE (organization_id uuid, channel_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
        -- Several numbers share an account; one of them asks for all.
        SELECT DISTINCT ON (c.organization_id, c.waba_id) c.organization_id, c.id
          FROM channels AS c
          JOIN organizations AS o ON o.id = c.organization_id AND o.state IN ('active', 'paused')
         WHERE c.kind = 'whatsapp'
           AND c.state = 'active'
         ORDER BY c.organization_id, c.waba_id, c.id
    $$;
CREATE OR REPLACE FUNCTION meta_channels_due(tested_before timestamptz, expiring_before timestamptz)
    RETURNS TABLE (
        organization_id uuid, channel_id uuid, checked_at timestamptz, token_expires_at timestamptz,
        expiry_warned_at timestamptz
    )
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
        SELECT c.organization_id, c.id, c.checked_at, c.token_expires_at, c.expiry_warned_at
          FROM channels AS c
          JOIN organizations AS o ON o.id = c.organization_id AND o.state IN ('active', 'paused')
         WHERE c.kind IN ('whatsapp', 'lead_ads')
           AND c.state = 'active'
           AND (coalesce(c.checked_at, c.created_at) < tested_before OR c.token_expires_at < expiring_before)
         ORDER BY c.organization_id, c.id
    $$;
SET ROLE leadsrally_owner;
REVOKE CREATE ON SCHEMA public FROM leadsrally_lookup;
