-- A message that is tried many times is told once to whom it went, so its sender must see whether it was told.
GRANT SELECT (organization_id, contact_id, message_id, subprocessor, data_kinds, disclosed_at) ON disclosures
    TO leadsrally_send_message;
