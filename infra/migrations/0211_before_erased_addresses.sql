-- P7.2: whoever was erased does not come back by a lead that they left before. Their provider hands leads out for 90
-- days, also such as nobody told us of, so for as long it is remembered, as keyed hashes, who must not be made of one.
CREATE TABLE erased_addresses (
    organization_id uuid NOT NULL REFERENCES organizations (id),
    address_hash    bytea NOT NULL,          -- keyed; as in suppressions
    erased_at       timestamptz NOT NULL,
    PRIMARY KEY (organization_id, address_hash)
);
CREATE INDEX erased_addresses_old ON erased_addresses (erased_at);

ALTER TABLE erased_addresses ENABLE ROW LEVEL SECURITY;
ALTER TABLE erased_addresses FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON erased_addresses
    USING (organization_id = current_organization()) WITH CHECK (organization_id = current_organization());
GRANT SELECT, INSERT, UPDATE (erased_at) ON erased_addresses TO leadsrally_erase;
GRANT SELECT ON erased_addresses TO leadsrally_fetch_lead, leadsrally_lead_catch_up;
CREATE POLICY sweep ON erased_addresses TO leadsrally_retention_sweep USING (true) WITH CHECK (false);
GRANT SELECT, DELETE ON erased_addresses TO leadsrally_retention_sweep;

ALTER TABLE leads
    DROP CONSTRAINT leads_state_check,
    -- refused_erased: of somebody who was erased after they left it; nothing of it is kept
    ADD CONSTRAINT leads_state_check CHECK (state IN (
        'queued', 'fetched', 'failed', 'refused_age', 'refused_erased', 'refused_page')),
    ADD CONSTRAINT leads_keep_nothing_of_the_erased CHECK (
        state <> 'refused_erased' OR num_nonnulls(contact_id, ad_id, ad_name, adset_id, adset_name, campaign_id,
                                                  campaign_name, platform, ticked) = 0);
