-- What the auditor compares: what was caused with what was counted, and what was used with what was charged.

GRANT SELECT (created_at) ON messages TO leadsrally_clauses;
GRANT SELECT (id, created_at, output_tokens) ON scores TO leadsrally_clauses;
GRANT SELECT (cause_id) ON usage TO leadsrally_clauses;
GRANT SELECT (charged_until) ON organizations TO leadsrally_clauses;
