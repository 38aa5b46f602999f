-- People of one organisation who edit beside each other, requests that come again, and the proof of both.

-- A key is taken before the request is done, its answer is written behind it; an old key may be taken again.
GRANT UPDATE (request_hash, answer, created_at) ON idempotency_keys TO leadsrally_api;

-- P7.3: each edit of a profile has its row in the audit log.
DROP POLICY IF EXISTS audit ON organizations;
CREATE POLICY audit ON organizations FOR SELECT TO leadsrally_clauses USING (true);
CREATE POLICY audit ON audit_log FOR SELECT TO leadsrally_clauses USING (true);
GRANT SELECT (id, version) ON organizations TO leadsrally_clauses;
GRANT SELECT (version) ON users TO leadsrally_clauses;
GRANT SELECT (organization_id, action, target_id) ON audit_log TO leadsrally_clauses;
