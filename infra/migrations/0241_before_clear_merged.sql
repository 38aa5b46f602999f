-- A deleted field goes from what is kept to take merges apart, too.

GRANT SELECT (id, loser, filled), UPDATE (loser, filled) ON contact_merges TO leadsrally_bulk_contacts;
