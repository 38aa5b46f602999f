-- Whoever changes the plan of an import forgets what a trial of the old one counted.

GRANT UPDATE (checked) ON imports TO leadsrally_api;
