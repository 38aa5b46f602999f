-- What a lead says beyond name and number: fields of the customer's own, and what its person agreed to.

GRANT SELECT, INSERT ON consent_wordings TO leadsrally_fetch_lead, leadsrally_lead_catch_up;
GRANT INSERT ON contact_identities TO leadsrally_fetch_lead, leadsrally_lead_catch_up;
GRANT SELECT ON contact_fields TO leadsrally_fetch_lead, leadsrally_lead_catch_up;
GRANT UPDATE (fields, version) ON contacts TO leadsrally_fetch_lead, leadsrally_lead_catch_up;
