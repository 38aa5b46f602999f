-- Every owner is told when the deletion of an account was taken back, and by whom.
GRANT SELECT (reversed_by) ON account_deletions TO leadsrally_notify;
