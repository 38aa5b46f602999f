-- P1.3, P4.2: what the auditor has to see of files, of WhatsApp's 24 hours and of leads. No content.

GRANT SELECT (last_inbound_at) ON conversations TO leadsrally_clauses;
GRANT SELECT (kind) ON messages TO leadsrally_clauses;
GRANT SELECT (organization_id, message_id, state, created_at) ON media TO leadsrally_clauses;
GRANT SELECT (organization_id, state, received_at) ON leads TO leadsrally_clauses;
CREATE POLICY audit ON media FOR SELECT TO leadsrally_clauses USING (true);
CREATE POLICY audit ON leads FOR SELECT TO leadsrally_clauses USING (true);
