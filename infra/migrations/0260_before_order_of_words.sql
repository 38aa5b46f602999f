-- Of two opt-outs of one address the newer one is remembered, in whichever order they are told.
GRANT UPDATE (source, since) ON suppressions
    TO leadsrally_api, leadsrally_webhook_twilio, leadsrally_webhook_meta, leadsrally_send_message,
       leadsrally_unsubscribe, leadsrally_erase;

-- A STOP takes back the answers that wait on its kind of channel.
GRANT SELECT (kind) ON channels TO leadsrally_webhook_twilio;
