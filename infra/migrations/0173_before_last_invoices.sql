-- P6.5: whoever erases an organisation issues its last invoices, lets its usage go and takes its name off the invoices.

GRANT SELECT (name, country, created_at, charged_until) ON organizations TO leadsrally_erase;
GRANT SELECT, DELETE ON usage TO leadsrally_erase;
GRANT SELECT, INSERT ON invoices, invoice_lines TO leadsrally_erase;
GRANT SELECT, INSERT, UPDATE ON invoice_numbers TO leadsrally_erase;

-- Who is being erased, or is erased, is closed no month any more.
GRANT CREATE ON SCHEMA public TO leadsrally_lookup;
SET ROLE leadsrally_lookup;
GRANT EXECUTE ON FUNCTION invoices_pseudonymise(uuid) TO leadsrally_erase;
CREATE OR REPLACE FUNCTION months_open(present_month date, after_id uuid, at_most integer) RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
        SELECT o.id
          FROM organizations AS o
         WHERE o.state NOT IN ('pending', 'erasing', 'erased')
           AND o.created_at < present_month::timestamp AT TIME ZONE 'UTC'
           AND o.id > after_id
           AND NOT EXISTS (SELECT 1
                             FROM invoices AS i
                            WHERE i.organization_id = o.id
                              AND i.month = (present_month - interval '1 month')::date)
         ORDER BY o.id
         LIMIT at_most
    $$;
SET ROLE leadsrally_owner;
REVOKE CREATE ON SCHEMA public FROM leadsrally_lookup;
