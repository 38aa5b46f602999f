-- What a customer has decided about offers and opting out goes into their export.

GRANT SELECT (marketing_opens, marketing_closes, contact_daily_marketing, consent_languages, stop_confirmation,
              opt_out_scope) ON organizations TO leadsrally_export;
