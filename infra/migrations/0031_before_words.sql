-- Word search that stays inside a tenant, under row security.

-- The words of a message with the tenant's mark before each: every tenant has words of its own, and the text
-- index holds a posting list for each tenant and word. Six digits tell tenants apart well enough; which rows may
-- be seen is for organization_id to say. In a tsvector's text form every word begins with a quote after a space,
-- and none has a space inside. What is 255 characters long is no word: a marked one might be longer than a
-- tsvector takes, and then the message itself could not be stored.
ALTER TABLE messages ADD COLUMN words tsvector GENERATED ALWAYS AS (
    replace(
        ' ' || to_tsvector('simple',
            CASE WHEN length(body) < 255 THEN body ELSE regexp_replace(body, '\S{255,}', ' ', 'g') END)::text,
        ' ''', ' ''' || right(organization_id::text, 6))::tsvector
) STORED;
CREATE INDEX messages_words ON messages USING gin (words);

-- A query for one tenant's words: the same mark before each. In a tsquery's text form a word is quoted, with
-- quotes inside it doubled.
CREATE FUNCTION of_tenant(organization_id uuid, query tsquery) RETURNS tsquery
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$
        SELECT regexp_replace(
            query::text, '''((?:[^'']|'''')*)''', '''' || right(organization_id::text, 6) || '\1''', 'g')::tsquery
    $$;

-- Row security keeps the planner from using an index for `@@`, which is not marked leakproof: a search would
-- read every tenant's rows. This function looks at no more than these columns, in the caller's tenant only,
-- and tells ids; whoever asked reads the messages themselves under row security.
GRANT SELECT (organization_id, id, created_at, words) ON messages TO leadsrally_lookup;
CREATE POLICY lookup ON messages FOR SELECT TO leadsrally_lookup USING (true);

GRANT CREATE ON SCHEMA public TO leadsrally_lookup;
SET ROLE leadsrally_lookup;

-- The newest messages before a place that hold what is wanted. Goes back in time while that is promising: a
-- frequent word needs no more. A rare one is left to the text index, which finds all that there are. The planner
-- would choose by the frequency of a word among all tenants' messages, multiplied by the tenant's share twice;
-- its settings leave it no other choice than the two indexes.
CREATE FUNCTION messages_with_words(wanted text, before timestamptz, before_id uuid, at_most integer)
    RETURNS SETOF uuid
    LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 50
    SET search_path = public, pg_temp SET enable_seqscan = off SET enable_sort = off
    AS $$
    DECLARE
        tenant uuid := current_organization();
        query tsquery := of_tenant(tenant, websearch_to_tsquery('simple', wanted));
        message record;
        seen integer := 0;
        hits integer := 0;
    BEGIN
        FOR message IN
            SELECT m.id, m.created_at, m.words @@ query AS hit
              FROM messages AS m
             WHERE m.organization_id = tenant
               AND (m.created_at, m.id) < (before, before_id)
             ORDER BY m.created_at DESC, m.id DESC
             LIMIT 20000
        LOOP
            seen := seen + 1;
            IF message.hit THEN
                hits := hits + 1;
                RETURN NEXT message.id;
                IF hits = at_most THEN
                    RETURN;
                END IF;
            END IF;
            EXIT WHEN seen = 1000 AND hits * 10 < at_most;  -- at this rate, more than ten times as far to go
        END LOOP;
        IF seen NOT IN (1000, 20000) THEN
            RETURN;  -- there are no more
        END IF;

        RETURN QUERY
        WITH older AS MATERIALIZED (
            SELECT m.id, m.created_at
              FROM messages AS m
             WHERE m.organization_id = tenant
               AND m.words @@ query
               AND (m.created_at, m.id) < (message.created_at, message.id)
        )
        SELECT id
          FROM older
         ORDER BY created_at DESC, id DESC
         LIMIT at_most - hits;
    END
    $$;

REVOKE ALL ON FUNCTION messages_with_words(text, timestamptz, uuid, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION messages_with_words(text, timestamptz, uuid, integer) TO leadsrally_api;

SET ROLE leadsrally_owner;
REVOKE CREATE ON SCHEMA public FROM leadsrally_lookup;
