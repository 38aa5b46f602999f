-- P7.2: many people are erased as one is, each with an erasure of their own (docs/decisions/0035).
ALTER TABLE bulk_actions DROP CONSTRAINT bulk_actions_kind_check;
ALTER TABLE bulk_actions ADD CONSTRAINT bulk_actions_kind_check
    CHECK (kind IN ('tag', 'untag', 'set_fields', 'export', 'erase'));

-- Asks for erasures, as the API does; what deletes is the role that serves them.
GRANT SELECT (organization_id, subject_id, requested_by, requested_at, state),
      INSERT (organization_id, id, kind, subject_id, requested_by, requested_at) ON erasures TO leadsrally_bulk_contacts;
GRANT UPDATE (restricted_at) ON contacts TO leadsrally_bulk_contacts;
GRANT SELECT (organization_id, contact_id, loser_id, split_at) ON contact_merges TO leadsrally_bulk_contacts;
GRANT INSERT ON audit_log TO leadsrally_bulk_contacts;
