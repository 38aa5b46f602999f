-- Leads: what people leave in the lead forms of a page, from the word that there is one to the contact it made.

-- A form as the page has it, with where each answer goes. `mapping` and `consents` are the customer's.
CREATE TABLE lead_forms (
    organization_id  uuid NOT NULL,
    id               uuid NOT NULL,
    channel_id       uuid NOT NULL,
    provider_form_id text NOT NULL CHECK (length(provider_form_id) BETWEEN 1 AND 64),
    name             text NOT NULL CHECK (length(name) <= 300),
    locale           text NOT NULL CHECK (length(locale) <= 16),
    state            text NOT NULL CHECK (state IN ('active', 'archived', 'draft', 'deleted', 'unknown')),
    questions        jsonb NOT NULL,         -- [{key, label, kind}]
    disclaimer       jsonb,                  -- {title, text, checkboxes: [{key, text, required, ticked_before}]}
    privacy_url      text CHECK (length(privacy_url) <= 2048),
    mapping          jsonb NOT NULL,         -- a question's key: where its answer goes
    consents         jsonb NOT NULL,         -- a checkbox's key: the kinds of channel that its wording names
    country          text CHECK (length(country) = 2),  -- for numbers without a country code; NULL: the organisation's
    version          integer NOT NULL DEFAULT 1,
    created_at       timestamptz NOT NULL,
    synced_at        timestamptz NOT NULL,
    -- Every lead that was left before this has a row. Moved only when a whole reading has come to its end.
    read_through     timestamptz,
    -- The reading under way: from when on, begun when, of which kind, and the page's cursor to go on from.
    reading_since    timestamptz,
    reading_begun_at timestamptz,
    reading_for      text CHECK (reading_for IN ('catch_up', 'backfill')),
    reading_after    text CHECK (length(reading_after) <= 1000),
    PRIMARY KEY (organization_id, id),
    UNIQUE (organization_id, channel_id, provider_form_id),
    FOREIGN KEY (organization_id, channel_id) REFERENCES channels (organization_id, id),
    CHECK (num_nonnulls(reading_since, reading_begun_at, reading_for) IN (0, 3))
);

-- One row for each lead that there was word of, whatever became of it.
CREATE TABLE leads (
    organization_id  uuid NOT NULL,
    id               uuid NOT NULL,
    channel_id       uuid NOT NULL,
    provider_lead_id text NOT NULL CHECK (length(provider_lead_id) BETWEEN 1 AND 64),
    provider_form_id text NOT NULL CHECK (length(provider_form_id) <= 64),
    page_id          text NOT NULL CHECK (length(page_id) BETWEEN 1 AND 64),
    form_id          uuid,                   -- known once it was fetched
    contact_id       uuid,                   -- NULL: not fetched, a test, or nobody who can be reached
    state            text NOT NULL CHECK (state IN (
        'queued',        -- there is word of it
        'fetched',
        'failed',        -- not there, or withheld from us; tried again, and on request
        'refused_age',   -- of somebody under 16: nothing of it is kept (P9.1)
        'refused_page')),-- of a page that is no channel of the organisation
    failure          text CHECK (length(failure) <= 40),  -- why the last try failed: a provider's code or a word of ours
    found_by         text NOT NULL CHECK (found_by IN ('webhook', 'catch_up', 'backfill')),
    backfilled       boolean NOT NULL,       -- left before the page was connected: nobody is welcomed for it
    test             boolean NOT NULL DEFAULT false,
    organic          boolean,
    platform         text CHECK (length(platform) <= 40),
    ad_id            text CHECK (length(ad_id) <= 64),
    ad_name          text CHECK (length(ad_name) <= 400),
    adset_id         text CHECK (length(adset_id) <= 64),
    adset_name       text CHECK (length(adset_name) <= 400),
    campaign_id      text CHECK (length(campaign_id) <= 64),
    campaign_name    text CHECK (length(campaign_name) <= 400),
    answers          jsonb,                  -- [{key, values}], as given
    ticked           text[],                 -- the keys of the checkboxes that were ticked
    submitted_at     timestamptz NOT NULL,   -- by the provider's clock
    received_at      timestamptz NOT NULL,
    fetched_at       timestamptz,
    PRIMARY KEY (organization_id, id),
    UNIQUE (organization_id, provider_lead_id),
    FOREIGN KEY (organization_id, channel_id) REFERENCES channels (organization_id, id),
    FOREIGN KEY (organization_id, form_id) REFERENCES lead_forms (organization_id, id),
    FOREIGN KEY (organization_id, contact_id) REFERENCES contacts (organization_id, id),
    CHECK ((state = 'fetched') = (answers IS NOT NULL)),
    CHECK (state <> 'refused_age' OR num_nonnulls(contact_id, ad_id, ad_name, adset_id, adset_name, campaign_id,
                                                  campaign_name, platform, ticked) = 0)
);
CREATE INDEX leads_of_channel ON leads (organization_id, channel_id);
CREATE INDEX leads_of_form ON leads (organization_id, form_id, submitted_at DESC, id DESC);
CREATE INDEX leads_of_contact ON leads (organization_id, contact_id);
CREATE INDEX leads_newest ON leads (organization_id, submitted_at DESC, id DESC);

