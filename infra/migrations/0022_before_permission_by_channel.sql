-- Permission is asked for by kind of channel and by purpose, so the auditor of sends must see both.

GRANT SELECT (kind) ON channels TO leadsrally_clauses;
GRANT SELECT (channel_id) ON conversations TO leadsrally_clauses;
GRANT SELECT (purpose, occurred_at) ON consent_events TO leadsrally_clauses;
