-- Writing to somebody first: the API begins threads that no delivery has begun.
GRANT INSERT (organization_id, id, contact_id, channel_id, last_message_at, last_message_id, created_at)
    ON conversations TO leadsrally_api;
