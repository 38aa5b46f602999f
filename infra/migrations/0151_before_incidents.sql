-- P8.5: incidents, whom they concern, and who was told when. The register of GDPR Art. 33(5): nothing is deleted from it.
-- What the operator writes here is about the house and names no person.

CREATE TABLE incidents (
    id            uuid PRIMARY KEY,
    drill         boolean NOT NULL,                        -- nothing of it leaves the house
    title         text NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
    detected_at   timestamptz NOT NULL,
    recorded_at   timestamptz NOT NULL,
    confirmed_at  timestamptz,                             -- the 72 hours begin
    nature        text NOT NULL DEFAULT '' CHECK (length(nature) <= 4000),          -- Art. 33(3)(a)
    people_about  integer CHECK (people_about >= 0),
    records_about bigint CHECK (records_about >= 0),
    consequences  text NOT NULL DEFAULT '' CHECK (length(consequences) <= 4000),    -- (c)
    measures      text NOT NULL DEFAULT '' CHECK (length(measures) <= 4000),        -- (d)
    not_notified  text CHECK (length(not_notified) BETWEEN 1 AND 4000),             -- why nobody is told
    decided_at    timestamptz,
    closed_at     timestamptz,
    CHECK (confirmed_at IS NULL OR confirmed_at >= detected_at),
    CHECK ((not_notified IS NULL) = (decided_at IS NULL))
);
CREATE INDEX incidents_open ON incidents (confirmed_at) WHERE closed_at IS NULL;

CREATE TABLE incident_escalations (
    incident_id  uuid NOT NULL,
    hour         smallint NOT NULL CHECK (hour IN (24, 48, 66)),
    escalated_at timestamptz NOT NULL,
    PRIMARY KEY (incident_id, hour)
);

-- What was looked through to find whom it concerns.
CREATE TABLE incident_scopes (
    id          uuid PRIMARY KEY,
    incident_id uuid NOT NULL,
    table_name  text CHECK (length(table_name) <= 63),     -- NULL: an organisation that was named
    exposure    text NOT NULL CHECK (exposure IN ('there', 'written', 'named')),
    since       timestamptz,
    until       timestamptz,
    added_at    timestamptz NOT NULL
);
CREATE INDEX incident_scopes_of_incident ON incident_scopes (incident_id, added_at);

-- A customer whose data is affected.
CREATE TABLE incident_notices (
    organization_id   uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    incident_id       uuid NOT NULL,                       -- of incidents, from which nothing is deleted
    counts            jsonb NOT NULL,                      -- rows, by table
    found_at          timestamptz NOT NULL,
    job_id            uuid,                                -- that tells its owners
    asked_at          timestamptz,
    told_otherwise_at timestamptz,                         -- by a person, where no mail arrives
    told_how          text CHECK (told_how IN ('phone', 'letter', 'meeting')),
    PRIMARY KEY (organization_id, incident_id)
);
CREATE INDEX incident_notices_of_incident ON incident_notices (incident_id, organization_id);
ALTER TABLE incident_notices ENABLE ROW LEVEL SECURITY;
ALTER TABLE incident_notices FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON incident_notices
    USING (organization_id = current_organization()) WITH CHECK (organization_id = current_organization());

-- When a row of a table was written: the first of these columns that the table has; NULL where no time is kept.
CREATE FUNCTION written_at_column(relation regclass) RETURNS name
    LANGUAGE sql STABLE
    AS $$
SELECT w.name
  FROM unnest(ARRAY['created_at', 'recorded_at', 'received_at', 'accepted_at', 'occurred_at', 'requested_at',
                    'disclosed_at', 'merged_at', 'tagged_at', 'listed_at', 'made_at', 'found_at', 'asked_at']::name[])
       WITH ORDINALITY AS w (name, place)
  JOIN pg_catalog.pg_attribute AS a ON a.attrelid = relation AND a.attname = w.name AND a.attnum > 0 AND NOT a.attisdropped
 ORDER BY w.place
 LIMIT 1
$$;

-- How many rows each organisation has in a table: written before `until`, and from `since` on when that is given. Runs
-- with the rights of whoever asks. Of rows without a time all count: telling one customer too many is the smaller harm.
CREATE FUNCTION rows_by_organization(named text, since timestamptz, until timestamptz)
    RETURNS TABLE (organization_id uuid, rows bigint)
    LANGUAGE plpgsql STABLE
    AS $$
DECLARE
    relation regclass := to_regclass(format('public.%I', named));
    written name := written_at_column(relation);
    owner text := CASE named WHEN 'organizations' THEN 'id' ELSE 'organization_id' END;
BEGIN
    RETURN QUERY EXECUTE format(
        'SELECT t.%1$I, count(*) FROM %2$s AS t WHERE t.%1$I IS NOT NULL AND %3$s GROUP BY t.%1$I',
        owner, relation,
        CASE WHEN written IS NULL THEN 'true'
             ELSE format('t.%1$I < $2 AND ($1 IS NULL OR t.%1$I >= $1)', written) END)
        USING since, until;
END
$$;

-- The operator's command: the register, and of every table whose rows they are and when they were written, no more.
-- `always/open_to_incidents.sql` grants the latter, table by table.
GRANT SELECT, INSERT, UPDATE ON incidents TO leadsrally_incidents;
GRANT SELECT, INSERT ON incident_scopes TO leadsrally_incidents;
GRANT SELECT ON incident_escalations TO leadsrally_incidents;
GRANT SELECT, INSERT, UPDATE ON incident_notices TO leadsrally_incidents;
GRANT SELECT (id, language, time_zone, state) ON organizations TO leadsrally_incidents;
GRANT SELECT (organization_id, job_id, state, taken_at, delivered_at) ON notices TO leadsrally_incidents;
GRANT SELECT, INSERT, UPDATE ON jobs TO leadsrally_incidents;
CREATE POLICY incident ON incident_notices TO leadsrally_incidents USING (true) WITH CHECK (true);

-- What watches the clock.
GRANT SELECT ON incidents TO leadsrally_incident_watch;
GRANT SELECT, INSERT ON incident_escalations TO leadsrally_incident_watch;
GRANT SELECT (organization_id, incident_id, job_id, told_otherwise_at) ON incident_notices TO leadsrally_incident_watch;
GRANT SELECT (organization_id, job_id, kind, taken_at) ON notices TO leadsrally_incident_watch;
CREATE POLICY incident_watch ON incident_notices FOR SELECT TO leadsrally_incident_watch USING (true);
CREATE POLICY incident_watch ON notices FOR SELECT TO leadsrally_incident_watch USING (kind = 'incident');

GRANT SELECT (id, drill, confirmed_at, nature, people_about, records_about, consequences, measures)
    ON incidents TO leadsrally_notify;
GRANT SELECT (organization_id, incident_id, counts) ON incident_notices TO leadsrally_notify;

GRANT SELECT (id, drill, detected_at, confirmed_at, decided_at, closed_at) ON incidents TO leadsrally_clauses;
GRANT SELECT ON incident_escalations TO leadsrally_clauses;
GRANT SELECT (organization_id, incident_id, job_id, told_otherwise_at) ON incident_notices TO leadsrally_clauses;
GRANT SELECT (job_id) ON notices TO leadsrally_clauses;
CREATE POLICY audit ON incident_notices FOR SELECT TO leadsrally_clauses USING (true);
