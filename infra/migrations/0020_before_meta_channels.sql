-- WhatsApp and Lead Ads beside SMS: channels with Meta's ids, people without a phone number, messages that are
-- more than a text.

-- A channel carries its provider's ids under the provider's own names. `address` is what a person sees: our
-- number in E.164. A page has none.
ALTER TABLE channels
    ALTER COLUMN address DROP NOT NULL,
    ALTER COLUMN account_sid DROP NOT NULL,     -- Twilio's account
    ADD COLUMN waba_id text CHECK (length(waba_id) BETWEEN 1 AND 64),                  -- WhatsApp Business account
    ADD COLUMN phone_number_id text CHECK (length(phone_number_id) BETWEEN 1 AND 64),  -- what Meta routes by
    ADD COLUMN page_id text CHECK (length(page_id) BETWEEN 1 AND 64),
    ADD CONSTRAINT channels_ids_of_kind CHECK (
        CASE kind
            WHEN 'sms' THEN num_nonnulls(address, account_sid) = 2
                        AND num_nulls(waba_id, phone_number_id, page_id) = 3
            WHEN 'whatsapp' THEN num_nonnulls(address, waba_id, phone_number_id) = 3
                             AND num_nulls(account_sid, page_id) = 2
            ELSE num_nonnulls(page_id) = 1
             AND num_nulls(address, account_sid, waba_id, phone_number_id) = 4
        END);
-- One webhook address may carry news of several numbers or pages, but of one tenant's only.
CREATE UNIQUE INDEX channels_phone_number_id ON channels (organization_id, phone_number_id)
    WHERE phone_number_id IS NOT NULL;
CREATE UNIQUE INDEX channels_page_id ON channels (organization_id, page_id) WHERE page_id IS NOT NULL;

DROP FUNCTION channel_by_key(text);
GRANT CREATE ON SCHEMA public TO leadsrally_lookup;
SET ROLE leadsrally_lookup;
CREATE FUNCTION channel_by_key(wanted text)
    RETURNS TABLE (
        organization_id uuid, id uuid, key text, kind text, address text, account_sid text, waba_id text,
        phone_number_id text, page_id text, credentials bytea, credentials_version integer,
        provider_answers_keywords boolean, scoring boolean
    )
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
        SELECT c.organization_id, c.id, c.key, c.kind, c.address, c.account_sid, c.waba_id,
               c.phone_number_id, c.page_id, c.credentials, c.credentials_version,
               c.provider_answers_keywords, o.ai_scoring OR o.ai_suggestions
          FROM channels AS c
          JOIN organizations AS o ON o.id = c.organization_id
         WHERE c.key = wanted
           AND c.state = 'active'
    $$;
REVOKE ALL ON FUNCTION channel_by_key(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION channel_by_key(text) TO leadsrally_webhook_twilio;
SET ROLE leadsrally_owner;
REVOKE CREATE ON SCHEMA public FROM leadsrally_lookup;

-- Since 2026 a WhatsApp user may be known by a business-scoped id alone.
ALTER TABLE contacts ALTER COLUMN phone DROP NOT NULL;

-- What providers call a person, beside the phone number. One name leads to one contact; a contact has several
-- over time, so that a thread stays one when a number or an id changes.
CREATE TABLE contact_identities (
    organization_id uuid NOT NULL,
    kind            text NOT NULL CHECK (kind IN (
        'wa_id',          -- WhatsApp's form of a number: digits, not always those of the E.164 number
        'bsuid',          -- business-scoped user id: the same person has another one at another business portfolio
        'parent_bsuid')), -- the one that linked portfolios share
    value           text NOT NULL CHECK (length(value) BETWEEN 1 AND 200),
    contact_id      uuid NOT NULL,
    created_at      timestamptz NOT NULL,
    retired_at      timestamptz,             -- the person gave it up: whoever has it next is somebody else
    PRIMARY KEY (organization_id, kind, value),
    FOREIGN KEY (organization_id, contact_id) REFERENCES contacts (organization_id, id)
);
CREATE INDEX contact_identities_of_contact ON contact_identities (organization_id, contact_id);
ALTER TABLE contact_identities ENABLE ROW LEVEL SECURITY;
ALTER TABLE contact_identities FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON contact_identities
    USING (organization_id = current_organization()) WITH CHECK (organization_id = current_organization());
GRANT SELECT ON contact_identities TO
    leadsrally_api, leadsrally_webhook_twilio, leadsrally_ai_score, leadsrally_send_message;
GRANT INSERT ON contact_identities TO leadsrally_send_message;   -- an answer of Meta's names the person

ALTER TABLE conversations
    ADD COLUMN address text CHECK (length(address) BETWEEN 1 AND 200),  -- wa_id or business-scoped id to answer
                                                                      -- to; NULL: the contact's phone
    ADD COLUMN last_inbound_at timestamptz,        -- by the provider's clock; WhatsApp's 24 hours count from it
    ADD COLUMN preview_kind text NOT NULL DEFAULT 'text';

ALTER TABLE messages
    ADD COLUMN kind text NOT NULL DEFAULT 'text' CHECK (kind IN (
        'text', 'image', 'video', 'audio', 'document', 'sticker', 'location', 'contacts', 'button', 'list',
        'form', 'call_permission', 'order', 'system', 'unsupported', 'template', 'interactive')),
    ADD COLUMN content jsonb,         -- what is more than body and media, under the name of its kind
    ADD COLUMN reply_to uuid,         -- the message it answers, as far as we know it
    ADD COLUMN reaction text CHECK (length(reaction) BETWEEN 1 AND 64),   -- the contact's emoji
    ADD COLUMN reacted_at timestamptz,
    ADD COLUMN edited_at timestamptz, -- by its author, as the provider says
    ADD COLUMN revoked_at timestamptz,
    ADD COLUMN read_at timestamptz,
    ADD COLUMN pricing jsonb,         -- what the provider charges, as its status says
    -- For an inbound message sent_at is when the person sent it, by the provider's clock: deliveries come late
    -- and in any order, and a thread is read in the order in which it was written.
    ADD COLUMN said_at timestamptz GENERATED ALWAYS AS (
        CASE WHEN direction = 'inbound' AND sent_at IS NOT NULL THEN sent_at ELSE created_at END) STORED;
DROP INDEX messages_thread;
CREATE INDEX messages_thread ON messages (organization_id, conversation_id, said_at DESC, id DESC);

-- From a provider's id to our message, for replies, reactions, edits and revocations. It may be gone.
ALTER TABLE message_receipts ADD COLUMN message_id uuid;

ALTER TABLE early_reports
    ADD COLUMN reported_at timestamptz,            -- by the provider's clock
    ADD COLUMN pricing jsonb;

-- WhatsApp's "stop promotions" forbids marketing and nothing else. `number_hash` is the hash of whatever the
-- person is reached by, a number or a business-scoped id.
ALTER TABLE suppressions
    ADD COLUMN purpose text NOT NULL DEFAULT 'all' CHECK (purpose IN ('all', 'marketing')),
    DROP CONSTRAINT suppressions_pkey,
    ADD PRIMARY KEY (organization_id, channel_kind, number_hash, purpose);

GRANT SELECT (waba_id, phone_number_id, page_id) ON channels TO leadsrally_api;
