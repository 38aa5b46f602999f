-- Sealed credentials are for the function that sends; a webhook gets those of the one channel whose key it
-- was called with (channel_by_key). Everyone else reads the rest of a channel, or less.

REVOKE SELECT ON channels FROM leadsrally_api, leadsrally_webhook_twilio;
GRANT SELECT (organization_id, id, key, kind, address, account_sid, provider_answers_keywords, state,
              quiet_until, created_at) ON channels TO leadsrally_api;
GRANT SELECT (organization_id, id, state, credentials_version) ON channels TO leadsrally_webhook_twilio;
