-- What imports fill beside a contact's own row. Its number is above those of the migrations that make these tables.

GRANT SELECT ON contact_fields TO leadsrally_import_contacts;
GRANT SELECT, INSERT, UPDATE (name) ON tags TO leadsrally_import_contacts;
GRANT SELECT, INSERT, DELETE ON contact_tags TO leadsrally_import_contacts;
GRANT SELECT (organization_id, contact_id) ON contact_notes TO leadsrally_import_contacts;
GRANT SELECT, INSERT ON consent_wordings TO leadsrally_import_contacts;

GRANT SELECT (organization_id, id, bytes, rows, lines_done, counts, checked, undo_counts, version, has_header, created_at,
    started_at, progressed_at, finished_at, forgotten_at, kind, state, reason, actor_kind, encoding, delimiter, country,
    tags, channels, attestation, actor_id) ON imports TO leadsrally_export;
GRANT SELECT (organization_id, phone, number_hash, listed_at) ON listed_numbers TO leadsrally_export;
GRANT SELECT (id) ON suppressions TO leadsrally_export;
