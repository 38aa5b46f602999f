-- P2.3, P6.5: what was charged, once and for good (docs/decisions/0030).

-- The last day that the plan is charged for; NULL: no end. Set while an account is on its way out.
ALTER TABLE organizations ADD COLUMN charged_until date;

-- Numbers without gaps: taken in the transaction that issues, so one that is rolled back gives its number back.
CREATE TABLE invoice_numbers (
    year smallint PRIMARY KEY,
    last integer NOT NULL CHECK (last > 0)
);

-- Issued once and never changed. An invoice outlives its customer: then organization_id is a pseudonym, so there is no
-- foreign key to organizations, and the name is gone.
CREATE TABLE invoices (
    organization_id  uuid NOT NULL,
    id               uuid NOT NULL,
    number           text NOT NULL UNIQUE CHECK (length(number) <= 20),
    month            date NOT NULL CHECK (extract(day FROM month) = 1),
    plan             text NOT NULL CHECK (length(plan) <= 64),
    currency         text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    seller           text NOT NULL CHECK (length(seller) <= 1000),
    customer_name    text NOT NULL CHECK (length(customer_name) <= 200),
    customer_country text NOT NULL CHECK (length(customer_country) <= 2),
    total            bigint NOT NULL,        -- in minor units, without tax
    lines            smallint NOT NULL CHECK (lines > 0),
    issued_at        timestamptz NOT NULL,
    -- Seven years from the end of the month, and the first day on which it may be deleted. Calendar arithmetic: what
    -- ended on 29 February 2024 is kept through 28 February 2031.
    kept_until       date NOT NULL GENERATED ALWAYS AS ((month + interval '7 years 1 month')::date) STORED,
    PRIMARY KEY (organization_id, id),
    UNIQUE (organization_id, month)          -- whoever closes a month twice changes nothing
);
CREATE INDEX invoices_newest ON invoices (organization_id, issued_at DESC, id DESC);
CREATE INDEX invoices_to_sweep ON invoices (kept_until);

CREATE TABLE invoice_lines (
    organization_id uuid NOT NULL,
    invoice_id      uuid NOT NULL,
    place           smallint NOT NULL CHECK (place > 0),
    month           date NOT NULL,           -- of the usage; one before the invoice's own is a correction
    kind            text NOT NULL CHECK (length(kind) <= 64),
    detail          text NOT NULL CHECK (length(detail) <= 64),
    quantity        bigint NOT NULL CHECK (quantity > 0),
    included        bigint NOT NULL CHECK (included BETWEEN 0 AND quantity),
    price           integer NOT NULL CHECK (price >= 0),     -- minor units for so many
    per             integer NOT NULL CHECK (per > 0),
    amount          bigint NOT NULL CHECK (amount >= 0),     -- minor units
    PRIMARY KEY (organization_id, invoice_id, place),
    UNIQUE (organization_id, invoice_id, month, kind, detail),
    FOREIGN KEY (organization_id, invoice_id) REFERENCES invoices (organization_id, id)
        ON DELETE CASCADE ON UPDATE CASCADE
);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['invoices', 'invoice_lines']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant ON %I USING (organization_id = current_organization())'
                       ' WITH CHECK (organization_id = current_organization())', name);
        EXECUTE format('CREATE POLICY audit ON %I FOR SELECT TO leadsrally_clauses USING (true)', name);
    END LOOP;
END
$$;
CREATE POLICY audit ON usage FOR SELECT TO leadsrally_clauses USING (true);
CREATE POLICY sweep ON usage TO leadsrally_retention_sweep USING (true);
CREATE POLICY sweep ON invoices TO leadsrally_retention_sweep USING (true);
CREATE POLICY lookup ON invoices FOR SELECT TO leadsrally_lookup USING (true);
CREATE POLICY pseudonymise ON invoices FOR UPDATE TO leadsrally_lookup USING (true) WITH CHECK (true);

-- Nobody is granted a change of an invoice, and this refuses one to whoever needs no grant. Left out are the columns
-- that pseudonymising changes. By the database's own clock, so that a worker whose clock is wrong deletes nothing early.
CREATE FUNCTION invoice_stays() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp
    AS $$
    BEGIN
        IF TG_OP = 'DELETE' AND TG_TABLE_NAME = 'invoices' THEN
            IF OLD.kept_until <= (clock_timestamp() AT TIME ZONE 'UTC')::date THEN
                RETURN OLD;
            END IF;
        ELSIF TG_OP = 'DELETE' THEN
            IF NOT EXISTS (SELECT 1 FROM invoices AS i
                            WHERE i.organization_id = OLD.organization_id AND i.id = OLD.invoice_id) THEN
                RETURN OLD;   -- it goes with its invoice
            END IF;
        END IF;
        RAISE EXCEPTION 'an issued invoice stays as it is' USING ERRCODE = 'restrict_violation';
    END
    $$;
CREATE TRIGGER stays BEFORE DELETE OR UPDATE OF id, number, month, plan, currency, seller, customer_country, total,
    lines, issued_at ON invoices FOR EACH ROW EXECUTE FUNCTION invoice_stays();
