-- A report of Twilio's may say that the account is suspended: the channel is in trouble then, and its owners are told.
GRANT UPDATE (trouble, trouble_since) ON channels TO leadsrally_webhook_twilio;
GRANT SELECT (trouble) ON channels TO leadsrally_webhook_twilio;