-- Somebody who left an address and no number is found by it. Row security lets no index be used for `lower(email)`,
-- which is not marked leakproof; equality of a column is.
ALTER TABLE contacts ADD COLUMN email_key text GENERATED ALWAYS AS (lower(email)) STORED;
CREATE INDEX contacts_by_email ON contacts (organization_id, email_key) WHERE email <> '';

-- A lead is taken once and for ever: the webhook and each reading of the form tell of it again, also after the
-- person was erased. As message_receipts.
CREATE TABLE lead_receipts (
    organization_id uuid NOT NULL,
    lead_hash       bytea NOT NULL,          -- keyed
    lead_id         uuid NOT NULL,           -- it may be gone
    PRIMARY KEY (organization_id, lead_hash)
);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['lead_forms', 'leads', 'lead_receipts']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant ON %I USING (organization_id = current_organization())'
                       ' WITH CHECK (organization_id = current_organization())', name);
    END LOOP;
END
$$;

-- The word that there is a lead, and the job that fetches it.
GRANT INSERT ON leads TO leadsrally_webhook_meta;
GRANT SELECT, INSERT ON lead_receipts TO leadsrally_webhook_meta;

-- Fetching one, and reading a form from end to end, make the same of a lead.
CREATE POLICY own_queue_fetch_lead ON jobs TO leadsrally_fetch_lead
    USING (queue = 'fetch_lead') WITH CHECK (queue = 'fetch_lead');
CREATE POLICY own_queue_lead_catch_up ON jobs TO leadsrally_lead_catch_up
    USING (queue = 'lead_catch_up') WITH CHECK (queue = 'lead_catch_up');
GRANT SELECT, INSERT, UPDATE, DELETE ON jobs TO leadsrally_fetch_lead, leadsrally_lead_catch_up;
GRANT SELECT (organization_id, id, kind, state, page_id, credentials, trouble, quiet_until, created_at),
      UPDATE (trouble, trouble_since, quiet_until) ON channels TO leadsrally_fetch_lead, leadsrally_lead_catch_up;
GRANT SELECT (id, country) ON organizations TO leadsrally_fetch_lead, leadsrally_lead_catch_up;
GRANT SELECT, INSERT, UPDATE ON lead_forms TO leadsrally_fetch_lead, leadsrally_lead_catch_up;
GRANT SELECT, UPDATE ON leads TO leadsrally_fetch_lead;
GRANT SELECT, INSERT, UPDATE ON leads TO leadsrally_lead_catch_up;
GRANT SELECT, INSERT ON lead_receipts TO leadsrally_lead_catch_up;
GRANT SELECT, INSERT, UPDATE (phone, name, email, updated_at) ON contacts
    TO leadsrally_fetch_lead, leadsrally_lead_catch_up;
GRANT SELECT ON contact_identities, suppressions TO leadsrally_fetch_lead, leadsrally_lead_catch_up;
GRANT SELECT, INSERT ON consent_events TO leadsrally_fetch_lead, leadsrally_lead_catch_up;
GRANT SELECT, INSERT, UPDATE ON consent_states TO leadsrally_fetch_lead, leadsrally_lead_catch_up;

-- Once an hour every page of all tenants is asked for; which they are is all that is learned by this.
GRANT CREATE ON SCHEMA public TO leadsrally_lookup;
SET ROLE leadsrally_lookup;
CREATE FUNCTION lead_pages()
    RETURNS TABLE (organization_id uuid, channel_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
        SELECT c.organization_id, c.id
          FROM channels AS c
          JOIN organizations AS o ON o.id = c.organization_id AND o.state = 'active'
         WHERE c.kind = 'lead_ads'
           AND c.state = 'active'
         ORDER BY c.organization_id, c.id
    $$;
REVOKE ALL ON FUNCTION lead_pages() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION lead_pages() TO leadsrally_lead_catch_up;
SET ROLE leadsrally_owner;
REVOKE CREATE ON SCHEMA public FROM leadsrally_lookup;

-- What people see and set.
GRANT SELECT ON leads, lead_forms TO leadsrally_api;
GRANT UPDATE (state, failure) ON leads TO leadsrally_api;
GRANT UPDATE (mapping, consents, country, version) ON lead_forms TO leadsrally_api;