CREATE TRIGGER stays BEFORE DELETE OR UPDATE OF place, month, kind, detail, quantity, included, price, per, amount
    ON invoice_lines FOR EACH ROW EXECUTE FUNCTION invoice_stays();

-- What is added up at the commit, so that no line can be added to an invoice later.
CREATE FUNCTION invoice_adds_up() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp
    AS $$
    BEGIN
        IF EXISTS (SELECT 1
                     FROM invoices AS i
                    CROSS JOIN LATERAL (SELECT count(*) AS lines, sum(l.amount) AS total
                                          FROM invoice_lines AS l
                                         WHERE l.organization_id = i.organization_id AND l.invoice_id = i.id) AS told
                    WHERE i.organization_id = NEW.organization_id
                      AND i.id = CASE TG_TABLE_NAME WHEN 'invoices' THEN to_jsonb(NEW) ->> 'id'
                                                    ELSE to_jsonb(NEW) ->> 'invoice_id' END::uuid
                      AND (told.lines <> i.lines OR told.total IS DISTINCT FROM i.total)) THEN
            RAISE EXCEPTION 'the lines of an invoice are not what it adds up to' USING ERRCODE = 'check_violation';
        END IF;
        RETURN NULL;
    END
    $$;
CREATE CONSTRAINT TRIGGER adds_up AFTER INSERT ON invoices
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION invoice_adds_up();
CREATE CONSTRAINT TRIGGER adds_up AFTER INSERT ON invoice_lines
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION invoice_adds_up();

GRANT SELECT (organization_id, id, month, customer_name) ON invoices TO leadsrally_lookup;
GRANT UPDATE (organization_id, customer_name) ON invoices TO leadsrally_lookup;
GRANT CREATE ON SCHEMA public TO leadsrally_lookup;
SET ROLE leadsrally_lookup;

-- Organisations that have no invoice for the month before this one, in the order of their ids. Some of them had nothing
-- to pay.
CREATE FUNCTION months_open(present_month date, after_id uuid, at_most integer) RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
        SELECT o.id
          FROM organizations AS o
         WHERE o.state <> 'pending'
           AND o.created_at < present_month::timestamp AT TIME ZONE 'UTC'
           AND o.id > after_id
           AND NOT EXISTS (SELECT 1
                             FROM invoices AS i
                            WHERE i.organization_id = o.id
                              AND i.month = (present_month - interval '1 month')::date)
         ORDER BY o.id
         LIMIT at_most
    $$;

-- The present organisation's invoices, from now on under a pseudonym and without a name. Returns how many.
CREATE FUNCTION invoices_pseudonymise(pseudonym uuid) RETURNS bigint
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
        WITH renamed AS (
            UPDATE invoices
               SET organization_id = pseudonym, customer_name = ''
             WHERE organization_id = current_organization()
            RETURNING 1
        )
        SELECT count(*) FROM renamed
    $$;
REVOKE ALL ON FUNCTION months_open(date, uuid, integer), invoices_pseudonymise(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION months_open(date, uuid, integer) TO leadsrally_billing_close;
SET ROLE leadsrally_owner;
REVOKE CREATE ON SCHEMA public FROM leadsrally_lookup;

GRANT SELECT (id, name, country, state, created_at, charged_until) ON organizations TO leadsrally_billing_close;
GRANT SELECT ON usage TO leadsrally_billing_close;
GRANT SELECT, INSERT ON invoices, invoice_lines TO leadsrally_billing_close;
GRANT SELECT, INSERT, UPDATE ON invoice_numbers TO leadsrally_billing_close;
GRANT SELECT, INSERT, UPDATE ON jobs TO leadsrally_billing_close;

GRANT SELECT ON usage, invoices, invoice_lines TO leadsrally_api;
GRANT UPDATE (charged_until) ON organizations TO leadsrally_api;
GRANT SELECT (organization_id, id, number, month, currency, total) ON invoices TO leadsrally_notify;
GRANT SELECT (organization_id, id, number, month, plan, currency, seller, customer_name, customer_country, total, lines,
              issued_at, kept_until) ON invoices TO leadsrally_export;

GRANT SELECT (organization_id, occurred_on, kind, cause_id), DELETE ON usage TO leadsrally_retention_sweep;
GRANT SELECT (organization_id, id, kept_until), DELETE ON invoices TO leadsrally_retention_sweep;

GRANT SELECT (organization_id, occurred_on, kind, detail, quantity, late) ON usage TO leadsrally_clauses;
GRANT SELECT (organization_id, id, number, month, total, issued_at, kept_until) ON invoices TO leadsrally_clauses;
GRANT SELECT (organization_id, invoice_id, month, kind, detail, quantity, amount) ON invoice_lines TO leadsrally_clauses;
GRANT SELECT (created_at) ON organizations TO leadsrally_clauses;
GRANT SELECT (charged_until) ON organizations TO leadsrally_export;
