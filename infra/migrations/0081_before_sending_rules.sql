-- What a customer decides about offers beyond the law: hours, a limit for each person, words, and how far a no reaches.

ALTER TABLE organizations
    ADD COLUMN marketing_opens time NOT NULL DEFAULT '08:00',
    ADD COLUMN marketing_closes time NOT NULL DEFAULT '21:00',
    ADD COLUMN contact_daily_marketing integer NOT NULL DEFAULT 3 CHECK (contact_daily_marketing >= 0),
    ADD COLUMN consent_languages text[] NOT NULL DEFAULT '{en,es,pt,fr,de,it}'
        CHECK (consent_languages <@ ARRAY['en', 'es', 'pt', 'fr', 'de', 'it']),
    ADD COLUMN stop_confirmation text NOT NULL DEFAULT '' CHECK (length(stop_confirmation) <= 300),
    ADD COLUMN opt_out_scope text NOT NULL DEFAULT 'channel' CHECK (opt_out_scope IN ('channel', 'every_channel')),
    -- Stricter than the law or as strict, never wider.
    ADD CONSTRAINT marketing_hours CHECK (
        marketing_opens >= '08:00' AND marketing_closes <= '21:00' AND marketing_opens < marketing_closes);

GRANT UPDATE (marketing_opens, marketing_closes, contact_daily_marketing, consent_languages, stop_confirmation,
              opt_out_scope) ON organizations TO leadsrally_api;
