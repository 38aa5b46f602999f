-- What is set aside has an end: a piece that could not be taken after 30 days, news of a message that never came
-- after eight, since Meta tells again for seven.

CREATE INDEX early_reports_old ON early_reports (received_at);
CREATE POLICY sweep ON early_reports TO leadsrally_retention_sweep USING (true) WITH CHECK (false);
GRANT SELECT (organization_id, provider_hash, status, received_at), DELETE ON early_reports
    TO leadsrally_retention_sweep;
GRANT SELECT (organization_id, channel_id, target_hash, action) ON early_amendments TO leadsrally_retention_sweep;
GRANT SELECT (organization_id, channel_id, piece_hash) ON quarantine TO leadsrally_retention_sweep;
