-- Finding one person among a million: by words of a name, the end of a number, an address, a field's value.

-- A name in lower case, without accents, with a space for whatever is no part of a word. Some characters become
-- eighteen without their ornaments, and a word of a text index has at most 2,046 bytes.
CREATE FUNCTION folded_name(name text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
        SELECT translate(
            lower(CASE WHEN octet_length(name) = length(name) THEN name
                       ELSE left(regexp_replace(normalize(name, NFKD), '[\u0300-\u036f]', '', 'g'), 400) END),
            '.,;:!?"()[]{}<>/\|-_&+*#@''', repeat(' ', 27))
    $$;

-- Its words, each with the tenant's mark before it: an index over them holds a list for each tenant and word.
CREATE FUNCTION name_words(organization_id uuid, name text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
        SELECT array_to_tsvector(string_to_array(
            right(organization_id::text, 6)
                || replace(public.folded_name(name), ' ', ' ' || right(organization_id::text, 6)), ' '))
    $$;

-- What `name_words` is asked for: words that begin as those of `wanted` do. NULL when it holds no word.
CREATE FUNCTION words_wanted(organization_id uuid, wanted text) RETURNS tsquery
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
        SELECT string_agg(quote_literal(right(organization_id::text, 6) || word) || ':*', ' & ')::tsquery
          FROM unnest(string_to_array(public.folded_name(wanted), ' ')) AS word
         WHERE word <> ''
    $$;

CREATE INDEX contacts_words ON contacts USING gin (name_words(organization_id, name));
CREATE INDEX contacts_names ON contacts (organization_id, (lower(left(name, 40)) COLLATE "C"), id);
-- In this form an index serves equality and beginnings alike.
DROP INDEX contacts_by_email;
CREATE INDEX contacts_by_email ON contacts (organization_id, email_key text_pattern_ops, id) WHERE email <> '';
CREATE INDEX contacts_endings ON contacts (organization_id, (reverse(phone) COLLATE "C"), id);
-- A slot is one tenant's, so a path and value are.
CREATE INDEX contacts_fields ON contacts USING gin (fields jsonb_path_ops);
-- One in 256, by what is random in an id: what counts of large groups are estimated from.
CREATE INDEX contacts_sample ON contacts (organization_id, id) WHERE right(id::text, 2) = '00';

-- Under row security the planner uses no index for what is not marked leakproof: neither for `@@` and `@>` nor for
-- anything said of lower(…). These functions look at no more than these columns, in the caller's tenant only, and
-- tell ids; whoever asked reads the contacts themselves under row security (docs/decisions/0021).
GRANT SELECT (organization_id, id, name, email, email_key, phone, fields) ON contacts TO leadsrally_lookup;
CREATE POLICY lookup ON contacts FOR SELECT TO leadsrally_lookup USING (true);

GRANT CREATE ON SCHEMA public TO leadsrally_lookup;
SET ROLE leadsrally_lookup;

-- The newest before a place of whom something is so:
--   name    their name holds words that begin as those of `wanted` do
--   email   their address begins so; `wanted` is in lower case
--   ending  their number ends in these digits
--   fields  they have these values: a JSON object by slot
-- Goes back from the place while that is promising: what is frequent needs no more. What is rare is left to its
-- index; the tenant and the place, which other indexes hold too, are said there in a way that none is taken for.
CREATE FUNCTION contacts_found(kind text, wanted text, before uuid, at_most integer) RETURNS SETOF uuid
    LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER ROWS 100
    SET search_path = public, pg_temp SET enable_seqscan = off SET enable_sort = off
    AS $$
    DECLARE
        tenant uuid := current_organization();
        query tsquery;
        values_wanted jsonb;
        far integer := CASE kind WHEN 'name' THEN 2000 ELSE 5000 END;  -- the words of a name take longest to compare
        contact record;
        seen integer := 0;
        hits integer := 0;
    BEGIN
        IF kind = 'name' THEN
            query := words_wanted(tenant, wanted);
            IF query IS NULL THEN
                RETURN;
            END IF;
        ELSIF kind = 'fields' THEN
            values_wanted := wanted::jsonb;
        END IF;

        FOR contact IN
            SELECT c.id,
                   CASE kind
                        WHEN 'name' THEN name_words(c.organization_id, c.name) @@ query
                        WHEN 'email' THEN starts_with(c.email_key, wanted)
                        WHEN 'ending' THEN right(c.phone, length(wanted)) = wanted
                        WHEN 'fields' THEN c.fields @> values_wanted
                   END AS hit
              FROM contacts AS c
             WHERE c.organization_id = tenant
               AND c.id < before
             ORDER BY c.id DESC
             LIMIT far
        LOOP
            seen := seen + 1;
            IF contact.hit THEN
                hits := hits + 1;
                RETURN NEXT contact.id;
                IF hits = at_most THEN
                    RETURN;
                END IF;
            END IF;
            EXIT WHEN seen IN (250, 1000) AND hits * far < at_most * seen;  -- at this rate, too far to go
        END LOOP;
        IF seen NOT IN (250, 1000, far) THEN
            RETURN;  -- there are no more
        END IF;

        IF kind = 'name' THEN
            RETURN QUERY
            WITH older AS MATERIALIZED (
                SELECT c.id
                  FROM contacts AS c
                 WHERE name_words(c.organization_id, c.name) @@ query
                   AND (c.organization_id = tenant AND c.id < contact.id) IS TRUE
            )
            SELECT id FROM older ORDER BY id DESC LIMIT at_most - hits;
        ELSIF kind = 'fields' THEN
            RETURN QUERY
            WITH older AS MATERIALIZED (
                SELECT c.id
                  FROM contacts AS c
                 WHERE c.fields @> values_wanted
                   AND (c.organization_id = tenant AND c.id < contact.id) IS TRUE
            )
            SELECT id FROM older ORDER BY id DESC LIMIT at_most - hits;
        ELSIF kind = 'email' THEN
            RETURN QUERY
            WITH older AS MATERIALIZED (
                SELECT c.id
                  FROM contacts AS c
                 WHERE c.organization_id = tenant
                   AND c.email <> ''
                   AND c.email_key ~>=~ wanted
                   AND c.email_key ~<~ (wanted || chr(1114111))
                   AND (c.id < contact.id) IS TRUE
            )
            SELECT id FROM older ORDER BY id DESC LIMIT at_most - hits;
        ELSIF kind = 'ending' THEN
            RETURN QUERY
            WITH older AS MATERIALIZED (
                SELECT c.id
                  FROM contacts AS c
                 WHERE c.organization_id = tenant
                   AND reverse(c.phone) COLLATE "C" >= reverse(wanted)
                   AND reverse(c.phone) COLLATE "C" < reverse(wanted) || ':'
                   AND (c.id < contact.id) IS TRUE
            )
            SELECT id FROM older ORDER BY id DESC LIMIT at_most - hits;
        END IF;
    END
    $$;

-- In the order of names, from a place on. People without a name come first.
CREATE FUNCTION contacts_by_name(after text, after_id uuid, at_most integer)
    RETURNS TABLE (key text, id uuid)
    LANGUAGE sql STABLE STRICT SECURITY DEFINER ROWS 100
    SET search_path = public, pg_temp SET enable_seqscan = off SET enable_sort = off
    AS $$
        SELECT lower(left(c.name, 40)), c.id
          FROM contacts AS c
         WHERE c.organization_id = current_organization()
           AND (lower(left(c.name, 40)) COLLATE "C", c.id) > (after, after_id)
         ORDER BY lower(left(c.name, 40)) COLLATE "C", c.id
         LIMIT at_most
    $$;

REVOKE ALL ON FUNCTION contacts_found(text, text, uuid, integer), contacts_by_name(text, uuid, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION contacts_found(text, text, uuid, integer), contacts_by_name(text, uuid, integer)
    TO leadsrally_api;

SET ROLE leadsrally_owner;
REVOKE CREATE ON SCHEMA public FROM leadsrally_lookup;

-- A permission may end without a word of the person's: the number is another one now.
ALTER TABLE consent_events
    DROP CONSTRAINT consent_events_action_check,
    ADD CONSTRAINT consent_events_action_check CHECK (action IN ('grant', 'revoke', 'pause', 'resume', 'lapse'));
