-- What is erased beside a contact's own rows. Its number is above those of the migrations that make these tables.

GRANT SELECT (organization_id, contact_id), DELETE ON bulk_changes TO leadsrally_erase;
GRANT SELECT (organization_id, id, forgotten_at) ON bulk_actions TO leadsrally_erase;
