-- A hold that is lifted brings back what stood before it, and that may be nothing: then the row goes. What
-- was said stays in consent_events, which nobody may change.

GRANT DELETE ON consent_states TO leadsrally_api, leadsrally_webhook_twilio;
