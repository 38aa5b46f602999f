-- Fields and tags that a customer deletes are put away for a day, in which they can be had back; then what they held on
-- contacts goes, some at a time, and last their rows. Their names are free at once: a row that is put away carries
-- a name that nobody takes, and the one that it had beside it.

ALTER TABLE contact_fields
    ADD COLUMN deleted_at timestamptz,
    ADD COLUMN old_key text CHECK (length(old_key) <= 64);
ALTER TABLE tags
    ADD COLUMN deleted_at timestamptz,
    ADD COLUMN old_name text CHECK (length(old_name) <= 64);

GRANT UPDATE (key, deleted_at, old_key) ON contact_fields TO leadsrally_api;
GRANT UPDATE (deleted_at, old_name) ON tags TO leadsrally_api;
REVOKE DELETE ON contact_fields, tags FROM leadsrally_api;
GRANT DELETE ON contact_fields, tags TO leadsrally_bulk_contacts;
GRANT UPDATE (version) ON contact_fields, tags TO leadsrally_bulk_contacts; -- to lock them
GRANT SELECT (deleted_at, old_key) ON contact_fields TO leadsrally_export;
GRANT SELECT (deleted_at, old_name) ON tags TO leadsrally_export;

-- Which import changed a contact, for their timeline, as long as it can be undone.
GRANT SELECT (organization_id, import_id, contact_id, undone, recorded_at) ON import_changes TO leadsrally_api;
