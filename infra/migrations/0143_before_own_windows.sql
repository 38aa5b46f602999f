-- The hourly sweep keeps customers' own windows too, one organisation after the other, within its tenant.

GRANT SELECT, INSERT, UPDATE, DELETE ON retention_runs TO leadsrally_retention_sweep;
GRANT SELECT, UPDATE (changed_at) ON retention_windows TO leadsrally_retention_sweep;  -- FOR SHARE needs a right to update
GRANT DELETE ON delivery_log TO leadsrally_retention_sweep;
GRANT SELECT (organization_id, id, received_at, state), DELETE ON leads TO leadsrally_retention_sweep;
GRANT SELECT (organization_id, id, created_at, edited_at), DELETE ON contact_notes TO leadsrally_retention_sweep;
GRANT SELECT (organization_id, id, message_id, state, reason, created_at, settled_at),
      UPDATE (state, reason, source, bytes, sha256, file_name, settled_at), DELETE ON media
    TO leadsrally_retention_sweep;
CREATE INDEX leads_by_age ON leads (organization_id, received_at);
CREATE INDEX media_by_age ON media (organization_id, created_at);
